#!/usr/bin/env python3
"""Models of scikit-learn, saved as MLflow saves them, answered by ours without Python and by scikit-learn itself: the same bits for
trees and for what stands before them, the same labels for all; probabilities and linear sums to 4 units in the last place of their
largest summand, for those go through exp and through BLAS, whose order of adding depends on the machine.

    KEELSON_MODEL_ANSWERS=build/release/src/serving/keelson_model_answers python sklearn_answers_test.py
"""
import os
import pathlib
import pickle
import tempfile
import unittest
import warnings

import numpy as np
import sklearn
from sklearn.ensemble import (ExtraTreesClassifier, ExtraTreesRegressor, GradientBoostingClassifier, GradientBoostingRegressor,
                              HistGradientBoostingClassifier, HistGradientBoostingRegressor, IsolationForest,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (ElasticNet, ElasticNetCV, Lasso, LassoCV, LinearRegression, LogisticRegression,
                                  LogisticRegressionCV, Ridge, RidgeCV, SGDClassifier, SGDRegressor)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from model_cases import FEATURES, Data, hostile_rows
from tensor_program import Refused, ask

warnings.filterwarnings("ignore")
NO_PYTHON = {**os.environ, "KEELSON_MODEL_PYTHON": "/bin/false"}  # what is not native fails
MLMODEL = """flavors:
  python_function: {{loader_module: mlflow.sklearn, model_path: model.pkl, predict_fn: {method}}}
  sklearn: {{code: null, pickled_model: model.pkl, serialization_format: pickle, sklearn_version: {version}}}
{signature}"""
TENSOR = """signature:
  inputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "{dtype}", "shape": [-1, {features}]}}}}]'
"""


class Own(RandomForestRegressor):
    pass


def thresholds(fitted):
    """(feature, number) of the splits of a fitted model's trees."""
    last = fitted[-1] if hasattr(fitted, "steps") else fitted
    found = []
    if hasattr(last, "_predictors"):
        for stage in last._predictors:
            for each in stage:
                found += [(node["feature_idx"], node["num_threshold"]) for node in each.nodes if not node["is_leaf"]]
    trees = np.ravel(getattr(last, "estimators_", [last]))
    for each in trees:
        if hasattr(each, "tree_"):
            found += [(f, t) for f, t in zip(each.tree_.feature, each.tree_.threshold) if f >= 0]
    return found


class SklearnAnswers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.data = Data(21)
        self.clean = np.nan_to_num(self.data.x).astype(np.float64) + self.data.rng.normal(size=self.data.x.shape) * 1e-3
        self.holes = np.where(np.isnan(self.data.x), np.nan, self.clean)
        self.texts = np.array(["low", "mid", "high \u00e9"])[self.data.three.astype(int)]

    def save(self, fitted, method="predict", dtype="float64", protocol=4, signature=True):
        said = TENSOR.format(dtype=dtype, features=FEATURES) if signature else ""
        (self.path / "MLmodel").write_text(MLMODEL.format(method=method, version=sklearn.__version__, signature=said))
        (self.path / "model.pkl").write_bytes(pickle.dumps(fitted, protocol=protocol))

    def rows(self, fitted):
        rows = hostile_rows(self.data, thresholds(fitted)).astype(np.float64)
        doubles = [(f, np.nextafter(t, side)) for f, t in thresholds(fitted)[:20] for side in (-np.inf, np.inf)]
        for i, (feature, value) in enumerate(doubles):
            rows[i % len(rows), feature] = value
        return rows

    @staticmethod
    def wanted(fitted, method, rows):
        """What scikit-learn answers for the rows that it takes, and which those are."""
        huge = np.where(np.isnan(rows), 0, np.abs(rows)).max(axis=1)
        kinds = np.isnan(rows).any(axis=1) * 3 + (huge > 1e30) + np.isinf(huge)
        taken, answers = np.zeros(len(rows), dtype=bool), None
        for kind in range(6):
            of_kind = kinds == kind
            try:
                answer = getattr(fitted, method)(rows[of_kind])
            except ValueError:
                continue
            answers = np.zeros((len(rows), *answer.shape[1:]), answer.dtype) if answers is None else answers
            answers[of_kind] = answer
            taken |= of_kind
        return taken, answers[taken]

    def check(self, fitted, method="predict", ulps=0, dtype="float64", protocol=4, scale=lambda rows: 1.0):
        self.save(fitted, method, dtype, protocol)
        rows = self.rows(fitted).astype(dtype)
        taken, wanted = self.wanted(fitted, method, rows)
        self.assertGreater(taken.sum(), 100)
        got = ask(self.path, {"input-0": rows[taken]}, env=NO_PYTHON)
        self.assertEqual(list(got), ["predict"])
        ours = got["predict"]
        self.assertEqual(ours.shape, wanted.shape)
        if wanted.dtype.kind in "OU":
            self.assertEqual(ours.tolist(), wanted.tolist())
            return
        self.assertEqual(ours.dtype, wanted.dtype)
        if ulps == 0:
            self.assertEqual(ours.tobytes(), wanted.tobytes())
        else:
            largest = np.maximum(np.abs(wanted), scale(rows[taken]))
            self.assertLessEqual(np.max(np.abs(ours - wanted) / np.spacing(largest)), ulps)
        for i in np.flatnonzero(~taken)[-1:]:
            with self.assertRaises(ValueError) as theirs:
                getattr(fitted, method)(rows[i:i + 1])
            with self.assertRaises(Refused) as refused:
                ask(self.path, {"input-0": rows[i:i + 1]}, env=NO_PYTHON)
            self.assertEqual(str(refused.exception).strip(), f"ValueError: {theirs.exception}")

    def check_linear(self, fitted, method="predict", transform=lambda rows: rows):
        weights = np.abs(np.atleast_2d((fitted[-1] if hasattr(fitted, "steps") else fitted).coef_))
        self.check(fitted, method, ulps=4, scale=lambda rows: np.max(np.abs(transform(rows))[:, None, :] * weights, axis=(1, 2)))

    def test_trees_and_forests(self):
        shape = {"max_depth": 7, "random_state": 1}
        many = {"n_estimators": 13, **shape}
        for x in (self.clean, self.holes):
            for estimator in (DecisionTreeClassifier(**shape), RandomForestClassifier(**many), ExtraTreeClassifier(**shape),
                              ExtraTreesClassifier(**many)):
                for labels in (self.texts, self.data.binary.astype(int), self.data.binary == 1, self.data.three):
                    with self.subTest(estimator, labels=labels.dtype):
                        try:
                            estimator.fit(x, labels)
                        except ValueError:
                            continue  # of a version whose extra trees take no NaN
                        self.check(estimator)
                        self.check(estimator, "predict_proba", protocol=5)
            for estimator in (DecisionTreeRegressor(**shape), RandomForestRegressor(**many), ExtraTreeRegressor(**shape),
                              ExtraTreesRegressor(**many), DecisionTreeRegressor(max_leaf_nodes=9),
                              DecisionTreeRegressor(splitter="random")):
                with self.subTest(estimator):
                    try:
                        estimator.fit(x, self.data.score)
                    except ValueError:
                        continue
                    self.check(estimator, protocol=2)

    def test_a_whole_forest_of_deep_trees(self):
        self.check(RandomForestRegressor(40, random_state=2).fit(self.holes, self.data.score))
        self.check(RandomForestClassifier(40, random_state=2).fit(self.clean, self.texts), "predict_proba")

    def test_boosted_trees(self):
        shape = {"n_estimators": 12, "random_state": 1}
        for loss in ("squared_error", "absolute_error", "huber", "quantile"):
            self.check(GradientBoostingRegressor(loss=loss, **shape).fit(self.clean, self.data.score))
        self.check(GradientBoostingRegressor(init="zero", **shape).fit(self.clean, self.data.score))
        for loss, labels in (("log_loss", self.texts), ("log_loss", self.data.binary), ("exponential", self.data.binary)):
            fitted = GradientBoostingClassifier(loss=loss, **shape).fit(self.clean, labels)
            self.check(fitted)
            self.check(fitted, "predict_proba", ulps=4)

    def test_histogram_boosted_trees(self):
        shape = {"max_iter": 12, "random_state": 1}
        for x in (self.clean, self.holes):
            for loss, y in (("squared_error", self.data.score), ("absolute_error", self.data.score),
                            ("quantile", self.data.score), ("poisson", self.data.counts), ("gamma", self.data.positive)):
                extra = {"quantile": 0.8} if loss == "quantile" else {}
                self.check(HistGradientBoostingRegressor(loss=loss, **extra, **shape).fit(x, y),
                           ulps=4 if loss in ("poisson", "gamma") else 0)
            for labels in (self.texts, self.data.binary):
                fitted = HistGradientBoostingClassifier(**shape).fit(x, labels)
                self.check(fitted)
                self.check(fitted, "predict_proba", ulps=4)

    def test_linear_models(self):
        for estimator in (LinearRegression(), Ridge(), Lasso(0.01), ElasticNet(0.01), SGDRegressor(random_state=1), RidgeCV(),
                          LassoCV(cv=3), ElasticNetCV(cv=3), LinearRegression(fit_intercept=False)):
            with self.subTest(estimator):
                fitted = make_pipeline(StandardScaler(), estimator).fit(self.clean, self.data.score)
                self.check_linear(fitted, transform=fitted[0].transform)
        self.check_linear(Ridge().fit(self.clean, self.data.score))

    def test_linear_classifiers(self):
        for labels in (self.texts, self.data.binary):
            for estimator in (LogisticRegression(), SGDClassifier(loss="log_loss", random_state=1), LinearSVC(),
                              LogisticRegressionCV(cv=3, Cs=2), SGDClassifier(random_state=1)):
                with self.subTest(estimator, labels=labels.dtype):
                    fitted = make_pipeline(StandardScaler(), estimator).fit(self.clean, labels)
                    self.check(fitted)
                    if hasattr(fitted, "predict_proba"):
                        self.check_shares(fitted)

    def check_shares(self, fitted):
        """Probabilities are as near as their exponents: what is off there is off here times the exponent."""
        self.save(fitted, "predict_proba")
        rows = self.clean[:100]
        wanted = fitted.predict_proba(rows)
        got = ask(self.path, {"input-0": rows}, env=NO_PYTHON)["predict"]
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-300)

    def test_pipelines(self):
        forest = RandomForestRegressor(9, max_depth=5, random_state=1)
        for steps in ((SimpleImputer(), StandardScaler(), forest), (SimpleImputer(strategy="median"), MinMaxScaler(), forest),
                      (SimpleImputer(strategy="constant", fill_value=-1.5), "passthrough", MinMaxScaler(clip=True), forest),
                      (StandardScaler(with_mean=False), forest), (StandardScaler(with_std=False), forest),
                      ("passthrough", forest), (MinMaxScaler((-3, 2)), forest)):
            with self.subTest(str(steps)):
                self.check(make_pipeline(*steps).fit(self.holes, self.data.score))

    def test_other_numbers_than_doubles(self):
        forest = RandomForestClassifier(9, max_depth=5, random_state=1).fit(self.clean, self.texts)
        self.check(forest, dtype="float32")
        self.save(forest, dtype="int64")
        rows = np.arange(60).reshape(10, FEATURES) % 7 - 3
        self.assertEqual(ask(self.path, {"input-0": rows}, env=NO_PYTHON)["predict"].tolist(), forest.predict(rows).tolist())
        self.save(forest, signature=False)
        self.assertEqual(ask(self.path, {"input-0": self.clean}, env=NO_PYTHON)["predict"].tolist(), forest.predict(self.clean).tolist())
        with self.assertRaisesRegex(Refused, "X has 5 features, but RandomForestClassifier is expecting 6 features as input."):
            ask(self.path, {"input-0": self.clean[:, :5]}, env=NO_PYTHON)

    def test_what_is_left_to_python(self):
        patched = Ridge().fit(self.clean, self.data.score)
        patched.predict = print
        both = np.stack([self.data.score, self.data.binary], axis=1)
        for name, fitted in {
            "a subclass": Own(3).fit(self.clean, self.data.score),
            "another class": IsolationForest(n_estimators=5).fit(self.clean),
            "a method of its own": patched,
            "two outputs": RandomForestRegressor(3).fit(self.clean, both),
            "two outputs of a linear model": Ridge().fit(self.clean, both),
            "categories": HistGradientBoostingRegressor(max_iter=3, categorical_features=[5]).fit(
                np.nan_to_num(np.abs(self.data.x)), self.data.score),
            "an indicator": make_pipeline(SimpleImputer(add_indicator=True), Ridge()).fit(self.holes, self.data.score),
            "an estimator to begin with": GradientBoostingRegressor(n_estimators=3, init=Ridge()).fit(self.clean, self.data.score),
        }.items():
            with self.subTest(name):
                self.save(fitted)
                with self.assertRaisesRegex(Refused, "did not start"):
                    ask(self.path, {"input-0": self.clean}, env=NO_PYTHON)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
