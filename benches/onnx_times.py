"""Times `burnlab predict` and `serve` beside ONNX Runtime on the exported models; see `onnx.sh`.

A process reads a CSV file and writes one: burnlab's, or a Python with ONNX Runtime and no more than it needs. A call has the
model loaded already: a request to `serve` in JSON on one connection, or `session.run`.
"""

import csv
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests/onnx"))
SIZES = (1, 7, 1000)
# Of one run each would need data that are not built in, or is a search, or predicts no rows.
LEFT_OUT = ("alice", "california", "digits-sweep", "image-folder", "mnist", "mnist-augmented", "mnist-cnn")


def milliseconds(work, times):
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(took)


def session_of(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def feeds_of(session, rows):
    from check import Table, feeds

    metadata = session.get_modelmeta().custom_metadata_map
    return feeds(session.get_inputs(), json.loads(metadata["column_names"]), Table(rows))


def answer(model, rows, output):
    """What a process does with ONNX Runtime."""
    session = session_of(model)
    results = session.run(None, feeds_of(session, rows))
    with open(output, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for cells in zip(*(result.tolist() for result in results)):
            writer.writerow(cell for part in cells for cell in (part if isinstance(part, list) else [part]))


def write_rows(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def train(burnlab, config):
    """The newest run's folder."""
    few = ["--set", "training.max_epochs=2", "--name", config, "--quiet"]
    subprocess.run([burnlab, "--config", config, *few], check=True, stderr=subprocess.DEVNULL)
    return max(pathlib.Path("artifacts/runs").glob(f"{config}-2*"))


def measure(burnlab, config):
    """Of each size the four times; or why the model cannot be exported."""
    if config == "digits-finetune":
        train(burnlab, "digits-pretrain")
    run = train(burnlab, config)
    exported = subprocess.run([burnlab, "export", str(run), "-o", f"{config}.onnx"], capture_output=True, text=True)
    if exported.returncode:
        return exported.stderr.strip()
    with open(run / "test.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    server = subprocess.Popen([burnlab, "serve", str(run), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        connection = http.client.HTTPConnection(server.stdout.readline().strip().removeprefix("http://"))
        session = session_of(f"{config}.onnx")
        return [measure_size(burnlab, config, run, connection, session, header, rows, size) for size in SIZES]
    finally:
        server.kill()
        server.wait()


def measure_size(burnlab, config, run, connection, session, header, rows, size):
    rows = [rows[at % len(rows)] for at in range(size)]
    write_rows("rows.csv", header, rows)
    script = [sys.executable, __file__, "answer", f"{config}.onnx", "rows.csv", "onnx.csv"]
    processes = (
        [burnlab, "predict", str(run), "rows.csv", "-o", "out.csv"],
        script,
    )
    took = [
        milliseconds(lambda: subprocess.run(command, check=True, stderr=subprocess.DEVNULL), 5) for command in processes
    ]
    body = json.dumps([dict(zip(header, row)) for row in rows])

    def ask():
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content

    feeds = feeds_of(session, "rows.csv")
    calls = [ask, lambda: session.run(None, feeds)]
    return took + [milliseconds(call, 50) for call in calls]


def main():
    if sys.argv[1] == "answer":
        return answer(*sys.argv[2:])
    burnlab, *configs = sys.argv[1:]
    root = pathlib.Path(__file__).parent.parent
    names = configs or sorted(path.stem for path in (root / "configs").glob("*.toml"))
    print(f"{'milliseconds':<24}" + "".join(f"{f'{size} rows':>36}" for size in SIZES))
    print(f"{'':<24}" + "".join(f"{'predict':>10}{'ONNX':>9}{'serve':>9}{'ONNX':>8}" for _ in SIZES))
    all_times = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in (name for name in names if configs or name not in LEFT_OUT):
            times = measure(burnlab, name)
            if isinstance(times, str):
                print(f"{name:<24}  {times}", flush=True)
                continue
            all_times.append(times)
            print(f"{name:<24}" + "".join("{:>10.1f}{:>9.1f}{:>9.2f}{:>8.3f}".format(*of_size) for of_size in times), flush=True)
        os.chdir(root)
    medians = [[statistics.median(times[size][i] for times in all_times) for i in range(4)] for size in range(len(SIZES))]
    print(f"{'median':<24}" + "".join("{:>10.1f}{:>9.1f}{:>9.2f}{:>8.3f}".format(*of_size) for of_size in medians))


if __name__ == "__main__":
    main()
