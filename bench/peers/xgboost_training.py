"""XGBoost's own Python package on the rows of bench/figures/training.py: xgboost_training.py ROWS.csv TRAIN_ROWS ROUNDS PARAMETERS

Prints its seconds as one JSON line: from the numbers in memory to the model, as its user would call it.
"""
import json
import resource
import sys
import time

import numpy
import xgboost

path, rows, rounds, parameters = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
columns = len(open(path).readline().split(",")) - 1
data = numpy.loadtxt(path, delimiter=",", skiprows=1, max_rows=rows, usecols=range(2, columns + 1), dtype=numpy.float32)
used, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
matrix = xgboost.QuantileDMatrix(data[:, :-1], data[:, -1], nthread=2)
xgboost.train({**parameters, "tree_method": "hist", "nthread": 2}, matrix, rounds)
wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"wall_s": wall, "cpu_s": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime}))
