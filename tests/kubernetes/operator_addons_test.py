"""`keelson server --kubernetes` where Kueue's and the Gateway API's kinds are, though nobody who acts on them: Jobs are handed to Kueue by its label,
and a canary gets its share of the requests by the weights of an HTTPRoute."""
import unittest

from clusters import cluster, define, eventually, get, kubectl
from servers import Server, apply, condition, install, job, new_proxy, project, suspended

SYSTEM = "addons-system"


class Addons(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install(SYSTEM)
        cluster("nodes", "2", "8")
        kubectl("uncordon", "gpu-0", "gpu-1", code=None)
        cls.proxy = new_proxy()
        cls.addClassCleanup(cls.proxy.close)

    def serve(self):
        server = Server(self.proxy, SYSTEM, "--kubernetes-silence", "5s")
        self.addCleanup(server.stop)
        return server

    def space(self, name):
        self.addCleanup(kubectl, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
        kubectl("create", "namespace", name)
        return name

    def test_a_canary_gets_its_share_of_the_route_once_it_answers(self):
        define("gateway-api")
        name = self.space("canary")
        self.serve()

        def want(version, **annotations):
            item = project(name)
            item["metadata"]["annotations"] = {"keelson.dev/model-version": version, "keelson.dev/gateway": "infra/public",
                                               **{f"keelson.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}}
            apply(item)

        def shares():
            routes = get("httproutes.gateway.networking.k8s.io", "-n", name)["items"]
            return {backend["name"]: backend["weight"] for route in routes for backend in route["spec"]["rules"][0]["backendRefs"]}
        want("1")
        eventually("it serves", lambda: condition(name, "Ready") == "True Serving: version 1 serves")
        self.assertEqual(shares(), {f"{name}-v1": 100})
        want("1", canary_version="2", canary_percent="20")
        eventually("the canary gets its share", lambda: shares() == {f"{name}-v1": 80, f"{name}-v2": 20})
        eventually("it is told", lambda: condition(name, "Ready") == "True Serving: version 1 serves, version 2 gets 20 % of the requests")
        want("2")
        eventually("it has taken over", lambda: shares() == {f"{name}-v2": 100})
        eventually("the former is gone", lambda: [item["metadata"]["name"] for item in get("deployments", "-n", name)["items"]] == [f"{name}-v2"])

    def test_a_job_is_handed_to_kueue_and_taken_back_when_that_is_gone(self):
        name = self.space("kueue")
        self.addCleanup(kubectl, "delete", "crd", "localqueues.kueue.x-k8s.io", "--ignore-not-found")
        define("kueue")
        self.serve()
        apply(job("handed", name, gpus=1, run_for="1s", queue="research"), job("kept", name, gpus=1, run_for="1s"))

        def queue(title):
            return get("job", title, "-n", name)["metadata"]["labels"].get("kueue.x-k8s.io/queue-name")
        eventually("it is handed to Kueue", lambda: queue("handed") == "research" and queue("kept") == "default")
        self.assertTrue(suspended("handed", name))
        # What Kueue does to let a Job run, and then what happens when somebody removes Kueue.
        kubectl("patch", "job", "handed", "-n", name, "--type=merge", "-p", '{"spec": {"suspend": false}}')
        eventually("it has run", lambda: get("job", "handed", "-n", name)["status"].get("succeeded") == 1)
        self.assertTrue(suspended("kept", name))
        kubectl("delete", "crd", "localqueues.kueue.x-k8s.io")
        eventually("the other stands in line here again", lambda: get("job", "kept", "-n", name)["status"].get("succeeded") == 1)
        self.assertIsNone(queue("kept"))
        told = {event["reason"] for event in get("events", "-n", name)["items"] if event["involvedObject"].get("name") == "kept"}
        self.assertEqual(told & {"HandedOver", "Released"}, {"HandedOver", "Released"})


if __name__ == "__main__":
    unittest.main()
