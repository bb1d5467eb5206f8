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


def make_data(*arguments):
    subprocess.run([sys.executable, str(HERE / "make_data.py"), *map(str, arguments)], check=True)


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


def burnlab(arguments, program="target/release/burnlab"):
    artifacts = SCRATCH / "artifacts"
    measured, _ = measure([program, *arguments, "--quiet", "--artifacts", str(artifacts)])
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


def show(results, quantities):
    """A table a quantity; the ratio is to burnlab, above 1 where the peer takes more."""
    for quantity in quantities:
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


def compare(task, rounds):
    title, arguments = TASKS[task]
    runners = {"burnlab": lambda: burnlab(arguments)}
    if task == "digits":
        runners["burnlab, cargo run"] = lambda: burnlab(arguments, "target/debug/burnlab")
        runners["burnlab, ndarray"] = lambda: burnlab([*arguments, "--backend", "ndarray"])
    names = {"seeds": ["scikit-learn"], "validated": ["torch", "torch-fused"]}
    for name in names.get(task, ["scikit-learn", "torch", "torch-fused"]):
        for threads in (1, 2):
            runners[f"{name}, {threads} threads"] = lambda name=name, threads=threads: peer(task, name, threads)
    results = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            results[name].append(run())
    print(f"\n{title}")
    show(results, ("fit", "process", "peak MiB"))
    if task == "wide":
        # forward, and both backward products except the first layer's for its inputs; 2 operations each
        sizes = [784 * 512, 512 * 256, 256 * 10]
        operations = 2 * 3 * 60_000 * (2 * sizes[0] + 3 * sizes[1] + 3 * sizes[2])
        fit = statistics.median(result["fit"] for result in results["burnlab"])
        print(f"  burnlab: {operations / fit / 1e9:.0f} GFLOP/s in matrix products over the whole fit")


def predict(rounds):
    """Whole processes: a file of rows in, a file of answers out."""
    make_data("table", SCRATCH / "train.csv", 2000, 1)
    (SCRATCH / "table.toml").write_text(
        f'name = "table"\n[data]\npath = "{SCRATCH}/train.csv"\ntarget = "y"\n'
        '[model]\nhidden = [32]\n[training]\nmax_epochs = 20\n'
    )
    program, artifacts = "target/release/burnlab", ["--artifacts", str(SCRATCH / "kept")]
    quietly = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([program, "--config", str(SCRATCH / "table.toml"), "--quiet", *artifacts], **quietly)
    subprocess.run([program, "export", "table", "--format", "onnx", *artifacts, "-o", str(SCRATCH / "model.onnx")], **quietly)
    script = [sys.executable, str(HERE / "predict.py")]
    subprocess.run([*script, "fit", str(SCRATCH)], **quietly)
    for rows in (1, 1_000_000):
        name = f"rows{rows}"
        make_data("table", SCRATCH / f"{name}.csv", rows, 2)
        files = [str(SCRATCH / f"{name}.csv"), "-o", str(SCRATCH / "own.csv")]
        runners = {
            "burnlab": [program, "predict", "table", *files, *artifacts],
            "onnxruntime": [*script, "onnxruntime", str(SCRATCH), name],
            "scikit-learn": [*script, "scikit-learn", str(SCRATCH), name],
        }
        results = {peer: [] for peer in runners}
        for _ in range(rounds):
            for peer, command in runners.items():
                results[peer].append(measure(command)[0])
        print(f"\npredict: {rows} rows of 9 numbers, 9-32-1, from CSV to CSV")
        show(results, ("process", "peak MiB"))


def growth(rounds):
    """What training costs as the work grows: burnlab alone."""
    print("\ngrowth: moons, 2-16-1, batch 100, 3 epochs; the epoch is a training pass")
    columns = f"  {'':24} {'epoch s':>9} {'process s':>9} {'peak MiB':>9}"

    def line(name, config, *sets):
        measured = [burnlab(["--config", config, "--set", "training.max_epochs=3", *sets]) for _ in range(rounds)]
        middle = lambda quantity: statistics.median(result[quantity] for result in measured)
        print(f"  {name:24} {middle('fit') / 3:9.4f} {middle('process'):9.3f} {middle('peak MiB'):9.1f}")

    print(columns)
    for rows in (1_000, 10_000, 100_000, 1_000_000):
        line(f"{rows} rows", "configs/moons.toml", "--set", f"data.num_examples={rows}", "--set", "training.batch_size=100")
    print("  60000 rows of 784 inputs, batch 128")
    for hidden in ("[64]", "[256]", "[1024]", "[4096]"):
        line(f"hidden = {hidden}", str(SCRATCH / "wide.toml"), "--set", f"model.hidden={hidden}")
    for depth in (1, 2, 4, 8):
        hidden = "[" + ",".join(["256"] * depth) + "]"
        line(f"{depth} layers of 256", str(SCRATCH / "wide.toml"), "--set", f"model.hidden={hidden}")


def main():
    arguments = sys.argv[1:]
    rounds = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 5
    if not (DATA / "labels").exists():
        make_data("images", DATA)
    (SCRATCH / "wide.toml").write_text(WIDE)
    try:
        for task in arguments or [*TASKS, "predict", "growth"]:
            {"predict": predict, "growth": growth}.get(task, lambda rounds: compare(task, rounds))(rounds)
    finally:
        shutil.rmtree(SCRATCH)


main()
