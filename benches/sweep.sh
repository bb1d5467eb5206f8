#!/usr/bin/env bash
# Forty digits trials side by side in one run, in turns: burnlab's random search with two workers, and scikit-learn's
# RandomizedSearchCV(n_jobs=2) on the same space, data, split sizes and epoch limit (pip install scikit-learn; PYTHON names
# the interpreter). Both stop early on a validation part after 10 epochs without improvement. Prints wall times and ratios.
#
#   benches/sweep.sh [rounds, by default 3]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
python=${PYTHON:-python3}
cargo build --quiet
cargo build --quiet --release
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The same work: without successive halving, which scikit-learn's search does not have.
sed '/^\[sweep.halving\]/,/^$/d' configs/digits-sweep.toml >"$scratch/full.toml"
cat >"$scratch/search.py" <<'PY'
import sys, warnings
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.model_selection import RandomizedSearchCV, ShuffleSplit, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
warnings.filterwarnings("ignore")
class Widths:
    def rvs(self, size=None, random_state=None):
        return tuple(int(round(loguniform(16, 128).rvs(random_state=random_state))) for _ in range(random_state.randint(1, 3)))
data = load_digits()
train, test, train_labels, test_labels = train_test_split(
    data.data, data.target, test_size=0.3, stratify=data.target, random_state=42)
net = make_pipeline(StandardScaler(), MLPClassifier(max_iter=200, early_stopping=True, validation_fraction=0.15, n_iter_no_change=10))
space = {
    "mlpclassifier__hidden_layer_sizes": Widths(),
    "mlpclassifier__learning_rate_init": loguniform(1e-4, 3e-2),
    "mlpclassifier__batch_size": [16, 32, 64, 128],
    "mlpclassifier__alpha": loguniform(1e-5, 1e-1),
}
split = ShuffleSplit(n_splits=1, test_size=0.15, random_state=42)
search = RandomizedSearchCV(net, space, n_iter=40, cv=split, n_jobs=2, random_state=42, scoring="neg_log_loss")
search.fit(train, train_labels)
print(search.score(test, test_labels), search.best_estimator_.score(test, test_labels))
PY
commands=(
    "env PYTHONWARNINGS=ignore $python $scratch/search.py"
    "target/debug/burnlab --config $scratch/full.toml --jobs 2 --quiet --artifacts $scratch/dev"
    "target/release/burnlab --config $scratch/full.toml --jobs 2 --quiet --artifacts $scratch/release"
    "target/debug/burnlab --config configs/digits-sweep.toml --jobs 2 --quiet --artifacts $scratch/halving"
)
names=("RandomizedSearchCV" "burnlab, dev" "burnlab, release" "dev, halving")
"$python" -c 'import sklearn' || exit 1
for round in $(seq "$rounds"); do
    for i in "${!commands[@]}"; do
        start=$(date +%s%N)
        ${commands[$i]} >"$scratch/said" || { cat "$scratch/said"; exit 1; }
        echo "$i $((($(date +%s%N) - start) / 1000000))" >>"$scratch/times"
    done
done
median() { awk -v i="$1" '$1 == i { print $2 }' "$scratch/times" | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)], t[1], t[NR] }'; }
read -r base _ _ <<<"$(median 0)"
printf '%-20s %10s %16s %18s\n' "40 digits trials" "median ms" "least-most ms" "times as fast"
for i in "${!commands[@]}"; do
    read -r middle least most <<<"$(median "$i")"
    printf '%-20s %10d %16s %18s\n' "${names[$i]}" "$middle" "$least-$most" "$(awk "BEGIN { printf \"%.2f\", $base / $middle }")"
done
