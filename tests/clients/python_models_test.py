#!/usr/bin/env python3
"""MLflow model directories that only Python can answer, made by the real mlflow and scikit-learn, and answered by keelson's pool of
Python workers as by mlflow's own pyfunc.

    KEELSON_MODEL_ANSWERS=build/release/src/serving/keelson_model_answers python python_models_test.py
"""
import os
import pathlib
import sys
import tempfile
import unittest
import warnings

import lightgbm
import mlflow
import mlflow.lightgbm
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "models"))
from tensor_program import Refused, ask  # noqa: E402

warnings.filterwarnings("ignore")
ENVIRONMENT = {**os.environ, "KEELSON_MODEL_PYTHON": sys.executable}


class Tariff(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if (model_input["km"] < 0).any():
            raise ValueError("a way is not negative")
        price = model_input["km"] * 1.5 + model_input["people"]
        return pd.DataFrame({"price": price, "city": model_input["city"].str.upper(), "far": model_input["km"] > 10})


class PythonModels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "model"
        rng = np.random.default_rng(4)
        self.x = rng.normal(size=(80, 3))
        self.y = (self.x[:, 0] > self.x[:, 1]).astype(np.int64)

    def ours(self, inputs):
        return ask(self.path, inputs, env=ENVIRONMENT)

    def test_an_estimator_of_a_matrix(self):
        fitted = KNeighborsClassifier().fit(self.x, self.y)
        mlflow.sklearn.save_model(fitted, self.path, signature=infer_signature(self.x, fitted.predict(self.x)),
                                  input_example=self.x[:2], serialization_format="cloudpickle")
        got = self.ours({"input-0": self.x})
        self.assertEqual(list(got), ["predict"])
        self.assertEqual(got["predict"].tolist(), mlflow.pyfunc.load_model(self.path).predict(self.x).tolist())
        self.assertEqual(got["predict"].dtype, np.int64)
        with self.assertRaisesRegex(Refused, "expected FP64"):
            self.ours({"input-0": self.x.astype(np.float32)})

    def test_an_estimator_in_the_flavor_of_lightgbm(self):
        fitted = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=2, verbose=-1, n_jobs=1).fit(self.x, self.y)
        mlflow.lightgbm.save_model(fitted, self.path, signature=infer_signature(self.x, fitted.predict(self.x)))
        got = self.ours({"input-0": self.x})
        self.assertEqual(got["predict"].tolist(), mlflow.pyfunc.load_model(self.path).predict(self.x).tolist())

    def test_a_pipeline_of_named_columns(self):
        table = pd.DataFrame({"size": self.x[:, 0], "kind": np.where(self.y == 1, "a", "b"), "count": np.arange(80)})
        fitted = make_pipeline(ColumnTransformer([("k", OneHotEncoder(handle_unknown="ignore"), ["kind"])], remainder="passthrough"),
                               LogisticRegression(max_iter=500)).fit(table, self.y)
        mlflow.sklearn.save_model(fitted, self.path, signature=infer_signature(table, fitted.predict_proba(table)),
                                  pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle")
        asked = table.assign(kind=["a", "b", "never seen", ""] * 20)
        got = self.ours({name: asked[name].to_numpy() for name in asked})
        self.assertEqual(got["predict"].tobytes(), fitted.predict_proba(asked).tobytes())

    def test_any_pyfunc(self):
        table = pd.DataFrame({"km": [1.0, 20.0], "people": [2, 3], "city": ["oslo", "z\u00fcrich"]})
        mlflow.pyfunc.save_model(self.path, python_model=Tariff(), signature=infer_signature(table, Tariff().predict(None, table)),
                                 input_example=table)
        got = self.ours({name: table[name].to_numpy() for name in table})
        wanted = mlflow.pyfunc.load_model(self.path).predict(table)
        self.assertEqual(list(got), list(wanted.columns))
        for name in got:
            self.assertEqual(got[name].tolist(), wanted[name].tolist())
        with self.assertRaisesRegex(Refused, "a way is not negative"):
            self.ours({"km": np.array([-1.0]), "people": np.array([1]), "city": np.array(["x"], dtype=object)})
        with self.assertRaisesRegex(Refused, "\"city\" is missing"):
            self.ours({"km": np.array([1.0]), "people": np.array([1])})

    def test_a_model_that_cannot_be_loaded(self):
        fitted = LogisticRegression().fit(self.x, self.y)
        mlflow.sklearn.save_model(fitted, self.path, serialization_format="cloudpickle")
        (self.path / "model.pkl").write_bytes(b"no pickle")
        with self.assertRaisesRegex(Refused, "Python cannot load the model"):
            self.ours({"input-0": self.x})


if __name__ == "__main__":
    unittest.main()
