"""`keelson server --kubernetes` while the cluster misbehaves: a scripted proxy before the API server, nodes that go, pods that are taken, people who
delete. What holds: what was asked for comes about, nothing is made twice, and what is wrong is told in one sentence."""
import json
import os
import random
import time
import unittest

from clusters import cluster, eventually, get, kubectl
from proxy import says_no
from servers import Server, apply, condition, install, job, new_proxy, project, suspended

SYSTEM = "faults-system"
SEED = int(os.environ.get("SEED", "7"))


def pods_of(name, *selector):
    return get("pods", "-n", name, *selector)["items"]


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"seed {SEED}")
        install(SYSTEM)
        cluster("nodes", "2", "8")
        kubectl("uncordon", "gpu-0", "gpu-1", code=None)
        cls.proxy = new_proxy()
        cls.server = Server(cls.proxy, SYSTEM, "--kubernetes-silence", "2s")
        eventually("it leads", cls.server.identity)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.proxy.close()

    def setUp(self):
        self.random = random.Random(f"{SEED} {self.id()}")
        self.addCleanup(self.well)

    def well(self):
        self.proxy.rule = lambda method, path: None
        self.proxy.silent = self.proxy.away = False

    def space(self, name):
        self.addCleanup(kubectl, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
        kubectl("create", "namespace", name)
        return name

    def serving(self, name, **more):
        self.space(name)
        apply(project(name, **more))
        self.ready(name)
        return name

    def ready(self, name, version=1):
        eventually("it serves", lambda: condition(name, "Ready") == f"True Serving: version {version} serves"
                   and condition(name, "Applied").startswith("True AsWanted"))

    def test_answers_that_say_no_are_asked_again(self):
        """429, 409, 410, 500, 503: one in three of all requests, at random."""
        answers = [says_no(429, "TooManyRequests", retry_after="1"), says_no(409, "Conflict"), says_no(410, "Expired"),
                   says_no(500, "InternalError"), says_no(503, "ServiceUnavailable")]
        refused = []

        def rule(method, path):
            if "/leases/" in path or self.random.random() > 0.33:
                return None
            refused.append((method, path))
            return self.random.choice(answers)
        self.proxy.rule = rule
        name = self.space("f-answers")
        apply(project(name), job("work", name, gpus=1, run_for="1s"))
        eventually("the job has run", lambda: get("job", "work", "-n", name)["status"].get("succeeded") == 1)
        self.ready(name)
        self.assertGreater(len(refused), 3)
        kubectl("annotate", "project", name, "-n", name, "--overwrite", "keelson.dev/model-version=2")
        self.ready(name, 2)

    def test_a_cluster_that_is_away_and_comes_back(self):
        name = self.serving("f-away")
        self.proxy.away = True
        eventually("it knows that it acts no more", lambda: self.server.said().count("acts on the cluster no more") > 0)
        kubectl("delete", "deployment", f"{name}-v1", "-n", name)
        apply(job("meanwhile", name, gpus=1, run_for="1s"))
        time.sleep(self.random.uniform(0.5, 2))
        self.assertIsNone(self.server.process.poll())
        self.proxy.away = False
        eventually("the Deployment is there again", lambda: f"{name}-v1" in {item["metadata"]["name"] for item in get("deployments", "-n", name)["items"]})
        eventually("the job has run", lambda: get("job", "meanwhile", "-n", name)["status"].get("succeeded") == 1)
        self.ready(name)

    def test_an_api_server_that_is_restarted(self):
        name = self.serving("f-restart")
        cluster("stop", "apiserver")
        cluster("start", "apiserver")
        kubectl("delete", "service", f"{name}-v1", "-n", name)
        eventually("the Service is there again", lambda: f"{name}-v1" in {item["metadata"]["name"] for item in get("services", "-n", name)["items"]})
        self.ready(name)

    def test_a_watch_that_silently_stops(self):
        name = self.serving("f-silent")
        self.proxy.silent = True
        kubectl("delete", "service", f"{name}-v1", "-n", name)
        time.sleep(self.random.uniform(0.1, 1))
        self.proxy.silent = False  # for new ones: those that were silent stay so until they are given up
        eventually("the Service is there again", lambda: f"{name}-v1" in {item["metadata"]["name"] for item in get("services", "-n", name)["items"]})

    def test_a_node_that_goes_and_one_that_is_not_ready(self):
        cluster("nodes", "3", "8")
        self.addCleanup(kubectl, "delete", "node", "gpu-2", "--ignore-not-found")
        name = self.space("f-nodes")
        apply(job("wide", name, pods=3))
        eventually("it runs", lambda: get("job", "wide", "-n", name)["status"].get("ready") == 3)
        kubectl("delete", "node", "gpu-2")
        # Two nodes are left: three pods of eight GPUs each do not find room, and no other Job is let run in their place.
        apply(job("more", name, pods=2))
        time.sleep(self.random.uniform(1, 2))
        self.assertTrue(suspended("more", name))
        kubectl("delete", "job", "wide", "-n", name)
        eventually("the next runs", lambda: get("job", "more", "-n", name)["status"].get("ready") == 2)
        kubectl("delete", "job", "more", "-n", name)
        kubectl("taint", "node", "gpu-1", "maintenance=yes:NoSchedule")
        self.addCleanup(kubectl, "taint", "node", "gpu-1", "maintenance-", code=None)
        apply(job("pair", name, pods=2), job("one", name, run_for="1s"))
        eventually("what fits on the other node has run", lambda: get("job", "one", "-n", name)["status"].get("succeeded") == 1)
        self.assertTrue(suspended("pair", name))
        kubectl("taint", "node", "gpu-1", "maintenance-")
        eventually("the pair runs", lambda: get("job", "pair", "-n", name)["status"].get("ready") == 2)

    def test_pods_that_are_taken_or_fail(self):
        name = self.serving("f-pods")
        pod = pods_of(name, "-l", "app.kubernetes.io/component=endpoint")[0]["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": name}}
        kubectl("create", "--raw", f"/api/v1/namespaces/{name}/pods/{pod}/eviction", "-f", "-", text=json.dumps(eviction))
        eventually("another has taken its place", lambda: {each["metadata"]["name"] for each in pods_of(name, "-l", "app.kubernetes.io/component=endpoint")} - {pod})
        self.ready(name)
        # What the kubelet would say of a replica, said for it.
        pod = pods_of(name, "-l", "app.kubernetes.io/component=endpoint")[0]
        for state, said in (({"waiting": {"reason": "ErrImagePull", "message": "not found"}}, "ImageMissing: pod {} cannot have the image"),
                            ({"terminated": {"reason": "OOMKilled", "exitCode": 137}}, "OutOfMemory: pod {} was killed because its container replica took more memory than its limit of 1Gi")):
            status = {"conditions": [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "False"}],
                      "containerStatuses": [{"name": "replica", "image": "registry.example/keelson:test", "imageID": "", "ready": False, "restartCount": 0, "state": state}]}
            kubectl("patch", "pod", pod["metadata"]["name"], "-n", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
            eventually(said, lambda said=said: said.format(pod["metadata"]["name"]) in condition(name, "Ready"))

    def test_a_quota_that_has_no_room(self):
        name = self.space("f-quota")
        tight = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight", "namespace": name}, "spec": {"hard": {"pods": "0"}}}
        apply(tight, project(name))
        eventually("it is told", lambda: condition(name, "Ready").startswith("False QuotaExceeded: the quota of the namespace has no room for replicas"))
        kubectl("delete", "resourcequota", "tight", "-n", name)
        eventually("it serves", lambda: condition(name, "Ready").startswith("True Serving"))

    def test_a_namespace_deleted_under_us(self):
        name = self.serving("f-space")
        other = self.serving("f-other")
        kubectl("delete", "namespace", name, "--wait=false")
        eventually("it is gone", lambda: "NotFound" in kubectl("get", "namespace", name, code=None))
        kubectl("delete", "service", f"{other}-v1", "-n", other)
        eventually("others are looked after", lambda: f"{other}-v1" in {item["metadata"]["name"] for item in get("services", "-n", other)["items"]})
        self.assertIsNone(self.server.process.poll())
        self.serving(name)


if __name__ == "__main__":
    unittest.main()
