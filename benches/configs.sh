#!/usr/bin/env bash
# What each shipped config reaches, over seeds: the figures in the configs' heads, which the guide repeats.
#
#   cargo build && benches/configs.sh [seeds, by default 30] [config ...]
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-30}
shift || true
configs=${*:-$(ls configs/*.toml | xargs -n1 basename -s .toml)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '%-22s %-9s %8s %8s %8s %8s %8s\n' config metric median least most epochs seconds
for config in $configs; do
    [[ "$config" == mnist* ]] && [ ! -e data/mnist ] && continue
    [ "$config" = california ] && [ ! -e data/california.csv ] && continue
    for seed in $(seq 0 $((seeds - 1))); do
        target/debug/burnlab --config "configs/$config.toml" --artifacts "$scratch" --set "seed=$seed" | awk '
            /epochs done|stopped early after epoch/ {
                match($0, /epochs? [0-9]+|all [0-9]+/); split(substr($0, RSTART, RLENGTH), word, " "); epochs = word[2]
                match($0, /\([0-9.]+ s\)/); seconds = substr($0, RSTART + 1, RLENGTH - 4)
            }
            /^test .*accuracy/ { print "accuracy", $3, epochs, seconds }
            /^test .*rmse/ { sub(/.*r2 /, ""); print "r2", $0, epochs, seconds }'
    done | sort -k2 -g | awk -v config="$config" '
        { metric = $1; value[NR] = $2; epochs[NR] = $3; seconds[NR] = $4 }
        function median(list, n,   copy, i, j, t) {
            for (i = 1; i <= n; i++) copy[i] = list[i] + 0
            for (i = 2; i <= n; i++) for (j = i; j > 1 && copy[j - 1] > copy[j]; j--) { t = copy[j]; copy[j] = copy[j - 1]; copy[j - 1] = t }
            return n % 2 ? copy[(n + 1) / 2] : (copy[n / 2] + copy[n / 2 + 1]) / 2
        }
        END { printf "%-22s %-9s %8.3f %8.3f %8.3f %8.0f %8.2f\n", config, metric, median(value, NR), value[1], value[NR], median(epochs, NR), median(seconds, NR) }'
done
