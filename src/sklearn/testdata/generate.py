#!/usr/bin/env python3
"""Writes the models of testdata: VERSION/NAME.pkl or .skops, and VERSION/answers.json with what scikit-learn itself says of some rows.

    python generate.py            # with the scikit-learn that is to be in the path, and skops for the zip files

Run once a version of scikit-learn (1.5.2, 1.6.1, 1.7.2, 1.8.0, 1.9.1); what is here was written so, with numpy 2.4.
"""
import json
import pathlib
import pickle
import warnings
import zipfile

import numpy as np
import sklearn
from sklearn import ensemble, impute, linear_model, pipeline, preprocessing, svm, tree

warnings.filterwarnings("ignore")
FOLDER = pathlib.Path(__file__).resolve().parent / sklearn.__version__
rng = np.random.default_rng(7)
X = rng.normal(size=(60, 3))
SCORE = X[:, 0] - X[:, 1] * X[:, 2]
HOLES = np.where(rng.random(X.shape) < 0.15, np.nan, X)
THREE = np.array(["low", "mid", "high"])[np.digitize(SCORE, [-0.5, 0.7])]
TWO = (SCORE > 0).astype(np.int64) * 10
SMALL = {"max_depth": 3, "random_state": 0}

CASES = {
    # name: estimator, its rows and targets, what is asked, pickle protocol or "skops"
    "forest": (ensemble.RandomForestClassifier(9, **SMALL), HOLES, THREE, "predict", 4),
    "forest_shares": (ensemble.RandomForestClassifier(9, **SMALL), HOLES, THREE, "predict_proba", 5),
    "extra_trees": (ensemble.ExtraTreesRegressor(10, **SMALL), X, SCORE, "predict", 2),
    "tree": (tree.DecisionTreeClassifier(**SMALL), X, TWO == 10, "predict", 4),
    "boosted": (ensemble.GradientBoostingClassifier(n_estimators=5, **SMALL), X, TWO, "predict", 4),
    "boosted_shares": (ensemble.GradientBoostingClassifier(n_estimators=3, **SMALL), X, THREE, "predict_proba", 4),
    "boosted_number": (ensemble.GradientBoostingRegressor(n_estimators=9, loss="huber", **SMALL), X, SCORE, "predict", 4),
    "hist": (ensemble.HistGradientBoostingClassifier(max_iter=3, max_bins=16, min_samples_leaf=5, **SMALL), HOLES, THREE,
             "predict", 4),
    "hist_number": (ensemble.HistGradientBoostingRegressor(max_iter=3, max_bins=16, min_samples_leaf=5, loss="poisson", **SMALL),
                    HOLES, np.exp(SCORE), "predict", 4),
    "logistic": (linear_model.LogisticRegression(), X, THREE, "predict", 4),
    "logistic_shares": (linear_model.LogisticRegression(), X, TWO, "predict_proba", 4),
    "sgd_shares": (linear_model.SGDClassifier(loss="log_loss", random_state=0), X, THREE, "predict_proba", 4),
    "support": (svm.LinearSVC(random_state=0), X, TWO.astype(np.float32), "predict", 4),
    "ridge": (linear_model.Ridge(), X, SCORE, "predict", 4),
    "lasso": (linear_model.LassoCV(cv=3), X, SCORE, "predict", 4),
    "pipeline": (pipeline.make_pipeline(impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler(), "passthrough",
                                        preprocessing.MinMaxScaler(clip=True), ensemble.RandomForestRegressor(9, **SMALL)),
                 HOLES, SCORE, "predict", 4),
}
CASES.update({
    "forest_zip": (*CASES["forest"][:4], "skops"),
    "boosted_zip": (*CASES["boosted_shares"][:4], "skops"),
    "hist_zip": (*CASES["hist"][:4], "skops"),
    "pipeline_zip": (*CASES["pipeline"][:4], "skops"),
    "logistic_zip": (*CASES["logistic"][:4], "skops"),
})
BETWEEN = ("forest", "boosted", "hist", "logistic")  # of a version that is neither the oldest nor the newest


def main():
    FOLDER.mkdir(exist_ok=True)
    answers = {}
    for name, (estimator, rows, targets, method, form) in CASES.items():
        if not sklearn.__version__.startswith(("1.5.", "1.9.")) and name not in BETWEEN:
            continue
        if form == "skops" and not sklearn.__version__.startswith("1.9."):
            continue
        fitted = estimator.fit(rows, targets)
        if form == "skops":
            import skops.io
            packing = zipfile.ZIP_STORED if name == "logistic_zip" else zipfile.ZIP_DEFLATED
            file, content = f"{name}.skops", skops.io.dumps(fitted, compression=packing)
        else:
            file, content = f"{name}.pkl", pickle.dumps(fitted, protocol=form)
        (FOLDER / file).write_bytes(content)
        asked = rows[:20]
        answers[file] = {"method": method, "rows": [[None if np.isnan(value) else value for value in row] for row in asked.tolist()],
                         "answer": getattr(fitted, method)(asked).tolist()}
    (FOLDER / "answers.json").write_text(json.dumps(answers, separators=(",", ":")) + "\n")


main()
