"""The cluster that tests/suites/kubernetes has started, for tests."""
import json
import os
import pathlib
import subprocess
import time

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


def eventually(what, check):
    until = time.monotonic() + PATIENCE
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"within {PATIENCE} s not: {what}")
        time.sleep(0.2)
