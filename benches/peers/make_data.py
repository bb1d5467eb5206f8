"""Writes the data of run.py. A process of its own: the system counts the memory of the process that starts another one
towards the peak of that one, so that run.py must stay small.

    make_data.py images FOLDER          60000 images of noise, and labels that a linear rule gives them, as IDX
    make_data.py table FILE ROWS SEED   nine numbers, and a class that follows from the first two, as CSV
"""
import pathlib
import sys

import numpy as np

kind, path, *rest = sys.argv[1:]
path = pathlib.Path(path)
if kind == "images":
    path.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (60_000, 784), dtype=np.uint8)
    labels = (pixels.astype(np.float32) - 127.5) @ random.standard_normal((784, 10)).astype(np.float32)
    sizes = lambda *numbers: b"".join(number.to_bytes(4, "big") for number in numbers)
    (path / "images").write_bytes(b"\0\0\x08\x03" + sizes(60_000, 28, 28) + pixels.tobytes())
    (path / "labels").write_bytes(b"\0\0\x08\x01" + sizes(60_000) + labels.argmax(1).astype(np.uint8).tobytes())
else:
    rows, seed = map(int, rest)
    numbers = np.random.default_rng(seed).random((rows, 9)).round(4)
    labels = np.where(numbers[:, 0] + numbers[:, 1] > 1, "yes", "no")
    with open(path, "w") as file:
        file.write(",".join(f"x{column}" for column in range(1, 10)) + ",y\n")
        for row, label in zip(numbers.tolist(), labels):
            file.write(",".join(map(repr, row)) + f",{label}\n")
