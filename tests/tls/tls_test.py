"""Who may ask our server and how, seen from outside: real clients, real certificates.

    tests/tls/tls_test.py build/release/keelson FOLDER
"""
import hashlib
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import unittest

from certificates import Authority, openssl
from roles import Role, until

PROGRAM = FOLDER = None
TOP = pathlib.Path(__file__).resolve().parents[2]
MODEL = TOP / "src/serving/testdata/logistic.json"
INFER = json.dumps({"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5]}]})
PROJECTS = "/api/keelson/v1/projects"


def keelson(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)


def curl(*arguments):
    """The exit code of curl, the status and the body."""
    done = subprocess.run(["curl", "-sS", "--max-time", "60", "-w", "\n%{http_code}", *map(str, arguments)],
                          capture_output=True, text=True)
    body, _, status = done.stdout.rpartition("\n")
    return done.returncode, int(status or 0), body


def say(port, text):
    """What a plain connection hears in answer, to its end."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        heard = b""
        try:
            while piece := connection.recv(65536):
                heard += piece
        except ConnectionResetError:
            pass
        return heard


class RoleTestCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(FOLDER) / self.id().rsplit(".", 1)[1]
        self.folder.mkdir()
        self.started = 0

    def certificates(self):
        self.authority = Authority(self.folder, "authority")
        return self.authority.issue("box")

    def server(self, *arguments):
        self.started += 1
        role = Role(PROGRAM, self.folder / f"run{self.started}",
                    ["server", "--data", self.folder / "data", "--port", 0, *arguments])
        self.addCleanup(role.stop)
        return role

    def serve(self, *arguments):
        role = Role(PROGRAM, self.folder / "serve", ["serve", "--model", f"m={MODEL}", *arguments])
        self.addCleanup(role.stop)
        return role

    def get(self, port, path, headers, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status


class Loopback(RoleTestCase):
    def test_everything_binds_to_loopback(self):
        for role in (self.server(), self.serve()):
            listening = role.listens_at()
            self.assertTrue(listening)
            self.assertEqual({"0100007F"}, set(listening))
            self.assertTrue(role.address.startswith("http://127.0.0.1:"))

    def test_foreign_hosts_and_origins_are_refused_everywhere(self):
        server = self.server("--allow-host", "keelson.example")
        ours = f"127.0.0.1:{server.port}"
        for method, path in (("GET", PROJECTS), ("POST", PROJECTS), ("GET", "/"), ("GET", "/metrics"),
                             ("POST", "/v2/models/m/infer"), ("GET", "/v2/models/m"), ("GET", "/none")):
            with self.subTest(path=path, method=method):
                ask = lambda headers: self.get(server.port, path, headers, method, "{}" if method == "POST" else None)
                self.assertEqual(403, ask({"Host": "evil.example"}))
                self.assertEqual(403, ask({"Host": f"evil.example:{server.port}"}))
                self.assertEqual(403, ask({"Host": ours, "Origin": "http://evil.example"}))
                self.assertEqual(403, ask({"Host": ours, "Origin": "null"}))
                self.assertEqual(403, ask({"Host": ours, "Sec-Fetch-Site": "cross-site"}))
                self.assertNotEqual(403, ask({"Host": ours}))
                self.assertNotEqual(403, ask({"Host": ours, "Origin": f"http://{ours}"}))
                self.assertNotEqual(403, ask({"Host": "keelson.example"}))
        serve = self.serve()
        for host, status in (("evil.example", 403), (f"localhost:{serve.port}", 200)):
            self.assertEqual(status, self.get(serve.port, "/v2/models/m/infer", {"Host": host}, "POST", INFER))
            self.assertEqual(status, self.get(serve.port, "/v2/health/ready", {"Host": host}))


class Token(RoleTestCase):
    def test_is_printed_once_and_stored_as_a_hash(self):
        server = self.server("--host", "0.0.0.0")
        token = server.token()
        self.assertRegex(token, "^[0-9a-f]{64}$")
        bearer = {"Authorization": f"Bearer {token}"}
        for path in (PROJECTS, "/metrics", "/v2/models/m"):
            self.assertEqual(401, self.get(server.port, path, {}))
            self.assertEqual(401, self.get(server.port, path, {"Authorization": f"Bearer {token[:-1]}"}))
            self.assertNotIn(self.get(server.port, path, bearer), (401, 403))
        self.assertEqual(403, self.get(server.port, PROJECTS, {**bearer, "Host": "evil.example"}))
        self.assertEqual(200, self.get(server.port, "/", {}), "the page asks for the token itself")
        for path in ("/health", "/v2/health/live", "/v2/health/ready"):
            self.assertEqual(200, self.get(server.port, path, {}), "what watches a container has no token")
            self.assertEqual(403, self.get(server.port, path, {"Host": "evil.example"}))
        server.stop()
        self.assertIsNone(self.server("--host", "0.0.0.0").token())
        kept = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "out.txt"]
        self.assertIn(hashlib.sha256(token.encode()).hexdigest(), (self.folder / "data/token.sha256").read_text())
        for path in kept:
            self.assertNotIn(token.encode(), path.read_bytes(), path)

    def test_never_crosses_a_network_unencrypted_by_accident(self):
        done = keelson("get", "projects", "--server", "http://192.0.2.1:1", "--token", "t0ken")
        self.assertEqual(4, done.returncode)
        self.assertIn("unencrypted", done.stderr)
        self.assertNotIn("t0ken", done.stderr)
        server = self.server()
        done = keelson("get", "projects", "--server", server.address, "--token", "t0ken")
        self.assertEqual(0, done.returncode, done.stderr)

    def test_serve_listens_elsewhere_only_when_it_can_know_who_asks(self):
        done = keelson("serve", "--model", f"m={MODEL}", "--host", "0.0.0.0")
        self.assertEqual(4, done.returncode)
        self.assertIn("--token-file", done.stderr)
        serve = self.serve("--host", "0.0.0.0", "--token-file", self.folder / "token")
        ask = lambda headers: self.get(serve.port, "/v2/models/m/infer", headers, "POST", INFER)
        self.assertEqual(401, ask({}))
        self.assertEqual(200, ask({"Authorization": f"Bearer {serve.token()}"}))
        self.assertEqual(200, self.get(serve.port, "/v2/health/live", {}))


class Tls(RoleTestCase):
    def test_curl_and_the_versions(self):
        certificate, key = self.certificates()
        server = self.server("--tls-cert", certificate, "--tls-key", key)
        url = f"https://localhost:{server.port}{PROJECTS}"
        self.assertTrue(server.address.startswith("https://"))
        for version in ("1.2", "1.3"):
            code, status, _ = curl("--cacert", self.authority.ca, f"--tlsv{version}", "--tls-max", version, url)
            self.assertEqual((0, 200), (code, status), version)
        # Security level 0, or this curl would not even offer it.
        code, _, _ = curl("--cacert", self.authority.ca, "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0", url)
        self.assertEqual(35, code)
        self.assertEqual(60, curl(url)[0], "an authority that curl does not know")
        self.assertEqual(60, curl("--cacert", Authority(self.folder, "stranger").ca, url)[0])
        self.assertEqual(60, curl("--cacert", self.authority.ca, "--resolve", f"other.example:{server.port}:127.0.0.1",
                                  f"https://other.example:{server.port}/")[0], "another name")
        code, status, body = curl(f"http://localhost:{server.port}/")
        self.assertEqual((0, 400), (code, status))
        self.assertIn("https://", body)

    def test_mutual(self):
        certificate, key = self.certificates()
        mine = self.authority.issue("me", "DNS:me")
        expired = self.authority.issue("late", "DNS:late", expired=True)
        forged = Authority(self.folder, "stranger").issue("forged", "DNS:me")
        server = self.server("--host", "0.0.0.0", "--tls-cert", certificate, "--tls-key", key, "--tls-client-ca",
                             self.authority.ca)
        url = f"https://localhost:{server.port}{PROJECTS}"
        ca = ("--cacert", self.authority.ca)
        self.assertEqual((0, 200), curl(*ca, "--cert", mine[0], "--key", mine[1], url)[:2])
        self.assertEqual((0, 401), curl(*ca, url)[:2])
        self.assertEqual((0, 200), curl(*ca, "-H", f"Authorization: Bearer {server.token()}", url)[:2])
        for bad in (expired, forged):
            self.assertNotEqual(0, curl(*ca, "--cert", bad[0], "--key", bad[1], url)[0])
        # A browser shows the certificate whoever's page asks.
        self.assertEqual((0, 403), curl(*ca, "--cert", mine[0], "--key", mine[1], "-H", "Origin: https://evil.example", url)[:2])
        common = ("get", "projects", "--server", f"https://localhost:{server.port}", "--ca", self.authority.ca)
        done = keelson(*common, "--cert", mine[0], "--key", mine[1])
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(0, keelson(*common, "--token", server.token()).returncode)
        done = keelson(*common)
        self.assertEqual(4, done.returncode)
        self.assertIn("certificate or a token", done.stderr)

    def test_serve_mutual(self):
        certificate, key = self.certificates()
        mine = self.authority.issue("me", "DNS:me")
        serve = self.serve("--host", "0.0.0.0", "--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", self.authority.ca)
        url = f"https://localhost:{serve.port}/v2/models/m/infer"
        ca = ("--cacert", self.authority.ca)
        code, status, body = curl(*ca, "--cert", mine[0], "--key", mine[1], "-d", INFER, url)
        self.assertEqual((0, 200), (code, status))
        self.assertIn("outputs", json.loads(body))
        self.assertNotEqual(0, curl(*ca, "-d", INFER, url)[0])

    def test_the_command_line_says_what_is_wrong(self):
        certificate, key = self.certificates()
        server = self.server("--tls-cert", certificate, "--tls-key", key)
        secure = f"https://localhost:{server.port}"
        ca = ("--ca", self.authority.ca)
        self.assertEqual(0, keelson("get", "projects", "--server", secure, *ca).returncode)

        def refused(code, words, *arguments):
            done = keelson("get", "projects", *arguments)
            self.assertEqual(code, done.returncode, done.stderr)
            self.assertIn(words, done.stderr)

        refused(4, "--ca", "--server", secure)
        refused(4, "--ca", "--server", secure, "--ca", Authority(self.folder, "stranger").ca)
        refused(3, "none.pem", "--server", secure, "--ca", self.folder / "none.pem")
        refused(4, "https://", "--server", secure.replace("https", "http"))
        plain = self.serve()
        refused(5, "does not speak TLS", "--server", f"https://localhost:{plain.port}", *ca)
        other, other_key = self.authority.issue("other", "DNS:other.example")
        with Peer(other, other_key) as peer:
            refused(4, "another name", "--server", f"https://localhost:{peer.port}", *ca)
        with Peer(*self.authority.issue("late", expired=True)) as peer:
            refused(4, "expired", "--server", f"https://localhost:{peer.port}", *ca)

    def test_a_server_refuses_files_that_it_cannot_use(self):
        certificate, key = self.certificates()
        other = self.authority.issue("other")
        late = self.authority.issue("late", expired=True)

        def refused(words, *arguments):
            done = keelson("server", "--data", self.folder / "data", "--port", 0, *arguments)
            self.assertNotEqual(0, done.returncode)
            self.assertIn(words, done.stderr)

        refused("another certificate", "--tls-cert", certificate, "--tls-key", other[1])
        refused("expired", "--tls-cert", late[0], "--tls-key", late[1])
        refused("none.pem", "--tls-cert", self.folder / "none.pem", "--tls-key", key)
        refused("--tls-key", "--tls-cert", certificate)
        locked = self.folder / "locked.key"
        openssl("pkey", "-in", key, "-aes128", "-passout", "pass:secret", "-out", locked)
        locked.chmod(0o600)
        refused("encrypted", "--tls-cert", certificate, "--tls-key", locked)
        key.chmod(0o644)
        refused("chmod 600", "--tls-cert", certificate, "--tls-key", key)

    def test_certificates_are_changed_without_dropping_a_connection(self):
        certificate, key = self.certificates()
        server = self.server("--tls-cert", certificate, "--tls-key", key)
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        old = http.client.HTTPSConnection("localhost", server.port, timeout=60, context=context)

        def ask(connection):
            connection.request("GET", PROJECTS)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        def name():
            fresh = http.client.HTTPSConnection("localhost", server.port, timeout=60, context=context)
            self.assertEqual(200, ask(fresh))
            names = [value for kind, value in fresh.sock.getpeercert()["subjectAltName"] if kind == "DNS"]
            fresh.close()
            return names[-1]

        def install(extra, hang_up):
            new = self.authority.issue("new", f"DNS:localhost,IP:127.0.0.1,DNS:{extra}")
            for source, target in zip(new, (certificate, key)):
                source.replace(target)
            if hang_up:
                server.hang_up()
            until(lambda: name() == extra, f"the certificate with {extra}", server.process)

        self.assertEqual(200, ask(old))
        sock = old.sock
        install("second.example", True)
        self.assertEqual(200, ask(old))
        install("third.example", False)
        self.assertEqual(200, ask(old))
        self.assertIs(sock, old.sock, "it is the connection of before")
        key.write_text("nothing")
        server.hang_up()
        until(lambda: "cannot be used" in server.log_file.read_text(), "the bad key is told of", server.process)
        self.assertEqual("third.example", name())
        old.close()

    def test_sessions_are_resumed(self):
        certificate, key = self.certificates()
        server = self.server("--tls-cert", certificate, "--tls-key", key)
        request = f"GET {PROJECTS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for version in ("-tls1_2", "-tls1_3"):
            common = ("s_client", "-connect", f"localhost:{server.port}", "-CAfile", self.authority.ca, "-ign_eof", version)
            session = self.folder / f"session{version}"
            self.assertIn("New, TLSv1", openssl(*common, "-sess_out", session, text=request))
            self.assertIn("Reused, TLSv1", openssl(*common, "-sess_in", session, text=request))

    def test_python_keeps_connections_and_sends_large_bodies(self):
        certificate, key = self.certificates()
        serve = self.serve("--tls-cert", certificate, "--tls-key", key)
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.set_alpn_protocols(["h2", "http/1.1"])
        connection = http.client.HTTPSConnection("localhost", serve.port, timeout=120, context=context)
        rows = 50_000
        for count in (1, rows, 1):
            connection.request("POST", "/v2/models/m/infer", json.dumps({"inputs": [
                {"name": "x", "shape": [count, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5] * count}]}))
            answer = connection.getresponse()
            body = json.loads(answer.read())
            self.assertEqual(200, answer.status, body)
            self.assertEqual(count, len(body["outputs"][0]["data"]))
        self.assertEqual("http/1.1", connection.sock.selected_alpn_protocol())
        connection.close()

    def test_what_is_no_handshake_harms_nobody(self):
        certificate, key = self.certificates()
        server = self.server("--tls-cert", certificate, "--tls-key", key)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = outgoing.read()
        for text in [b"", b"\x16\x03\x01\xff\xff", b"\x80\x2e\x01\x00\x02", b"SSH-2.0-x\r\n", bytes(5000),
                     *(hello[:size] for size in range(0, len(hello), 37)), hello + bytes(100), hello * 3]:
            say(server.port, text)
        done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{server.port}", "-CAfile", self.authority.ca,
                               "-tls1_2"], input="R\n", capture_output=True, text=True)
        self.assertRegex(done.stdout + done.stderr, "no renegotiation|RENEGOTIATING")
        self.assertEqual((0, 200), curl("--cacert", self.authority.ca, f"https://localhost:{server.port}{PROJECTS}")[:2])
        self.assertIsNone(server.process.poll())


class Peer:
    """A server of openssl's own, for certificates that ours refuses to start with."""

    def __init__(self, certificate, key):
        self.process = subprocess.Popen(["openssl", "s_server", "-accept", "localhost:0", "-cert", certificate, "-key", key, "-www"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith("ACCEPT"):
                self.port = int(line.rsplit(":", 1)[1])
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


if __name__ == "__main__":
    PROGRAM, FOLDER = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
