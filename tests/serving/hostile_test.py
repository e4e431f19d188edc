#!/usr/bin/env python3
"""Bad input and rude clients against `keelson serve`: each gets the protocol's own error, and memory and latency stay flat.

Usage: hostile_test.py KEELSON MODELS   with MODELS a folder of model files.
"""
import gzip
import json
import pathlib
import re
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import unittest
import zlib

from replica import PATIENCE_S, Replica, raise_open_files

KEELSON = sys.argv[1]
MODELS = pathlib.Path(sys.argv[2])
ROW = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 5], "data": [1, 2, 3, 4, 5]}]}
BODY = json.dumps(ROW).encode()
INFER = "/v2/models/soft/infer"


def request(body=BODY, path=INFER, headers=""):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\ncontent-length: {len(body)}\r\n{headers}\r\n").encode() + body


class Peer:
    """A raw connection, and the answers that come over it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def answer(self):
        """Status, headers and body of the next answer; None at the end of the connection."""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.socket.recv(65536)
            if not piece:
                return None
            self.buffer += piece
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            piece = self.socket.recv(65536)
            if not piece:
                return None
            self.buffer += piece
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(lines[0].split()[1]), headers, body

    def close(self):
        self.socket.close()


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj"])
        cls.expected = cls.replica.infer("soft", [[1, 2, 3, 4, 5]])
        cls.drip = threading.Thread(target=cls.drip_bytes, daemon=True)
        cls.drip.start()

    @classmethod
    def drip_bytes(cls):
        """Requests that come a byte a second, until the replica has had enough of each."""
        begun = time.monotonic()
        peers = [Peer(cls.replica.port).send(request()[:-90]) for _ in range(20)]
        cls.dripped = []
        for place in range(90):
            waiting = select.select([peer.socket for peer in peers], [], [], 1)[0]
            for peer in [peer for peer in peers if peer.socket in waiting]:
                peers.remove(peer)
                cls.dripped.append(peer.answer())
                peer.close()
            if not peers:
                break
            for peer in peers:
                try:
                    peer.send(request()[place - 90:][:1])
                except OSError:
                    pass  # its answer is under way
        cls.drip_seconds = time.monotonic() - begun

    @classmethod
    def tearDownClass(cls):
        assert cls.replica.stop() == 0

    def tearDown(self):
        """Whatever happened, it goes on answering."""
        self.assertEqual(self.replica.infer("soft", [[1, 2, 3, 4, 5]]), self.expected)

    def peer(self):
        peer = Peer(self.replica.port)
        self.addCleanup(peer.close)
        return peer

    def refused(self, status, body=BODY, path=INFER, headers=None):
        got, _, answer = self.replica.ask("POST", path, body, headers)
        self.assertEqual(got, status, answer)
        return json.loads(answer)["error"]

    def test_json_cut_and_changed_at_every_byte(self):
        bodies = {INFER: BODY, "/v1/models/soft:predict": b'{"instances": [[1, 2, 3, 4, 5]]}',
                  "/invocations": b'{"dataframe_split": {"columns": ["a","b","c","d","e"], "data": [[1, 2, 3, 4, 5]]}}'}
        connection = self.replica.connection()
        self.addCleanup(connection.close)
        for path, body in bodies.items():
            for place in range(len(body)):
                for changed in (body[:place], body[:place] + b"\x00" + body[place + 1:], body[:place] + b"]" + body[place:]):
                    connection.request("POST", path, changed, {"content-type": "application/json"})
                    answer = connection.getresponse()
                    text = answer.read()
                    if answer.status == 200:  # a bracket inside a text is no harm
                        continue
                    self.assertEqual(answer.status, 400, (path, changed, text))
                    json.loads(text)["message" if path == "/invocations" else "error"]

    def test_wrong_inputs(self):
        def tensor(**changes):
            return {"inputs": [{**ROW["inputs"][0], **changes}]}

        for body, part in [
                (tensor(shape=[1, 4]), "more than the 4 values"), (tensor(shape=[1, 4], data=[1, 2, 3, 4]), "expected [-1,5]"),
                (tensor(shape=[5]), "expected FP32 [-1,5]"), (tensor(shape=[-1, 5]), "negative dimension"),
                (tensor(shape=[1, 5] + [1] * 7), "more than 8 dimensions"),
                (tensor(shape=[4_000_000_000, 4_000_000_000]), "shape"), (tensor(datatype="FP31"), "unknown datatype"),
                (tensor(datatype="BYTES", data=["a"] * 5), "BYTES"), (tensor(data=["1"] * 5), "a string, expected a number"),
                (tensor(data=[[1, 2, 3], [4, 5]]), "array"), (tensor(data=None), "expected an array"),
                (tensor(datatype="INT8", data=[1, 2, 3, 4, 500]), "does not hold"),
                (tensor(datatype="INT32", data=[1, 2, 3, 4, None]), "expected a whole number"),
                ({"inputs": []}, "0 inputs, expected one"), ({"inputs": ROW["inputs"] * 2}, "2 inputs, expected one"), ({}, "no \"inputs\""),
                ({"inputs": [{"name": "x"}]}, "no \"datatype\""),
                ({**ROW, "outputs": [{"name": "none"}]}, "unknown output"),
                ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 5]}]}, "neither"),
                ({**ROW, "parameters": {"predict": "odds"}}, "expected value, margin, leaves or contributions")]:
            self.assertIn(part, self.refused(400, body))

    def test_unknown_models_versions_paths_and_methods(self):
        self.assertEqual(self.refused(404, path="/v2/models/none/infer"), "Model with name none does not exist.")
        self.assertIn("has no version 9", self.refused(404, path="/v2/models/soft/versions/9/infer"))
        self.assertIn("no such path", self.refused(404, path="/v2/models/soft/infer/again"))
        self.refused(405, path="/v2/models/soft")
        status, headers, _ = self.replica.ask("GET", INFER)
        self.assertEqual((status, headers["allow"]), (405, "POST"))

    def test_binary_sections_that_lie(self):
        def binary(size, data, length=None, shape=(1, 5), datatype="FP32"):
            head = json.dumps({"inputs": [{"name": "x", "datatype": datatype, "shape": list(shape),
                                           "parameters": {"binary_data_size": size}}]}).encode()
            return self.refused(400, head + data, headers={"Inference-Header-Content-Length":
                                                           str(len(head) if length is None else length)})

        self.assertIn("binary_data_size is 20, 19 bytes are left", binary(20, b"\0" * 19))
        self.assertIn("belong to no input", binary(20, b"\0" * 21))
        self.assertIn("expected 20", binary(16, b"\0" * 16))
        self.assertIn("expected 0 to", binary(20, b"\0" * 20, length=1_000_000))
        self.assertIn("expected 0 to", binary(20, b"\0" * 20, length=-1))
        self.assertIn("malformed JSON", binary(20, b"\0" * 20, length=7))
        binary(2**63, b"\0" * 20)
        self.assertIn("ends inside element 0", binary(6, b"\xff\xff\xff\xffab", shape=(1,), datatype="BYTES"))

    def test_lying_content_lengths(self):
        # Too long: the request never comes whole, and the next one is not swallowed silently: the client ended.
        peer = self.peer().send(request().replace(b"content-length: %d" % len(BODY), b"content-length: %d" % (len(BODY) + 10)))
        peer.socket.shutdown(socket.SHUT_WR)
        answer = peer.answer()
        self.assertTrue(answer is None or answer[0] == 400, answer)
        # Too short: the rest is no request.
        peer = self.peer().send(request().replace(b"content-length: %d" % len(BODY), b"content-length: 10"))
        self.assertEqual(peer.answer()[0], 400)
        for headers in ("content-length: 5\r\n", "transfer-encoding: chunked\r\n"):
            self.assertEqual(self.peer().send(request(headers=headers)).answer()[0], 400)
        self.assertEqual(self.peer().send(b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: -5\r\n\r\n").answer()[0], 400)

    def test_what_is_too_large(self):
        peer = self.peer().send(b"POST %s HTTP/1.1\r\nHost: a\r\ncontent-length: 10000000000\r\n\r\n" % INFER.encode())
        self.assertEqual(peer.answer()[0], 413)
        peer = self.peer().send(b"GET /v2 HTTP/1.1\r\nHost: a\r\nx: " + b"y" * 100_000 + b"\r\n\r\n")
        self.assertEqual(peer.answer()[0], 431)

    def test_bombs_and_corrupt_compression(self):
        bomb = gzip.compress(b"[" * (200 << 20), 9)
        before = self.replica.resident_kib()
        self.assertEqual(self.peer().send(request(bomb, headers="content-encoding: gzip\r\n")).answer()[0], 413)
        self.assertLess(self.replica.resident_kib() - before, 300 << 10)
        for encoding, body, status in [("gzip", b"\x1f\x8b\x08nothing", 400), ("deflate", zlib.compress(BODY)[:-3], 400),
                                       ("br", BODY, 415), ("gzip", gzip.compress(BODY) + b"x", 400)]:
            answer = self.peer().send(request(body, headers=f"content-encoding: {encoding}\r\n")).answer()
            self.assertEqual(answer[0], status, answer)
        for encoding, body in [("gzip", gzip.compress(BODY)), ("deflate", zlib.compress(BODY)), ("identity", BODY)]:
            answer = self.peer().send(request(body, headers=f"content-encoding: {encoding}\r\n")).answer()
            self.assertEqual(answer[0], 200, answer)

    def test_a_compressed_answer_reads_as_the_plain_one(self):
        body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [600, 5], "data": [1, 2, 3] * 1000}]})
        plain = self.replica.ask("POST", INFER, body)[2]
        _, headers, packed = self.replica.ask("POST", INFER, body, {"Accept-Encoding": "gzip"})
        self.assertEqual(headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed), plain)
        _, headers, packed = self.replica.ask("POST", INFER, body, {"Accept-Encoding": "gzip;q=0, deflate"})
        self.assertEqual(zlib.decompress(packed), plain)

    def test_pipelining_answers_in_order(self):
        requests = []
        for i in range(300):
            if i % 3 == 0:
                requests.append((404, request(path="/v2/models/none/infer")))
            elif i % 3 == 1:
                requests.append((200, request(json.dumps({**ROW, "id": f"id{i}"}).encode())))
            else:
                requests.append((400, request(b"{")))
        peer = self.peer()
        sender = threading.Thread(target=lambda: peer.send(b"".join(text for _, text in requests)))
        sender.start()
        for i, (status, _) in enumerate(requests):
            answer = peer.answer()
            self.assertEqual(answer[0], status)
            if status == 200:
                self.assertEqual(json.loads(answer[2])["id"], f"id{i}")
        sender.join()

    def test_a_byte_at_a_time_delays_nobody(self):
        text = request()
        slow = [self.peer() for _ in range(50)]
        for place in range(len(text)):
            for peer in slow:
                peer.send(text[place:place + 1])
            if place % 40 == 0:
                self.assertEqual(self.replica.infer("soft", [[1, 2, 3, 4, 5]]), self.expected)
        for peer in slow:
            self.assertEqual(peer.answer()[0], 200)

    def test_z_a_byte_a_second_is_told_after_half_a_minute(self):
        """Last by its name: the half minute runs while the others do."""
        self.drip.join(PATIENCE_S)
        self.assertEqual([answer[0] for answer in self.dripped], [408] * 20)
        self.assertEqual({json.loads(answer[2])["error"] for answer in self.dripped}, {"the request did not come whole in time"})
        self.assertGreaterEqual(self.drip_seconds, 29)

    def test_ten_thousand_idle_connections(self):
        wanted = 10_000
        if raise_open_files(wanted + 200) < wanted + 200:
            self.fail("the limit of open files is too low for 10,000 connections: raise the hard limit")
        before = self.replica.resident_kib()
        once = self.latency()
        idle = []
        try:
            for _ in range(wanted):
                idle.append(socket.create_connection(("127.0.0.1", self.replica.port), timeout=PATIENCE_S))
            held = self.latency()
            grown = self.replica.resident_kib() - before
            # Each still answers.
            for peer in idle[::1000]:
                peer.sendall(request())
                self.assertIn(b"200 OK", peer.recv(65536))
        finally:
            for peer in idle:
                peer.close()
        print(f"10,000 idle connections: {grown / 1024:.1f} MiB more, median {once * 1e6:.0f} -> {held * 1e6:.0f} us", flush=True)
        self.assertLess(grown, 40 << 10)  # 4 KiB each
        self.assertLess(held, 5 * once + 0.002)

    def latency(self):
        """The median of 300 requests, one after another."""
        peer = Peer(self.replica.port)
        times = []
        for _ in range(300):
            begun = time.perf_counter()
            peer.send(request())
            peer.answer()
            times.append(time.perf_counter() - begun)
        peer.close()
        return sorted(times)[150]


class Drain(unittest.TestCase):
    def test_no_request_is_lost_under_load(self):
        """Clients ask until their connection is closed. Every request that was taken was answered; what came as its idle connection was
        being closed, which no server can help, was not taken, as the payload log tells."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj"], "--payload-log", folder.name)
        answered, unanswered, wrong, begun = set(), set(), [], threading.Barrier(17)

        def ask(client):
            peer = Peer(replica.port)
            for number in range(1_000_000):
                name = f"request-{client}-{number}-"
                if number == 50:
                    begun.wait(PATIENCE_S)
                if select.select([peer.socket], [], [], 0)[0]:
                    break  # closed, and nothing was under way
                try:
                    answer = peer.send(request(json.dumps({**ROW, "id": name}).encode())).answer()
                except OSError:
                    answer = None
                if answer is None:
                    unanswered.add(name)
                    break
                answered.add(name)
                if answer[0] != 200:
                    wrong.append(answer)
                if answer[1].get("connection") == "close":
                    break
            peer.close()

        threads = [threading.Thread(target=ask, args=(client,)) for client in range(16)]
        for thread in threads:
            thread.start()
        begun.wait(PATIENCE_S)  # all of them are in the midst of it
        replica.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(PATIENCE_S)
        self.assertEqual(replica.stop(), 0)
        taken = set()
        for segment in pathlib.Path(folder.name).glob("*.seg"):
            taken |= {name.decode() for name in re.findall(rb"request-\d+-\d+-", segment.read_bytes())}
        self.assertEqual(wrong, [])
        self.assertEqual(taken, answered)
        self.assertEqual(taken & unanswered, set())
        self.assertGreaterEqual(len(answered), 16 * 50)
        print(f"{len(answered)} answered, {len(unanswered)} sent to a closing connection", flush=True)

    def test_a_request_half_way_is_answered(self):
        replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj"])
        text = request()
        peer = Peer(replica.port).send(text[:-20])
        replica.infer("soft", [[1, 2, 3, 4, 5]])  # behind it: the first part was read
        replica.process.send_signal(signal.SIGTERM)
        while True:  # until nobody is let in any more
            try:
                Peer(replica.port).close()
            except OSError:
                break
        peer.send(text[-20:])
        answer = peer.answer()
        self.assertEqual((answer[0], answer[1].get("connection")), (200, "close"))
        peer.close()
        self.assertEqual(replica.stop(), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
