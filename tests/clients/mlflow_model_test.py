#!/usr/bin/env python3
"""MLflow's own client loads the model folder that Keelson writes, and predicts the same.

Usage: mlflow_model_test.py FOLDER   with FOLDER/model, an MLflow model directory of ours, and FOLDER/rows.txt: on each line the
encoded inputs of one row and the score that Keelson gave it. Exits 1 with what differs.
"""
import pathlib
import sys
import unittest

import mlflow.models
import mlflow.pyfunc
import mlflow.xgboost
import numpy
import pandas

FOLDER = pathlib.Path(sys.argv[1])
MODEL = str(FOLDER / "model")


class MlflowModelTest(unittest.TestCase):
    def setUp(self):
        table = numpy.loadtxt(FOLDER / "rows.txt", dtype=numpy.float64)
        self.names = [column.name for column in mlflow.models.get_model_info(MODEL).signature.inputs]
        self.rows = pandas.DataFrame(table[:, :-1], columns=self.names)
        self.scores = table[:, -1].astype(numpy.float32)

    def test_pyfunc_predicts_the_same(self):
        predicted = mlflow.pyfunc.load_model(MODEL).predict(self.rows)
        numpy.testing.assert_allclose(predicted, self.scores, rtol=0, atol=1e-6)

    def test_the_booster_has_the_names_of_the_inputs(self):
        self.assertEqual(mlflow.xgboost.load_model(MODEL).feature_names, self.names)

    def test_the_signature_refuses_a_missing_column(self):
        with self.assertRaises(mlflow.exceptions.MlflowException):
            mlflow.pyfunc.load_model(MODEL).predict(self.rows[self.names[1:]])

    def test_the_input_example_is_accepted(self):
        model = mlflow.pyfunc.load_model(MODEL)
        example = model.input_example
        self.assertEqual(list(example.columns), self.names)
        self.assertEqual(len(model.predict(example.astype(float))), len(example))

    def test_the_metadata_is_whole(self):
        info = mlflow.models.get_model_info(MODEL)
        self.assertEqual(set(info.flavors), {"python_function", "xgboost"})
        self.assertEqual(info.flavors["xgboost"]["model_class"], "xgboost.core.Booster")
        requirements = pathlib.Path(mlflow.pyfunc.get_model_dependencies(MODEL, format="pip"))
        self.assertIn("xgboost", requirements.read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
