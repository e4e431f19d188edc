"""The kind Project (`keelson schema --kubernetes`) in a real API server: a project file is an object, and a wrong one is refused."""
import json
import pathlib
import re
import subprocess
import unittest

from clusters import eventually, get, kubectl

KEELSON = pathlib.Path("build/release/keelson")
GOOD = ["src/project/testdata/good/" + name for name in ("architecture.yaml", "command.yaml", "everything.yaml", "small.yaml")]
# Files of which the schema alone knows what is wrong, and what the API server says of it.
BAD = {"lable": r'unknown field "train\.lable"',
       "unknown_fields": r"unknown field",
       "wrong_types": r'unknown field "train\.queue\.name"'}


def run(*arguments):
    return subprocess.run([KEELSON, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


class Definition(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kubectl("apply", "--server-side", "--field-manager=keelson", "-f", "-", text=run("schema", "--kubernetes"))
        eventually("the kind is there", lambda: "NamesAccepted" in json.dumps(get("crd", "projects.keelson.dev")["status"])
                   and "server doesn't have" not in kubectl("get", "projects", code=None))

    def test_the_schema_is_structural(self):
        conditions = {c["type"]: c["status"] for c in get("crd", "projects.keelson.dev")["status"]["conditions"]}
        self.assertEqual((conditions["Established"], conditions.get("NonStructuralSchema", "False")), ("True", "False"))

    def test_a_project_file_is_an_object(self):
        for path in GOOD:
            with self.subTest(path=path):
                # What Kubernetes lets nobody write into metadata is an annotation there; and to kubectl, which reads YAML 1.1, y is true.
                text = re.sub(r", *time_zone: *[^,}]*|^ *time_zone:.*$", "", pathlib.Path(path).read_text(), flags=re.M)
                text = re.sub(r"label: y$", 'label: "y"', text, flags=re.M)
                kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", "-", text=text)

    def test_a_wrong_file_is_refused_with_what_is_wrong(self):
        for name, says in BAD.items():
            with self.subTest(name=name):
                told = kubectl("apply", "--validate=strict", "--dry-run=server", "-f", pathlib.Path(f"src/project/testdata/bad/{name}.yaml").absolute(), code=1)
                self.assertRegex(told, says)
        textual = {"apiVersion": "keelson.dev/v1", "kind": "Project", "metadata": {"name": "p"},
                   "train": {"label": "late", "trainer": {"xgboost": {"rounds": "200"}}}}
        self.assertIn("train.trainer.xgboost.rounds: Invalid value",
                      kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", text=json.dumps(textual), code=1))
        nameless = {"apiVersion": "keelson.dev/v1", "kind": "Project", "metadata": {"name": "p"}, "sources": {"rows": {"time": "at"}}}
        self.assertIn("sources.rows.path: Required value",
                      kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", text=json.dumps(nameless), code=1))

    def test_kubectl_shows_its_columns(self):
        project = {"apiVersion": "keelson.dev/v1", "kind": "Project", "metadata": {"name": "shown", "namespace": "default"},
                   "sources": {"rows": {"path": "rows.csv"}}}
        kubectl("apply", "--server-side", "-f", "-", text=json.dumps(project))
        self.addCleanup(kubectl, "delete", "project", "shown")
        status = {"champion": 7, "revision": "abc", "conditions": [
            {"type": "Ready", "status": "True", "reason": "Serving", "message": "version 7 serves", "lastTransitionTime": "2026-11-30T10:00:00Z"}]}
        kubectl("patch", "project", "shown", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
        heads, line = kubectl("get", "projects").splitlines()
        self.assertEqual(heads.split(), ["NAME", "READY", "CHAMPION", "CHALLENGER", "AGE"])
        self.assertEqual(line.split()[:3], ["shown", "True", "7"])
        self.assertIn("version 7 serves", kubectl("get", "projects", "-o", "wide"))
        self.assertIn("\nshown ", kubectl("get", "keelson"))
        # The status is written apart: whoever applies the file does not touch it.
        kubectl("apply", "--server-side", "-f", "-", text=json.dumps(project))
        self.assertEqual(get("project", "shown")["status"]["champion"], 7)
        wrong = {"status": {"conditions": [{"type": "Ready", "status": "Maybe", "reason": "x", "message": "", "lastTransitionTime": "2026-11-30T10:00:00Z"}]}}
        self.assertIn("Unsupported value", kubectl("patch", "project", "shown", "--subresource=status", "--type=merge", "-p", json.dumps(wrong), code=1))


if __name__ == "__main__":
    unittest.main()
