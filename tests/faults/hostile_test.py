"""A hostile world around a whole server: what it meets ends in a clear error and loses nothing, and it goes on afterwards."""
import json
import pathlib
import time

import shop
import stored
from server import PATIENCE_S
from server_case import ServerTestCase
from small_disk import MEBIBYTE, PAGE, SmallDisk


def rows_of_day(project, day, count=20):
    """Rows of the parcels' prepared table, as the replay pushes them."""
    return shop.pushed_rows(project, f"p{day:03}-")[:count]


class HostileWorld(ServerTestCase):
    def push(self, server, rows, clock):
        """Like the replay: again while the clock waits for something."""
        until = time.monotonic() + PATIENCE_S
        while True:
            status, answer = server.post("/api/keelson/v1/projects/parcels/sources/parcels/rows", {"clock": clock, "rows": rows})
            if status != 200 or answer["reached"] or time.monotonic() > until:
                return status, answer
            time.sleep(0.02)

    def accepts(self, server, rows, clock):
        status, answer = self.push(server, rows, clock)
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["accepted"], len(rows), answer)

    def ask(self, server, row):
        inputs = [{"name": name, "shape": [1], "datatype": kind, "data": [row[name]]}
                  for name, kind in (("depot", "BYTES"), ("weight", "FP64"), ("distance", "FP64"))]
        return server.post("/v2/models/parcels/infer", {"id": row["parcel"], "inputs": inputs})

    def says_the_disk_is_full(self, expected, status, answer):
        self.assertEqual(status, expected, answer)
        self.assertRegex(json.dumps(answer).lower(), "no space|disk is full|disk full")

    def test_a_full_disk_loses_nothing_and_everything_goes_on_when_there_is_room(self):
        disk = SmallDisk(self, self.here / "small")
        server = self.begin(disk.folder / "data")
        project = self.works(server)
        days = [rows_of_day(project, day) for day in (41, 42, 43)]
        self.accepts(server, days[0], "2024-02-14T00:00:00Z")
        status, before = self.ask(server, days[1][0])
        self.assertEqual(status, 200, before)
        disk.fill()
        self.says_the_disk_is_full(507, *self.push(server, days[1] * 40, "2024-02-15T00:00:00Z"))
        self.says_the_disk_is_full(503, *self.until_refused(lambda: self.ask(server, days[1][0])))
        failed = server.run("run", "parcels", "--follow")
        self.assertNotEqual(failed.returncode, 0)
        self.assertRegex((failed.stdout + failed.stderr).lower(), "no space|disk is full|disk full")
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)  # it still answers
        disk.free()
        self.accepts(server, days[1], "2024-02-15T00:00:00Z")
        status, after = self.ask(server, days[1][0])
        self.assertEqual((status, after.get("outputs")), (200, before["outputs"]), after)
        self.succeeds(server, "run", "parcels", "--follow")
        # Killed, and begun again on a full disk: it serves, or says why not.
        disk.fill()
        server.kill()
        server.start()
        try:
            server.wait_ready()
            disk.free()
        except AssertionError as ended:
            self.assertRegex(str(ended).lower(), "no space|disk is full|disk full")
            disk.free()
            server.start().wait_ready()
        self.accepts(server, days[2], "2024-02-16T00:00:00Z")
        self.assertEqual(server.stop(), 0)
        log = stored.Rows(server.data / "projects/parcels/rows/parcels.log")
        self.assertEqual([row for _, row in log.rows], [log.as_stored(row) for day in days for row in day])
        doctor = self.keelson_run("doctor", "--data", str(server.data))
        self.assertEqual((doctor.returncode, doctor.stdout), (0, "sound\n"))

    @staticmethod
    def until_refused(ask):
        """A payload segment has room for as many records as it has allocated ahead."""
        for _ in range(3000):
            status, answer = ask()
            if status != 200:
                break
        return status, answer

    def test_a_server_that_finds_a_full_disk_says_so_and_keeps_what_is_there(self):
        disk = SmallDisk(self, self.here / "small")
        disk.fill()
        said = self.refuses_to_start("--data", str(disk.folder / "data"), "--port", "0")
        self.assertRegex(said.lower(), "no space|disk is full|disk full")
        disk.free()
        server = self.begin(disk.folder / "data")
        self.works(server)
        self.assertEqual(server.stop(), 0)

    def test_a_read_only_data_folder_is_said_and_left_as_it_is(self):
        disk = SmallDisk(self, self.here / "small")
        disk.remount("ro")
        self.assertIn("read-only", self.refuses_to_start("--data", str(disk.folder / "data"), "--port", "0").lower())
        disk.remount("rw")
        server = self.begin(disk.folder / "data")
        self.accepts(server, rows_of_day(self.works(server), 41), "2024-02-14T00:00:00Z")
        self.assertEqual(server.stop(), 0)
        disk.remount("ro")
        said = self.refuses_to_start("--data", str(server.data), "--port", "0")
        self.assertIn("read-only", said.lower())
        self.assertIn(str(server.data), said)
        doctor = self.keelson_run("doctor", "--data", str(server.data))
        self.assertNotIn("damaged", doctor.stdout, "what cannot be written is not damaged")
        disk.remount("rw")
        server.start().wait_ready()
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)
        self.assertEqual(server.stop(), 0)

    def test_any_damaged_page_of_the_database_is_found_by_doctor_and_by_the_server_that_meets_it(self):
        server = self.begin()
        self.accepts(server, rows_of_day(self.works(server), 41), "2024-02-14T00:00:00Z")
        self.assertEqual(server.stop(), 0)
        database = server.data / "keelson.db"
        whole = database.read_bytes()
        used = [page for page in range(1, len(whole) // PAGE) if any(whole[page * PAGE:(page + 1) * PAGE])]
        self.assertGreater(len(used), 10)
        for number, page in enumerate(used):
            database.write_bytes(whole[:page * PAGE] + b"\xa5" * PAGE + whole[(page + 1) * PAGE:])
            doctor = self.keelson_run("doctor", "--data", str(server.data))
            self.assertEqual(doctor.returncode, 4, f"page {page}: {doctor.stdout}{doctor.stderr}")
            self.assertIn("damaged", doctor.stdout)
            if number % 4 == 0:
                said = self.refuses_to_start("--data", str(server.data), "--port", "0")
                self.assertIn("keelson.db", said)
                self.assertIn("keelson restore", said)
        print(f"  doctor: {doctor.stdout.splitlines()[0]}\n  server: {said}", flush=True)
        database.write_bytes(whole)
        server.start().wait_ready()
        self.assertEqual(server.get("/projects/parcels")["champion"], 1)
        self.assertEqual(server.stop(), 0)

    def test_a_project_of_100_mib_over_http_is_refused_and_costs_little(self):
        server = self.begin()
        body = b'{"bundle":"' + b"#" * (100 * MEBIBYTE) + b'","source_folder":"/tmp"}'
        status, answer = server.post_bytes("/api/keelson/v1/projects", body)
        self.assertIn(status, (400, 413), answer)
        self.assertRegex(json.dumps(answer), "bytes|large")
        status_file = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        peak_kb = int(next(line.split()[1] for line in status_file.splitlines() if line.startswith("VmHWM")))
        self.assertLess(peak_kb, 250 << 10)
        self.works(server)
