"""Writes sklearn.json: figures from scikit-learn and numpy that burnlab's tests are held to.

    pip install scikit-learn==1.9.1 && python tests/golden/make_golden.py

Not needed to run the tests; kept so that anyone can see and repeat where the figures come from.
"""
import json
import pathlib
import warnings

import numpy as np
from sklearn import metrics
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

warnings.filterwarnings("ignore")
out = {}


def flat(a):
    return [float(v) for v in np.asarray(a, dtype=np.float64).ravel()]


# ---- MLP: the same initial weights and unshuffled batches -> loss curve and weights
class Recording(MLPClassifier):
    """Keeps the initial weights that scikit-learn draws."""

    def _init_coef(self, *args, **kwargs):
        coef, intercept = super()._init_coef(*args, **kwargs)
        self.__dict__.setdefault("initial", []).append((coef.copy(), intercept.copy()))
        return coef, intercept


digits = load_digits()
X = (digits.data[:1200] / 16.0).astype(np.float64)
y = digits.target[:1200]
for name, alpha in [("mlp", 1e-4), ("mlp_l2", 10.0)]:
    m = Recording((16,), batch_size=200, shuffle=False, max_iter=5, alpha=alpha, tol=0, n_iter_no_change=9, random_state=0)
    m.fit(X, y)
    out[name] = {
        "alpha": alpha,
        "initial": [[flat(c), flat(b)] for c, b in m.initial],
        "loss_curve": flat(m.loss_curve_),
        "final": [[flat(c), flat(b)] for c, b in zip(m.coefs_, m.intercepts_)],
    }

# ---- logistic regression: what a perceptron must converge to
cancer = load_breast_cancer()
X = (cancer.data - cancer.data.mean(0)) / cancer.data.std(0)
m = LogisticRegression(C=1.0, tol=1e-12, max_iter=100000).fit(X, cancer.target)
out["logistic"] = {
    "l2": 1.0 / len(X),
    "coefficients": flat(m.coef_),
    "intercept": float(m.intercept_[0]),
    "probabilities": flat(m.predict_proba(X)[:, 1]),
}

# ---- metrics
rng = np.random.default_rng(7)


def ece(labels, probabilities, predicted):
    """Guo et al. 2017, equation 3, with their 15 bins (low, high]."""
    confidence, is_right = probabilities.max(1), predicted == labels
    bins = np.digitize(confidence, np.linspace(0, 1, 16), right=True)
    parts = [bins == number for number in np.unique(bins)]
    return float(sum(part.mean() * abs(is_right[part].mean() - confidence[part].mean()) for part in parts))


def classes(logits, labels, probabilities, predicted, auc, precision, brier):
    return {
        "logits": flat(logits),
        "labels": flat(labels),
        "scores": {
            "accuracy": metrics.accuracy_score(labels, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
            "precision": metrics.precision_score(labels, predicted, average="macro", zero_division=0),
            "recall": metrics.recall_score(labels, predicted, average="macro", zero_division=0),
            "f1": metrics.f1_score(labels, predicted, average="macro", zero_division=0),
            "log_loss": metrics.log_loss(labels, probabilities, labels=range(probabilities.shape[1])),
            "roc_auc": auc,
            "average_precision": precision,
            "brier": brier,
            "ece": ece(labels, probabilities, predicted),
        },
    }


def weighted(of, labels, probabilities, predicted, scores):
    """The same predictions, and weights of which each has a place in a sum of its own."""
    w = np.round(rng_of_weights.uniform(0.25, 4, len(labels)), 2).astype(np.float32).astype(np.float64)
    onehot, n = np.eye(probabilities.shape[1])[labels], probabilities.shape[1]
    per_class = [(onehot[:, 1], scores)] if n == 2 else [(onehot[:, c], probabilities[:, c]) for c in range(n)]
    average = dict(average="macro", zero_division=0, sample_weight=w)
    confidence, is_right = probabilities.max(1), predicted == labels
    bins = np.digitize(confidence, np.linspace(0, 1, 16), right=True)
    gaps = [abs(np.sum((w * (is_right - confidence))[bins == number])) for number in np.unique(bins)]
    return {
        **of,
        "weights": flat(w),
        "scores": {
            "accuracy": metrics.accuracy_score(labels, predicted, sample_weight=w),
            "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted, sample_weight=w),
            "precision": metrics.precision_score(labels, predicted, **average),
            "recall": metrics.recall_score(labels, predicted, **average),
            "f1": metrics.f1_score(labels, predicted, **average),
            "log_loss": metrics.log_loss(labels, probabilities, labels=range(n), sample_weight=w),
            "roc_auc": float(np.mean([metrics.roc_auc_score(y, s, sample_weight=w) for y, s in per_class])),
            "average_precision": float(np.mean([metrics.average_precision_score(y, s, sample_weight=w) for y, s in per_class])),
            "brier": metrics.brier_score_loss(labels, probabilities[:, 1] if n == 2 else probabilities, sample_weight=w),
            "ece": float(sum(gaps) / w.sum()),
        },
    }


rng_of_weights = np.random.default_rng(11)


# rounded to one decimal, so that there are ties for the ROC AUC
logits = np.round(rng.normal(size=60) * 2, 1)
labels = (logits + rng.normal(size=60) * 2 > 0.5).astype(int)
p = 1 / (1 + np.exp(-logits))
precision, brier = metrics.average_precision_score(labels, logits), metrics.brier_score_loss(labels, p)
auc = metrics.roc_auc_score(labels, logits)
out["binary"] = classes(logits, labels, np.c_[1 - p, p], (p > 0.5).astype(int), auc, precision, brier)
out["binary_weighted"] = weighted(out["binary"], labels, np.c_[1 - p, p], (p > 0.5).astype(int), logits)

labels = rng.integers(0, 4, 80)
logits = np.round(rng.normal(size=(80, 4)) + 1.5 * np.eye(4)[labels], 1).astype(np.float32)
logits[:, 3] -= 9  # class 3 is never predicted: a precision without a denominator
e = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
p = e / e.sum(1, keepdims=True)
auc = metrics.roc_auc_score(labels, p, multi_class="ovr", average="macro")
precision = metrics.average_precision_score(np.eye(4)[labels], p, average="macro")
out["multi_class"] = classes(logits, labels, p, p.argmax(1), auc, precision, metrics.brier_score_loss(labels, p))
out["multi_class_weighted"] = weighted(out["multi_class"], labels, p, p.argmax(1), None)

truth = rng.normal(size=50) * 3
predicted = truth + rng.normal(size=50)
mean, scale = 150.0, 77.0
real, guess = truth * scale + mean, predicted * scale + mean
mse = metrics.mean_squared_error(real, guess)
out["regression"] = {
    "logits": flat(predicted.astype(np.float32)),
    "labels": flat(truth.astype(np.float32)),
    "mean": mean,
    "scale": scale,
    "scores": {"mse": mse, "rmse": mse**0.5, "mae": metrics.mean_absolute_error(real, guess), "r2": metrics.r2_score(real, guess)},
}
w = np.round(rng_of_weights.uniform(0.25, 4, 50), 2).astype(np.float32).astype(np.float64)
mse = metrics.mean_squared_error(real, guess, sample_weight=w)
out["regression_weighted"] = {
    **out["regression"],
    "weights": flat(w),
    "scores": {
        "mse": mse,
        "rmse": mse**0.5,
        "mae": metrics.mean_absolute_error(real, guess, sample_weight=w),
        "r2": metrics.r2_score(real, guess, sample_weight=w),
    },
}

# ---- update rules: five full-batch steps of linear regression, each rule written out from its paper
X = rng.normal(size=(12, 3))
t = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3
W0, b0 = rng.normal(size=(3, 1)) * 0.5, np.zeros(1)
rules = {}


def run(name, step, l2=0.0, clip=None):
    w, b, state = W0.copy(), b0.copy(), [{}, {}]
    for k in range(1, 6):
        error = 2 * (X @ w + b - t) / len(X)
        gw, gb = X.T @ error, error.sum(0)
        norm = np.sqrt((gw**2).sum() + (gb**2).sum())
        if clip and norm > clip:
            gw, gb = gw * clip / norm, gb * clip / norm
        w, b = step(w, gw + l2 * w, state[0], k, True), step(b, gb, state[1], k, False)
    rules[name] = {"weight": flat(w), "bias": flat(b)}


lr = 0.1


def sgd(momentum=0.0, nesterov=False):
    def step(w, g, s, k, is_weight):
        s["v"] = momentum * s.get("v", 0) + g
        return w - lr * (g + momentum * s["v"] if nesterov else s["v"])

    return step


def adam(decay=0.0):
    def step(w, g, s, k, is_weight):
        if is_weight:
            w = w * (1 - lr * decay)
        s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
        s["v"] = 0.999 * s.get("v", 0) + 0.001 * g * g
        return w - lr * (s["m"] / (1 - 0.9**k)) / (np.sqrt(s["v"] / (1 - 0.999**k)) + 1e-8)

    return step


def rmsprop(momentum=0.0):
    def step(w, g, s, k, is_weight):
        s["v"] = 0.99 * s.get("v", 0) + 0.01 * g * g
        s["b"] = momentum * s.get("b", 0) + g / (np.sqrt(s["v"]) + 1e-8)
        return w - lr * s["b"]

    return step


def adagrad(w, g, s, k, is_weight):
    s["v"] = s.get("v", 0) + g * g
    return w - lr * g / (np.sqrt(s["v"]) + 1e-8)


run("sgd", sgd())
run("sgd_momentum", sgd(0.9))
run("sgd_nesterov", sgd(0.9, True))
run("sgd_l2", sgd(), l2=0.3)
run("sgd_clip", sgd(), clip=0.5)
run("adam", adam())
run("adamw", adam(0.2))
run("rmsprop", rmsprop())
run("rmsprop_momentum", rmsprop(0.5))
run("adagrad", adagrad)
out["rules"] = {"inputs": flat(X), "targets": flat(t), "weight": flat(W0), "results": rules}

# ---- several targets at once: numbers, and labels of which any may hold
rng = np.random.default_rng(12)
truth = rng.normal(size=(40, 3)) * [1.0, 5.0, 0.2] + [0.0, 30.0, -7.0]
predicted = truth + rng.normal(size=(40, 3)) * [0.4, 1.0, 0.3]
truth, predicted = truth.astype(np.float32), predicted.astype(np.float32)
w = np.round(rng.uniform(0.25, 4, 40), 2)
for name, weight in [("numbers", None), ("numbers_weighted", w)]:
    real, guess = truth.astype(np.float64), predicted.astype(np.float64)
    out[name] = {
        "logits": flat(predicted),
        "labels": flat(truth),
        "mean": 0.0,
        "scale": 1.0,
        **({} if weight is None else {"weights": flat(weight)}),
        "scores": {
            "mse": metrics.mean_squared_error(real, guess, sample_weight=weight),
            "rmse": metrics.root_mean_squared_error(real, guess, sample_weight=weight),
            "mae": metrics.mean_absolute_error(real, guess, sample_weight=weight),
            "r2": metrics.r2_score(real, guess, sample_weight=weight),
        },
    }
# rounded, so that there are ties; the third label is never predicted
labels = (rng.uniform(size=(50, 3)) < [0.5, 0.2, 0.1]).astype(int)
logits = np.round(rng.normal(size=(50, 3)) + 2.5 * labels - [1.0, 1.5, 6.0], 1)
w = np.round(rng.uniform(0.25, 4, 50), 2)
for name, weight in [("labels", None), ("labels_weighted", w)]:
    p, predicted = 1 / (1 + np.exp(-logits)), (logits > 0).astype(int)
    macro = {"average": "macro", "zero_division": 0, "sample_weight": weight}
    each = range(labels.shape[1])
    out[name] = {
        "logits": flat(logits),
        "labels": flat(labels),
        **({} if weight is None else {"weights": flat(weight)}),
        "scores": {
            "precision": metrics.precision_score(labels, predicted, **macro),
            "recall": metrics.recall_score(labels, predicted, **macro),
            "f1": metrics.f1_score(labels, predicted, **macro),
            "micro_f1": metrics.f1_score(labels, predicted, **{**macro, "average": "micro"}),
            "subset_accuracy": metrics.accuracy_score(labels, predicted, sample_weight=weight),
            "hamming_loss": metrics.hamming_loss(labels, predicted, sample_weight=weight),
            "log_loss": float(np.mean([metrics.log_loss(labels[:, i], p[:, i], sample_weight=weight) for i in each])),
            "roc_auc": metrics.roc_auc_score(labels, logits, average="macro", sample_weight=weight),
            "average_precision": metrics.average_precision_score(labels, logits, average="macro", sample_weight=weight),
            "brier": float(np.mean([metrics.brier_score_loss(labels[:, i], p[:, i], sample_weight=weight) for i in each])),
        },
    }

# ---- quantiles: the first output is the lowest one, and the softplus of each further one the step to it
rng = np.random.default_rng(13)
real = (rng.normal(size=60) * 2).astype(np.float32).astype(np.float64)
logits = np.c_[-2 + rng.normal(size=60) * 0.5, rng.normal(size=(60, 2)) * 0.5 + 1.5].astype(np.float32).astype(np.float64)
found = np.cumsum(np.c_[logits[:, :1], np.log1p(np.exp(logits[:, 1:]))], axis=1)
w = np.round(rng.uniform(0.25, 4, 60), 2).astype(np.float32).astype(np.float64)
for name, weight in [("quantiles", None), ("quantiles_weighted", w)]:
    levels = [0.25, 0.5, 0.75]
    mse = metrics.mean_squared_error(real, found[:, 1], sample_weight=weight)
    losses = [metrics.mean_pinball_loss(real, found[:, i], alpha=level, sample_weight=weight) for i, level in enumerate(levels)]
    within = np.average((real >= found[:, 0]) & (real <= found[:, 2]), weights=weight)
    out[name] = {
        "logits": flat(logits),
        "labels": flat(real),
        "mean": 0.0,
        "scale": 1.0,
        **({} if weight is None else {"weights": flat(weight)}),
        "scores": {
            "mse": mse,
            "rmse": mse**0.5,
            "mae": metrics.mean_absolute_error(real, found[:, 1], sample_weight=weight),
            "r2": metrics.r2_score(real, found[:, 1], sample_weight=weight),
            "pinball": float(np.mean(losses)),
            "coverage_error": float(abs(within - 0.5)),
            "interval_width": float(np.average(found[:, 2] - found[:, 0], weights=weight)),
        },
    }
# ---- classes in an order: an output is the logit of being above a class, of what is not below it
labels = rng.integers(0, 4, 80)
logits = (rng.normal(size=(80, 3)) + 2.0 * (labels[:, None] > np.arange(3)) - 1.0).astype(np.float32).astype(np.float64)
above = 1 / (1 + np.exp(-logits))
reached = np.cumprod(np.c_[np.ones(80), above], axis=1)
p = reached * np.c_[1 - above, np.ones(80)]
predicted = (np.cumsum(p, axis=1) >= 0.5).argmax(axis=1)
auc = metrics.roc_auc_score(labels, p, multi_class="ovr", average="macro")
precision = metrics.average_precision_score(np.eye(4)[labels], p, average="macro")
out["ordered"] = classes(logits, labels, p, predicted, auc, precision, metrics.brier_score_loss(labels, p))
# scikit-learn calls the predicted class the most probable one; here it is the median
out["ordered"]["scores"]["ece"] = ece(labels, p, p.argmax(1))
rng_of_weights = np.random.default_rng(14)
out["ordered_weighted"] = weighted(out["ordered"], labels, p, predicted, None)
w = np.array(out["ordered_weighted"]["weights"])
confidence, is_right = p.max(1), p.argmax(1) == labels
bins = np.digitize(confidence, np.linspace(0, 1, 16), right=True)
gaps = [abs(np.sum((w * (is_right - confidence))[bins == number])) for number in np.unique(bins)]
out["ordered_weighted"]["scores"]["ece"] = float(sum(gaps) / w.sum())
for name in ["ordered", "ordered_weighted"]:
    w = out[name].get("weights")
    out[name]["scores"]["rank_mae"] = metrics.mean_absolute_error(labels, predicted, sample_weight=w)
    out[name]["scores"]["quadratic_kappa"] = metrics.cohen_kappa_score(labels, predicted, weights="quadratic", sample_weight=w)

path = pathlib.Path(__file__).with_name("sklearn.json")
path.write_text(json.dumps(out) + "\n")
print(path, path.stat().st_size, "bytes")
