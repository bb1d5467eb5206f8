"""Times burnlab and its peers in turns; see run.sh."""
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SCRATCH = pathlib.Path(tempfile.mkdtemp())
DATA = pathlib.Path("target/peers-data")
WIDE = f"""
name = "wide"
[data]
path = "{DATA.resolve()}/images"
labels = "{DATA.resolve()}/labels"
test_fraction = 0.0
validation_fraction = 0.0
scale = "none"
[model]
hidden = [512, 256]
[training]
max_epochs = 3
batch_size = 128
"""
TUTORIAL = ["--config", "configs/digits-tutorial.toml"]
# validation_fraction is of what the test part leaves
VALIDATED = [*TUTORIAL, "--set", "data.test_fraction=0.0", "--set", "data.validation_fraction=0.3"]
TASKS = {
    "digits": ("64-16-10, 1257 rows, batch 200, 200 epochs", TUTORIAL),
    "validated": ("the same with a pass over 540 validation rows each epoch", VALIDATED),
    "wide": ("784-512-256-10, 60000 rows, batch 128, 3 epochs", ["--config", str(SCRATCH / "wide.toml")]),
    "seeds": ("ten seeds of digits", [*TUTORIAL, "--seeds", "10"]),
}


def make_data():
    """Images of noise, and labels that a linear rule gives them."""
    if (DATA / "labels").exists():
        return
    import numpy as np

    DATA.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (60_000, 784), dtype=np.uint8)
    labels = (pixels.astype(np.float32) - 127.5) @ random.standard_normal((784, 10)).astype(np.float32)
    sizes = lambda *numbers: b"".join(number.to_bytes(4, "big") for number in numbers)
    (DATA / "images").write_bytes(b"\0\0\x08\x03" + sizes(60_000, 28, 28) + pixels.tobytes())
    (DATA / "labels").write_bytes(b"\0\0\x08\x01" + sizes(60_000) + labels.argmax(1).astype(np.uint8).tobytes())


def measure(command):
    """Seconds and peak MiB of the process, and what it printed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return {"process": seconds, "peak MiB": usage.ru_maxrss / 1024}, printed


def burnlab(arguments):
    artifacts = SCRATCH / "artifacts"
    measured, _ = measure(["target/release/burnlab", *arguments, "--quiet", "--artifacts", str(artifacts)])
    # The time of a run's last epoch is that of its fit, recording included.
    last = lambda path: max(float(row["time"]) for row in csv.DictReader(open(path)) if row["metric"] == "train/loss")
    fits = [last(path) for path in artifacts.glob("runs/*/metrics.csv")]
    shutil.rmtree(artifacts)
    return measured | ({"fit": fits[0]} if len(fits) == 1 else {})


def peer(task, name, threads):
    # OpenBLAS and OpenMP take the number of threads from here; torch from its argument.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    measured, printed = measure([sys.executable, str(HERE / "fit.py"), name, task, str(DATA), str(threads)])
    return measured | json.loads(printed)


def compare(task, rounds):
    title, arguments = TASKS[task]
    runners = {"burnlab": lambda: burnlab(arguments)}
    names = {"seeds": ["scikit-learn"], "validated": ["torch", "torch-fused"]}
    for name in names.get(task, ["scikit-learn", "torch", "torch-fused"]):
        for threads in (1, 2):
            runners[f"{name}, {threads} threads"] = lambda name=name, threads=threads: peer(task, name, threads)
    results = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            results[name].append(run())
    print(f"\n{title}")
    for quantity in ("fit", "process", "peak MiB"):
        base = [result[quantity] for result in results["burnlab"] if quantity in result]
        if not base:
            continue
        unit = "" if quantity == "peak MiB" else " s"
        print(f"  {quantity + unit:24} {'median':>9} {'least':>9} {'most':>9} {'ratio':>7}")
        for name, measured in results.items():
            values = [result[quantity] for result in measured]
            middle = statistics.median(values)
            ratio = middle / statistics.median(base)
            print(f"  {name:24} {middle:9.3f} {min(values):9.3f} {max(values):9.3f} {ratio:7.2f}")
    if task == "wide":
        # forward, and both backward products except the first layer's for its inputs; 2 operations each
        sizes = [784 * 512, 512 * 256, 256 * 10]
        operations = 2 * 3 * 60_000 * (2 * sizes[0] + 3 * sizes[1] + 3 * sizes[2])
        fit = statistics.median(result["fit"] for result in results["burnlab"])
        print(f"  burnlab: {operations / fit / 1e9:.0f} GFLOP/s in matrix products over the whole fit")


def main():
    arguments = sys.argv[1:]
    rounds = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 5
    make_data()
    (SCRATCH / "wide.toml").write_text(WIDE)
    try:
        for task in arguments or TASKS:
            compare(task, rounds)
    finally:
        shutil.rmtree(SCRATCH)


main()
