"""Compares ONNX models with int8 weights with the same ones in float32, in ONNX Runtime.

Needs the packages onnx, onnxruntime and numpy. Prints a line of JSON for each pair: the rows (of a language model characters),
how many predicted labels changed, the largest change of a probability (of a number, in standard deviations of all of them), and the
bytes of both files.
"""

import json
import sys
from pathlib import Path

import numpy
import onnx
from check import Table, feeds


def session_of(path):
    import onnxruntime

    onnx.checker.check_model(onnx.load(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds_of(session, rows):
    """The model's inputs, from a table or a text."""
    metadata = session.get_modelmeta().custom_metadata_map
    if "known_characters" not in metadata:
        return feeds(session.get_inputs(), json.loads(metadata["column_names"]), Table(rows))
    known = {character: number for number, character in enumerate(metadata["known_characters"])}
    context = int(metadata["context"])
    numbers = numpy.array([known.get(character, len(known)) for character in Path(rows).read_text(encoding="utf-8")])
    return {"characters": numbers[: len(numbers) // context * context].reshape(-1, context)[:500].astype(numpy.int64)}


def compare(plain, small, rows):
    sessions = [session_of(path) for path in (plain, small)]
    given = feeds_of(sessions[0], rows)
    names = [output.name for output in sessions[0].get_outputs()]
    before, after = (dict(zip(names, session.run(names, given))) for session in sessions)
    if "logits" in names:
        # Of the next character at each place.
        def softmax(logits):
            powers = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
            return (powers / powers.sum(axis=-1, keepdims=True)).reshape(-1, powers.shape[-1])

        before, after = ({"probabilities": softmax(outputs["logits"])} for outputs in (before, after))
        for outputs in (before, after):
            outputs["label"] = outputs["probabilities"].argmax(axis=-1)
    label = next((name for name in ("label", "labels") if name in before), None)
    numbers = "probabilities" if "probabilities" in before else "prediction"
    change = numpy.abs(after[numbers].astype(float) - before[numbers])
    if numbers == "prediction":
        change /= numpy.maximum(before[numbers].std(axis=0), 1e-12)
    changed = 0 if label is None else int((before[label] != after[label]).reshape(len(before[label]), -1).any(axis=1).sum())
    sizes = [Path(path).stat().st_size for path in (plain, small)]
    return {"rows": len(before[numbers]), "changed": changed, "largest": float(change.max()), "bytes": sizes}


if __name__ == "__main__":
    files = sys.argv[1:]
    for place in range(0, len(files), 3):
        print(json.dumps(compare(*files[place : place + 3])))
