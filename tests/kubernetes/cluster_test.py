"""The cluster of tests/kubernetes/cluster: that it is a real Kubernetes, and that its parts stop and start."""
import json
import pathlib
import subprocess
import unittest

from clusters import CLUSTER, FOLDER, cluster, define, eventually, get, kubectl


def pod(name, gpus=0, annotations=None, image="example.org/none:1"):
    limits = {"cpu": "1", "memory": "1Gi"}
    if gpus:
        limits["nvidia.com/gpu"] = str(gpus)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "annotations": annotations or {}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": image, "resources": {"limits": limits}}]}}


def apply(item):
    kubectl("apply", "--server-side", "-f", "-", text=json.dumps(item))


class Cluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cluster("nodes", "2", "8")

    def phase(self, name):
        return get("pod", name)["status"].get("phase")

    def test_says_which_kubernetes_it_is(self):
        version = json.loads(kubectl("get", "--raw", "/version"))
        self.assertRegex(version["gitVersion"], r"^v1\.34\.\d+$")

    def test_every_part_runs(self):
        told = cluster("status")
        for part in ("etcd", "apiserver", "controller-manager", "scheduler", "kwok"):
            self.assertIn(f"{part} runs\n", told)

    def test_everything_listens_on_loopback_alone(self):
        ports = {int(line.split("=")[1]) for line in (FOLDER / "ports").read_text().split()}
        heard = {}
        for table in ("tcp", "tcp6"):
            for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                host, port = local.split(":")
                if state == "0A" and int(port, 16) in ports:
                    heard.setdefault(int(port, 16), set()).add(host)
        self.assertEqual(set(heard), ports)
        for port, hosts in heard.items():
            self.assertEqual(hosts, {"0100007F"}, port)  # 127.0.0.1

    def test_every_way_to_say_who_one_is(self):
        for name in ("admin", "token", "exec"):
            self.assertIn("system:masters", kubectl("--kubeconfig", str(FOLDER / f"{name}.kubeconfig"), "auth", "whoami"), name)

    def test_nodes_with_gpus_become_ready_and_take_pods(self):
        def ready():
            nodes = get("nodes")["items"]
            return len(nodes) == 2 and all(any(c["type"] == "Ready" and c["status"] == "True" for c in n["status"].get("conditions", []))
                                           for n in nodes)
        eventually("two nodes are ready", ready)
        apply(pod("large", gpus=8))
        apply(pod("larger", gpus=9))
        eventually("a pod with 8 GPUs runs", lambda: self.phase("large") == "Running")
        eventually("the scheduler says why the other waits", lambda: any(
            "Insufficient nvidia.com/gpu" in c.get("message", "") for c in get("pod", "larger")["status"].get("conditions", [])))
        kubectl("delete", "pod", "large", "larger", "--wait=false")
        eventually("both are gone", lambda: not get("pods", "--field-selector", "metadata.namespace=default")["items"])

    def test_a_job_on_a_fake_node_ends_as_it_says(self):
        for name, extra, condition in (("good", {}, "Complete"), ("bad", {"kf/fail": "true"}, "Failed")):
            template = pod("x", annotations={"kf/run-for": "1s", **extra})
            apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
                   "spec": {"backoffLimit": 0, "template": {"metadata": {"annotations": template["metadata"]["annotations"]},
                                                            "spec": template["spec"]}}})
            eventually(f"job {name} is {condition}", lambda name=name, condition=condition: any(
                c["type"] == condition and c["status"] == "True" for c in get("job", name)["status"].get("conditions", [])))
        kubectl("delete", "job", "good", "bad")

    def test_pod_security_is_enforced(self):
        apply({"apiVersion": "v1", "kind": "Namespace",
               "metadata": {"name": "strict", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        item = pod("loose")
        item["metadata"]["namespace"] = "strict"
        told = eventually("the account of the namespace is there", lambda: next(iter(
            [t for t in [kubectl("apply", "--server-side", "-f", "-", text=json.dumps(item), code=None)] if "serviceaccount" not in t]), None))
        self.assertIn('violates PodSecurity "restricted', told)

    def test_a_part_that_was_stopped_goes_on_where_it_was(self):
        apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "default"}, "data": {"a": "b"}})
        cluster("stop", "apiserver", "etcd")
        self.assertIn("apiserver does not run", cluster("status", code=1))
        self.assertIn("refused", kubectl("get", "nodes", code=1))
        cluster("start", "etcd", "apiserver")
        self.assertEqual(get("configmap", "kept")["data"], {"a": "b"})
        cluster("status")

    def test_kinds_that_are_data_beside_the_tree_can_be_had(self):
        define("jobset", "karpenter")
        for kind in ("jobsets.jobset.x-k8s.io", "nodepools.karpenter.sh"):
            self.assertIn("No resources found", kubectl("get", kind, "-A"))

    def test_mistakes_are_told(self):
        done = subprocess.run([CLUSTER, "begin"], capture_output=True, text=True)
        self.assertEqual((done.returncode, "unknown command" in done.stderr), (1, True))
        done = subprocess.run([CLUSTER, "stop", "/nowhere/at/all"], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
