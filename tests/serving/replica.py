"""A `keelson serve` under test, and plain HTTP to it."""
import http.client
import json
import re
import resource
import subprocess
import threading

PATIENCE_S = 120


class Replica:
    """Started on a free port; `models` are NAME=PATH."""

    def __init__(self, keelson, models, *arguments):
        command = [keelson, "serve", "--port", "0", *arguments]
        for model in models:
            command += ["--model", model]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        token = re.match(r"token \(shown this once\): (\S+)", line)
        self.token = token[1] if token else None
        if token:
            line = self.process.stdout.readline()
        found = re.search(r"ready at https?://127\.0\.0\.1:(\d+)(?: and grpcs?://127\.0\.0\.1:(\d+))?", line)
        if found is None:
            self.process.kill()
            raise AssertionError(f"not ready: {line!r} {self.process.stderr.read()}")
        self.port = int(found[1])
        self.grpc = f"127.0.0.1:{found[2]}"  # with --grpc-port
        self.address = f"http://127.0.0.1:{self.port}"
        # What it logs must not fill the pipe.
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def ask(self, method, path, body=None, headers=None):
        """The status, the headers and the body."""
        connection = self.connection()
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def infer(self, model, rows):
        request = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [len(rows), len(rows[0])],
                               "data": [value for row in rows for value in row]}]}
        status, _, body = self.ask("POST", f"/v2/models/{model}/infer", request)
        if status != 200:
            raise AssertionError((status, body))
        return json.loads(body)["outputs"][0]["data"]

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def stop(self):
        """SIGTERM; gives the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        self.reader.join(PATIENCE_S)
        self.process.stderr.close()
        return code


def raise_open_files(wanted):
    """The most open files that are allowed, up to `wanted`."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit
