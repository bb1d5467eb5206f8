"""Checks ONNX models that burnlab wrote: runs them with ONNX Runtime and compares with burnlab's own predictions.

Needs the packages onnx, onnxruntime and numpy.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy
import onnxruntime

# Largest accepted difference: of probabilities, and of numbers as a part of the expected ones' standard deviation.
TOLERANCE = 1e-5
# Labels may differ where the two largest probabilities are as close as this.
TIE = 2 * TOLERANCE
# What burnlab trims off cells and names.
SPACE = " \t\n\r\f"
FLOAT, TEXT = "tensor(float)", "tensor(string)"


class Failure(Exception):
    """The model is not what it should be, or the files do not fit together; its text is one line."""


class Table:
    """A CSV file: its header, and rows of raw cells."""

    def __init__(self, path):
        self.path = path
        csv.field_size_limit(sys.maxsize)
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
        if len(rows) < 2:
            raise Failure(f"{path} has no rows")
        self.header = [name.strip(SPACE) for name in rows[0]]
        self.rows = rows[1:]
        for number, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise Failure(f"{path}, row {number}: {len(row)} cells, but {len(self.header)} columns")

    def column(self, name, occurrence=0):
        """The cells of a column, by its name; `occurrence` counts columns of that name from 0."""
        positions = [position for position, other in enumerate(self.header) if other == name.strip(SPACE)]
        if occurrence >= len(positions):
            raise Failure(f"{self.path} has no column {name!r}")
        return [row[positions[occurrence]].strip(SPACE) for row in self.rows]

    def numbers(self, name, occurrence=0):
        """The numbers of a column, float64; NaN for an empty cell."""
        cells = self.column(name, occurrence)
        try:
            return numpy.array([float(cell) if cell else numpy.nan for cell in cells])
        except ValueError as error:
            raise Failure(f"{self.path}, column {name!r}: {error}") from None


def feeds(inputs, names, table):
    """The model's inputs, by name, from the table's columns called `names` (in the model's order)."""
    occurrences = [names[:position].count(name) for position, name in enumerate(names)]
    columns = list(zip(names, occurrences))
    # An input of each column, unless all columns are numbers: then there is one of all.
    if len(inputs) == 1 and inputs[0].type == FLOAT:
        cells = numpy.stack([table.numbers(*column) for column in columns], axis=1)
        return {inputs[0].name: cells.astype(numpy.float32)}
    if len(inputs) != len(names):
        raise Failure(f"the model has {len(inputs)} inputs, but {len(names)} columns")
    arrays = {}
    for model_input, column in zip(inputs, columns):
        if model_input.type == TEXT:
            cells = numpy.array(table.column(*column), dtype=object)
        else:
            cells = table.numbers(*column).astype(numpy.float32)
        arrays[model_input.name] = cells.reshape(-1, 1)
    return arrays


def require_shape(name, array, shape):
    if array.shape != shape:
        raise Failure(f"{name} has shape {array.shape}, expected {shape}")


def compare_classes(outputs, rows, expected, metadata):
    """The largest difference of a probability in `rows` (their numbers)."""
    classes = json.loads(metadata["class_names"])
    wanted = numpy.stack([expected.numbers(f"probability_{name}") for name in classes], axis=1)[rows]
    labels = numpy.array(expected.column("predicted"), dtype=object)[rows]
    require_shape("probabilities", outputs["probabilities"], wanted.shape)
    require_shape("label", outputs["label"], wanted.shape[:1])
    if "threshold" in metadata:
        margins = 2 * numpy.abs(wanted[:, 1] - float(metadata["threshold"]))
    elif "ordered" in metadata:
        # The median class.
        margins = 2 * numpy.abs(numpy.cumsum(wanted, axis=1) - 0.5).min(axis=1)
    else:
        top = numpy.sort(wanted, axis=1)
        margins = top[:, -1] - top[:, -2]
    for row, got, label, margin in zip(rows, outputs["label"], labels, margins):
        if got.strip(SPACE) != label and margin > TIE:
            raise Failure(f"row {row}: label {got!r}, expected {label!r}")
    return largest_difference("probability", outputs["probabilities"], wanted, rows, scale=1.0)


def compare_labels(outputs, rows, expected, names):
    """The largest difference of a probability in `rows` (their numbers)."""
    wanted = numpy.stack([expected.numbers(f"probability_{name}") for name in names], axis=1)[rows]
    labels = numpy.stack([expected.numbers(f"predicted_{name}") for name in names], axis=1)[rows]
    require_shape("labels", outputs["labels"], wanted.shape)
    require_shape("probabilities", outputs["probabilities"], wanted.shape)
    if not (outputs["labels"] == labels).all():
        raise Failure(f"labels {outputs['labels'].tolist()}, expected {labels.tolist()}")
    return largest_difference("probability", outputs["probabilities"], wanted, rows, scale=1.0)


def compare_numbers(outputs, rows, expected, names):
    """The largest difference of a number in `rows`, in standard deviations of all expected ones."""
    columns = [f"predicted_{name}" for name in names] or ["predicted"]
    wanted = numpy.stack([expected.numbers(name) for name in columns], axis=1)
    scale = numpy.where(numpy.std(wanted, axis=0) > 0, numpy.std(wanted, axis=0), 1.0)
    wanted = wanted[rows]
    require_shape("prediction", outputs["prediction"], wanted.shape)
    return largest_difference("prediction", outputs["prediction"], wanted, rows, scale)


def largest_difference(what, got, wanted, rows, scale):
    differences = numpy.abs(got.astype(numpy.float64) - wanted) / scale
    # NaN is no agreement, whichever side it is on.
    row, column = numpy.unravel_index(numpy.argmax(numpy.nan_to_num(differences, nan=numpy.inf)), differences.shape)
    if not differences[row, column] <= TOLERANCE:
        raise Failure(f"row {rows[row]}: {what} {got[row, column]:.9g}, expected {wanted[row, column]:.9g}")
    return differences[row, column]


def batches(num_rows):
    """All rows in one; then one row, seven, and a thousand, over and over the same where there are fewer."""
    for size in [num_rows, 1, 7, 1000]:
        first = num_rows // 2 if size < num_rows else 0
        yield (first + numpy.arange(size)) % num_rows


def check_text(session, metadata, text_path, evaluation_path):
    """The characters evaluated, and the difference of the mean loss from the recorded one; a beginning of each window must give
    the probabilities that the whole of it gives there."""
    known = {character: number for number, character in enumerate(metadata["known_characters"])}
    text = text_path.read_bytes().decode("utf-8")
    numbers = numpy.array([known.get(character, len(known)) for character in text], dtype=numpy.int64)
    context = int(metadata["context"])
    num_windows = (len(numbers) - 1) // context
    shape = (num_windows, context)
    windows, targets = (numbers[start : start + num_windows * context].reshape(shape) for start in (0, 1))
    losses = []
    for start in range(0, num_windows, 100):
        block = windows[start : start + 100]
        logits, probabilities = session.run(["logits", "probabilities"], {"characters": block})
        require_shape("logits", logits, (*block.shape, len(known) + 1))
        logits = logits.astype(numpy.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        log_probabilities = logits - numpy.log(numpy.exp(logits).sum(axis=-1, keepdims=True))
        of_target = numpy.take_along_axis(log_probabilities, targets[start : start + 100, :, None], axis=-1)
        losses.append(-of_target)
        expected = numpy.exp(log_probabilities)
        rows = start + numpy.arange(len(block))
        largest_difference("probability", probabilities, expected[:, -1], rows, scale=1.0)
        for length in {1, context // 2 or 1}:
            (found,) = session.run(["probabilities"], {"characters": block[:7, :length]})
            largest_difference("probability", found, expected[:7, length - 1], rows, scale=1.0)
    metrics = json.loads(evaluation_path.read_text())["metrics"]
    wanted = next(metric["value"] for metric in metrics if metric["name"] == "loss")
    difference = abs(numpy.concatenate(losses).mean() - wanted)
    if not difference <= TOLERANCE:
        raise Failure(f"mean loss {numpy.concatenate(losses).mean():.9g}, expected {wanted:.9g}")
    return num_windows * context, difference


def check(model_path, inputs_path, expected_path):
    """Returns the number of rows and the largest difference."""
    # Here, since benches/onnx_times.py times what a model needs to run, which this is not.
    import onnx

    model = onnx.load(model_path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    options = onnxruntime.SessionOptions()
    # Errors only: they come as exceptions, and the answer is one line.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    levels = json.loads(metadata.get("levels", "[]"))
    is_number, are_labels = names in [["prediction"], ["prediction", "quantiles"]], names == ["labels", "probabilities"]
    if names == ["logits", "probabilities"]:
        return check_text(session, metadata, inputs_path, expected_path)
    if not is_number and not are_labels and names != ["label", "probabilities"]:
        raise Failure(f"the model has the outputs {names}")

    inputs, expected = Table(inputs_path), Table(expected_path)
    num_rows = len(inputs.rows)
    if len(expected.rows) != num_rows:
        raise Failure(f"{inputs_path} has {num_rows} rows, {expected_path} has {len(expected.rows)}")
    arrays = feeds(session.get_inputs(), json.loads(metadata["column_names"]), inputs)
    largest = 0.0
    for rows in batches(num_rows):
        results = session.run(names, {name: array[rows] for name, array in arrays.items()})
        outputs = dict(zip(names, results))
        if is_number:
            if levels:
                wanted = numpy.stack([expected.numbers(f"quantile_{level}") for level in levels], axis=1)
                require_shape("quantiles", outputs["quantiles"], wanted[rows].shape)
                scale = numpy.std(wanted)
                largest = max(largest, largest_difference("quantile", outputs["quantiles"], wanted[rows], rows, scale))
            difference = compare_numbers(outputs, rows, expected, json.loads(metadata.get("target_names", "[]")))
        elif are_labels:
            difference = compare_labels(outputs, rows, expected, json.loads(metadata["label_names"]))
        else:
            difference = compare_classes(outputs, rows, expected, metadata)
        largest = max(largest, difference)
    return num_rows, largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="MODEL.onnx INPUTS.csv EXPECTED.csv",
        help="of each model: raw cells under the names of their columns, empty = missing; and burnlab's predictions of the "
        "same rows, row,predicted[,probability_A,probability_B...]. Of a language model: a text, and evaluation.json",
    )
    files = parser.parse_args().files
    if len(files) % 3:
        parser.error("three files for each model")
    for place in range(0, len(files), 3):
        try:
            num_rows, largest = check(*files[place : place + 3])
        # The libraries have no common class of errors.
        except Exception as error:
            text = " ".join(str(error).split())
            text = text if isinstance(error, Failure) else f"{type(error).__name__}: {text}"
            sys.exit(f"failed: {files[place]}: {text}")
        print(f"ok: {num_rows} rows, largest difference {largest:.3g}")


if __name__ == "__main__":
    main()
