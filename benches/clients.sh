#!/usr/bin/env bash
# Others' clients against `burnlab serve`: Triton's and MLflow's must get what `burnlab predict` writes, and Schemathesis, which
# makes requests up from /openapi.json, must find nothing.
#
#   cargo build && benches/clients.sh [EXAMPLES of each operation, by default 100]
#
# The first call installs the clients into target/clients (about 600 MB). BURNLAB is the program, target/debug/burnlab by default.
set -euo pipefail
cd "$(dirname "$0")/.."
examples=${1:-100} root=$PWD
burnlab=$(realpath "${BURNLAB:-target/debug/burnlab}")
python=${CLIENTS_PYTHON:-$root/target/clients/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv target/clients
    "$python" -m pip install --quiet \
        'tritonclient[http]==2.73.0' mlflow-skinny==3.17.2 pandas scipy uvicorn schemathesis==4.32.5
fi
scratch=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$scratch"' EXIT
cd "$scratch"
for config in iris titanic-families diabetes-quantiles; do
    "$burnlab" --config "$config" --name "$config" --set training.max_epochs=5 --quiet
done
cat >dates.csv <<'END'
when,size,answer
END
for day in $(seq -w 1 28) $(seq -w 1 28) $(seq -w 1 28); do
    echo "2024-0$((10#$day % 9 + 1))-$day,$((10#$day * 7 % 13)),$((10#$day % 5))" >>dates.csv
done
cat >dates.toml <<'END'
[data]
path = "dates.csv"
target = "answer"
task = "regression"
[training]
max_epochs = 2
END
"$burnlab" --config dates.toml --quiet 2>/dev/null
"$burnlab" --config alice --set training.max_epochs=1 --set model.depth=1 --set model.width=8 --name alice --quiet
models="titanic-families iris diabetes-quantiles dates alice"
"$burnlab" serve $models --port 0 >address 2>log &
server=$!
until grep -q http address; do sleep 0.1; done
address=$(cat address)
"$python" "$root/benches/clients.py" "$burnlab" "$address" $models
"$python" -m schemathesis.cli run "$address/openapi.json" --max-examples "$examples" --continue-on-failure --request-timeout 60
