"""What the server may do on a cluster is what it does: every verb of its roles is used, and nothing that it asks for is refused. And kinds that
appear and vanish while it runs."""
import re
import unittest

from clusters import cluster, define, eventually, get, kubectl
from servers import Server, apply, condition, install, job, new_proxy, project

SYSTEM = "rights-system"
OF_KEDA = ("scaledobjects.keda.sh", "triggerauthentications.keda.sh")
METHODS = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}
PATH = re.compile(r"^/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/[^/]+)?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[^/]+))?$")
PODS_OF_METRICS = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "pods.metrics.k8s.io", "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
    "spec": {"group": "metrics.k8s.io", "scope": "Namespaced", "names": {"kind": "PodMetrics", "plural": "pods", "singular": "pod"},
             "versions": [{"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]}}


def used_by(requests):
    """(group, resource, verb) of each request that was let through; those of discovery name no resource."""
    used = set()
    for method, path, status in requests:
        found = PATH.match(path.split("?")[0])
        if not found or status >= 400 and status != 404:
            continue
        group, resource = found["group"] or "", found["resource"] + (f"/{found['part']}" if found["part"] else "")
        if method == "GET":
            verb = "watch" if "watch=true" in path else "get" if found["name"] else "list"
        else:
            verb = METHODS[method]
        used.add((group, resource, verb))
        if method == "PATCH" and status == 201:
            used.add((group, resource, "create"))
    return used


def granted():
    rules = get("clusterrole", "keelson-server")["rules"] + get("role", "keelson-server", "-n", SYSTEM)["rules"]
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}


class Rights(unittest.TestCase):
    def test_every_verb_granted_is_used_and_every_one_used_is_granted(self):
        define("keda", "prometheus-operator", "gateway-api")
        cluster("nodes", "2", "8")
        install(SYSTEM)
        name = "op-rights"
        self.addCleanup(kubectl, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
        kubectl("create", "namespace", name)
        asked = []
        proxy = new_proxy()
        self.addCleanup(proxy.close)
        proxy.seen = lambda method, path, status: asked.append((method, path, status))
        server = Server(proxy, SYSTEM, "--kubernetes-silence", "5s")
        self.addCleanup(server.stop)
        scales = {"replicas": {"min": 0, "max": 3}}

        def there(kind):
            return [item["metadata"]["name"] for item in get(kind, "-n", name)["items"]]
        routed = project(name, serve=scales)
        routed["metadata"]["annotations"]["keelson.dev/gateway"] = "infra/public"
        apply(routed, job("work", name, gpus=1, run_for="1s"))
        eventually("all of it is there", lambda: condition(name, "Applied").startswith("True AsWanted") and there("scaledobjects.keda.sh"))
        eventually("requests come through the Gateway", lambda: there("httproutes.gateway.networking.k8s.io"))
        eventually("the job has run", lambda: get("job", "work", "-n", name)["status"].get("succeeded") == 1)
        # KEDA goes and metrics-server comes, as far as kinds tell.
        self.addCleanup(kubectl, "delete", "crd", "pods.metrics.k8s.io", "--ignore-not-found")
        apply(PODS_OF_METRICS)
        kubectl("delete", "crd", *OF_KEDA)
        eventually("another scales it", lambda: there("hpa") == [f"{name}-v1"])
        eventually("all is applied", lambda: condition(name, "Applied").startswith("True AsWanted"))
        cluster("define", "keda")
        eventually("KEDA's objects are there again", lambda: all(there(kind) for kind in OF_KEDA) and not there("hpa"))
        bare = project(name)
        del bare["serve"]
        apply(bare)
        eventually("nothing serves any more", lambda: not there("deployments") and condition(name, "Ready").startswith("True NothingToServe"))
        eventually("all of that is gone", lambda: not any(there(kind) for kind in (*OF_KEDA, "servicemonitors.monitoring.coreos.com")))
        server.stop()
        # A kind that has just been defined may refuse once more, in the same words as a lack of rights; that would refuse again.
        taken = {(method, path) for method, path, status in asked if status < 300}
        refused = {(method, path) for method, path, status in asked if status in (401, 403)}
        elsewhere = {(method, path) for method, path in refused  # a namespace of another test, on its way out
                     if "/namespaces/" in path and not any(f"/namespaces/{space}/" in path for space in (name, SYSTEM))}
        self.assertEqual(refused - taken - elsewhere, set())
        used = used_by(asked)
        self.assertEqual(granted() - used, set(), "granted and not used")
        self.assertEqual(used - granted(), set(), "used and not granted")


if __name__ == "__main__":
    unittest.main()
