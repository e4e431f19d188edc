"""The unpacked package in a bare Debian root: what a machine that has nothing sees of it.

    python package_test.py ROOT FOLDER     in mount, network and process namespaces of its own, as root

FOLDER holds the unpacked package; it is mounted at /opt of the root. Everything runs there as nobody, with an empty environment.
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import unittest

from namespaces import loopback_up

ROOT, FOLDER = map(pathlib.Path, sys.argv[1:3])
PATIENCE_S = 120
NOBODY = 65534
GLIBC = r"/(lib|lib64|usr/lib)/.*(libc|libm|libdl|libpthread|librt|libresolv|ld-linux-x86-64)\.so"


def enter():
    """Mounts what the root lacks, and takes away what it has beyond need."""
    def mount(*arguments):
        subprocess.run(["mount", *map(str, arguments)], check=True)

    mount("--make-rprivate", "/")
    mount("--bind", FOLDER, ROOT / "opt")
    mount("-t", "proc", "proc", ROOT / "proc")
    mount("--rbind", "/dev", ROOT / "dev")
    for empty in ("tmp", "usr/share/zoneinfo"):
        mount("-t", "tmpfs", "tmpfs", ROOT / empty)
    os.chmod(ROOT / "tmp", 0o1777)
    loopback_up()


def command(*line):
    return ["chroot", f"--userspec={NOBODY}:{NOBODY}", str(ROOT), "/usr/bin/env", "-i", "-C", "/tmp", "PATH=/usr/bin:/bin",
            *map(str, line)]


class Package(unittest.TestCase):
    keelson = ""  # the program's path inside the root
    example = ""

    def run_in_root(self, *line, code=0):
        done = subprocess.run(command(*line), text=True, capture_output=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, f"{line}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self, data):
        """A server on that folder, and a function that runs a command against it."""
        address_file = ROOT / "tmp" / f"address-{data}"
        server = subprocess.Popen(command(self.keelson, "server", "--data", f"/tmp/{data}", "--port", "0", "--address-file",
                                          f"/tmp/{address_file.name}"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

        def stop():
            server.terminate()
            server.communicate(timeout=PATIENCE_S)
            return server.returncode

        self.addCleanup(lambda: server.poll() is None and stop())
        self.assertIn("is ready at", server.stdout.readline())
        address = address_file.read_text().strip()
        return lambda *line: self.run_in_root(self.keelson, *line, "--server", address), stop

    def test_01_the_root_is_bare(self):
        self.assertEqual([name for _, name in socket.if_nameindex()], ["lo"])
        self.assertEqual(list((ROOT / "usr/share/zoneinfo").iterdir()), [])
        self.assertIn("libc.so.6", self.run_in_root("/sbin/ldconfig", "-p"))
        for library in ("libfmt", "libyaml-cpp", "libsimdjson", "libsqlite3", "libduckdb", "libgomp"):
            self.assertNotIn(library, self.run_in_root("/sbin/ldconfig", "-p"))

    def test_02_every_library_is_the_packages_own_but_glibc(self):
        folder = self.keelson.removesuffix("/bin/keelson")
        libraries = [f"{folder}/lib/{path.name}" for path in (FOLDER / pathlib.Path(folder).name / "lib").iterdir()]
        self.assertGreater(len(libraries), 5)
        for file in [self.keelson, *libraries]:
            for line in self.run_in_root("/usr/bin/ldd", file).splitlines():
                self.assertNotIn("not found", line, file)
                if found := re.search(r"=> (/\S+)", line):
                    self.assertTrue(re.match(GLIBC, found[1]) or f"{folder}/" in os.path.normpath(found[1]), f"{file}: {line}")

    def test_03_it_says_its_version(self):
        self.assertRegex(self.run_in_root(self.keelson, "version"), r"\d+\.\d+\.\d+")

    def test_04_every_library_has_its_licence(self):
        package = FOLDER / pathlib.Path(self.keelson).parts[2]
        for name in ("LICENSE", "NOTICE", "README.md", "licenses/duckdb.txt", "licenses/xgboost.txt", "licenses/tzdata.txt",
                     "licenses/libfmt9.txt", "licenses/libssl3.txt"):
            self.assertGreater((package / name).stat().st_size, 100, name)

    def test_05_a_small_project_lives_from_its_data_to_a_restored_backup(self):
        ask = ["predict", "rain", "--data", json.dumps({"station": "JFK", "temp": 39, "dewp": 37, "humid": 93, "wind_speed": 8,
                                                       "pressure": 1009, "visib": 6, "precip": 0.01})]

        def probability(answer):
            return json.loads(answer)["outputs"][0]["data"]

        run, stop = self.start("data")
        run("apply", "-f", f"{self.example}/keelson.yaml")  # its time zone is New York's
        run("run", "rain", "--as-of", "2013-03-01", "--follow")
        run("replay", "-f", f"{self.example}/keelson.yaml", "--from", "2013-03-01", "--to", "2013-03-04", "--summary",
            "/tmp/summary.json")
        month, = json.loads((ROOT / "tmp/summary.json").read_text())["months"]
        self.assertEqual((month["month"], month["failed"]), ("2013-03", 0))
        self.assertGreater(month["asked"], 100)
        first = probability(run(*ask))
        self.assertTrue(0 < first[0] < 1, first)
        run("backup", "/tmp/backup")
        self.assertEqual(stop(), 0)
        self.run_in_root(self.keelson, "doctor", "--data", "/tmp/data")

        self.run_in_root(self.keelson, "restore", "/tmp/backup", "--data", "/tmp/restored")
        self.run_in_root(self.keelson, "doctor", "--data", "/tmp/restored")
        run, stop = self.start("restored")
        self.assertEqual(probability(run(*ask)), first)
        self.assertIn("champion", run("get", "versions", "--project", "rain"))
        self.assertEqual(stop(), 0)

    def test_06_a_zone_that_does_not_exist_is_told_as_one(self):
        text = (FOLDER / self.example.removeprefix("/opt/") / "keelson.yaml").read_text()
        wrong = ROOT / "tmp/wrong.yaml"
        wrong.write_text(text.replace("America/New_York", "Mars/Olympus"))
        self.assertIn("no such zone", self.run_in_root(self.keelson, "render", "-f", "/tmp/wrong.yaml", code=4))

    def test_07_moved_elsewhere_it_still_runs(self):
        package = pathlib.Path(self.keelson).parents[1]
        (FOLDER / package.name).rename(FOLDER / "another name")
        try:
            moved = "/opt/another name/bin/keelson"
            self.assertRegex(self.run_in_root(moved, "version"), r"\d+\.\d+\.\d+")
            self.run_in_root(moved, "render", "-f", "/opt/another name/examples/rain/keelson.yaml")
        finally:
            (FOLDER / "another name").rename(FOLDER / package.name)


if __name__ == "__main__":
    enter()
    package, = [path for path in FOLDER.iterdir() if path.is_dir()]
    Package.keelson = f"/opt/{package.name}/bin/keelson"
    Package.example = f"/opt/{package.name}/examples/rain"
    unittest.main(argv=sys.argv[:1])
