#!/usr/bin/env bash
# `burnlab serve` beside `mlflow models serve` of scikit-learn's network of the same size on the same data: 64-16-10, digits.
#
#   benches/peers/serve.sh [PORT for MLflow, by default 5391]
#
# The first call installs MLflow and scikit-learn into target/clients (about 600 MB), unless CLIENTS_PYTHON names a Python that has
# them. SERVE_BENCH is the bench, where it is built already; else cargo builds it.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${1:-5391} python=${CLIENTS_PYTHON:-$PWD/target/clients/bin/python}
[ -x "$python" ] || python3 -m venv target/clients
"$python" -c 'import fastapi, mlflow, sklearn, skops, scipy' 2>/dev/null ||
    "$python" -m pip install --quiet mlflow-skinny==3.17.2 scikit-learn==1.9.1 pandas fastapi uvicorn skops scipy
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$scratch"' EXIT
"$python" - "$scratch/model" <<'END'
import sys

import mlflow.sklearn
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=50)).fit(*load_digits(return_X_y=True))
mlflow.sklearn.save_model(model, sys.argv[1], pip_requirements=[], serialization_format="cloudpickle")
END
# The program that `mlflow models serve --env-manager local` starts.
PATH="$(dirname "$python"):$PATH" MLFLOW_ALLOW_PICKLE_DESERIALIZATION=true \
    "$python" -m mlflow models serve --model-uri "$scratch/model" --env-manager local --port "$port" >"$scratch/log" 2>&1 &
server=$!
for _ in $(seq 600); do
    curl --silent --fail "http://127.0.0.1:$port/ping" >/dev/null && break
    kill -0 "$server" || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.1
done
export AGAINST="127.0.0.1:$port"
if [ -n "${SERVE_BENCH:-}" ]; then "$SERVE_BENCH" --bench; else cargo bench --quiet --bench serve; fi
