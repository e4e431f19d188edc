"""The image of script/image, unpacked by umoci: what it is, and that it runs as a container of it would.

    python image_test.py ARCHIVE FOLDER     in mount, network and process namespaces of its own, as root
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import unittest

from namespaces import loopback_up

ARCHIVE, FOLDER = map(pathlib.Path, sys.argv[1:3])
ROOT = FOLDER / "bundle/rootfs"
SCRIPT = pathlib.Path(__file__).parents[2] / "script/oci_image.py"
PATIENCE_S = 120


def run(*line):
    subprocess.run(list(map(str, line)), check=True, capture_output=True)


def enter():
    """The root as Kubernetes gives it to a pod of ours: read-only, with /tmp and the data folder to write to."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(FOLDER / "layout", filter="data")
    tag = json.loads((FOLDER / "layout/index.json").read_text())["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    run("umoci", "unpack", "--image", f"{FOLDER}/layout:{tag}", FOLDER / "bundle")
    run("mount", "--make-rprivate", "/")
    for name in ("proc", "dev"):
        (ROOT / name).mkdir(exist_ok=True)
    run("mount", "--bind", ROOT, ROOT)
    run("mount", "-t", "proc", "proc", ROOT / "proc")
    run("mount", "--rbind", "/dev", ROOT / "dev")
    for name in ("tmp", "var/lib/keelson"):
        run("mount", "-t", "tmpfs", "-o", "mode=0777", "tmpfs", ROOT / name)
    run("mount", "-o", "remount,ro,bind", ROOT)
    loopback_up()


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        spec = json.loads((FOLDER / "bundle/config.json").read_text())["process"]  # umoci's, from the image's own
        cls.user, cls.line, cls.environment = spec["user"], spec["args"], dict(one.split("=", 1) for one in spec["env"])

    def command(self, *arguments):
        return ["/usr/sbin/chroot", f"--userspec={self.user['uid']}:{self.user['gid']}", str(ROOT), "/bin/keelson", *map(str, arguments)]

    def keelson(self, *arguments, code=0):
        done = subprocess.run(self.command(*arguments), env=self.environment, text=True, capture_output=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def test_it_says_who_runs_what(self):
        self.assertEqual((self.user["uid"], self.user["gid"]), (65532, 65532))
        self.assertEqual(self.line[0], "keelson")
        self.assertRegex(self.keelson("version"), r"\d+\.\d+\.\d+")

    def test_the_same_folder_gives_the_same_bytes(self):
        made = []
        for number in range(2):
            root = FOLDER / f"small-{number}"
            (root / "usr").mkdir(parents=True)
            (root / "usr/file").write_text("content")
            os.utime(root / "usr/file", (number, number))
            archive = FOLDER / f"small-{number}.tar"
            subprocess.run([sys.executable, SCRIPT, root, archive, "--version", "1", "--revision", "r", "--seconds", "7"], check=True)
            made.append(archive.read_bytes())
        self.assertEqual(made[0], made[1])
        done = subprocess.run([sys.executable, SCRIPT, FOLDER / "nowhere", FOLDER / "x", "--version", "1", "--revision", "r", "--seconds", "7"],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, "is no folder" in done.stderr), (2, True))

    def test_every_blob_is_what_its_name_says(self):
        blobs = list((FOLDER / "layout/blobs/sha256").iterdir())
        self.assertEqual(len(blobs), 3)
        for blob in blobs:
            self.assertEqual(hashlib.sha256(blob.read_bytes()).hexdigest(), blob.name)

    def test_it_holds_no_shell_and_nobody_else_and_nothing_that_gives_rights(self):
        self.assertEqual(sorted(path.name for path in (ROOT / "bin").iterdir()), ["keelson"])
        self.assertEqual(sorted(path.name for path in (ROOT / "usr/bin").iterdir()), ["keelson"])
        self.assertEqual((ROOT / "etc/passwd").read_text().count("\n"), 1)
        layer, = json.loads(self.blob(json.loads((FOLDER / "layout/index.json").read_text())["manifests"][0]))["layers"]
        with tarfile.open(self.path(layer)) as archive:
            for entry in archive:
                self.assertFalse(entry.mode & 0o6000, entry.name)  # set-user-id
                self.assertTrue(entry.uid == 0 or entry.name in ("tmp", "var/lib/keelson"), entry.name)
                self.assertTrue(entry.issym() or entry.name == "tmp" or not entry.mode & 0o022, entry.name)

    def path(self, descriptor):
        return FOLDER / "layout/blobs" / descriptor["digest"].replace(":", "/")

    def blob(self, descriptor):
        return self.path(descriptor).read_text()

    def test_the_root_is_read_only_and_a_project_lives_in_it(self):
        with self.assertRaises(OSError):
            (ROOT / "usr/new").write_text("x")
        server = subprocess.Popen(self.command("server", "--data", "/var/lib/keelson/data", "--port", "0", "--address-file", "/tmp/address"),
                                  env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.assertIn("is ready at", server.stdout.readline())
            address = (ROOT / "tmp/address").read_text().strip()
            self.keelson("apply", "-f", "/usr/examples/rain/keelson.yaml", "--server", address)
            self.keelson("run", "rain", "--as-of", "2013-03-01", "--follow", "--server", address)  # DuckDB, XGBoost, time zones
            self.assertIn("version 1", self.keelson("fetch", "rain", "1", "--to", "/tmp/model", "--server", address))
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE_S)
        self.assertEqual(server.returncode, 0)
        replica = subprocess.Popen(self.command("serve", "--model", "rain=/tmp/model", "--port", "0"), env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.assertIn("ready at", replica.stdout.readline())
        finally:
            replica.terminate()
            replica.communicate(timeout=PATIENCE_S)
        self.assertEqual(replica.returncode, 0)


if __name__ == "__main__":
    enter()
    unittest.main(argv=sys.argv[:1])
