"""Data that models are trained on, and hostile rows to ask them: missing, infinite, denormal, unseen categories, thresholds hit
exactly and missed by one float."""
import numpy as np

FEATURES = 6
CATEGORICAL = 5  # the last column holds codes 0 to 39


class Data:
    def __init__(self, seed, rows=500, missing=0.1):
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
        self.x[:, 3] = rng.integers(-3, 4, rows)  # zeros and ties
        self.x[:, CATEGORICAL] = rng.integers(0, 40, rows)
        clean = self.x.copy()
        self.x[rng.random(self.x.shape) < missing] = np.nan
        self.score = (clean[:, 0] - clean[:, 1] * clean[:, 2] + (clean[:, CATEGORICAL] % 3) + clean[:, 3] / 2
                      + rng.normal(size=rows)).astype(np.float32)
        self.binary = (self.score > 0.5).astype(np.float32)
        self.share = 1 / (1 + np.exp(-self.score))
        self.three = np.digitize(self.score, [-0.3, 1.2]).astype(np.float32)
        self.positive = np.exp(self.score / 3).astype(np.float32)
        self.counts = np.floor(self.positive)
        self.groups = [50] * (rows // 50)
        self.pair = np.stack([self.score, clean[:, 0] * 2], axis=1).astype(np.float32)
        self.rng = rng


def hostile_rows(data, thresholds, count=203):
    """`thresholds` are (feature, number) of the model's splits. 203 rows: blocks of any size and a rest."""
    rows = [data.x[i].copy() for i in range(20)]
    for value in [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 1e-36, 9.9e-36, 1.1e-35, -1e-35, 3.4e38, -3.4e38]:
        rows.append(np.full(FEATURES, value, dtype=np.float32))
    for code in [-1, -0.5, 39, 40, 41, 63, 64, 2.9, 31.5, 32, 16777215, 16777216, 2147483647, 2147483648, 1e10, np.nan]:
        row = data.x[len(rows) % len(data.x)].copy()
        row[CATEGORICAL] = code
        rows.append(row)
    chosen = list(thresholds)
    data.rng.shuffle(chosen)
    with np.errstate(over="ignore"):
        for feature, threshold in chosen[:60]:
            near = np.float32(threshold)
            for value in (near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))):
                row = data.x[len(rows) % len(data.x)].copy()
                row[feature] = value
                rows.append(row)
    while len(rows) < count:
        rows.append(data.x[len(rows) % len(data.x)].copy())
    return np.asarray(rows[:count], dtype=np.float32)
