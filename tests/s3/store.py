"""An object store for tests: versitygw over a folder, and a proxy in front of it that misbehaves when told to."""
import hashlib
import hmac
import http.client
import http.server
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "mlflow"))
import servers

ACCESS, SECRET = "keelson-test", "not-so-secret-7f3a9"
BUCKET = "models"


class Store:
    """versitygw; `objects` is the folder of its one bucket."""

    def __init__(self, program, folder):
        self.root = folder / "store"
        self.objects = self.root / BUCKET
        self.objects.mkdir(parents=True)
        self.port = servers.free_port()
        self.server = servers.Server([program, "--access", ACCESS, "--secret", SECRET, "--port", f"127.0.0.1:{self.port}", "posix",
                                      str(self.root)], folder, "store.log")
        self.server.wait(self.ready)
        self.address = f"http://127.0.0.1:{self.port}"

    def ready(self):
        socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        return True

    def environment(self, address=None, secret=SECRET):
        return {"AWS_ENDPOINT_URL": address or self.address, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_REGION": "us-east-1"}

    def files(self, below=""):
        """Paths and sizes of the objects, without what the store keeps beside them."""
        place = self.objects / below
        return {str(each.relative_to(self.objects)): each.stat().st_size for each in sorted(place.rglob("*"))
                if each.is_file() and not any(part.startswith(".") for part in each.relative_to(self.objects).parts)}

    def put(self, key, content):
        """As anybody does who has the keys: a request with AWS's signature of version 4."""
        def keyed(secret, text):
            return hmac.new(secret, text.encode(), hashlib.sha256).digest()

        host, digest = f"127.0.0.1:{self.port}", hashlib.sha256(content).hexdigest()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path, scope, names = f"/{BUCKET}/{key}", f"{now[:8]}/us-east-1/s3/aws4_request", "host;x-amz-content-sha256;x-amz-date"
        asked = f"PUT\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\n{names}\n{digest}"
        secret = ("AWS4" + SECRET).encode()
        for part in scope.split("/"):
            secret = keyed(secret, part)
        signature = keyed(secret, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}").hex()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("PUT", path, content, {"x-amz-date": now, "x-amz-content-sha256": digest, "authorization":
                           f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={names}, Signature={signature}"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        assert answer.status == 200, (answer.status, said)

    def stop(self):
        self.server.stop()


class Proxy:
    """Passes requests on. `fault(method, path, number)` may name one for the request with that number, from 1 in each test:
    ("status", 503, code), ("delay", seconds), ("cut request", bytes), ("cut answer", bytes), ("damage request",),
    ("damage answer",), ("lose answer",): carried out, but its answer never comes."""

    def __init__(self, store):
        self.store, self.fault, self.seen = store, None, []
        self.lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *ignored):
                pass

            def handle_any(self):
                proxy.serve(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a server that is killed, or connections that were cut
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def misbehave(self, fault):
        with self.lock:
            self.fault, self.seen = fault, []

    def serve(self, handler):
        with self.lock:
            self.seen.append(f"{handler.command} {handler.path}")
            fault = self.fault and self.fault(handler.command, handler.path, len(self.seen))
        kind = fault[0] if fault else ""
        length = int(handler.headers.get("Content-Length") or 0)
        if kind == "cut request":
            handler.rfile.read(min(fault[1], length))
            return self.cut(handler)
        body = handler.rfile.read(length)
        if kind == "status":
            text = f"<Error><Code>{fault[2]}</Code><Message>as the test wants it</Message><RequestId>P1</RequestId></Error>".encode()
            return self.answer(handler, fault[1], [("Content-Type", "application/xml")], text)
        if kind == "delay":
            time.sleep(fault[1])
        if kind == "damage request" and body:
            body = body[:-1] + bytes([body[-1] ^ 1])
        status, headers, answer = self.ask(handler, body)
        if kind == "lose answer":
            return self.cut(handler)
        if kind == "damage answer" and answer:
            answer = answer[:-1] + bytes([answer[-1] ^ 1])
        if kind == "cut answer":
            self.answer(handler, status, headers, answer, fault[1])
            return self.cut(handler)
        self.answer(handler, status, headers, answer)

    def ask(self, handler, body):
        upstream = http.client.HTTPConnection("127.0.0.1", self.store.port, timeout=60)
        upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            upstream.putheader(name, value)  # the Host that was signed among them
        upstream.endheaders(body)
        answer = upstream.getresponse()
        text = answer.read()
        headers = [(n, v) for n, v in answer.getheaders() if n.lower() not in ("connection", "transfer-encoding")]
        upstream.close()
        return answer.status, headers, text

    def answer(self, handler, status, headers, body, at_most=None):
        handler.send_response_only(status)
        for name, value in headers:
            if handler.command == "HEAD" or name.lower() != "content-length":
                handler.send_header(name, value)
        if handler.command != "HEAD":
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body if at_most is None else body[:at_most])
        handler.wfile.flush()

    def cut(self, handler):
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
