#!/bin/bash
# Large data: how long burnlab and pandas (its C engine) take to read a CSV of a million rows of 20 numbers and a target, and
# in how much memory, in turns; then an epoch of training on five million such rows, in memory and from a cache.
#
#     benches/load.sh [folder for 1 GB of files] [python with pandas]
#
# Builds burnlab with `cargo build --release` unless BURNLAB names a program.
set -euo pipefail
folder=${1:-$(mktemp -d)}
python=${2:-python3}
turns=${TURNS:-5}
cd "$(dirname "$0")/.."
if [ -z "${BURNLAB:-}" ]; then
    cargo build --release --quiet
    BURNLAB=$PWD/target/release/burnlab
fi
export BURNLAB
cd "$folder"

"$python" - <<'PYTHON'
import os, numpy, pandas
random = numpy.random.default_rng(1)
if not os.path.exists("load-1m.csv"):
    table = pandas.DataFrame(random.normal(size=(1_000_000, 20)), columns=[f"x{i}" for i in range(20)])
    table["y"] = table["x0"] - table["x1"] + random.normal(size=1_000_000)
    table.to_csv("load-1m.csv", index=False, float_format="%.5f")
if not os.path.exists("load-5m.csv"):
    with open("load-1m.csv") as one, open("load-5m.csv.part", "w") as five:
        five.write(one.readline())
        rows = one.read()
        for _ in range(5):
            five.write(rows)
    os.rename("load-5m.csv.part", "load-5m.csv")
PYTHON
for size in 1m 5m; do
    cat > load-$size.toml <<TOML
name = "load-$size"
[data]
path = "load-$size.csv"
target = "y"
[model]
hidden = [16]
[training]
max_epochs = 1
batch_size = 1024
TOML
done

sed 's/^target/cache = "load-5m.cache"\ntarget/' load-5m.toml > load-5m-cache.toml
rm -f load-5m.cache

cat > load-measure.py <<'PYTHON'
# Runs a command; prints its wall-clock and processor time, and the most memory it had.
import resource, subprocess, sys, time
name, command = sys.argv[1], sys.argv[2:]
began = time.perf_counter()
done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if done.returncode != 0:
    sys.exit(f"{name}: {done.stderr}")
print(f"{name:34} {seconds:7.2f} s {used.ru_utime + used.ru_stime:7.2f} s of processors {used.ru_maxrss / 1024:8.0f} MiB")
PYTHON
measure() { "$python" load-measure.py "$@"; }
for _ in $(seq "$turns"); do
    measure "pandas.read_csv, 1 M rows" "$python" -c 'import pandas; pandas.read_csv("load-1m.csv")'
    measure "import pandas" "$python" -c 'import pandas'
    measure "burnlab config check, 1 M rows" "$BURNLAB" config check load-1m.toml
done
measure "burnlab, an epoch of 1 M rows" "$BURNLAB" --config load-1m.toml --artifacts load-artifacts
measure "burnlab, an epoch of 5 M rows" "$BURNLAB" --config load-5m.toml --artifacts load-artifacts
measure "the same, which builds a cache" "$BURNLAB" --config load-5m-cache.toml --artifacts load-artifacts
measure "the same, from the cache" "$BURNLAB" --config load-5m-cache.toml --artifacts load-artifacts
measure "config check, from the cache" "$BURNLAB" config check load-5m-cache.toml
rm -f load-5m.cache
echo "as f32: 21 numbers of 1 M rows are 80 MiB, of 5 M rows 401 MiB"
rm -rf load-artifacts
