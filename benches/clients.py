"""Triton's and MLflow's own clients against `burnlab serve`, as `clients.sh` starts it: both must get what `burnlab predict`
writes for the test rows of each model, and `burnlab generate` for language models."""

import pathlib
import subprocess
import sys

import numpy
import pandas
import tritonclient.http as triton
from mlflow.pyfunc.scoring_server.client import ScoringServerClient


def predicted(burnlab, model):
    """The rows of the model's own file, or of its run's test part, and what burnlab writes of them."""
    file = pathlib.Path(f"{model}.csv")
    if not file.exists():
        file = max(pathlib.Path("artifacts/runs").glob(f"{model}-2*")) / "test.csv"
    rows = pandas.read_csv(file, dtype=str, keep_default_na=False)
    subprocess.run([burnlab, "predict", model, file, "-o", "expected.csv"], check=True, capture_output=True)
    return rows, pandas.read_csv("expected.csv", dtype=str, keep_default_na=False)


def check_triton(client, model, rows, expected, binary):
    described = client.get_model_metadata(model)
    inputs = []
    for column in described["inputs"]:
        cells = rows[column["name"]]
        if column["datatype"] == "BYTES":
            values = cells.to_numpy(dtype=object)
        else:
            values = pandas.to_numeric(cells, errors="coerce").to_numpy(dtype=numpy.float64)
        tensor = triton.InferInput(column["name"], list(values.shape), column["datatype"])
        tensor.set_data_from_numpy(values, binary_data=binary)
        inputs.append(tensor)
    answer = client.infer(model, inputs)
    found = answer.as_numpy("predicted")
    if found.dtype == object:
        assert [value.decode() if isinstance(value, bytes) else value for value in found] == list(expected["predicted"])
        wanted = expected.filter(regex="^probability_").astype(float).to_numpy()
        numpy.testing.assert_allclose(answer.as_numpy("probabilities"), wanted, atol=1e-6)
    else:
        numpy.testing.assert_allclose(found, expected["predicted"].astype(float), rtol=1e-5, atol=1e-6)
    if any(name.startswith("quantile_") for name in expected):
        wanted = expected.filter(regex="^quantile_").astype(float).to_numpy()
        numpy.testing.assert_allclose(answer.as_numpy("quantiles"), wanted, rtol=1e-5, atol=1e-6)
    return len(rows)


def check_mlflow(client, rows, expected):
    client.ping()
    table = rows.drop(columns=rows.columns[-1])
    table = table.apply(lambda cells: cells.where(cells != "", None))
    labels = list(expected["predicted"])
    for data in (table, table.to_numpy().tolist()):
        found = client.invoke(data).get_predictions(predictions_format="ndarray").ravel()
        assert [str(value) for value in found] == labels, data
    client.invoke(table, params={"probabilities": True})
    return 3 * len(rows)


def check_text(client, burnlab, model):
    wanted = subprocess.run(
        [burnlab, "generate", model, "--prompt", "Alice", "--length", "50", "--temperature", "0"],
        check=True, capture_output=True, text=True,
    ).stdout
    prompt = triton.InferInput("text_input", [1], "BYTES")
    prompt.set_data_from_numpy(numpy.array(["Alice"], dtype=object))
    answer = client.infer(model, [prompt], parameters={"length": 50, "temperature": 0})
    (text,) = answer.as_numpy("text_output")
    text = text.decode() if isinstance(text, bytes) else text
    assert f"Alice{text}\n" == wanted, (text, wanted)


def main():
    burnlab, address, *models = sys.argv[1:]
    host = address.removeprefix("http://")
    client = triton.InferenceServerClient(host)
    assert client.is_server_live() and client.is_server_ready()
    first = True
    for model in models:
        assert client.is_model_ready(model)
        if client.get_model_metadata(model)["inputs"][0]["name"] == "text_input":
            check_text(client, burnlab, model)
            print(f"tritonclient: {model}: the same text")
            continue
        rows, expected = predicted(burnlab, model)
        for binary in (True, False):
            count = check_triton(client, model, rows, expected, binary)
            print(f"tritonclient, {'binary' if binary else 'JSON'}: {model}: {count} rows the same")
        if first:
            count = check_mlflow(ScoringServerClient(*host.split(":")), rows, expected)
            print(f"MLflow's client: {model}: {count} rows the same")
            first = False


main()
