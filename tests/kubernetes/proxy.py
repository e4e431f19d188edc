"""A proxy before a real API server that writes down what it is asked, and misbehaves as it is told.

It speaks HTTP on loopback and passes on who asks by the header Authorization. A rule looks at each request before it goes on, and says what is
answered instead; None lets it pass. So a test has the faults that it wants, and the rest of the cluster has none.
"""
import http.client
import http.server
import json
import ssl
import threading
import time
import urllib.parse

WRITES = ("POST", "PUT", "PATCH", "DELETE")


def says_no(status, reason, message="as the test wants it", **headers):
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": status}
    return status, body, {name.replace("_", "-"): value for name, value in headers.items()}


class Proxy:
    def __init__(self, server, authority):
        address = urllib.parse.urlsplit(server)
        self.upstream = (address.hostname, address.port)
        self.tls = ssl.create_default_context(cafile=str(authority))
        self.requests = []        # (time, method, path without its query, status)
        self.rule = lambda method, path: None
        self.seen = lambda method, path, status: None  # told of each request as it was answered, its query with it
        self.silent = False       # watches say nothing any more, and go on
        self.away = False         # connections are closed without a word
        self.lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.handle(self)
            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass
        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.listener.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.listener.server_address[1]}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def close(self):
        self.away = True
        self.listener.shutdown()
        self.listener.server_close()

    def writes(self, since=0.0, leases=False):
        """What was written since then, and taken: (method, path)."""
        with self.lock:
            return [(method, path) for at, method, path, status in self.requests
                    if at >= since and method in WRITES and status < 300 and (leases or "/leases/" not in path)]

    def asked(self, since=0.0):
        """The paths of all requests since then."""
        with self.lock:
            return [path for at, _, path, _ in self.requests if at >= since]

    def note(self, method, path, status):
        with self.lock:
            self.requests.append((time.monotonic(), method, path.split("?")[0], status))
            self.seen(method, path, status)

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        if self.away:
            request.close_connection = True
            return
        instead = self.rule(request.command, request.path)
        if instead is not None:
            status, answer, headers = instead
            self.note(request.command, request.path, status)
            self.answer(request, status, json.dumps(answer).encode(), headers)
            return
        upstream = http.client.HTTPSConnection(*self.upstream, context=self.tls, timeout=600)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection", "content-length")}
            upstream.request(request.command, request.path, body or None, headers)
            answer = upstream.getresponse()
            self.note(request.command, request.path, answer.status)
            if "watch=true" in request.path and answer.status == 200:
                self.pass_on(request, answer)
            else:
                self.answer(request, answer.status, answer.read(), {})
        except OSError:
            request.close_connection = True
        finally:
            upstream.close()

    @staticmethod
    def answer(request, status, body, headers):
        request.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def pass_on(self, request, answer):
        """A watch, line by line, for as long as it is wanted."""
        request.send_response(200)
        request.send_header("content-type", "application/json")
        request.send_header("transfer-encoding", "chunked")
        request.end_headers()
        mute = False  # once silent, for good: a watch that leaves something out and goes on would be a lie
        while not self.away:
            line = answer.readline()
            mute = mute or self.silent
            if mute and line:
                continue
            if not line:
                request.wfile.write(b"0\r\n\r\n")
                return
            request.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            request.wfile.flush()
        request.close_connection = True
