"""Runs the suites of this folder against one program.

    python3 run.py KEELSON FOLDER MODULE...      KEELSON_FAULTS_SEED chooses the moments of the kills
"""
import importlib
import os
import pathlib
import sys
import time
import unittest

if __name__ == "__main__":
    keelson, folder, *modules = sys.argv[1:]
    seed = int(os.environ.get("KEELSON_FAULTS_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}", flush=True)
    suite = unittest.TestSuite()
    for module in modules:
        for case in vars(importlib.import_module(module)).values():
            if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == module:
                case.keelson, case.folder, case.seed = str(pathlib.Path(keelson).resolve()), pathlib.Path(folder).resolve(), seed
                suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
