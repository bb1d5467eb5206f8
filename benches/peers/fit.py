"""One fit by a peer, in a process of its own: PEER TASK FOLDER [threads]. Prints the seconds of the fit as JSON.

The work is that of the burnlab config of the same task in run.py: the same rows, layers, batch, epochs and rule.
"""
import json
import sys
import time
import warnings

import numpy as np

peer, task, folder, *rest = sys.argv[1:]
threads = int(rest[0]) if rest else 2
warnings.filterwarnings("ignore")
WIDE = task == "wide"
HIDDEN, BATCH, EPOCHS = ((512, 256), 128, 3) if WIDE else ((16,), 200, 200)


def idx(name, offset):
    return np.frombuffer(open(f"{folder}/{name}", "rb").read(), np.uint8, offset=offset)


def data():
    """Training and validation part."""
    if WIDE:
        pixels = idx("images", 16).reshape(-1, 784).astype(np.float32) / 255
        return pixels, idx("labels", 8).astype(np.int64), pixels[:0], None
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    rows = digits.data.astype(np.float32)
    train, test, labels, test_labels = train_test_split(rows, digits.target, test_size=0.3, random_state=0)
    return train, labels, test, test_labels


inputs, labels, validation, validation_labels = data()


def scikit_learn(seed, epochs=EPOCHS):
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(HIDDEN, batch_size=BATCH, max_iter=epochs, tol=0, n_iter_no_change=epochs, random_state=seed)
    start = time.perf_counter()
    model.fit(inputs, labels)
    assert model.n_iter_ == epochs
    return time.perf_counter() - start


def torch(seed, epochs=EPOCHS):
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    widths = [inputs.shape[1], *HIDDEN, 10]
    layers = []
    for given, units in zip(widths, widths[1:]):
        layers += [nn.Linear(given, units), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    rows, targets = torch.from_numpy(inputs), torch.from_numpy(labels)
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=peer == "torch-fused")
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(rows))
        total = torch.zeros(())
        for first in range(0, len(rows), BATCH):
            batch = order[first : first + BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(rows[batch]), targets[batch])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
        total.item()
        if task == "validated":
            with torch.no_grad():
                logits = model(torch.from_numpy(validation))
                truth = torch.from_numpy(validation_labels)
                loss_of(logits, truth).item(), (logits.argmax(1) == truth).sum().item()
    return time.perf_counter() - start


fit = scikit_learn if peer == "scikit-learn" else torch
if not WIDE:
    fit(0, epochs=1)  # what a library sets up in its first steps is not its speed
print(json.dumps({"fit": sum(fit(seed) for seed in range(10 if task == "seeds" else 1))}))
