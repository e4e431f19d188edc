"""Each bad input ends with an error that says what is wrong, and the server that met it lives on."""
import fcntl
import json
import os
import struct

import shop
from server_case import ServerTestCase

ROWS_BEFORE_THE_FAULT = 2_000
MEBIBYTE = 1 << 20


def damage_rows(change):
    """A fault that changes the parcels' lines (bytes, the header first)."""
    def apply(project):
        file = project / "parcels.csv"
        lines = file.read_bytes().splitlines()
        file.write_bytes(b"\n".join(change(lines)) + b"\n")
    return apply


def from_row(number, change):
    return damage_rows(lambda lines: lines[:number] + [change(line) for line in lines[number:]])


def at_row(number, change):
    return damage_rows(lambda lines: lines[:number] + [change(lines[number])] + lines[number + 1:])


def new_columns(line):
    """parcel,sent_at,arrived_at,depot,weight,distance,hours -> another order and one more."""
    cells = line.split(b",")
    return b",".join([cells[3], cells[0], cells[2], cells[1], *cells[4:], b"extra"])


# name: (fault, what the error must speak of; any of them)
CSV_FAULTS = {
    "a row with too few columns": (at_row(ROWS_BEFORE_THE_FAULT, lambda line: line.rsplit(b",", 3)[0]),
                                   ["parcels.csv", "column"]),
    "a row with too many columns": (at_row(ROWS_BEFORE_THE_FAULT, lambda line: line + b",1,2"), ["parcels.csv", "column"]),
    "bytes that are not UTF-8": (at_row(ROWS_BEFORE_THE_FAULT, lambda line: line.replace(b"p0", b"\xe9\xff")),
                                 ["parcels.csv", "utf-8", "unicode"]),
    "NUL bytes": (at_row(ROWS_BEFORE_THE_FAULT, lambda line: b"\0" * 40 + line), ["parcels.csv", "nul"]),
    "another schema half way": (from_row(ROWS_BEFORE_THE_FAULT, new_columns), ["parcels.csv", "column"]),
    "a type that conflicts late": (at_row(ROWS_BEFORE_THE_FAULT, lambda line: line.rsplit(b",", 3)[0] + b",heavy,far,late"),
                                   ["parcels", "heavy", "far", "late"]),
    "no rows": (damage_rows(lambda lines: lines[:1]), ["parcels.csv", "no rows"]),
    "an empty file": (lambda project: (project / "parcels.csv").write_bytes(b""), ["parcels.csv"]),
    "no file": (lambda project: (project / "parcels.csv").unlink(), ["parcels.csv"]),
    "a column that is not there": (damage_rows(lambda lines: [lines[0].replace(b"weight", b"mass"), *lines[1:]]),
                                   ["weight"]),
}


class BadInput(ServerTestCase):
    def every_command_says_it(self, server, words):
        """Besides `run`: get, describe and logs. A source without a file fails before there is a job."""
        commands = [("get", "pipelines"), ("describe", "pipeline", "parcels-p0001")]
        for job in json.loads(server.run("get", "jobs", "-o", "json").stdout):
            if job["state"] == "failed":
                commands += [("get", "jobs"), ("describe", "job", job["id"]), ("logs", job["id"])]
        steps = server.get("/pipelines/parcels-p0001")["steps"]
        self.assertTrue([step for step in steps if step["state"] == "failed" and step["error"]], steps)
        for command in commands:
            said = server.run(*command).stdout
            self.assertTrue(any(word in said.lower() for word in words), f"keelson {' '.join(command)}:\n{said}")

    def test_csv_faults_end_the_pipeline_with_a_reason_and_the_next_run_succeeds(self):
        server = self.begin()
        for number, (name, (fault, words)) in enumerate(CSV_FAULTS.items()):
            with self.subTest(name):
                project = self.here / f"bad{number}"
                shop.write_project(project, search=False)
                fault(project)
                applied = server.run("apply", cwd=project)
                output = applied.stdout + applied.stderr
                code = applied.returncode
                if code == 0:
                    done = server.run("run", "parcels", "--as-of", shop.REPLAY_FROM, "--follow")
                    code, output = done.returncode, done.stdout + done.stderr
                said = output.splitlines()[-1] if output else ""
                print(f"  {name}: {said[:220]}", flush=True)
                self.assertNotEqual(code, 0, output)
                self.assertTrue(any(word in said.lower() for word in words), said)
                self.assertNotIn("internal error", output)
                try:
                    self.every_command_says_it(server, words)
                finally:
                    self.assertEqual(server.run("delete", "parcels", "--yes").returncode, 0)
        self.works(server)
        self.assertEqual(server.stop(), 0)

    def test_a_project_file_of_100_mib_is_refused(self):
        server = self.begin()
        project = self.here / "huge"
        shop.write_project(project, search=False)
        with open(project / "keelson.yaml", "ab") as file:
            for _ in range(100):
                file.write(b"#" * (MEBIBYTE - 1) + b"\n")
        done = server.run("apply", cwd=project)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("bytes", done.stdout + done.stderr)
        self.works(server)

    def test_a_named_file_of_100_mib_is_refused(self):
        server = self.begin()
        project = self.here / "huge"
        shop.write_project(project, search=False)
        with open(project / "prepare/parcels.sql", "ab") as file:
            for _ in range(100):
                file.write(b"-" * (MEBIBYTE - 1) + b"\n")
        done = server.run("apply", cwd=project)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("parcels.sql", done.stdout + done.stderr)
        self.works(server)

    def test_a_port_in_use_is_said(self):
        server = self.begin()
        said = self.refuses_to_start("--data", str(self.here / "other"), "--port", str(server.port))
        self.assertIn(str(server.port), said)
        self.assertIn("in use", said.lower())
        self.works(server)

    def test_a_data_folder_of_another_server_is_said(self):
        server = self.begin()
        said = self.refuses_to_start("--data", str(server.data), "--port", "0")
        self.assertIn("another server", said)
        self.assertEqual(self.keelson_run("doctor", "--data", str(server.data)).returncode, 4)
        self.works(server)

    def test_a_lock_that_outlives_its_server_for_a_moment_is_waited_for(self):
        """As a child has it that a killed server was starting, until it is its own program."""
        server = self.begin()
        server.stop()
        with open(server.data / "lock", "r+b") as holder:
            fcntl.fcntl(holder, fcntl.F_OFD_SETLK, struct.pack("hhlli4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
            server.start()
            while "waiting for the lock" not in server.log.read_text():
                self.assertIsNone(server.process.poll(), server.tail())
        server.wait_ready()
        self.works(server)

    def test_a_file_in_place_of_the_data_folder_is_said(self):
        file = self.here / "data"
        file.write_text("not a folder")
        said = self.refuses_to_start("--data", str(file), "--port", "0")
        self.assertIn(str(file), said)
        self.assertEqual(file.read_text(), "not a folder")

    def test_a_file_in_place_of_a_folder_above_is_said(self):
        file = self.here / "above"
        file.write_text("not a folder")
        self.assertIn(str(file), self.refuses_to_start("--data", str(file / "data"), "--port", "0"))

    def test_a_damaged_database_is_said_by_server_and_doctor(self):
        server = self.begin()
        self.works(server)
        self.assertEqual(server.stop(), 0)
        database = server.data / "keelson.db"
        whole = database.read_bytes()
        page = 4096
        self.assertGreater(len(whole), 8 * page)
        for name, damaged in {
            "every page but the first": whole[:page] + b"\xa5" * (len(whole) - page),
            "the header": b"\xa5" * 100 + whole[100:],
            "cut in the middle": whole[:len(whole) // 2 // page * page],
        }.items():
            with self.subTest(name):
                for leftover in ("keelson.db-wal", "keelson.db-shm"):
                    (server.data / leftover).unlink(missing_ok=True)
                database.write_bytes(damaged)
                said = self.refuses_to_start("--data", str(server.data), "--port", "0")
                self.assertIn("keelson.db", said)
                doctor = self.keelson_run("doctor", "--data", str(server.data))
                self.assertEqual(doctor.returncode, 4, doctor.stdout + doctor.stderr)
                self.assertIn("damaged", doctor.stdout)
        database.write_bytes(whole)
        doctor = self.keelson_run("doctor", "--data", str(server.data))
        self.assertEqual((doctor.returncode, doctor.stdout), (0, "sound\n"))
        server.start().wait_ready()
        self.assertEqual(server.stop(), 0)

    def test_a_damaged_row_log_is_found_by_doctor_and_stops_only_its_project(self):
        server = self.begin()
        self.works(server)
        done = server.run("replay", "--from", shop.REPLAY_FROM, "--to", "2024-02-14", cwd=self.here / "good")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(server.stop(), 0)
        logs = sorted((server.data / "projects").glob("*/rows/**/*.log"))
        self.assertTrue(logs)
        whole = bytearray(logs[0].read_bytes())
        whole[len(whole) // 2] ^= 0x40
        logs[0].write_bytes(whole)
        doctor = self.keelson_run("doctor", "--data", str(server.data))
        self.assertEqual(doctor.returncode, 4, doctor.stdout + doctor.stderr)
        self.assertIn(logs[0].name, doctor.stdout)
        server.start().wait_ready()  # other projects are none the worse
        self.assertNotEqual(server.run("run", "parcels").returncode, 0)
        self.assertEqual(server.stop(), 0)
