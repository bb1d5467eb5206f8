#!/usr/bin/env bash
# Forty digits trials by random search with two workers: burnlab, and scikit-learn's RandomizedSearchCV(n_jobs=2) on the
# same space, data, split sizes and epoch limits (pip install scikit-learn; PYTHON names the interpreter). In turns, in one
# run; prints wall times of whole processes and ratios. Twice: the same 60 epochs in every trial, where the work is equal;
# and up to 200 epochs with each tool's own early stopping after 10 epochs without improvement, where it is not
# (scikit-learn watches the accuracy of 15 % of the training rows, burnlab the loss of the validation part).
#
#   benches/sweep.sh [rounds, by default 3]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
python=${PYTHON:-python3}
cargo build --quiet --release
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed '/^\[sweep.halving\]/,/^$/d; s/^patience = .*/patience = 10/' configs/digits-sweep.toml >"$scratch/stopping.toml"
sed '/^\[training.early_stopping\]/,/^$/d; s/^max_epochs = .*/max_epochs = 60/' "$scratch/stopping.toml" >"$scratch/equal.toml"
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
stopping = dict(max_iter=200, early_stopping=True, validation_fraction=0.15, n_iter_no_change=10)
equal = dict(max_iter=60, n_iter_no_change=60, tol=0)
net = make_pipeline(StandardScaler(), MLPClassifier(**(equal if sys.argv[1] == "equal" else stopping)))
space = {
    "mlpclassifier__hidden_layer_sizes": Widths(),
    "mlpclassifier__learning_rate_init": loguniform(1e-4, 3e-2),
    "mlpclassifier__batch_size": [16, 32, 64, 128],
    "mlpclassifier__alpha": loguniform(1e-5, 1e-1),
}
split = ShuffleSplit(n_splits=1, test_size=0.15, random_state=42)
search = RandomizedSearchCV(net, space, n_iter=40, cv=split, n_jobs=2, random_state=42, scoring="neg_log_loss", refit=False)
search.fit(train, train_labels)
print(search.best_score_)
PY
burnlab() { echo "target/release/burnlab --config $1 --jobs 2 --quiet --artifacts $scratch/artifacts"; }
commands=(
    "env PYTHONWARNINGS=ignore $python $scratch/search.py equal"
    "$(burnlab "$scratch/equal.toml")"
    "env PYTHONWARNINGS=ignore $python $scratch/search.py stopping"
    "$(burnlab "$scratch/stopping.toml")"
    "$(burnlab configs/digits-sweep.toml)"
)
names=("scikit-learn, 60 epochs" "burnlab, 60 epochs" "scikit-learn, stopping" "burnlab, stopping" "burnlab, and halving")
"$python" -c 'import sklearn' || exit 1
for round in $(seq "$rounds"); do
    for i in "${!commands[@]}"; do
        start=$(date +%s%N)
        ${commands[$i]} >"$scratch/said" || { cat "$scratch/said"; exit 1; }
        echo "$i $((($(date +%s%N) - start) / 1000000))" >>"$scratch/times"
    done
done
median() { awk -v i="$1" '$1 == i { print $2 }' "$scratch/times" | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)], t[1], t[NR] }'; }
printf '%-24s %10s %16s %18s\n' "40 digits trials" "median ms" "least-most ms" "times as fast"
for i in "${!commands[@]}"; do
    # Each is compared with scikit-learn's search above it.
    read -r base _ _ <<<"$(median $((i < 2 ? 0 : 2)))"
    read -r middle least most <<<"$(median "$i")"
    printf '%-24s %10d %16s %18s\n' "${names[$i]}" "$middle" "$least-$most" "$(awk "BEGIN { printf \"%.2f\", $base / $middle }")"
done
