"""A proxy between the replay and the server: it knows what each request says and what was acknowledged, and it lets a test
act at an exact point of the traffic, however quick the machine is."""
import collections
import dataclasses
import json
import re
import socket
import threading
import urllib.parse

INSTANT = re.compile(rb'"(?:clock|to)":"([^"]+)"')
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PIECE = 1 << 16


class Messages:
    """Cuts a stream of HTTP/1.1 messages with a content-length into whole messages."""

    def __init__(self):
        self.buffer = b""

    def take(self, piece):
        self.buffer += piece
        while True:
            head_end = self.buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return
            length = LENGTH.search(self.buffer, 0, head_end + 2)
            end = head_end + 4 + (int(length.group(1)) if length else 0)
            if len(self.buffer) < end:
                return
            message, self.buffer = self.buffer[:end], self.buffer[end:]
            yield message, message[head_end + 4:]


@dataclasses.dataclass
class Request:
    kind: str                # "push", "clock", "ask" or "other"
    instant: str = ""        # to which a push or a clock request moves the clock
    source: str = ""
    body: bytes = b""
    then: object = None      # done with the answer, in place of passing it on or after it
    swallow: bool = False    # the answer is not passed on

    @staticmethod
    def of(message, body):
        target = message.split(b" ", 2)[1].decode()
        found = INSTANT.search(body)
        instant = found.group(1).decode() if found else ""
        if target.endswith("/rows"):
            return Request("push", instant, urllib.parse.unquote(target.split("/")[-2]), body)
        if target.endswith("/clock"):
            return Request("clock", instant, "", body)
        return Request("ask" if target.endswith("/infer") else "other", "", "", body)


class Proxy:
    """`decide(request)` is called for each request in the order of its connection, from that connection's thread; it may
    act there and then, and may set `then` and `swallow`."""

    def __init__(self, port_of_server, decide):
        self.port_of_server = port_of_server
        self.decide = decide
        self.lock = threading.Lock()
        self.acknowledged_rows = collections.defaultdict(list)  # by source
        self.acknowledged_ids = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.port_of_server()))
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting = collections.deque()
        deciding = threading.Lock()  # meanwhile the client is not told that the server has gone
        back = threading.Thread(target=self.pump_back, args=(server, client, waiting, deciding), daemon=True)
        back.start()
        try:
            messages = Messages()
            while piece := client.recv(PIECE):
                for message, body in messages.take(piece):
                    request = Request.of(message, body)
                    with deciding:
                        self.decide(request)
                    waiting.append(request)
                    server.sendall(message)
        except OSError:
            pass
        self.end(server)  # no more requests; answers on the way are still passed on
        back.join()
        client.close()
        server.close()
        for request in waiting:  # their answers were lost with the connection: another request's kill came first
            if request.then:
                request.then()

    @staticmethod
    def end(connection):
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def pump_back(self, server, client, waiting, deciding):
        try:
            messages = Messages()
            while piece := server.recv(PIECE):
                for message, body in messages.take(piece):
                    request = waiting.popleft()
                    try:
                        self.remember(request, message, body)
                        if not request.swallow:
                            client.sendall(message)
                    finally:
                        if request.then:
                            request.then()
                    if request.swallow:
                        return
        except OSError:
            pass
        finally:
            with deciding:
                try:
                    client.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def remember(self, request, message, body):
        if message.split(b" ", 2)[1] != b"200":
            return
        if request.kind == "push" and b'"reached":true' in body:
            with self.lock:
                self.acknowledged_rows[request.source] += json.loads(request.body)["rows"]
        elif request.kind == "ask":
            with self.lock:
                self.acknowledged_ids.add(json.loads(request.body)["id"])
