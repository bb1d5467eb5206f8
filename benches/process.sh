#!/usr/bin/env bash
# Whole processes side by side in one run, in turns: the tutorial's work by burnlab (dev and release profile, each
# backend) and by scikit-learn (pip install scikit-learn). Prints medians and ratios to `cargo run`'s default.
#
#   benches/process.sh [rounds, by default 15]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-15}
cargo build --quiet
cargo build --quiet --release
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/tutorial.py" <<'PY'
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
data = load_digits()
train, test, train_labels, test_labels = train_test_split(data.data, data.target, test_size=0.3)
print(MLPClassifier(hidden_layer_sizes=(16,)).fit(train, train_labels).score(test, test_labels))
PY
run="--config configs/digits-tutorial.toml --quiet --artifacts $scratch"
commands=(
    "target/debug/burnlab $run"
    "target/release/burnlab $run"
    "target/debug/burnlab $run --backend ndarray"
)
names=("dev, flex" "release, flex" "dev, ndarray")
if python3 -c 'import sklearn' 2>/dev/null; then
    # These variables make a current OpenBLAS slower on some machines.
    commands+=("env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python3 -W ignore $scratch/tutorial.py")
    names+=("scikit-learn")
fi
for round in $(seq "$rounds"); do
    for i in "${!commands[@]}"; do
        start=$(date +%s%N)
        ${commands[$i]} >/dev/null
        echo "$i $((($(date +%s%N) - start) / 1000000))" >>"$scratch/times"
    done
done
median() { awk -v i="$1" '$1 == i { print $2 }' "$scratch/times" | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)], t[1], t[NR] }'; }
read -r base _ _ <<<"$(median 0)"
printf '%-16s %10s %16s %8s\n' "whole process" "median ms" "least-most ms" ratio
for i in "${!commands[@]}"; do
    read -r middle least most <<<"$(median "$i")"
    printf '%-16s %10d %16s %8s\n' "${names[$i]}" "$middle" "$least-$most" "$(awk "BEGIN { printf \"%.2f\", $middle / $base }")"
done
