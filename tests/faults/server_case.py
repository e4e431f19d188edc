"""What tests against a whole server share."""
import pathlib
import subprocess
import time
import unittest

import shop
from server import PATIENCE_S, Server


class ServerTestCase(unittest.TestCase):
    keelson = ""
    folder = pathlib.Path()
    maxDiff = None

    def setUp(self):
        self.here = self.folder / self.id().rsplit(".", 1)[1]
        self.here.mkdir(parents=True)

    def begin(self, data=None):
        server = Server(self.keelson, self.here, data)
        self.addCleanup(server.clean)
        return server.start().wait_ready()

    def comes(self, happened, otherwise):
        """Waits for what the server does in its own time."""
        until = time.monotonic() + PATIENCE_S
        while not happened():
            self.assertLess(time.monotonic(), until, otherwise)
            time.sleep(0.05)

    def keelson_run(self, *arguments):
        return subprocess.run([self.keelson, *arguments], capture_output=True, text=True, errors="replace", timeout=PATIENCE_S)

    def refuses_to_start(self, *arguments):
        done = self.keelson_run("server", *arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("ready", done.stdout)
        self.assertNotIn("internal error", done.stderr)
        return done.stderr.splitlines()[-1]

    def succeeds(self, server, *arguments, cwd=None):
        done = server.run(*arguments, cwd=cwd)
        self.assertEqual(done.returncode, 0, f"keelson {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def works(self, server, name="good"):
        """The server still takes a project through its pipeline."""
        project = self.here / name
        if not project.exists():
            shop.write_project(project, search=False)
        self.succeeds(server, "apply", cwd=project)
        self.succeeds(server, "run", "parcels", "--as-of", shop.REPLAY_FROM, "--follow")
        return project
