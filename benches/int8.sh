#!/usr/bin/env bash
# `export --weights int8`: size, predictions and time of the ONNX models of configs of every kind beside the same in float32, on the
# test rows, in ONNX Runtime.
#
#   cargo build && benches/int8.sh [config ...]
#
# BURNLAB is the program, target/debug/burnlab by default; ONNX_PYTHON as for `onnx.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
burnlab=$(realpath "${BURNLAB:-target/debug/burnlab}")
python=${ONNX_PYTHON:-target/python/bin/python}
[ -x "$python" ] || python3 -m venv target/python
"$python" -c 'import onnx, onnxruntime' 2>/dev/null || "$python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0
exec "$python" benches/int8.py "$burnlab" "$@"
