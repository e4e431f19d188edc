#!/usr/bin/env python3
"""Writes the model fixtures of this folder and what the library itself predicts for hostile rows.

Run with xgboost 3.2.0 (xgboost-cpu) for all but old_* and versions/; once more with xgboost 1.6.2 and the argument "old" for
the first; and with each of xgboost 1.7.6, 2.0.3 and xgboost-cpu 2.1.4, 3.0.5, 3.1.2 (numpy 1.26.4, scipy 1.13.1), 3.3.0
and 3.4.1 (numpy 2.4.6, scipy 1.17.1; pip's --ignore-requires-python on Python 3.11) and the argument "version" for its folder in
versions/:
    python3 generate.py [old|version]
Floats are written as the decimal value of their 32 bits, so that a test compares bits.
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import xgboost as xgb

HERE = pathlib.Path(__file__).parent
FEATURES = 5
rng = np.random.default_rng(7)
X = rng.normal(size=(400, FEATURES)).astype(np.float32)
X[rng.random(X.shape) < 0.1] = np.nan
X[:, 4] = rng.integers(0, 40, 400)
clean = np.nan_to_num(X)
score = clean[:, 0] - clean[:, 1] * clean[:, 2] + (clean[:, 4] % 3) + rng.normal(size=400)
binary = (score > 0.5).astype(np.float32)
three = np.digitize(score, [-0.3, 1.2]).astype(np.float32)
positive = np.exp(score / 3).astype(np.float32)
pair = np.stack([score, clean[:, 0] * 2 + rng.normal(size=400)], axis=1).astype(np.float32)
CAT = ["q", "q", "q", "q", "c"]


def bits(values):
    return [int(v) for v in np.asarray(values, dtype=np.float32).ravel().view(np.uint32)]


def hostile_rows(model):
    booster = model["learner"]["gradient_booster"]
    trees = booster.get("gbtree", booster).get("model", {}).get("trees", [])
    rows = [X[i].copy() for i in range(8)]
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4e38, -3.4e38, 1e-38]
    rows += [np.full(FEATURES, v, dtype=np.float32) for v in special]
    for category in [-1, 39, 40, 41, 2.9, 31.5, 32, 16777215, 16777216, 1e9, np.nan]:
        row = X[len(rows) % 400].copy()
        row[4] = category
        rows.append(row)
    for tree in trees[:4]:
        for left, feature, threshold in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
            if left == -1:
                continue
            for value in (threshold, np.nextafter(np.float32(threshold), np.float32(-9)), -threshold):
                row = X[len(rows) % 400].copy()
                row[feature] = value
                rows.append(row)
    return np.asarray(rows[:48], dtype=np.float32)


def write(name, parameters, label, rounds=6, forms=("json",), feature_types=None, most_rows=48, **data):
    matrix = xgb.DMatrix(X, label=label, feature_types=feature_types, **data)
    parameters = {"max_depth": 3, "seed": 3, "nthread": 1, **parameters}
    booster = xgb.train(parameters, matrix, rounds)
    for form in forms:
        booster.save_model(HERE / f"{name}.{form}")
    with tempfile.TemporaryDirectory() as folder:
        booster.save_model(f"{folder}/model.json")
        model = json.loads(pathlib.Path(folder, "model.json").read_text())
    rows = hostile_rows(model)[:most_rows]
    expected = {"rows": bits(rows), "count": len(rows), "features": FEATURES}
    if parameters.get("booster") in ("gblinear", "dart"):  # in-place: not supported, or (DART) rounded differently
        expected["rows"] = bits(np.where(np.isinf(rows), np.nan, rows))  # the library's DMatrix refuses infinities
        matrix = xgb.DMatrix(np.where(np.isinf(rows), np.nan, rows))
        expected["value"] = bits(booster.predict(matrix))
        expected["margin"] = bits(booster.predict(matrix, output_margin=True))
    else:
        expected["value"] = bits(booster.inplace_predict(rows))
        expected["margin"] = bits(booster.inplace_predict(rows, predict_type="margin"))
        few = xgb.DMatrix(np.where(np.isinf(rows), np.nan, rows)[:30], feature_types=feature_types)
        expected["leaf_rows"] = 30
        expected["leaves"] = [int(v) for v in booster.predict(few, pred_leaf=True).ravel()]
    (HERE / f"{name}.expected").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


if sys.argv[1:] == ["old"]:
    write("old_logistic", {"objective": "binary:logistic", "base_score": 0.3}, binary, rounds=3, forms=("json", "ubj"))
    write("old_softprob", {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "max_depth": 2}, three, rounds=2)
    sys.exit()

if sys.argv[1:] == ["version"]:
    release = tuple(map(int, xgb.__version__.split(".")))
    folder = HERE / "versions" / xgb.__version__
    folder.mkdir(parents=True, exist_ok=True)
    small = {"rounds": 2, "most_rows": 32}
    at = f"versions/{xgb.__version__}"
    write(f"{at}/logistic", {"objective": "binary:logistic", "max_depth": 2}, binary, forms=("json",), **small)
    write(f"{at}/softprob", {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "max_depth": 2}, three,
          forms=("ubj",), **{**small, "rounds": 1})
    write(f"{at}/categorical", {"objective": "binary:logistic", "max_cat_to_onehot": 1, "tree_method": "hist"}, binary,
          forms=("ubj",), feature_types=CAT, **small)
    write(f"{at}/absolute", {"objective": "reg:absoluteerror", "max_depth": 2, "tree_method": "hist"}, score, forms=("ubj",), **small)
    write(f"{at}/poisson", {"objective": "count:poisson", "booster": "dart", "rate_drop": 0.5, "max_depth": 2}, np.floor(positive),
          forms=("json",), **small)
    write(f"{at}/targets", {"objective": "reg:squarederror", "max_depth": 2, "tree_method": "hist"}, pair, forms=("json",), **small)
    if release >= (2, 0):
        write(f"{at}/vector_leaf", {"objective": "reg:squarederror", "multi_strategy": "multi_output_tree", "max_depth": 2,
                                    "tree_method": "hist"}, pair, forms=("ubj",), **small)
        write(f"{at}/quantile", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9], "max_depth": 2,
                                 "tree_method": "hist"}, score, forms=("json",), **small)
    if release >= (3, 3):
        write(f"{at}/expectile", {"objective": "reg:expectileerror", "expectile_alpha": [0.2, 0.8], "max_depth": 2}, score,
              forms=("ubj",), **small)
        write(f"{at}/dropout", {"objective": "binary:logistic", "rate_drop": 0.5, "max_depth": 2}, binary, forms=("json",),
              **{**small, "rounds": 4})
    sys.exit()

write("logistic", {"objective": "binary:logistic"}, binary, forms=("json", "ubj"))
write("squared", {"objective": "reg:squarederror", "max_depth": 5}, score, rounds=2, forms=("ubj",))
write("poisson", {"objective": "count:poisson"}, np.floor(positive), forms=("ubj",))
write("tweedie", {"objective": "reg:tweedie"}, positive, rounds=3, forms=("ubj",))
write("logitraw", {"objective": "binary:logitraw"}, binary, rounds=3, forms=("ubj",))
write("hinge", {"objective": "binary:hinge"}, binary, rounds=3, forms=("ubj",))
write("quantile", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}, score, rounds=3, forms=("ubj",))
write("softprob", {"objective": "multi:softprob", "num_class": 3}, three, rounds=3, forms=("ubj",))
write("softmax", {"objective": "multi:softmax", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.7}, three, rounds=2,
      forms=("ubj",))
write("dart", {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4}, binary, rounds=6, forms=("ubj",))
write("categorical", {"objective": "binary:logistic", "max_cat_to_onehot": 1}, binary, rounds=5, forms=("json",), feature_types=CAT)
write("onehot", {"objective": "reg:squarederror", "max_cat_to_onehot": 100}, score, rounds=3, forms=("ubj",), feature_types=CAT)
write("targets", {"objective": "reg:squarederror"}, pair, rounds=3, forms=("ubj",))
write("vector_leaf", {"objective": "reg:squarederror", "multi_strategy": "multi_output_tree"}, pair, rounds=3, forms=("json",))
write("linear", {"objective": "binary:logistic", "booster": "gblinear"}, binary, rounds=3, forms=("json",))
