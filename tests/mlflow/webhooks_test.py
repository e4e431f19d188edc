"""Webhooks as MLflow's own client makes them, and what comes to whoever listens.

  webhooks_test.py KEELSON
"""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import sys
import tempfile
import threading
import time
import unittest

import servers
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent
from mlflow.exceptions import RestException

KEELSON = sys.argv.pop(1)
SECRET = "hush-hush"
OPEN = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}


class Listener:
    """Keeps what is posted to it; answers 503 as often as it is told before it takes anything."""

    def __init__(self):
        self.posts = []
        self.refusals = 0
        self.came = threading.Condition()
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with listener.came:
                    listener.posts.append((dict(self.headers), body))
                    status = 503 if listener.refusals > 0 else 200
                    listener.refusals -= 1
                    listener.came.notify_all()
                self.send_response(status)
                self.send_header("retry-after", "0")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count):
        with self.came:
            assert self.came.wait_for(lambda: len(self.posts) >= count, servers.PATIENCE_S), self.posts
            return list(self.posts)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Webhooks(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.listener = Listener()
        self.addCleanup(self.listener.stop)
        self.start()

    def start(self, environment=None):
        self.server = servers.keelson(KEELSON, self.folder, environment=environment or OPEN)
        self.addCleanup(self.server.stop)
        self.client = MlflowClient(self.server.address, self.server.address)

    def make(self, *events, **more):
        return self.client.create_webhook(name="hook", url=self.listener.url,
                                          events=[WebhookEvent.from_str(event) for event in events], **more)

    def test_the_client_makes_reads_changes_and_deletes_them(self):
        made = self.make("model_version.created", "prompt_alias.deleted", secret=SECRET, description="tells")
        self.assertIsNone(made.secret)
        self.assertEqual(["model_version.created", "prompt_alias.deleted"], [str(event) for event in made.events])
        changed = self.client.update_webhook(made.webhook_id, name="other", status="DISABLED")
        self.assertEqual(("other", "DISABLED", "tells"), (changed.name, str(changed.status), changed.description))
        self.assertEqual(["other"], [webhook.name for webhook in self.client.list_webhooks()])
        self.client.delete_webhook(made.webhook_id)
        with self.assertRaisesRegex(RestException, f"Webhook with ID {made.webhook_id} not found"):
            self.client.get_webhook(made.webhook_id)

    def test_what_comes_is_signed_and_told_as_mlflow_tells_it(self):
        self.make("registered_model.created", "model_version_alias.created", secret=SECRET)
        self.client.create_registered_model("flights", {"team": "sky"}, "delays")
        self.client.create_model_version("flights", "s3://bucket/model")
        self.client.set_registered_model_alias("flights", "champion", "1")
        told = {}
        for headers, body in self.listener.wait(2):
            text = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body.decode()}"
            digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()
            self.assertEqual("v1," + base64.b64encode(digest).decode(), headers["X-MLflow-Signature"])
            told[json.loads(body)["entity"], json.loads(body)["action"]] = json.loads(body)["data"]
        self.assertEqual({("registered_model", "created"): {"name": "flights", "tags": {"team": "sky"},
                                                            "description": "delays"},
                          ("model_version_alias", "created"): {"name": "flights", "alias": "champion", "version": "1"}},
                         told)

    def test_a_webhook_is_tried_out(self):
        made = self.make("prompt.created")
        result = self.client.test_webhook(made.webhook_id, WebhookEvent.from_str("prompt_tag.set"))
        self.assertTrue(result.success)
        self.assertEqual(200, result.response_status)
        self.assertEqual({"name": "example_prompt", "key": "example_key", "value": "example_value"},
                         json.loads(self.listener.posts[0][1])["data"])

    def test_what_was_not_taken_when_the_server_was_killed_comes_from_the_next_one(self):
        self.listener.refusals = 1
        self.make("registered_model.created", secret=SECRET)
        self.client.create_registered_model("flights")
        first = self.listener.wait(1)[0]
        self.server.kill()
        self.start()
        second = self.listener.wait(2)[1]
        self.assertEqual(first[0]["X-MLflow-Delivery-Id"], second[0]["X-MLflow-Delivery-Id"])
        self.assertEqual(first[1], second[1])
        self.assertIn("X-MLflow-Signature", second[0])

    def test_nothing_of_this_network_is_reached_unless_that_was_allowed(self):
        made = self.make("registered_model.created")
        self.server.stop()
        self.start({"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http"})
        with self.assertRaisesRegex(RestException, "must not resolve to a non-public IP address"):
            self.make("registered_model.created")
        self.assertIn("must not resolve to a non-public IP address",
                      self.client.test_webhook(made.webhook_id).error_message)
        self.client.create_registered_model("flights")
        until = time.monotonic() + servers.PATIENCE_S
        while "it is given up" not in self.server.log.read_text():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        self.assertEqual([], self.listener.posts)


if __name__ == "__main__":
    unittest.main()
