#!/usr/bin/env bash
# A training step of each kind of network, by burnlab and by PyTorch, in turns, in one run.
#
#   benches/peers/kinds.sh [ROUNDS, by default 5] [--large] [WORK ...]
#
# Works: alice, alice-wide, digits-transformer, digits-rnn, digits-cnn, mnist-cnn, tabular; all of them by default. With
# --large, batches are 8 times as large. Prints medians, least and most, peak memory, and ratios. BURNLAB names another
# program than target/release/burnlab; a second one, after a space, is timed beside it. The first call installs PyTorch
# into target/peers (about 3 GB).
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PEERS_PYTHON:-target/peers/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv target/peers
    target/peers/bin/pip install --quiet numpy torch==2.15.0
fi
if [ -z "${BURNLAB:-}" ]; then
    cargo build --quiet --release
fi
exec "$python" benches/peers/kinds.py "$@"
