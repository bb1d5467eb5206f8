"""Times a training step of each kind of network in turns; see kinds.sh.

burnlab's step is the whole of its training divided by its steps: gathering batches, metrics, the validation pass of each
epoch, and recording are included; the first epoch is left out. Its CPU time is that of the whole process, start and
evaluation included, over all its steps. PyTorch's step is a loop as one writes it, without a validation
pass: rows gathered by a random order, forward, backward, a fused optimizer, and the loss read every 16 steps, as burnlab
reads it. Its first 20 steps are not counted either. The networks have the same layers, and the same number of weights, which
is checked.
"""
import csv
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path("target/peers-data")
SCRATCH = pathlib.Path(tempfile.gettempdir()) / "burnlab-kinds"
TABLE_ROWS, TABLE_NUMBERS = 32_000, 9
TABULAR = f"""
name = "tabular"
[data]
path = "{SCRATCH}/table.csv"
target = "y"
test_fraction = 0.0
[model]
kind = "tabular"
[training]
batch_size = 128
learning_rate = 2e-3
optimizer = "adamw"
weight_decay = 0.2
"""
# configs/mnist-cnn.toml on noise of the same size
MNIST = f"""
name = "mnist-cnn"
[data]
path = "{(DATA / "images").resolve()}"
labels = "{(DATA / "labels").resolve()}"
test_fraction = 0.0
validation_fraction = 0.05
scale = "none"
[model]
kind = "cnn"
channels = [16, 32]
kernel = 5
hidden = [128]
dropout = 0.25
[training]
learning_rate = 2e-3
optimizer = "adam"
"""
# For each work: the config, what is set in it, epochs that are timed after the first, the batch, and PyTorch's network.
WORKS = {
    "alice": ("configs/alice.toml", {}, 3, 32, "LanguageModel"),
    "alice-wide": (
        "configs/alice.toml",
        {"model.width": 128, "model.depth": 4, "data.context": 64},
        1,
        32,
        "WideLanguageModel",
    ),
    "digits-transformer": ("configs/digits-transformer.toml", {}, 12, 32, "Transformer"),
    "digits-rnn": ("configs/digits-rnn.toml", {}, 20, 32, "Gru"),
    "digits-cnn": ("configs/digits-cnn.toml", {}, 12, 32, "DigitsCnn"),
    "mnist-cnn": (str(SCRATCH / "mnist-cnn.toml"), {}, 1, 128, "MnistCnn"),
    "tabular": (str(SCRATCH / "tabular.toml"), {}, 6, 128, "Tabular"),
}
VOCABULARY = 68  # of alice.toml: 67 characters, and one for those it does not have


# ---- burnlab


def measure(command):
    """What the process printed, its CPU seconds, and its peak MiB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return printed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def burnlab(program, work, scale):
    config, sets, epochs, batch, _ = WORKS[work]
    # An epoch of large batches has fewer steps.
    sets = {**sets, "training.max_epochs": 1 + epochs * (2 if scale > 1 else 1), "training.batch_size": batch * scale}
    artifacts = SCRATCH / "artifacts"
    chosen = [argument for key, value in sets.items() for argument in ("--set", f"{key}={value}")]
    command = [program, "--config", config, *chosen, "--quiet", "--artifacts", str(artifacts)]
    _, cpu, peak = measure(command)
    [folder] = artifacts.glob("runs/*")
    ends = [row for row in csv.DictReader(open(folder / "metrics.csv")) if row["metric"] == "train/loss"]
    of = lambda row: (float(row["time"]), int(row["step"]))
    (began, first), (ended, last) = of(ends[0]), of(ends[-1])
    weights = num_weights(folder / "model.safetensors")
    shutil.rmtree(artifacts)
    step = 1e3 * (ended - began) / (last - first)
    return {"ms": step, "CPU ms": 1e3 * cpu / last, "peak MiB": peak, "weights": weights}


def num_weights(path):
    """The trained numbers of a model file, without running statistics."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    kept = (".norm.mean", ".norm.variance")
    shapes = [spec["shape"] for name, spec in header.items() if name != "__metadata__" and not name.endswith(kept)]
    return sum(math.prod(shape) for shape in shapes)


# ---- PyTorch


def networks():
    """PyTorch's form of each network, by the name in WORKS."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Block(nn.Module):
        def __init__(self, width, heads, causal, dropout):
            super().__init__()
            self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
            self.inputs, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.heads, self.causal, self.dropout = heads, causal, nn.Dropout(dropout)

        def forward(self, x):
            batch, tokens, width = x.shape
            parts = self.inputs(self.norms[0](x)).view(batch, tokens, 3, self.heads, width // self.heads)
            seen = F.scaled_dot_product_attention(*parts.permute(2, 0, 3, 1, 4), is_causal=self.causal)
            x = x + self.dropout(self.output(seen.transpose(1, 2).reshape(batch, tokens, width)))
            return x + self.dropout(self.contract(F.gelu(self.expand(self.norms[1](x)))))

    class LanguageModel(nn.Module):
        def __init__(self, width=64, tokens=32, depth=2):
            super().__init__()
            self.tokens, self.embedding = tokens, nn.Embedding(VOCABULARY, width)
            self.positions = nn.Parameter(torch.randn(tokens, width) * 0.02)
            self.blocks = nn.Sequential(*[Block(width, 4, True, 0.0) for _ in range(depth)])
            self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, VOCABULARY)

        def forward(self, x):
            return self.output(self.norm(self.blocks(self.embedding(x) + self.positions))).flatten(0, 1)

        def rows(self, count):
            shape = (count, self.tokens)
            return torch.randint(0, VOCABULARY, shape), torch.randint(0, VOCABULARY, shape)

    class Transformer(nn.Module):
        def __init__(self, width=64):
            super().__init__()
            self.patches, self.positions = nn.Linear(8, width), nn.Parameter(torch.randn(8, width) * 0.3)
            self.blocks = nn.Sequential(*[Block(width, 4, False, 0.2) for _ in range(2)])
            self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, 10)

        def forward(self, x):
            patches = x.view(-1, 4, 2, 2, 4).transpose(2, 3).reshape(-1, 8, 8)
            return self.output(self.norm(self.blocks(self.patches(patches) + self.positions)).mean(1))

    class Gru(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(8, 64, batch_first=True, bidirectional=True)
            self.dropout, self.output = nn.Dropout(0.2), nn.Linear(128, 10)

        def forward(self, x):
            _, ends = self.gru(x.view(-1, 8, 8))
            return self.output(self.dropout(torch.cat([ends[0], ends[1]], 1)))

    def convolution(given, made, size):
        return [nn.Conv2d(given, made, size, padding=size // 2, bias=False), nn.BatchNorm2d(made), nn.ReLU()]

    class DigitsCnn(nn.Sequential):
        def __init__(self):
            layers = [*convolution(1, 32, 3), *convolution(32, 32, 3), nn.MaxPool2d(2)]
            layers += [*convolution(32, 64, 3), *convolution(64, 64, 3), nn.MaxPool2d(2)]
            super().__init__(nn.Unflatten(1, (1, 8, 8)), *layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(256, 10))

    class MnistCnn(nn.Sequential):
        def __init__(self):
            layers = [*convolution(1, 16, 5), nn.MaxPool2d(2), *convolution(16, 32, 5), nn.MaxPool2d(2), nn.Flatten()]
            layers += [nn.Dropout(0.25), nn.Linear(32 * 49, 128), nn.ReLU(), nn.Dropout(0.25), nn.Linear(128, 10)]
            super().__init__(nn.Unflatten(1, (1, 28, 28)), *layers)

        inputs = 784

    class Residual(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.expand, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
            self.contract, self.dropout = nn.Linear(width, width), nn.Dropout(0.1)

        def forward(self, x):
            return x + self.contract(self.dropout(F.relu(self.norm(self.expand(x)))))

    class Tabular(nn.Module):
        inputs, outputs = TABLE_NUMBERS, 1

        def __init__(self, width=128, waves=16, features=8):
            super().__init__()
            columns = TABLE_NUMBERS
            self.frequency = nn.Parameter(torch.randn(columns, 1, waves) * 0.3)
            self.phase = nn.Parameter(torch.rand(columns, 1, waves))
            self.weight = nn.Parameter(torch.randn(columns, waves, features) / math.sqrt(waves))
            self.bias = nn.Parameter(torch.zeros(columns, 1, features))
            self.stem = nn.Linear(columns * (features + 1), width)
            self.blocks = nn.Sequential(Residual(width), Residual(width))
            self.norm, self.dropout, self.output = nn.LayerNorm(width), nn.Dropout(0.1), nn.Linear(width, 1)

        def forward(self, x):
            x = x / (1 + (x / 3).square()).sqrt()
            waves = torch.cos(2 * math.pi * (x.t()[:, :, None] * self.frequency + self.phase))
            embedded = F.relu(torch.baddbmm(self.bias, waves, self.weight)).transpose(0, 1).flatten(1)
            values = self.blocks(self.stem(torch.cat([embedded, x], 1)))
            return self.output(self.dropout(F.relu(self.norm(values))))

    return {**locals(), "WideLanguageModel": lambda: LanguageModel(128, 64, 4)}


def torch_step(work, scale, threads):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    *_, batch, name = WORKS[work]
    batch *= scale
    net = networks()[name]()
    count = 50 * batch
    if hasattr(net, "rows"):
        inputs, labels = net.rows(count)
    else:
        outputs = getattr(net, "outputs", 10)
        inputs, labels = torch.randn(count, getattr(net, "inputs", 64)), torch.randint(0, max(outputs, 2), (count,))
        if outputs == 1:
            labels = labels.float()
    rule = torch.optim.AdamW if name in ("LanguageModel", "WideLanguageModel", "Transformer", "Tabular") else torch.optim.Adam
    optimizer = rule(net.parameters(), lr=1e-3, fused=True)

    def steps(count):
        order, at = torch.randperm(len(inputs)), 0
        for step in range(count):
            if at + batch > len(order):
                order, at = torch.randperm(len(inputs)), 0
            rows, at = order[at : at + batch], at + batch
            optimizer.zero_grad(set_to_none=True)
            logits, truth = net(inputs[rows]), labels[rows].flatten()
            binary = logits.shape[1] == 1
            loss = F.binary_cross_entropy_with_logits(logits[:, 0], truth) if binary else F.cross_entropy(logits, truth)
            loss.backward()
            if "LanguageModel" in name:
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            if step % 16 == 15:
                loss.item()

    steps(20)
    start = time.perf_counter()
    steps(20)
    count = max(20, int(2 / ((time.perf_counter() - start) / 20)))  # about two seconds
    start, began = time.perf_counter(), time.process_time()
    steps(count)
    seconds, cpu = time.perf_counter() - start, time.process_time() - began
    weights = sum(weight.numel() for weight in net.parameters())
    print(json.dumps({"ms": 1e3 * seconds / count, "CPU ms": 1e3 * cpu / count, "weights": weights}))


# ---- in turns


def peer(work, scale, threads):
    os.environ["OMP_NUM_THREADS"] = str(threads)
    printed, _, peak = measure([sys.executable, __file__, "torch", work, str(scale), str(threads)])
    return json.loads(printed) | {"peak MiB": peak}


def prepare(works):
    SCRATCH.mkdir(exist_ok=True)
    made = lambda *arguments: subprocess.run([sys.executable, str(HERE / "make_data.py"), *map(str, arguments)], check=True)
    if "mnist-cnn" in works:
        if not (DATA / "labels").exists():
            made("images", DATA)
        (SCRATCH / "mnist-cnn.toml").write_text(MNIST)
    if "tabular" in works:
        made("table", SCRATCH / "table.csv", TABLE_ROWS, 1)
        (SCRATCH / "tabular.toml").write_text(TABULAR)


def compare(work, rounds, scale, programs):
    runners = {program: lambda program=program: burnlab(program, work, scale) for program in programs}
    for threads in (1, 2):
        runners[f"torch, {threads} threads"] = lambda threads=threads: peer(work, scale, threads)
    results = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            results[name].append(run())
    sizes = {result["weights"] for measured in results.values() for result in measured}
    if len(sizes) > 1:
        sys.exit(f"{work}: networks of {sorted(sizes)} weights are not the same")
    middle = lambda name, quantity: statistics.median(result[quantity] for result in results[name])
    base = {quantity: middle(programs[0], quantity) for quantity in ("ms", "CPU ms", "peak MiB")}
    print(f"\n{work}, batch {WORKS[work][3] * scale}, {sizes.pop()} weights")
    print(f"  {'':34} {'ms/step':>9} {'least':>9} {'most':>9} {'ratio':>7} {'CPU ms':>9} {'ratio':>7} {'peak MiB':>9} {'ratio':>7}")
    for name, measured in results.items():
        steps = [result["ms"] for result in measured]
        line = f"  {name:34} {statistics.median(steps):9.2f} {min(steps):9.2f} {max(steps):9.2f}"
        line += f" {statistics.median(steps) / base['ms']:7.2f}"
        for quantity in ("CPU ms", "peak MiB"):
            line += f" {middle(name, quantity):9.2f} {middle(name, quantity) / base[quantity]:7.2f}"
        print(line, flush=True)


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["torch"]:
        return torch_step(arguments[1], int(arguments[2]), int(arguments[3]))
    rounds = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 5
    scale = 8 if "--large" in arguments else 1
    works = [argument for argument in arguments if argument != "--large"] or list(WORKS)
    prepare(works)
    programs = os.environ.get("BURNLAB", "target/release/burnlab").split()
    try:
        for work in works:
            compare(work, rounds, scale, programs)
    finally:
        shutil.rmtree(SCRATCH)


main()
