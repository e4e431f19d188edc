"""`keelson server --kubernetes` on a real Kubernetes: what it makes of Projects, who of two servers acts, which Jobs run, what is told, and that
a cluster that is as it should be is left alone."""
import json
import re
import signal
import time
import unittest

from clusters import cluster, eventually, get, kubectl
from servers import IMAGE, Server, apply, condition, install, job, new_proxy, project, suspended

SYSTEM = "operator-system"
KINDS = re.compile(r"^/api(/v1|s|s/[^/]+/[^/]+)?$")
OURS = "resourcequotas,limitranges,serviceaccounts,networkpolicies,deployments,services,poddisruptionbudgets"


def ours(name):
    return {(item["kind"], item["metadata"]["name"]) for item in get(OURS, "-n", name, "-l", f"keelson.dev/project={name}")["items"]}


class Operator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install(SYSTEM)
        cluster("nodes", "2", "8")
        kubectl("uncordon", "gpu-0", "gpu-1", code=None)
        cls.proxy = new_proxy()
        cls.server = Server(cls.proxy, SYSTEM)
        cls.servers = [cls.server]

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.stop()
        cls.proxy.close()

    def space(self, name):
        self.addCleanup(kubectl, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
        kubectl("create", "namespace", name)
        return name

    def leader(self):
        def found():
            for server in self.servers:
                if server.process.poll() is None and server.identity() and \
                        get("lease", "keelson-server", "-n", SYSTEM)["spec"]["holderIdentity"] == server.identity():
                    return server
            return None
        return eventually("somebody leads", found)

    def writes_in(self, name, since):
        """What was written in this namespace; those that other tests left behind may still be on their way out."""
        return [(method, path) for method, path in self.proxy.writes(since) if f"/namespaces/{name}/" in path]

    def quiet(self, seconds=3):
        """When nothing has been written for so long."""
        def still():
            begun = time.monotonic()
            time.sleep(seconds)
            return not self.proxy.writes(begun)
        eventually("nothing is written any more", still)

    def test_a_project_becomes_what_it_asks_for_and_is_then_left_alone(self):
        name = self.space("op-first")
        apply(project(name))
        eventually("it serves", lambda: condition(name, "Ready") == "True Serving: version 1 serves")
        eventually("all is applied", lambda: condition(name, "Applied").startswith("True AsWanted"))
        self.assertEqual(condition(name, "Valid"), "True Read: the project can be read")
        deployment = get("deployment", f"{name}-v1", "-n", name)
        self.assertEqual(deployment["spec"]["template"]["spec"]["containers"][0]["image"], IMAGE)
        self.assertEqual(deployment["metadata"]["ownerReferences"][0]["kind"], "Project")
        reasons = {event["reason"] for event in get("events", "-n", name)["items"] if event["involvedObject"]["kind"] == "Project"}
        self.assertIn("Serving", reasons)
        self.quiet()
        begun = time.monotonic()
        time.sleep(5)
        self.assertEqual(self.writes_in(name, begun), [])
        renewals = len(self.proxy.writes(begun, leases=True))
        self.assertGreater(renewals, 0)
        # Beside renewals, and the look at the cluster's kinds that comes twice a minute.
        asked = [path for path in self.proxy.asked(begun) if "/leases/" not in path and not KINDS.match(path)]
        self.assertLess(len(asked), 5, asked)

    def test_another_look_by_another_server_changes_nothing(self):
        name = self.space("op-second")
        apply(project(name))
        eventually("all is applied", lambda: condition(name, "Applied").startswith("True AsWanted") and condition(name, "Ready").startswith("True"))
        self.quiet()
        begun = time.monotonic()
        before = self.leader()
        self.servers.append(Server(self.proxy, SYSTEM))
        before.stop()
        after = self.leader()
        self.assertNotEqual(before, after)
        self.quiet()
        self.assertEqual(self.writes_in(name, begun), [])

    def test_of_two_servers_one_acts_and_the_other_takes_over(self):
        name = self.space("op-third")
        first = self.leader()
        self.servers.append(Server(self.proxy, SYSTEM))
        first.signal(signal.SIGSTOP)  # it is there and hears nothing: its lease is lost
        apply(project(name))
        eventually("another one made it", lambda: condition(name, "Ready").startswith("True Serving"))
        second = self.leader()
        self.assertNotEqual(first, second)
        kubectl("delete", "deployment", f"{name}-v1", "-n", name)
        begun = time.monotonic()
        first.signal(signal.SIGCONT)  # and it comes back, as it was
        eventually("the Deployment is there again", lambda: condition(name, "Ready").startswith("True Serving") and ("Deployment", f"{name}-v1") in ours(name))
        eventually("it knows that it acts no more", lambda: "acts on the cluster no more" in first.said())
        self.quiet()
        made = [path for method, path in self.proxy.writes(begun) if method == "PATCH" and path.endswith(f"/deployments/{name}-v1")]
        self.assertLessEqual(len(made), 1, "one of them makes it, once")
        second.kill()
        apply(project(name, serve={"replicas": {"min": 2, "max": 2}}))
        eventually("the first goes on", lambda: get("deployment", f"{name}-v1", "-n", name)["spec"]["replicas"] == 2)

    def test_what_somebody_deletes_comes_back_and_what_he_changes_is_told(self):
        name = self.space("op-fourth")
        apply(project(name))
        eventually("it serves", lambda: condition(name, "Ready").startswith("True Serving"))
        all_of_it = ours(name)
        for kind in ("service", "deployment"):
            kubectl("delete", kind, f"{name}-v1", "-n", name)
        kubectl("delete", "resourcequota", "keelson", "-n", name)
        eventually("all of it is there again", lambda: ours(name) == all_of_it)
        theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{name}-v1", "namespace": name}, "spec": {"selector": {"app.kubernetes.io/name": "mine"}}}
        kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=meddler", "-f", "-", text=json.dumps(theirs))
        said = eventually("it is told", lambda: condition(name, "Applied") if condition(name, "Applied").startswith("False Refused") else "")
        self.assertIn(f"Service {name}-v1", said)
        self.assertIn("meddler", said)
        self.assertEqual(get("service", f"{name}-v1", "-n", name)["spec"]["selector"]["app.kubernetes.io/name"], "mine")
        kubectl("delete", "service", f"{name}-v1", "-n", name)
        eventually("it is well again", lambda: condition(name, "Applied").startswith("True AsWanted"))

    def test_deleting_the_project_removes_what_was_made_and_nothing_else(self):
        name = self.space("op-fifth")
        kubectl("create", "configmap", "mine", "-n", name)
        kubectl("create", "service", "clusterip", "theirs", "--tcp=80:80", "-n", name)
        apply(project(name))
        eventually("it serves", lambda: condition(name, "Ready").startswith("True Serving"))
        kubectl("delete", "project", name, "-n", name)
        eventually("all of it is gone", lambda: not ours(name))
        self.assertEqual(get("service", "theirs", "-n", name)["metadata"]["name"], "theirs")
        self.assertEqual(get("configmap", "mine", "-n", name)["metadata"]["name"], "mine")

    def test_what_is_there_already_is_not_taken(self):
        name = self.space("op-sixth")
        kubectl("create", "service", "clusterip", f"{name}-v1", "--tcp=80:80", "-n", name)
        apply(project(name))
        eventually("it is told", lambda: "there is one already, which is not of the project" in condition(name, "Applied"))
        self.assertNotIn("keelson", json.dumps(get("service", f"{name}-v1", "-n", name)["metadata"].get("labels")))

    def test_a_project_with_a_mistake_is_told_and_nothing_is_taken_away(self):
        name = self.space("op-seventh")
        apply(project(name))
        eventually("it serves", lambda: condition(name, "Ready").startswith("True Serving"))
        before = ours(name)
        # What the schema lets pass and the parser does not.
        apply(project(name, train={"label": "late +", "trainer": {"xgboost": {"rounds": 10}}}))
        eventually("it is told", lambda: condition(name, "Valid").startswith("False Mistake"))
        self.assertEqual(ours(name), before)
        apply(project(name))
        eventually("it is well again", lambda: condition(name, "Valid").startswith("True") and condition(name, "Ready").startswith("True"))

    def test_the_next_version_takes_over_before_the_former_goes(self):
        name = self.space("op-eighth")
        apply(project(name))
        eventually("it serves", lambda: condition(name, "Ready").startswith("True Serving"))
        kubectl("cordon", "gpu-0", "gpu-1")
        self.addCleanup(kubectl, "uncordon", "gpu-0", "gpu-1")
        kubectl("annotate", "project", name, "-n", name, "--overwrite", "keelson.dev/model-version=2")
        eventually("the next is there, without a node", lambda: condition(name, "Ready").startswith("False Unschedulable: no node takes pod"))
        self.assertIn(("Deployment", f"{name}-v1"), ours(name))
        kubectl("uncordon", "gpu-0", "gpu-1")
        eventually("the next serves", lambda: condition(name, "Ready") == "True Serving: version 2 serves")
        eventually("the former is gone", lambda: not {key for key in ours(name) if key[1].endswith("-v1")})

    def test_jobs_run_gang_by_gang(self):
        name = self.space("op-gangs")
        apply(job("wide", name, pods=2, run_for="1h"))
        eventually("the gang runs", lambda: get("job", "wide", "-n", name)["status"].get("ready") == 2)
        # Both nodes are full. Half of the next gang would fit when one of them is free, and does not run.
        apply(job("next", name, pods=2), job("small", name, pods=1, run_for="1s"))
        self.quiet(2)
        self.assertTrue(suspended("next", name))
        self.assertEqual(get("pods", "-n", name, "-l", "batch.kubernetes.io/job-name=next")["items"], [])
        kubectl("delete", "job", "wide", "-n", name)
        eventually("it runs now", lambda: get("job", "next", "-n", name)["status"].get("ready") == 2)
        self.assertEqual(get("job", "next", "-n", name)["metadata"]["annotations"]["keelson.dev/flavor"], "the whole cluster")
        kubectl("delete", "job", "next", "-n", name)
        eventually("the last one has run", lambda: get("job", "small", "-n", name)["status"].get("succeeded") == 1)
        told = {event["reason"] for event in get("events", "-n", name)["items"] if event["involvedObject"].get("name") == "small"}
        self.assertIn("Released", told)

    def test_inference_takes_the_room_of_training_which_goes_back_into_the_line(self):
        name = self.space("op-urgent")
        apply(job("training", name, pods=2, run_for="1h"))
        eventually("the training runs", lambda: get("job", "training", "-n", name)["status"].get("ready") == 2)
        apply(job("urgent", name, pods=1, run_for="3s", priorityClassName="keelson-inference"))
        eventually("the urgent one runs", lambda: not suspended("urgent", name))
        eventually("it has run", lambda: get("job", "urgent", "-n", name)["status"].get("succeeded") == 1)
        eventually("the training runs again", lambda: get("job", "training", "-n", name)["status"].get("ready") == 2)
        self.assertEqual(get("job", "training", "-n", name)["metadata"]["annotations"]["keelson.dev/preempted"], "1")
        self.assertNotIn("failed", get("job", "training", "-n", name)["status"])


if __name__ == "__main__":
    unittest.main()
