"""An object store that fails, is slow, loses connections and damages bytes: the server asks again, says clearly what it cannot do,
and nothing that is half there or wrong is ever seen."""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import store as stores
import servers

VERSITYGW = sys.argv.pop(1)
KEELSON = sys.argv.pop(1)
MIB = 1 << 20


def first(times, method, fault, where=""):
    """The first `times` requests of that kind."""
    left = [times]

    def decide(asked, path, _):
        if asked != method or where not in path or left[0] == 0:
            return None
        left[0] -= 1
        return fault
    return decide


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.store = stores.Store(VERSITYGW, cls.path)
        cls.proxy = stores.Proxy(cls.store)
        cls.start()

    @classmethod
    def start(cls):
        cls.server = servers.keelson(KEELSON, cls.path, arguments=("--artifacts", "s3://models/faults"),
                                     environment=cls.store.environment(cls.proxy.address))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.proxy.stop()
        cls.store.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.proxy.misbehave(None)
        self.name = self.id().rsplit(".", 1)[1]

    def call(self, method, path, body=None):
        return servers.call(self.server.address, method, f"/api/2.0/mlflow-artifacts/artifacts/{self.name}/{path}", body)

    def put(self, path, content):
        status, answer = self.call("PUT", path, content)
        self.assertEqual((status, answer), (200, {}))

    def get(self, path):
        """What a client gets: the whole, or nothing when it learns that it is not."""
        try:
            with servers.urllib.request.urlopen(f"{self.server.address}/api/2.0/mlflow-artifacts/artifacts/{self.name}/{path}",
                                                timeout=120) as answer:
                return answer.read()
        except (OSError, servers.urllib.error.HTTPError, __import__("http").client.HTTPException):
            return None

    def stored(self, path):
        place = self.store.objects / "faults" / self.name / path
        return place.read_bytes() if place.exists() else None

    def unfinished(self):
        """Parts of uploads that nobody completed or aborted."""
        place = self.store.objects / ".sgwtmp" / "multipart"
        return [each for each in place.rglob("*") if each.is_file()] if place.exists() else []

    def test_errors_that_pass_are_not_seen(self):
        for fault in (("status", 500, "InternalError"), ("status", 503, "SlowDown"), ("status", 502, "x"), ("cut request", 3),
                      ("lose answer",), ("cut answer", 3)):
            for method, use in (("PUT", lambda: self.put("small", b"content")), ("GET", lambda: self.assertEqual(self.get("small"), b"content")),
                                ("HEAD", lambda: self.assertEqual(self.get("small"), b"content"))):
                if fault[0] == "cut answer" and method != "GET":
                    continue
                with self.subTest(fault=fault, method=method):
                    self.proxy.misbehave(first(2, method, fault))
                    use()
        self.assertIn("asking the object store again", (self.path / "server.log").read_text())

    def test_a_slow_store_is_waited_for(self):
        self.proxy.misbehave(lambda *_: ("delay", 0.7))
        self.put("slow", b"content")
        self.assertEqual(self.get("slow"), b"content")

    def test_a_store_that_only_fails_is_given_up_with_a_clear_error(self):
        self.proxy.misbehave(lambda *_: ("status", 503, "SlowDown"))
        status, answer = self.call("PUT", "never", b"content")
        self.assertEqual((status, answer["error_code"]), (503, "TEMPORARILY_UNAVAILABLE"), answer)
        self.assertIn("7 attempts failed", answer["message"])
        self.assertIn("asks to slow down", answer["message"])
        self.assertEqual(len(self.proxy.seen), 7, "and no more, whatever the client asks for")
        self.assertEqual(servers.call(self.server.address, "GET", "/api/2.0/mlflow/experiments/get?experiment_id=0")[0], 200)

    def test_a_connection_that_is_cut_in_a_part_costs_that_part(self):
        content = os.urandom(20 * MIB)
        for fault in (("cut request", 2 * MIB), ("lose answer",), ("status", 500, "InternalError"), ("damage request",)):
            with self.subTest(fault=fault):
                self.proxy.misbehave(first(1, "PUT", fault, "partNumber=2"))
                self.put("large", content)
                self.assertEqual(self.stored("large"), content)
                self.assertEqual(sum("partNumber=1&" in each for each in self.proxy.seen), 1)
                self.assertEqual(sum("partNumber=2&" in each for each in self.proxy.seen), 2)
        self.proxy.misbehave(first(1, "POST", ("lose answer",), "uploadId"))
        self.put("large2", content)
        self.assertEqual(self.stored("large2"), content)
        self.assertEqual(self.unfinished(), [])
        for fault in (("cut answer", 3 * MIB), ("status", 500, "InternalError")):
            with self.subTest(reading=fault):
                number = [0]

                def second(method, path, _):
                    number[0] += method == "GET"
                    return fault if number[0] == 2 else None
                self.proxy.misbehave(second)
                self.assertEqual(hashlib.sha256(self.get("large")).digest(), hashlib.sha256(content).digest())

    def test_what_was_damaged_on_the_way_is_never_taken_for_the_artifact(self):
        large = os.urandom(9 * MIB)
        for name, content in (("small", b"content" * 100), ("large", large)):
            self.proxy.misbehave(first(1, "PUT", ("damage request",)))
            self.put(name, content)
            self.assertEqual(self.stored(name), content, "the store refused it, and it was sent again")
            self.proxy.misbehave(lambda method, *_: ("damage answer",) if method == "GET" else None)
            self.assertIsNone(self.get(name), name)
            self.proxy.misbehave(None)
            self.assertEqual(self.get(name), content)
        self.proxy.misbehave(lambda method, *_: ("damage answer",) if method == "GET" else None)
        status, answer = self.call("GET", "small")
        self.assertEqual((status, answer["error_code"]), (500, "DATA_LOSS"), answer)
        self.assertIn("SHA-256", answer["message"])

    def test_a_failed_upload_leaves_what_was_there(self):
        before = os.urandom(9 * MIB)
        self.put("kept", before)
        self.proxy.misbehave(lambda method, path, _: ("status", 403, "AccessDenied") if "partNumber=2" in path else None)
        status, answer = self.call("PUT", "kept", os.urandom(20 * MIB))
        self.assertEqual((status, answer["error_code"]), (500, "INVALID_STATE"), "the keys are the server's, not the client's")
        self.assertIn("does not allow it", answer["message"])
        self.assertEqual(self.get("kept"), before)
        self.assertEqual(self.unfinished(), [], "the upload was aborted")

    def test_clocks_that_are_apart(self):
        self.proxy.misbehave(lambda *_: ("status", 403, "RequestTimeTooSkewed"))
        status, answer = self.call("PUT", "late", b"x")
        self.assertEqual(status, 500)
        self.assertIn("clocks of this machine and of the object store are too far apart", answer["message"])
        self.assertIn("set this machine's clock", answer["message"])

    def test_kill_9_in_the_middle_of_an_upload(self):
        before = b"the version before"
        self.put("model.bin", before)
        reached = threading.Event()

        def hold(method, path, _):
            if "partNumber=2" in path:
                reached.set()
                return ("delay", 5)
            return None
        self.proxy.misbehave(hold)
        content = os.urandom(20 * MIB)
        broken = []

        def upload():
            try:
                broken.append(self.call("PUT", "model.bin", content))
            except (OSError, __import__("http").client.HTTPException) as error:
                broken.append(error)
        thread = threading.Thread(target=upload)
        thread.start()
        self.assertTrue(reached.wait(60))
        self.server.kill()
        thread.join(60)
        self.assertNotIsInstance(broken[0], tuple, "nothing was acknowledged")
        self.proxy.misbehave(None)
        self.start()
        self.assertEqual(self.get("model.bin"), before)
        status, listed = servers.call(self.server.address, "GET", f"/api/2.0/mlflow-artifacts/artifacts?path={self.name}")
        self.assertEqual(listed, {"files": [{"path": "model.bin", "is_dir": False, "file_size": len(before)}]})
        self.put("model.bin", content)
        self.assertEqual(self.get("model.bin"), content)

    def refusal(self, **environment):
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run([KEELSON, "server", "--data", folder + "/data", "--port", "0", "--artifacts", environment.pop("place", "s3://models/x")],
                                   env={**os.environ, **self.store.environment(), "HOME": folder, **environment},
                                   capture_output=True, text=True, timeout=60)
        self.assertNotEqual(ended.returncode, 0)
        self.assertNotIn(stores.SECRET, ended.stdout + ended.stderr)
        return ended.stderr

    def test_a_server_that_cannot_work_says_so_at_its_start(self):
        self.assertIn("AWS_SECRET_ACCESS_KEY", self.refusal(AWS_SECRET_ACCESS_KEY="wrong"))
        self.assertIn("AWS_ACCESS_KEY_ID", self.refusal(AWS_ACCESS_KEY_ID="nobody"))
        self.assertIn("create it", self.refusal(place="s3://no-such-bucket/x"))
        self.assertIn("expected s3://bucket/prefix", self.refusal(place="/some/folder"))
        self.assertIn("no keys of the object store", self.refusal(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""))
        self.assertIn("AWS_ENDPOINT_URL", self.refusal(AWS_ENDPOINT_URL="localhost:9000"))


if __name__ == "__main__":
    unittest.main()
