"""Answers for a file of rows by a peer: PEER FOLDER ROWS. Reads ROWS.csv, writes a label and its probabilities a row.

"fit" trains scikit-learn's pipeline on train.csv and keeps it.
"""
import json
import sys
import time

import numpy as np
import pandas

peer, folder, *rest = sys.argv[1:]
if peer == "fit":
    import joblib
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = pandas.read_csv(f"{folder}/train.csv")
    model = make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=20))
    joblib.dump(model.fit(table.drop(columns="y").to_numpy(), table["y"]), f"{folder}/model.joblib")
    sys.exit()
table = pandas.read_csv(f"{folder}/{rest[0]}.csv")
start = time.perf_counter()
if peer == "scikit-learn":
    import joblib

    model = joblib.load(f"{folder}/model.joblib")
    probabilities = model.predict_proba(table.drop(columns="y").to_numpy())
    labels = model.classes_[probabilities.argmax(axis=1)]
else:
    import onnxruntime

    session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
    given = session.get_inputs()[0].name
    labels, probabilities = session.run(None, {given: table.drop(columns="y").to_numpy(np.float32)})
seconds = time.perf_counter() - start
answers = pandas.DataFrame(probabilities)
answers.insert(0, "predicted", np.asarray(labels).ravel())
answers.to_csv(f"{folder}/answers.csv", index=False)
print(json.dumps({"model": seconds}))
