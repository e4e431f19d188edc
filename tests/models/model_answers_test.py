#!/usr/bin/env python3
"""Models of every kind, trained here by the real libraries, answered by ours: the same floats, bit for bit.

    KEELSON_MODEL_ANSWERS=build/release/src/serving/keelson_model_answers python model_answers_test.py
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import warnings

import lightgbm
import numpy as np
import xgboost

from model_cases import CATEGORICAL, FEATURES, Data, hostile_rows

warnings.filterwarnings("ignore")
PROGRAM = os.environ["KEELSON_MODEL_ANSWERS"]


class ModelTestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def ask(self, path, kind, rows, each=1000):
        return subprocess.run([PROGRAM, str(path), kind, str(each)], input=rows.astype(np.float32).tobytes(),
                              capture_output=True, check=False)

    def expect(self, path, kind, rows, wanted):
        """The library's answer for the rows, in one batch and row by row."""
        with np.errstate(over="ignore"):
            wanted = np.asarray(wanted).astype(np.float32).ravel()
        for each in (1000, 1):
            answer = self.ask(path, kind, rows, each)
            self.assertEqual(answer.returncode, 0, answer.stderr.decode())
            ours = np.frombuffer(answer.stdout, dtype=np.float32)
            self.assertEqual(ours.shape, wanted.shape, kind)
            same = (ours.view(np.uint32) == wanted.view(np.uint32)) | (np.isnan(ours) & np.isnan(wanted))
            first = int(np.argmin(same))
            self.assertTrue(same.all(), f"{kind}, {each} a call: {np.sum(~same)} of {same.size} differ, first {first}: "
                                        f"{ours[first]!r} for {wanted[first]!r}")

    def expect_refusal(self, path, kind, rows, text):
        answer = self.ask(path, kind, rows)
        self.assertEqual(answer.returncode, 1)
        self.assertIn(text, answer.stderr.decode())


class XgboostAnswers(ModelTestCase):
    def train(self, data, label, rounds=8, categorical=False, form="ubj", **parameters):
        if parameters.get("booster") != "gblinear":
            parameters = {"max_depth": 4, **parameters}
        label = dict(label) if isinstance(label, dict) else {"label": label}
        types = ["q"] * FEATURES
        if categorical:
            types[CATEGORICAL] = "c"
        group = label.pop("group", None)
        matrix = xgboost.DMatrix(data.x, feature_types=types, **label)
        if group is not None:
            matrix.set_group(group)
        booster = xgboost.train({"seed": 3, "nthread": 1, **parameters}, matrix, rounds)
        path = self.folder / f"model.{form}"
        booster.save_model(path)
        return booster, path, types

    def thresholds(self, booster):
        found = []
        for tree in json.loads(booster.save_raw("json"))["learner"]["gradient_booster"].get("model", {}).get("trees", []):
            found += [(f, t) for left, f, t in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"])
                      if left != -1]
        return found

    def check(self, data, label, contributions=True, leaves=True, **parameters):
        booster, path, types = self.train(data, label, **parameters)
        rows = hostile_rows(data, self.thresholds(booster))
        finite = np.where(np.isinf(rows), np.nan, rows)  # the library's own matrix refuses infinities
        matrix = xgboost.DMatrix(finite, feature_types=types)
        if parameters.get("booster") in ("gblinear", "dart"):  # predicted in place: refused, or rounded differently
            rows = finite
            self.expect(path, "value", rows, booster.predict(matrix))
            self.expect(path, "margin", rows, booster.predict(matrix, output_margin=True))
        else:
            self.expect(path, "value", rows, booster.inplace_predict(rows))
            self.expect(path, "margin", rows, booster.inplace_predict(rows, predict_type="margin"))
        if leaves:
            self.expect(path, "leaves", finite, booster.predict(matrix, pred_leaf=True))
        if contributions:
            self.expect(path, "contributions", finite, booster.predict(matrix, pred_contribs=True))

    def test_objectives(self):
        data = Data(1)
        labels = {"reg:squarederror": data.score, "reg:squaredlogerror": data.positive, "reg:pseudohubererror": data.score,
                  "reg:absoluteerror": data.score, "reg:logistic": data.share, "binary:logistic": data.binary,
                  "binary:logitraw": data.binary, "binary:hinge": data.binary, "count:poisson": data.counts,
                  "reg:gamma": data.positive, "reg:tweedie": data.positive, "survival:cox": data.positive,
                  "survival:aft": {"label_lower_bound": data.positive, "label_upper_bound": data.positive + 1},
                  "rank:pairwise": {"label": data.binary, "group": data.groups},
                  "rank:ndcg": {"label": data.binary, "group": data.groups},
                  "rank:map": {"label": data.binary, "group": data.groups}}
        for objective, label in labels.items():
            with self.subTest(objective):
                self.check(data, label, objective=objective)

    def test_many_outputs(self):
        data = Data(2)
        self.check(data, data.three, objective="multi:softprob", num_class=3)
        self.check(data, data.three, objective="multi:softmax", num_class=3, num_parallel_tree=2, subsample=0.7)
        self.check(data, data.score, objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9])
        self.check(data, data.pair, objective="reg:squarederror")

    def test_vector_leaves(self):
        data = Data(3)
        self.check(data, data.pair, objective="reg:squarederror", multi_strategy="multi_output_tree", tree_method="hist",
                   contributions=False, form="json")
        _, path, _ = self.train(data, data.pair, objective="reg:squarederror", multi_strategy="multi_output_tree")
        self.expect_refusal(path, "contributions", data.x, "vector leaves")

    def test_categories(self):
        data = Data(4)
        self.check(data, data.binary, objective="binary:logistic", categorical=True, max_cat_to_onehot=1)
        self.check(data, data.score, objective="reg:squarederror", categorical=True, max_cat_to_onehot=100, form="json")
        self.check(data, data.three, objective="multi:softprob", num_class=3, categorical=True)

    def test_dart_and_linear(self):
        data = Data(5)
        self.check(data, data.binary, objective="binary:logistic", booster="dart", rate_drop=0.4, rounds=12)
        self.check(data, data.three, objective="multi:softprob", num_class=3, booster="dart", rate_drop=0.4)
        for label, extra in ((data.binary, {"objective": "binary:logistic"}),
                             (data.three, {"objective": "multi:softprob", "num_class": 3})):
            self.check(data, label, booster="gblinear", leaves=False, **extra)

    def test_shapes(self):
        for depth, rounds, missing in ((1, 40, 0), (2, 40, 0.1), (3, 80, 0.3), (6, 60, 0.1), (7, 20, 0), (9, 20, 0.1), (12, 10, 0.1)):
            with self.subTest(depth=depth):
                data = Data(depth, rows=2000, missing=missing)
                self.check(data, data.score, objective="reg:squarederror", max_depth=depth, rounds=rounds, max_bin=2000,
                           min_child_weight=0)

    def test_leafwise_and_pruned(self):
        data = Data(6, rows=2000)
        self.check(data, data.binary, objective="binary:logistic", grow_policy="lossguide", max_leaves=31, max_depth=0, rounds=20)
        self.check(data, data.score, objective="reg:squarederror", gamma=20, max_depth=8, rounds=20, tree_method="exact")


class LightgbmAnswers(ModelTestCase):
    def train(self, data, label, rounds=8, categorical=False, **parameters):
        parameters = {"num_leaves": 15, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "seed": 3, **parameters}
        group = data.groups if parameters["objective"] in ("lambdarank", "rank_xendcg") else None
        dataset = lightgbm.Dataset(data.x, label=label, group=group, params=parameters,
                                   categorical_feature=[CATEGORICAL] if categorical else [])
        path = self.folder / "model.txt"
        lightgbm.train(parameters, dataset, rounds).save_model(path)
        return lightgbm.Booster(model_file=path), path  # as a server would load it

    def thresholds(self, path):
        found = []
        features = []
        for line in path.read_text().splitlines():
            key, _, value = line.partition("=")
            if key == "split_feature":
                features = [int(part) for part in value.split()]
            if key == "threshold":
                found += list(zip(features, [float(part) for part in value.split()]))
        return found

    def check(self, data, label, contributions=True, **parameters):
        booster, path = self.train(data, label, **parameters)
        rows = hostile_rows(data, self.thresholds(path))
        self.expect(path, "value", rows, booster.predict(rows, num_threads=1))
        self.expect(path, "margin", rows, booster.predict(rows, raw_score=True, num_threads=1))
        self.expect(path, "leaves", rows, booster.predict(rows, pred_leaf=True, num_threads=1))
        if contributions:
            self.expect(path, "contributions", rows, booster.predict(rows, pred_contrib=True, num_threads=1))

    def test_objectives(self):
        data = Data(11)
        labels = {"regression": data.score, "regression_l1": data.score, "huber": data.score, "fair": data.score,
                  "poisson": data.counts, "quantile": data.score, "mape": data.score, "gamma": data.positive,
                  "tweedie": data.positive, "binary": data.binary, "cross_entropy": data.share,
                  "cross_entropy_lambda": data.share, "lambdarank": data.binary, "rank_xendcg": data.binary}
        for objective, label in labels.items():
            with self.subTest(objective):
                self.check(data, label, objective=objective)
        self.check(data, data.score, objective="regression", reg_sqrt=True)
        self.check(data, data.binary, objective="binary", sigmoid=2.5)

    def test_many_outputs(self):
        data = Data(12)
        self.check(data, data.three, objective="multiclass", num_class=3)
        self.check(data, data.three, objective="multiclassova", num_class=3, sigmoid=0.7)

    def test_boosting(self):
        data = Data(13)
        self.check(data, data.binary, objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6)
        self.check(data, data.binary, objective="binary", boosting="dart", drop_rate=0.5, rounds=12)
        self.check(data, data.score, objective="regression", data_sample_strategy="goss", rounds=20)

    def test_categories(self):
        data = Data(14)
        self.check(data, data.binary, objective="binary", categorical=True, min_data_per_group=5, cat_smooth=1)
        self.check(data, data.three, objective="multiclass", num_class=3, categorical=True, max_cat_to_onehot=40)

    def test_missing(self):
        for seed, missing in ((15, 0), (16, 0.3)):
            data = Data(seed, missing=missing)
            self.check(data, data.score, objective="regression")
            self.check(data, data.score, objective="regression", use_missing=False)
            self.check(data, data.score, objective="regression", zero_as_missing=True)

    def test_linear_leaves(self):
        data = Data(17)
        self.check(data, data.score, objective="regression", linear_tree=True, contributions=False)
        _, path = self.train(data, data.score, objective="regression", linear_tree=True)
        self.expect_refusal(path, "contributions", data.x, "linear leaves")

    def test_shapes(self):
        for leaves, rounds in ((2, 30), (4, 60), (31, 60), (255, 20)):
            with self.subTest(leaves=leaves):
                data = Data(leaves, rows=3000)
                self.check(data, data.score, objective="regression", num_leaves=leaves, rounds=rounds, min_data_in_leaf=2)

    def test_constant(self):
        data = Data(18)
        self.check(data, np.ones(len(data.x)), objective="regression", rounds=3)


if __name__ == "__main__":
    unittest.main()
