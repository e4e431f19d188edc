"""The cluster that tests/suites/kubernetes has started, for tests."""
import json
import os
import pathlib
import subprocess
import time
import unittest

CLUSTER = os.environ["KEELSON_CLUSTER"]
FOLDER = pathlib.Path(os.environ["KEELSON_CLUSTER_FOLDER"])
PATIENCE = 120


def cluster(command, *arguments, text=None, code=0):
    done = subprocess.run([CLUSTER, command, FOLDER, *arguments], input=text, capture_output=True, text=True, timeout=300)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{command} {arguments}: code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def kubectl(*arguments, text=None, code=0):
    return cluster("kubectl", *arguments, text=text, code=code)


def get(*arguments):
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def define(*addons):
    """Adds the kinds of these addons. Of some the definitions are data in ../shared: without them the test is skipped, loudly."""
    for addon in addons:
        told = cluster("define", addon, code=None)
        if "NOT RUN" in told:
            print(f"NOT RUN for lack of the definitions of {addon}: {told.strip()}", flush=True)
            raise unittest.SkipTest(told.strip())
        if "error" in told.lower():
            raise AssertionError(told)


def eventually(what, check):
    until = time.monotonic() + PATIENCE
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"within {PATIENCE} s not: {what}")
        time.sleep(0.2)
