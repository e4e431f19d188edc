"""The figures of `serving` beside MLServer's and KServe's servers with the same model, bodies and load."""
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

from figures import serving
from harness import PATIENCE_S, Replica

ONLY_BY_NAME = True  # it installs the peers


class Peer(Replica):
    """Another model server; `line` and `environment` are how it is started on its ports."""

    def __init__(self, name, port, grpc_port, line, environment):
        self.name, self.address, self.grpc_port = name, f"http://127.0.0.1:{port}", grpc_port
        begun = time.perf_counter()
        self.process = subprocess.Popen([str(part) for part in line], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **environment})
        while not self.is_ready():
            if self.process.poll() is not None or time.perf_counter() - begun > PATIENCE_S:
                raise RuntimeError(f"{name} did not start")
            time.sleep(0.05)
        self.ready_s = time.perf_counter() - begun
        print(f"{name}: ready after {self.ready_s:.1f} s, {self.memory_kib('Pss') / 1024:.0f} MiB", flush=True)

    def is_ready(self):
        try:
            return urllib.request.urlopen(self.address + "/v2/models/bench/ready", timeout=5).status == 200
        except (OSError, urllib.error.HTTPError):
            return False


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def kserve(context, model):
    python = context.python("bench-kserve", "kserve_requirements.txt")
    port, grpc = free_ports(2)
    return Peer("KServe 0.21.0", port, grpc, [python, context.top / "bench/peers/kserve_server.py", model, port, grpc], {})


def mlserver(context, model):
    python = context.python("bench-mlserver", "mlserver_requirements.txt")
    folder = context.folder / "mlserver"
    folder.mkdir()
    http, grpc, metrics = free_ports(3)
    (folder / "settings.json").write_text(json.dumps({"parallel_workers": 0, "host": "127.0.0.1", "http_port": http, "grpc_port": grpc,
                                                      "metrics_port": metrics, "debug": False}))
    (folder / "model-settings.json").write_text(json.dumps({"name": "bench", "implementation": "mlserver_xgboost.XGBoostModel",
                                                            "parameters": {"uri": str(model)}}))
    path = f"{python.parent}:{os.environ['PATH']}"
    return Peer("MLServer 1.7.1", http, grpc, [python.parent / "mlserver", "start", folder], {"PATH": path})


def measure(context):
    return serving.measure(context, () if context.smoke else (kserve, mlserver))  # the smoke run installs nothing
