"""Servers of Keelson that act on the cluster of tests/suites/kubernetes: each with a data folder, and an account, of its own."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile

from clusters import FOLDER, eventually, get, kubectl
from proxy import Proxy

KEELSON = pathlib.Path("build/release/keelson").absolute()
IMAGE = "registry.example/keelson:test"
LEASE = "3s"


def api_server():
    view = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    return view["clusters"][0]["cluster"]["server"]


def new_proxy():
    return Proxy(api_server(), FOLDER / "ca.crt")


def install(namespace):
    """What a cluster needs once, with the server's account in `namespace`; not the server, which is a process here."""
    done = subprocess.run([KEELSON, "render", "--kubernetes", "--cluster", "--server-namespace", namespace, "-o", "json"],
                          capture_output=True, text=True, check=True, timeout=60)
    items = [item for item in json.loads(done.stdout) if item["kind"] not in ("Deployment", "Service")]
    kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=keelson", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    eventually("the kind is there", lambda: "server doesn't have" not in kubectl("get", "projects", "-A", code=None))


class Server:
    """`keelson server --kubernetes`, which reaches the cluster through `proxy` as its own account."""

    def __init__(self, proxy, namespace, *arguments):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        token = kubectl("create", "token", "keelson-server", "-n", namespace, "--duration=2h").strip()
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "x",
                  "clusters": [{"name": "x", "cluster": {"server": proxy.address}}],
                  "users": [{"name": "x", "user": {"token": token}}],
                  "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]}
        (folder / "kubeconfig").write_text(json.dumps(config))
        self.log = open(folder / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [KEELSON, "server", "--data", folder / "data", "--port", "0", "--address-file", folder / "address", "--kubernetes",
             "--kubernetes-image", IMAGE, "--kubernetes-namespace", namespace, "--kubernetes-lease", LEASE, *arguments],
            env={**os.environ, "KUBECONFIG": str(folder / "kubeconfig")}, stdout=self.log, stderr=self.log)

    def said(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def identity(self):
        """As the Lease has it, once this server has had it."""
        for line in self.said().splitlines():
            if "acts on the cluster now" in line:
                return json.loads(line)["identity"]
        return None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()
        self.folder.cleanup()


def project(name, **more):
    """A Project as somebody would write it for kubectl."""
    return {"apiVersion": "keelson.dev/v1", "kind": "Project",
            "metadata": {"name": name, "namespace": name, "annotations": {"keelson.dev/model-version": "1"}},
            "sources": {"rows": {"path": "rows.csv", "time": "at"}},
            "train": {"label": "late", "trainer": {"xgboost": {"rounds": 10}}},
            "serve": {"replicas": {"min": 1, "max": 1}}, **more}


def apply(*objects, manager="somebody"):
    kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def condition(name, kind):
    """"True Serving: version 1 serves"; "" while it is not told."""
    status = get("project", name, "-n", name).get("status", {})
    for each in status.get("conditions", []):
        if each["type"] == kind:
            return f"{each['status']} {each['reason']}: {each['message']}"
    return ""


def job(name, namespace, pods=1, gpus=8, run_for="1h", queue="default", **spec):
    """A Job that stands in line; on KWOK's nodes its pods end after `run_for`."""
    resources = {"requests": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": str(gpus)}, "limits": {"memory": "1Gi", "nvidia.com/gpu": str(gpus)}}
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": name, "namespace": namespace, "labels": {"keelson.dev/queue": queue}},
            "spec": {"suspend": True, "parallelism": pods, "completions": pods, "backoffLimit": 0,
                     "template": {"metadata": {"annotations": {"kf/run-for": run_for}},
                                  "spec": {"restartPolicy": "Never", "priorityClassName": "keelson-training", "terminationGracePeriodSeconds": 0,
                                           "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
                                           "containers": [{"name": "worker", "image": "example.org/none:1", "resources": resources, "securityContext": security}],
                                           **spec}}}}


def suspended(name, namespace):
    return get("job", name, "-n", namespace)["spec"]["suspend"]


