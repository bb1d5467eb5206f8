"""Checks an ONNX model that burnlab wrote: runs it with ONNX Runtime and compares with burnlab's own predictions.

Needs the packages onnx, onnxruntime and numpy.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy
import onnx
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


def compare_classes(outputs, rows, expected, classes):
    """The largest difference of a probability in `rows` (a slice)."""
    wanted = numpy.stack([expected.numbers(f"probability_{name}") for name in classes], axis=1)[rows]
    labels = expected.column("predicted")[rows]
    require_shape("probabilities", outputs["probabilities"], wanted.shape)
    require_shape("label", outputs["label"], wanted.shape[:1])
    top = numpy.sort(wanted, axis=1)
    for row, (got, label) in enumerate(zip(outputs["label"], labels), rows.start):
        if got.strip(SPACE) != label and top[row - rows.start, -1] - top[row - rows.start, -2] > TIE:
            raise Failure(f"row {row}: label {got!r}, expected {label!r}")
    return largest_difference("probability", outputs["probabilities"], wanted, rows, scale=1.0)


def compare_labels(outputs, rows, expected, names):
    """The largest difference of a probability in `rows` (a slice)."""
    wanted = numpy.stack([expected.numbers(f"probability_{name}") for name in names], axis=1)[rows]
    labels = numpy.stack([expected.numbers(f"predicted_{name}") for name in names], axis=1)[rows]
    require_shape("labels", outputs["labels"], wanted.shape)
    require_shape("probabilities", outputs["probabilities"], wanted.shape)
    if not (outputs["labels"] == labels).all():
        raise Failure(f"labels {outputs['labels'].tolist()}, expected {labels.tolist()}")
    return largest_difference("probability", outputs["probabilities"], wanted, rows, scale=1.0)


def compare_numbers(outputs, rows, expected, names):
    """The largest difference of a number in `rows` (a slice), in standard deviations of all expected ones."""
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
        number = rows.start + row
        raise Failure(f"row {number}: {what} {got[row, column]:.9g}, expected {wanted[row, column]:.9g}")
    return differences[row, column]


def check(model_path, inputs_path, expected_path):
    """Returns the number of rows and the largest difference."""
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
    if not is_number and not are_labels and names != ["label", "probabilities"]:
        raise Failure(f"the model has the outputs {names}")

    inputs, expected = Table(inputs_path), Table(expected_path)
    num_rows = len(inputs.rows)
    if len(expected.rows) != num_rows:
        raise Failure(f"{inputs_path} has {num_rows} rows, {expected_path} has {len(expected.rows)}")
    arrays = feeds(session.get_inputs(), json.loads(metadata["column_names"]), inputs)
    largest = 0.0
    for rows in [slice(0, num_rows), slice(num_rows // 2, num_rows // 2 + 1)]:
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
            difference = compare_classes(outputs, rows, expected, json.loads(metadata["class_names"]))
        largest = max(largest, difference)
    return num_rows, largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument(
        "inputs", type=Path, metavar="INPUTS.csv", help="raw cells under the names of their columns; empty = missing"
    )
    parser.add_argument(
        "expected",
        type=Path,
        metavar="EXPECTED.csv",
        help="burnlab's predictions of the same rows: row,predicted[,probability_A,probability_B...]",
    )
    arguments = parser.parse_args()
    try:
        num_rows, largest = check(arguments.model, arguments.inputs, arguments.expected)
    # The libraries have no common class of errors.
    except Exception as error:
        text = " ".join(str(error).split())
        sys.exit(f"failed: {text if isinstance(error, Failure) else f'{type(error).__name__}: {text}'}")
    print(f"ok: {num_rows} rows, largest difference {largest:.3g}")


if __name__ == "__main__":
    main()
