"""What int8 weights change in the ONNX models of configs; see `int8.sh`."""

import pathlib
import subprocess
import sys
import tempfile
import os

root = pathlib.Path(__file__).parent.parent
sys.path[:0] = [str(root / "tests/onnx"), str(root / "benches")]
from int8 import compare, feeds_of, session_of
from onnx_times import milliseconds

# Of one run each: of every kind one or more, the larger ones where there are several.
CONFIGS = ("digits", "digits-cnn", "digits-rnn", "digits-transformer", "diabetes-tabular", "titanic-families", "diabetes", "alice")


def train(burnlab, config):
    subprocess.run([burnlab, "--config", config, "--name", config, "--quiet"], check=True, stderr=subprocess.DEVNULL)
    return max(pathlib.Path("artifacts/runs").glob(f"{config}-2*"))


def call(model, rows, size):
    """Milliseconds of a call with so many rows."""
    session = session_of(model)
    given = {name: cells[[at % len(cells) for at in range(size)]] for name, cells in feeds_of(session, rows).items()}
    return milliseconds(lambda: session.run(None, given), 50)


def main():
    burnlab, *configs = sys.argv[1:]
    print(f"{'':<20}{'bytes':>9}{'int8':>9}{'rows':>7}{'labels changed':>16}{'largest change':>16}{'1 row, ms':>12}{'int8':>8}{'1000, ms':>11}{'int8':>8}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for config in configs or CONFIGS:
            run = train(burnlab, config)
            models = [f"{config}-{weights}.onnx" for weights in ("float32", "int8")]
            for model, weights in zip(models, ("float32", "int8")):
                subprocess.run([burnlab, "export", run, "--weights", weights, "-o", model], check=True, stdout=subprocess.DEVNULL)
            text = run / "test.txt"
            rows = text if text.exists() else run / "test.csv"
            found = compare(*models, rows)
            times = [[call(model, rows, size) for model in models] for size in (1, 1000)]
            print(
                f"{config:<20}{found['bytes'][0]:>9}{found['bytes'][1]:>9}{found['rows']:>7}{found['changed']:>16}{found['largest']:>16.4f}"
                f"{times[0][0]:>12.3f}{times[0][1]:>8.3f}{times[1][0]:>11.2f}{times[1][1]:>8.2f}",
                flush=True,
            )
        os.chdir(root)


main()
