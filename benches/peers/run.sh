#!/usr/bin/env bash
# burnlab, scikit-learn and PyTorch on the same work and the same data, in turns, in one run.
#
#   benches/peers/run.sh [ROUNDS, by default 5] [TASK ...]
#
# Tasks: digits, validated, wide, seeds, predict, growth; all of them by default. Prints medians, least and most, and ratios.
# The first call installs scikit-learn, PyTorch and ONNX Runtime into target/peers (about 3 GB).
set -euo pipefail
cd "$(dirname "$0")/../.."
# These variables make a current OpenBLAS slower on some machines.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
python=${PEERS_PYTHON:-target/peers/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv target/peers
    target/peers/bin/pip install --quiet numpy pandas scikit-learn==1.9.1 torch==2.15.0 onnxruntime==1.32.0
fi
cargo build --quiet
cargo build --quiet --release
cargo bench --quiet --bench gemm
exec "$python" benches/peers/run.py "$@"
