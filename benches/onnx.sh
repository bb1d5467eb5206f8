#!/usr/bin/env bash
# The same model in burnlab and in ONNX Runtime: every shipped config of one run, for 1, 7 and 1,000 rows of its test part.
#
#   cargo build && benches/onnx.sh [config ...]
#
# BURNLAB is the program, target/debug/burnlab by default; ONNX_PYTHON a Python with onnx, onnxruntime and numpy, which are
# installed into target/python otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
burnlab=$(realpath "${BURNLAB:-target/debug/burnlab}")
python=${ONNX_PYTHON:-target/python/bin/python}
[ -x "$python" ] || python3 -m venv target/python
"$python" -c 'import onnxruntime' 2>/dev/null || "$python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0
exec "$python" benches/onnx_times.py "$burnlab" "$@"
