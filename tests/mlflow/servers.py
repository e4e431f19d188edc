"""Keelson's server and MLflow's own, as tests start them."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PATIENCE_S = 120


class Server:
    """One process that answers at `address`; its output is in `log`."""

    def __init__(self, command, folder, log_name, environment=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / log_name
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True,
                                            env={**os.environ, **(environment or {})})

    def wait(self, ready):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                if ready():
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"no server: {self.log.read_text()[-3000:]}")

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()


def answers(address, path):
    with urllib.request.urlopen(address + path, timeout=5) as answer:
        return answer.status == 200


def keelson(program, folder, port=0, arguments=(), environment=None):
    address_file = folder / "address"
    address_file.unlink(missing_ok=True)
    server = Server([program, "server", "--data", str(folder / "data"), "--port", str(port), "--address-file",
                     str(address_file), *arguments], folder, "server.log", environment)
    server.wait(address_file.exists)
    server.address = address_file.read_text().strip()
    server.port = int(server.address.rsplit(":", 1)[1])
    return server


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reference(folder, artifacts=None):
    """The real `mlflow server`, on the SQLite file mlflow.db in the folder, of the Python that runs this."""
    port = free_port()
    binaries = pathlib.Path(sys.executable).parent
    server = Server([str(binaries / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
                     "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination",
                     str(artifacts or folder / "artifacts")], folder, "server.log",
                    {"PATH": f"{binaries}:{os.environ['PATH']}"})
    server.address = f"http://127.0.0.1:{port}"
    return server


def call(address, method, path, body=None, headers=None):
    """The status and the answer's JSON, or its text where it is none."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, headers or {"Content-Type": "application/json"},
                                     method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text.decode(errors="replace")
