"""Our tree-structured Parzen estimator beside Optuna 5's, both with their defaults: the best value found in each of ten standard
functions, the median over 30 seeds, at the same number of trials."""
import math

from harness import figure

ONLY_BY_NAME = True  # it installs the peer
TRIALS, SEEDS = 100, 30


def measure(context):
    trials, seeds = (15, 2) if context.smoke else (TRIALS, SEEDS)
    ours = context.program(context.build / "bench/training/keelson_search_bench", trials, seeds)
    peers = {}
    if not context.smoke:  # the smoke run installs nothing
        python = context.python("search", "search_requirements.txt")
        peers = {line["function"]: line for line in context.program(python, context.top / "bench/peers/search_optuna.py", trials, seeds)}
    figures = []
    for line in ours:
        peer = peers.get(line["function"])
        if peer and not math.isclose(line["check"], peer["check"], rel_tol=1e-9, abs_tol=1e-9):
            raise RuntimeError(f"{line['function']} is another function for the peer: {line['check']} and {peer['check']}")
        figures.append(figure(f"{line['function']}: best of {trials} trials", "above the least", line["best"], None,
                              peer and peer["best"], f"{seeds} seeds"))
    note = f"peer: Optuna {next(iter(peers.values()))['version']}" if peers else ""
    figures.append(figure("a trial, CPU", "ms", [1e3 * line["cpu_s"] / trials / seeds for line in ours], None,
                          [1e3 * line["cpu_s"] / trials / seeds for line in peers.values()] or None, note))
    return figures
