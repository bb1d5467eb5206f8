"""Whether burnlab's probabilities should be calibrated by default, judged by burnlab itself on rows that took no part.

Of each set only the training part of its first split in tables.py is used. burnlab gets a config of three lines, divides these rows
once more, and trains ten seeds with and without `training.calibrate`; its verdict on the two is about the log loss of rows that
neither training nor calibration has seen. From the root of the repository:

    BURNLAB=target/debug/burnlab python3 benches/peers/calibration.py [SET,SET] [KEY=VALUE ...]

Further keys are set in both configs, such as training.refit=false.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from tables import BURNLAB, NUMBERS, SETS, WORK, parts

SEEDS = 10


def burnlab(*arguments):
    return subprocess.run([BURNLAB, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def means(folder, name):
    """Mean metrics of the seeds' inner test rows, and their temperatures."""
    runs = [run for run in folder.glob("runs/*/evaluation.json") if run.parent.name.startswith(f"{name}-2")]
    found = [{metric["name"]: metric["value"] for metric in json.loads(run.read_text())["metrics"]} for run in runs]
    kept = [json.loads((run.parent / "calibration.json").read_text()).get("temperature") for run in runs]
    mean = lambda key: sum(of[key] for of in found) / len(found)
    return mean("log_loss"), mean("ece"), [temperature for temperature in kept if temperature]


def judged(name, keys):
    files = parts(name, 0)
    if files is None:
        return None
    folder = pathlib.Path(tempfile.mkdtemp(dir=WORK))
    config = folder / "config.toml"
    config.write_text(f'[data]\npath = "{files[0].absolute()}"\ntarget = "target"\nallow_constant = true\n')
    sets = [argument for key in keys for argument in ("--set", key)]
    common = ["--config", config, "--seeds", SEEDS, "--quiet", "--artifacts", folder, *sets]
    burnlab(*common, "--name", "plain")
    burnlab(*common, "--name", "calibrated", "--set", "training.calibrate=true")
    verdict = burnlab("runs", "compare", "plain", "calibrated", "--metric", "test/log_loss", "--artifacts", folder)
    sentence = next(line for line in verdict.splitlines() if "test/log_loss" in line)
    (before, ece_before, _), (after, ece_after, temperatures) = means(folder, "plain"), means(folder, "calibrated")
    shutil.rmtree(folder)
    return before, after, ece_before, ece_after, sum(temperatures) / len(temperatures), sentence


def main():
    names = sys.argv[1].split(",") if len(sys.argv) > 1 else [name for name in SETS if name not in NUMBERS]
    print("| set | log loss | calibrated | difference, 95 % interval | ece | calibrated | temperature | verdict |\n|---|---|---|---|---|---|---|---|")
    for name in names:
        found = judged(name, sys.argv[2:])
        if found is None:
            continue
        before, after, ece_before, ece_after, temperature, sentence = found
        interval = re.search(r": ([+-][\d.]+), (?:mean difference )?95 % interval ([+-][\d.]+) to ([+-][\d.]+)", sentence)
        shown = "{}, {} to {}".format(*interval.groups()) if interval else ""
        verdict = re.match(r"[^(]*", sentence.replace("test/log_loss", "log loss"))[0].strip()
        print(f"| {name} | {before:.4f} | {after:.4f} | {shown} | {ece_before:.4f} | {ece_after:.4f} | {temperature:.2f} | {verdict} |", flush=True)
        print(f"{name}: {sentence}", file=sys.stderr, flush=True)


main()
