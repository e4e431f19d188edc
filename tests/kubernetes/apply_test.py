"""`keelson apply --kubernetes` and `keelson delete --kubernetes` against a real Kubernetes: what they say, what they change, and what they
leave alone."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from clusters import FOLDER, cluster, eventually, get, kubectl

KEELSON = pathlib.Path("build/release/keelson").absolute()
OURS = "app.kubernetes.io/managed-by=keelson"


def keelson(*arguments, code=0):
    done = subprocess.run([KEELSON, *arguments], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "KUBECONFIG": str(FOLDER / "admin.kubeconfig")})
    if done.returncode != code:
        raise AssertionError(f"{arguments}: code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def signs(told):
    """How many lines begin with each sign."""
    found = re.findall(r"^  ([+~=-]) ", told, re.M)
    return {sign: found.count(sign) for sign in set(found)}


class Apply(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kubectl("apply", "--server-side", "--field-manager=keelson", "-f", "-", text=keelson("render", "--kubernetes", "--cluster"))
        eventually("the kind is there", lambda: kubectl("get", "projects", "-A", code=None).startswith("No resources"))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "keelson.yaml"

    def project(self, name, **serve):
        """A project file of this name; its namespace goes when the test does."""
        self.addCleanup(kubectl, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
        self.file.write_text(json.dumps({
            "apiVersion": "keelson.dev/v1", "kind": "Project", "metadata": {"name": name},
            "sources": {"rows": {"path": "rows.csv", "time": "at"}},
            "train": {"label": "y", "trainer": {"xgboost": {"rounds": 10}}},
            "serve": {"replicas": {"min": 1, "max": 1}, **serve}}))
        return name

    def apply(self, *arguments, code=0):
        return keelson("apply", "--kubernetes", "-f", self.file, *arguments, code=code)

    def test_says_what_it_would_do_does_it_and_then_finds_nothing_to_do(self):
        name = self.project("first")
        planned = self.apply("--dry-run")
        self.assertGreater(signs(planned)["+"], 15)
        self.assertIn("  + Namespace first\n", planned)
        self.assertIn("NotFound", kubectl("get", "namespace", name, code=1))
        self.assertEqual(self.apply(), planned + "applied\n")
        self.assertIn("nothing changes", self.apply())
        self.assertEqual(get("project", name, "-n", name)["train"]["label"], "y")

    def test_a_change_is_told_field_by_field_and_jobs_of_before_go(self):
        name = self.project("second")
        self.apply()
        before = {job["metadata"]["name"] for job in get("jobs", "-n", name)["items"]}
        self.project("second", resources={"cpu": 2})
        told = self.apply("--dry-run")
        self.assertIn("~ /spec/template/spec/containers/0/resources/requests/cpu: 1 -> 2\n", told)
        self.assertEqual(signs(told)["-"], len(before))
        running = sorted(before)[0]
        cluster("nodes", "2", "8")
        kubectl("patch", "job", running, "-n", name, "--type=merge", "-p", '{"spec": {"suspend": false}}')
        eventually("it runs", lambda: get("job", running, "-n", name)["status"].get("active"))
        self.assertIn(f"  = Job {running}\n      it runs", self.apply())
        after = {job["metadata"]["name"] for job in get("jobs", "-n", name)["items"]}
        self.assertEqual(before & after, {running})
        self.assertEqual(len(after), len(before) + 1)

    def test_what_the_cluster_has_decides_what_is_written(self):
        for addon in ("keda", "prometheus-operator"):
            cluster("define", addon)
        self.project("third", replicas={"min": 0, "max": 3})
        told = self.apply("--dry-run")
        self.assertIn("  + ScaledObject third-v1\n", told)
        self.assertIn("  + ServiceMonitor third\n", told)
        self.assertNotIn("ScaledObject", self.apply("--dry-run", "--with", "prometheus-operator"))

    def test_nothing_is_taken_from_somebody_else(self):
        name = self.project("fourth")
        self.apply()
        theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "fourth-v1", "namespace": name},
                  "spec": {"selector": {"app.kubernetes.io/name": "mine"}}}
        kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=somebody", "-f", "-", text=json.dumps(theirs))
        told = self.apply(code=4)
        self.assertIn("somebody", told)
        self.assertIn(".spec.selector", told)
        kubectl("create", "namespace", "fifth")
        self.project("fifth")
        self.assertIn("there is a Namespace fifth already, which is not of the project fifth", self.apply(code=1))
        self.assertNotIn("labels", {key for key in get("namespace", "fifth")["metadata"] if key == "keelson.dev/project"})

    def test_deleting_removes_what_was_made_and_nothing_else(self):
        for name in ("sixth", "seventh"):
            self.project(name)
            self.apply()
        kept = get("all,projects,networkpolicies,roles", "-n", "seventh", "-l", OURS)["items"]
        told = keelson("delete", "--kubernetes", "sixth")
        self.assertEqual(set(signs(told)), {"-"})
        self.assertEqual(get("namespace", "sixth")["metadata"]["name"], "sixth")  # only told
        self.assertEqual(keelson("delete", "--kubernetes", "sixth", "--yes"), told + "deleted\n")
        eventually("the namespace is gone", lambda: "NotFound" in kubectl("get", "namespace", "sixth", code=None))
        self.assertEqual([item["metadata"]["name"] for item in get("all,projects,networkpolicies,roles", "-n", "seventh", "-l", OURS)["items"]],
                         [item["metadata"]["name"] for item in kept])
        self.assertIn("nothing of this project", keelson("delete", "--kubernetes", "sixth", "--yes", code=3))

    def test_a_namespace_with_something_else_in_it_stays(self):
        name = self.project("eighth")
        self.apply()
        kubectl("create", "configmap", "mine", "-n", name)
        told = keelson("delete", "--kubernetes", name, "--yes")
        self.assertIn("  = Namespace eighth\n      what is not of the project is in it: ConfigMap mine\n", told)
        eventually("all of ours is gone", lambda: not get(
            "jobs,deployments,services,projects,roles,rolebindings,networkpolicies,resourcequotas,serviceaccounts", "-n", name, "-l", OURS)["items"])
        self.assertEqual(get("configmap", "mine", "-n", name)["metadata"]["name"], "mine")
        kubectl("delete", "configmap", "mine", "-n", name)
        keelson("delete", "--kubernetes", name, "--yes")
        eventually("the namespace is gone", lambda: "NotFound" in kubectl("get", "namespace", name, code=None))


if __name__ == "__main__":
    unittest.main()
