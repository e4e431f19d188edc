"""A data folder as a whole, by the commands backup, restore and doctor, and when it is moved."""
import itertools
import json
import shutil
import threading
import time

import shop
import stored
from server import PATIENCE_S, Server
from server_case import ServerTestCase


def day(project, number):
    return shop.pushed_rows(project, f"p{number:03}-")


class DataFolder(ServerTestCase):
    def begin_named(self, name):
        """A server over the folder of that name, with a log and a port of its own."""
        files = self.here / f"server of {name}"
        files.mkdir(exist_ok=True)
        server = Server(self.keelson, files, self.here / name)
        self.addCleanup(server.clean)
        return server.start().wait_ready()

    def push(self, server, rows, clock=None):
        """How many were accepted; like the replay, again while the clock waits for something."""
        until = time.monotonic() + PATIENCE_S
        while True:
            status, answer = server.post("/api/keelson/v1/projects/parcels/sources/parcels/rows",
                                         {"rows": rows, **({"clock": clock} if clock else {})})
            self.assertEqual(status, 200, answer)
            if answer["reached"] or time.monotonic() > until:
                return answer["accepted"]
            time.sleep(0.02)

    def in_service(self, server):
        """The project, its first version the champion on the 14th, and some rows pushed."""
        project = self.works(server)
        self.push(server, day(project, 41), "2024-02-14T00:00:00Z")
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)
        return project

    def ask(self, server, project):
        row = shop.pushed_rows(project, "p050-")[0]
        inputs = [{"name": name, "shape": [1], "datatype": kind, "data": [row[name]]}
                  for name, kind in (("depot", "BYTES"), ("weight", "FP64"), ("distance", "FP64"))]
        status, answer = server.post("/v2/models/parcels/infer", {"id": "asked", "inputs": inputs})
        self.assertEqual(status, 200, answer)
        return answer["outputs"]

    def lives(self, server, project, outputs):
        """Champion, predictions, features and rows are as they were, and a further training goes through."""
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)
        self.assertEqual(self.ask(server, project), outputs)
        log = stored.Rows(server.data / "projects/parcels/rows/parcels.log")
        self.assertGreaterEqual(len(log.rows), shop.PARCELS_A_DAY)
        self.assertEqual(self.push(server, day(project, 45)), shop.PARCELS_A_DAY)
        text = (project / "keelson.yaml").read_text()
        (project / "keelson.yaml").write_text(text.replace("rounds: 20", "rounds: 21"))
        self.succeeds(server, "apply", cwd=project)
        self.succeeds(server, "run", "parcels", "--follow")
        versions = json.loads(self.succeeds(server, "get", "versions", "--project", "parcels", "-o", "json"))
        self.assertEqual(len(versions), 2)
        for version in versions:
            self.assertTrue(version["source"].startswith(str(server.data) + "/"), version)

    def sound(self, data):
        doctor = self.keelson_run("doctor", "--data", str(data))
        self.assertEqual((doctor.returncode, doctor.stdout), (0, "sound\n"), doctor.stderr)

    def test_a_backup_of_a_server_at_work_lives_on_elsewhere_without_the_first_folder(self):
        server = self.begin()
        project = self.in_service(server)
        outputs = self.ask(server, project)
        end = threading.Event()

        def work():
            for row in itertools.cycle(day(project, 50) + day(project, 51)):  # of later days: no feature sees them yet
                if end.is_set():
                    return
                self.ask(server, project)
                self.push(server, [row])

        worker = threading.Thread(target=work)
        worker.start()
        try:
            said = [self.succeeds(server, "backup", str(self.here / f"backup{number}")) for number in range(3)]
        finally:
            end.set()
            worker.join()
        self.assertIn(str(self.here / "backup2"), said[2])
        again = server.run("backup", str(self.here / "backup2"))
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("exists already", again.stderr)
        inside = server.run("backup", str(server.data / "backup"))
        self.assertNotEqual(inside.returncode, 0)
        self.assertIn("data folder", inside.stderr)
        self.assertEqual(server.stop(), 0)
        shutil.rmtree(server.data)

        for number in range(3):
            restored = self.here / f"restored{number}"
            done = self.keelson_run("restore", str(self.here / f"backup{number}"), "--data", str(restored))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.sound(restored)
        server = self.begin_named("restored2")
        self.lives(server, project, outputs)
        self.assertEqual(server.stop(), 0)
        self.sound(server.data)

    def test_a_moved_data_folder_lives_on(self):
        server = self.begin()
        project = self.in_service(server)
        outputs = self.ask(server, project)
        self.assertEqual(server.stop(), 0)
        server.data.rename(self.here / "elsewhere")
        self.sound(self.here / "elsewhere")
        server = self.begin_named("elsewhere")
        self.lives(server, project, outputs)
        self.assertEqual(server.stop(), 0)

    def test_a_folder_at_rest_is_backed_up_without_a_server_and_a_damaged_backup_is_refused_by_name(self):
        server = self.begin()
        self.works(server)
        backup = self.here / "backup"
        refused = self.keelson_run("backup", str(backup), "--data", str(server.data))
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertIn("a server has this data folder open", refused.stderr)
        self.assertEqual(server.stop(), 0)
        done = self.keelson_run("backup", str(backup), "--data", str(server.data))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.keelson_run("backup", str(self.here / "b"), "--data", str(self.here)).returncode, 3)

        full = self.here / "full"
        full.mkdir()
        (full / "mine").write_text("precious")
        refused = self.keelson_run("restore", str(backup), "--data", str(full))
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(str(full), refused.stderr)
        self.assertEqual([path.name for path in full.iterdir()], ["mine"])

        model = next(path for path in (backup / "artifacts").rglob("*") if path.is_file())
        model.write_bytes(model.read_bytes()[:-1] + b"?")
        (backup / "keelson.db").write_bytes((backup / "keelson.db").read_bytes()[:-4096])
        refused = self.keelson_run("restore", str(backup), "--data", str(self.here / "restored"))
        self.assertNotEqual(refused.returncode, 0)
        for file in (model, backup / "keelson.db"):
            self.assertIn(str(file), refused.stderr)
        self.assertFalse((self.here / "restored").exists())
        none = self.keelson_run("restore", str(self.here / "none"), "--data", str(self.here / "restored"))
        self.assertEqual(none.returncode, 3, none.stderr)

    def test_doctor_tells_every_damage_and_what_to_do(self):
        server = self.begin()
        self.ask(server, self.in_service(server))
        self.assertEqual(server.stop(), 0)
        self.sound(server.data)
        folder = server.data / "projects/parcels"
        damaged = [folder / "rows/parcels.log", next(folder.glob("payload/1/*/*.seg")), next(folder.glob("tables/*.parquet")),
                   next(path for path in (server.data / "artifacts").rglob("model*") if path.is_file()),
                   next(folder.glob("revisions/*/bundle.json"))]
        for file in damaged:
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 0x20
            file.write_bytes(content)
        doctor = self.keelson_run("doctor", "--data", str(server.data))
        self.assertEqual(doctor.returncode, 4, doctor.stdout + doctor.stderr)
        *findings, last = doctor.stdout.splitlines()
        self.assertEqual(last, f"damaged: {len(damaged)} findings")
        self.assertEqual(len(findings), 2 * len(damaged), doctor.stdout)
        for file in damaged[:3] + damaged[4:]:
            self.assertIn(str(file), doctor.stdout)
        self.assertIn("parcels version 1", doctor.stdout)
        for advice in findings[1::2]:
            self.assertRegex(advice, r"^    .*(restore|back|remove|moving)")
        missing = self.keelson_run("doctor", "--data", str(self.here / "none"))
        self.assertEqual(missing.returncode, 3)
        self.assertIn("no data folder", missing.stderr)
