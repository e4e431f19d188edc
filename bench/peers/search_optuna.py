"""What Optuna's TPESampler finds in the functions of bench/training/functions.h: search_optuna.py TRIALS SEEDS."""
import json
import math
import sys
import time
import warnings

import optuna

TRIALS, SEEDS = int(sys.argv[1]), int(sys.argv[2])
PI = math.pi


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def ackley(x):
    n = len(x)
    return (-20 * math.exp(-0.2 * math.sqrt(sum(v * v for v in x) / n)) - math.exp(sum(math.cos(2 * PI * v) for v in x) / n)
            + 20 + math.e)


def griewank(x):
    return 1 + sum(v * v for v in x) / 4000 - math.prod(math.cos(v / math.sqrt(i + 1)) for i, v in enumerate(x))


def levy(x):
    w = [1 + (v - 1) / 4 for v in x]
    return (math.sin(PI * w[0]) ** 2 + sum((v - 1) ** 2 * (1 + 10 * math.sin(PI * v + 1) ** 2) for v in w[:-1])
            + (w[-1] - 1) ** 2 * (1 + math.sin(2 * PI * w[-1]) ** 2))


def branin(x):
    a = x[1] - 5.1 / (4 * PI * PI) * x[0] ** 2 + 5 / PI * x[0] - 6
    return a * a + 10 * (1 - 1 / (8 * PI)) * math.cos(x[0]) + 10 - 0.397887


def hartmann6(x):
    alpha = [1.0, 1.2, 3.0, 3.2]
    a = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    p = [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
         [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
    return 3.32237 - sum(alpha[i] * math.exp(-sum(a[i][j] * (x[j] - 1e-4 * p[i][j]) ** 2 for j in range(6))) for i in range(4))


def mixed(x):
    return (0 if x[0] == "c" else 1) + abs(x[1] - 7) / 6 + abs(math.log10(x[2]) + 2)


def box(dimensions, low, high):
    return [("float", f"x{i}", low, high) for i in range(dimensions)]


FUNCTIONS = {
    "sphere": (box(4, -5, 5), lambda x: sum(v * v for v in x)),
    "Rosenbrock": (box(4, -2, 2), rosenbrock),
    "Rastrigin": (box(3, -5.12, 5.12), lambda x: sum(10 + v * v - 10 * math.cos(2 * PI * v) for v in x)),
    "Ackley": (box(5, -15, 30), ackley),
    "Griewank": (box(4, -50, 70), griewank),
    "Levy": (box(5, -10, 10), levy),
    "Styblinski-Tang": (box(4, -5, 5), lambda x: sum((v ** 4 - 16 * v * v + 5 * v) / 2 + 39.16616570377142 for v in x)),
    "Branin": ([("float", "x", -5, 10), ("float", "y", 0, 15)], branin),
    "Hartmann6": (box(6, 0, 1), hartmann6),
    "mixed": ([("choice", "kind", ["a", "b", "c", "d"]), ("int", "depth", 1, 12), ("log", "rate", 1e-5, 1)], mixed),
}


def suggested(trial, space):
    ask = {"float": trial.suggest_float, "int": trial.suggest_int, "choice": trial.suggest_categorical,
           "log": lambda *ends: trial.suggest_float(*ends, log=True)}
    return [ask[kind](*ends) for kind, *ends in space]


def middle(space):
    """Where both programs say what the function is."""
    return [ends[1][2] if kind == "choice" else 5 if kind == "int" else 0.3 * ends[1] + 0.7 * ends[2] for kind, *ends in space]


warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
for name, (space, value) in FUNCTIONS.items():
    begun, best = time.process_time(), []
    for seed in range(1, SEEDS + 1):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(lambda trial: value(suggested(trial, space)), n_trials=TRIALS)
        best.append(study.best_value)
    print(json.dumps({"function": name, "check": value(middle(space)), "cpu_s": time.process_time() - begun, "best": best,
                      "version": optuna.__version__}), flush=True)
