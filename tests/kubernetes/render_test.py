"""What `keelson render --kubernetes` prints, before a real Kubernetes: taken by server-side apply with strict fields, in a namespace that
enforces Pod Security "restricted", and its pods let in by everything that looks at pods."""
import json
import pathlib
import subprocess
import unittest

from clusters import cluster, define, eventually, get, kubectl

KEELSON = pathlib.Path("build/release/keelson")
PROJECTS = ["examples/flights/keelson.yaml", "examples/rain/keelson.yaml", "src/project/testdata/good/command.yaml"]
ADDONS = ["", "metrics-server", "keda,prometheus-operator"]


def render(*arguments, code=0):
    done = subprocess.run([KEELSON, "render", *arguments], capture_output=True, text=True, timeout=60)
    if done.returncode != code:
        raise AssertionError(f"render {arguments}: code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout if code == 0 else done.stderr


def objects(project, *arguments):
    text = render("--kubernetes", "-o", "json", "-f", project, *arguments)
    return json.loads(text)


def apply(items, *arguments):
    """What kubectl says of each object; no warning of the API server may be among it."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    told = kubectl("apply", "--server-side", "--field-manager=keelson", "--validate=strict", *arguments, "-f", "-", text=text)
    if "Warning" in told:
        raise AssertionError(told)
    return told.splitlines()


def named(items, kind):
    return [item for item in items if item["kind"] == kind]


class Render(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        define("keda", "prometheus-operator", "gateway-api")
        kubectl("apply", "--server-side", "--field-manager=keelson", "-f", "-", text=render("--kubernetes", "--cluster"))

    def workspace(self, name):
        self.addCleanup(kubectl, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
        return name

    def test_every_object_of_every_project_passes_the_dry_run(self):
        for number, project in enumerate(PROJECTS):
            for addons in ADDONS:
                with self.subTest(project=project, addons=addons):
                    name = self.workspace(f"dry-{number}")
                    items = objects(project, "--namespace", name, *(["--with", addons] if addons else []))
                    apply(named(items, "Namespace"))  # the rest has to be somewhere, also in a dry run
                    told = apply(items, "--dry-run=server")
                    self.assertEqual(len(told), len(items))

    def test_a_canary_is_an_httproute_that_passes_the_dry_run(self):
        name = self.workspace("dry-canary")
        items = objects(PROJECTS[0], "--namespace", name, "--with", "gateway-api", "--gateway", "infra/public", "--canary-version", "2", "--canary-percent", "10")
        apply(named(items, "Namespace"))
        self.assertEqual(len(apply(items, "--dry-run=server")), len(items))
        route, = named(items, "HTTPRoute")
        self.assertEqual([backend["weight"] for backend in route["spec"]["rules"][0]["backendRefs"]], [90, 10])
        self.assertEqual(len(named(items, "Deployment")), 2)
        self.assertIn("nobody divides the requests", render("--kubernetes", "--canary-version", "2", "-f", PROJECTS[0], code=1))

    def test_node_pools_pass_the_dry_run(self):
        define("karpenter")
        items = json.loads(render("--kubernetes", "--node-pools", "karpenter.kwok.sh/KWOKNodeClass/default", "-o", "json"))
        self.assertEqual([item["metadata"]["name"] for item in items], ["keelson-cpu", "keelson-gpu"])
        self.assertEqual(len(apply(items, "--dry-run=server")), 2)
        self.assertIn("no class of nodes", render("--kubernetes", "--node-pools", "default", code=1))

    def test_yaml_says_the_same_as_json(self):
        name = self.workspace("dry-yaml")
        items = objects(PROJECTS[0], "--namespace", name, "--with", "keda,prometheus-operator")
        apply(items)
        text = render("--kubernetes", "--namespace", name, "--with", "keda,prometheus-operator", PROJECTS[0])
        told = kubectl("apply", "--server-side", "--field-manager=keelson", "--validate=strict", "-f", "-", text=text)
        self.assertEqual(len(told.splitlines()), len(items))
        for item in items:
            kind, metadata = item["kind"], item["metadata"]
            there = get(kind, metadata["name"], "-n", metadata.get("namespace", name), "--show-managed-fields")
            # Applying the same again writes nothing: one manager, and no later than its first time.
            managers = [entry for entry in there["metadata"]["managedFields"] if entry["operation"] == "Apply"]
            self.assertEqual([entry["manager"] for entry in managers], ["keelson"], kind)

    def test_applying_twice_changes_nothing_and_leaves_replicas_to_who_scales(self):
        name = self.workspace("twice")
        items = objects(PROJECTS[0], "--namespace", name)
        apply(items)
        deployment = named(items, "Deployment")[0]["metadata"]["name"]
        kubectl("scale", "deployment", deployment, "-n", name, "--replicas=2")
        kinds = ["jobs", "services", "poddisruptionbudgets", "networkpolicies", "limitranges"]

        def versions():
            return {(kind, item["metadata"]["name"]): item["metadata"]["resourceVersion"]
                    for kind in kinds for item in get(kind, "-n", name)["items"] if item["metadata"]["name"].startswith(("flight", "keelson", "to-", "deny"))}
        before = versions()
        self.assertGreater(len(before), 12)
        apply(items)
        self.assertEqual(versions(), before)
        self.assertEqual(get("deployment", deployment, "-n", name)["spec"]["replicas"], 2)

    def test_pods_are_let_in_and_run(self):
        cluster("nodes", "2", "8")
        name = self.workspace("alive")
        items = objects(PROJECTS[0], "--namespace", name)
        apply(items)
        deployment = named(items, "Deployment")[0]["metadata"]["name"]
        eventually("the replica is there", lambda: get("deployment", deployment, "-n", name)["status"].get("readyReplicas") == 1)
        pods = get("pods", "-n", name, "-l", "app.kubernetes.io/component=endpoint")["items"]
        self.assertEqual([pod["spec"]["priority"] for pod in pods], [1_000_000])
        # Suspended jobs have no pods; one that is let run has one, which the namespace takes.
        self.assertEqual(get("pods", "-n", name, "-l", "app.kubernetes.io/component=pipeline")["items"], [])
        jobs = named(items, "Job")
        self.assertEqual({job["metadata"]["labels"]["keelson.dev/step-kind"] for job in jobs},
                         {"ingest", "prepare", "validate", "materialize", "features", "train", "evaluate"})
        for kind in ("ingest", "train"):
            job = next(job["metadata"]["name"] for job in jobs if job["metadata"]["labels"]["keelson.dev/step-kind"] == kind)
            kubectl("patch", "job", job, "-n", name, "--type=merge", "-p", '{"spec": {"suspend": false}}')
            eventually(f"{job} has its pod", lambda job=job: len(
                get("pods", "-n", name, "-l", f"batch.kubernetes.io/job-name={job}")["items"]) == 1)
        quota = get("resourcequota", "keelson", "-n", name)
        eventually("the quota counts them", lambda: get("resourcequota", "keelson", "-n", name)["status"]["used"]["pods"] == "3")
        self.assertEqual(quota["spec"]["hard"]["pods"], str(5 + 2 + 6))

    def test_the_server_is_let_in_where_only_restricted_pods_are(self):
        cluster("nodes", "2", "8")
        items = json.loads(render("--kubernetes", "--cluster", "--server-namespace", "platform", "-o", "json"))
        self.workspace("platform")
        apply(items)
        disk = {"accessModes": ["ReadWriteMany"], "storageClassName": "of-the-test"}
        self.addCleanup(kubectl, "delete", "persistentvolume", "of-the-test", "--wait=false")
        apply([{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "of-the-test"},
                "spec": {**disk, "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/nowhere"}}},
               {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "keelson-data", "namespace": "platform"},
                "spec": {**disk, "resources": {"requests": {"storage": "1Gi"}}}}])
        eventually("it is ready", lambda: get("deployment", "keelson-server", "-n", "platform")["status"].get("readyReplicas") == 1)
        pod, = get("pods", "-n", "platform")["items"]
        self.assertEqual(pod["spec"]["priority"], 900_000_000)
        apply(items, "--dry-run=server")
        loose = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "loose", "namespace": "platform"},
                 "spec": {"containers": [{"name": "main", "image": "example.org/none:1"}]}}
        self.assertIn('violates PodSecurity "restricted', kubectl("apply", "--server-side", "-f", "-", text=json.dumps(loose), code=1))

    def test_inference_takes_the_place_of_training(self):
        cluster("nodes", "1", "8")
        name = "urgent"
        self.workspace(name)
        kubectl("create", "namespace", name)
        kubectl("cordon", "gpu-1", code=None)
        self.addCleanup(kubectl, "uncordon", "gpu-1", code=None)

        def pod(title, priority):
            return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": title, "namespace": name},
                    "spec": {"priorityClassName": priority, "terminationGracePeriodSeconds": 0,
                             "containers": [{"name": "main", "image": "example.org/none:1",
                                             "resources": {"limits": {"nvidia.com/gpu": "8", "cpu": "1", "memory": "1Gi"}}}]}}

        def phase(title):
            return get("pods", "-n", name, "--field-selector", f"metadata.name={title}")["items"]
        apply([pod("training", "keelson-training")])
        eventually("the training runs", lambda: phase("training")[0]["status"].get("phase") == "Running")
        apply([pod("more-training", "keelson-training"), pod("best-effort", "keelson-best-effort")])
        apply([pod("inference", "keelson-inference")])
        eventually("inference runs", lambda: phase("inference")[0]["status"].get("phase") == "Running")
        eventually("the training had to go", lambda: not phase("training"))
        for waiting in ("more-training", "best-effort"):
            self.assertEqual(phase(waiting)[0]["status"]["phase"], "Pending")

    def test_the_same_bytes_each_time_and_mistakes_are_told(self):
        once = render("--kubernetes", "-f", PROJECTS[0])
        self.assertEqual(once, render("--kubernetes", "-f", PROJECTS[0]))
        self.assertIn("settings.workspace", render("--kubernetes", "--namespace", "kube-system", "-f", PROJECTS[0], code=1))
        self.assertIn("--with", render("--kubernetes", "--with", "magic", "-f", PROJECTS[0], code=2))
        self.assertIn("--kubernetes", render("--namespace", "x", "-f", PROJECTS[0], code=2))
        self.assertIn("lable", render("--kubernetes", "-f", "src/project/testdata/bad/lable.yaml", code=4))


if __name__ == "__main__":
    unittest.main()
