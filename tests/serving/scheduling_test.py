#!/usr/bin/env python3
"""How requests wait in `keelson serve`: a stuck model beside a free one, full queues, timeouts, priorities, batches, draining and the
payload log under a kill. The model is held by a file (gated_worker.py), so that nothing depends on how fast the machine is.

Usage: scheduling_test.py KEELSON MODELS   with MODELS a folder of model files.
"""
import json
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from replica import PATIENCE_S, Replica

KEELSON = sys.argv[1]
MODELS = pathlib.Path(sys.argv[2])
WORKER = pathlib.Path(__file__).resolve().parent / "gated_worker.py"


def wait_for(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.002)


class Asked(threading.Thread):
    """One request on its way; `answer` is its status, headers and body."""

    def __init__(self, replica, values, path="/v2/models/gated/infer", parameters=None, headers=None):
        super().__init__(daemon=True)
        body = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [len(values)], "data": values}], "parameters": parameters or {}}
        self.ask = lambda: replica.ask("POST", path, body, headers)
        self.answer = None
        self.start()

    def run(self):
        self.answer = self.ask()

    def wait(self):
        self.join(PATIENCE_S)
        return self.answer

    def values(self):
        status, _, body = self.wait()
        if status != 200:
            raise AssertionError((status, body))
        return json.loads(body)["outputs"][0]["data"]


class Gated:
    """A replica with the model `gated`, whose workers wait while the gate is closed, and the tree model `soft`."""

    CONFIG = ""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)
        self.folder = self.root / "models" / "gated" / "1" / "model"
        self.folder.mkdir(parents=True)
        (self.folder / "MLmodel").write_text("flavors: {python_function: {loader_module: none}}\n")
        (self.root / "models" / "gated" / "config.pbtxt").write_text(self.CONFIG)
        (self.root / "models" / "soft").mkdir()
        (self.root / "models" / "soft" / "model.ubj").write_bytes((MODELS / "softprob.ubj").read_bytes())
        python = self.root / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{WORKER}" "$3" "$4"\n')
        python.chmod(0o700)

    def start(self, *arguments):
        replica = Replica(KEELSON, [], "--models", str(self.root / "models"), "--python", str(self.root / "python"), *arguments)
        self.addCleanup(lambda: (self.open(), replica.stop()))
        return replica

    def close(self):
        (self.folder / "closed").touch()

    def open(self):
        (self.folder / "closed").unlink(missing_ok=True)

    def calls(self):
        try:
            return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        except FileNotFoundError:
            return []

    @staticmethod
    def metric(replica, name, labels=""):
        _, _, text = replica.ask("GET", "/metrics")
        found = re.findall(rf"^{name}{{[^}}]*{labels}[^}}]*}} (\S+)$", text.decode(), re.M)
        return sum(float(value) for value in found)

    def waiting(self, replica):
        return self.metric(replica, "nv_inference_pending_request_count", 'model="gated"')

    def occupy(self, replica, count):
        """So many requests that are computed now, one by one, at a closed gate."""
        self.close()
        busy = []
        for number in range(count):
            before = len(self.calls())
            busy.append(Asked(replica, [1000 + number]))
            wait_for(lambda: len(self.calls()) == before + 1)
        return busy


class Queue(Gated, unittest.TestCase):
    def test_a_stuck_model_delays_no_other(self):
        replica = self.start()
        stuck = self.occupy(replica, 2) + [Asked(replica, [number]) for number in range(20)]
        wait_for(lambda: self.waiting(replica) == 20)
        expected = replica.infer("soft", [[1, 2, 3, 4, 5]])
        for _ in range(200):
            self.assertEqual(replica.infer("soft", [[1, 2, 3, 4, 5]]), expected)
        self.assertTrue(all(each.answer is None for each in stuck))
        self.open()
        self.assertEqual([each.values() for each in stuck[2:]], [[2.0 * number] for number in range(20)])

    def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(self):
        replica = self.start("--queue-limit", "3")
        waits = self.occupy(replica, 2) + [Asked(replica, [number]) for number in range(3)]
        wait_for(lambda: self.waiting(replica) == 3)
        for _ in range(5):
            status, headers, body = Asked(replica, [9]).wait()
            self.assertEqual((status, headers["retry-after"], headers["x-keelson-untouched"]), (429, "1", "1"))
            self.assertEqual(json.loads(body)["error"], "3 requests wait for model gated already")
        self.assertEqual(self.metric(replica, "keelson_inference_refused_total", 'reason="queue_full"'), 5)
        self.open()
        self.assertEqual([each.wait()[0] for each in waits], [200] * 5)
        self.assertEqual(Asked(replica, [4]).values(), [8])
        self.assertNotIn([9.0], self.calls())

    def test_what_has_timed_out_is_refused_in_time_and_not_computed(self):
        replica = self.start()
        busy = self.occupy(replica, 2)
        timed = [Asked(replica, [51], headers={"x-keelson-timeout": "30000"}), Asked(replica, [52], parameters={"timeout": 30000})]
        patient = Asked(replica, [53], parameters={"timeout": 1_000_000 * PATIENCE_S})
        for each in timed:  # while the gate is closed
            status, _, body = each.wait()
            self.assertEqual((status, json.loads(body)["error"]), (504, "the request's timeout passed before it was computed"))
        self.assertTrue(all(each.answer is None for each in busy))
        self.assertEqual(self.metric(replica, "keelson_inference_refused_total", 'reason="expired"'), 2)
        self.open()
        self.assertEqual(patient.values(), [106])
        self.assertEqual([value for call in self.calls() for value in call if value < 100], [53])
        for header in ("0", "-1", "soon", "1e3"):
            self.assertEqual(Asked(replica, [1], headers={"x-keelson-timeout": header}).wait()[0], 400, header)
        self.assertEqual(Asked(replica, [1], parameters={"timeout": "soon"}).wait()[0], 400)

    def test_requests_that_wait_are_answered_before_it_ends(self):
        replica = self.start()
        asked = self.occupy(replica, 2) + [Asked(replica, [number]) for number in range(5)]
        wait_for(lambda: self.waiting(replica) == 5)
        replica.process.send_signal(signal.SIGTERM)
        wait_for(lambda: any("draining" in line for line in list(replica.errors)))
        self.open()
        for each in asked:
            status, headers, _ = each.wait()
            self.assertEqual((status, headers["connection"]), (200, "close"))
        self.assertEqual(replica.stop(), 0)

    def test_without_batching_every_request_is_computed_alone(self):
        replica = self.start()
        asked = self.occupy(replica, 2) + [Asked(replica, [number]) for number in range(6)]
        wait_for(lambda: self.waiting(replica) == 6)
        self.open()
        self.assertEqual([each.wait()[0] for each in asked], [200] * 8)
        self.assertEqual({len(call) for call in self.calls()}, {1})


class Batches(Gated, unittest.TestCase):
    CONFIG = ("max_batch_size: 8 instance_group { count: 1 } dynamic_batching { max_queue_delay_microseconds: 60000000 "
              "priority_levels: 3 default_priority_level: 2 }")

    def test_what_waits_is_computed_together_and_cut_apart(self):
        replica = self.start()
        busy = self.occupy(replica, 1)
        asked = [Asked(replica, [number, number + 0.5]) for number in range(3)]
        asked.append(Asked(replica, [7]))
        wait_for(lambda: self.waiting(replica) == 4)
        self.open()
        self.assertEqual([each.values() for each in asked], [[0, 1], [2, 3], [4, 5], [14]])
        self.assertEqual(busy[0].values(), [2000])
        together = [call for call in self.calls() if len(call) == 7]
        self.assertEqual([sorted(call) for call in together], [[0, 0.5, 1, 1.5, 2, 2.5, 7]])
        self.assertEqual(self.metric(replica, "nv_inference_request_success", 'model="gated"'), 5)
        self.assertEqual(self.metric(replica, "nv_inference_exec_count", 'model="gated"'), 2)
        self.assertEqual(self.metric(replica, "nv_inference_count", 'model="gated"'), 8)

    def test_a_lone_request_waits_for_nobody(self):
        replica = self.start()
        self.occupy(replica, 1)
        self.open()
        for number in range(20):  # with a delay of a minute
            self.assertEqual(Asked(replica, [number]).values(), [2 * number])

    def test_a_model_that_mixes_rows_is_found_out_and_answered_alone(self):
        (self.folder / "mixes").touch()
        replica = self.start()
        for _ in range(2):
            (self.folder / "calls").unlink(missing_ok=True)
            self.occupy(replica, 1)
            asked = [Asked(replica, [number]) for number in range(4)]
            wait_for(lambda: self.waiting(replica) == 4)
            self.open()
            self.assertEqual([each.values() for each in asked], [[3 * number] for number in range(4)])
        self.assertEqual({len(call) for call in self.calls()}, {1})  # the second time nothing was tried together
        self.assertTrue(any("not computed together any more" in line for line in replica.errors))

    def test_poison_harms_none_of_those_beside_it(self):
        replica = self.start()
        self.occupy(replica, 1)
        asked = [Asked(replica, [number]) for number in (5, -1, 6)]
        wait_for(lambda: self.waiting(replica) == 3)
        self.open()
        self.assertEqual((asked[0].values(), asked[2].values()), ([10], [12]))
        self.assertGreaterEqual(asked[1].wait()[0], 500)
        self.assertIn(Asked(replica, [-1]).wait()[0], (400, 500))
        self.assertEqual(Asked(replica, [-1]).wait()[0], 400)  # quarantined
        self.assertEqual(Asked(replica, [3]).values(), [6])

    def test_the_urgent_goes_first(self):
        replica = self.start()
        self.occupy(replica, 1)
        asked = []
        # Shapes that differ in their outputs' names would be answered alone; here the limit of 8 rows parts them.
        for rows, (value, parameters) in enumerate([(30, {"priority": 3}), (20, {}), (21, {"priority": 9}), (10, {"priority": 1}),
                                                    (22, {"priority": 2}), (11, {"priority": 1})]):
            asked.append(Asked(replica, [value] * 8, parameters=parameters))
            wait_for(lambda: self.waiting(replica) == rows + 1)
        self.open()
        for each in asked:
            each.values()
        self.assertEqual([call[0] for call in self.calls()[1:]], [10, 11, 20, 21, 22, 30])


class PayloadLog(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name) / "log"

    def start(self, *arguments):
        replica = Replica(KEELSON, [f"soft={MODELS}/softprob.ubj"], "--payload-log", str(self.folder), *arguments)
        self.addCleanup(replica.stop)
        return replica

    @staticmethod
    def body(name, rows=1):
        return json.dumps({"id": name, "inputs": [{"name": "x", "datatype": "FP32", "shape": [rows, 5], "data": [1, 2, 3, 4, 5] * rows}]})

    def logged(self):
        """The request ids of all whole frames, in their order."""
        names = []
        for segment in sorted(self.folder.glob("*.seg")):
            data, at = segment.read_bytes(), 0
            while at + 8 <= len(data):
                (length,) = struct.unpack_from("<I", data, at)
                frame = data[at + 8:at + 8 + length]
                if length == 0 or len(frame) < length:
                    break
                if frame[0] in (1, 3):  # a record: format, time, latency, rows, then the id
                    (size,) = struct.unpack_from("<I", frame, 21)
                    names.append(frame[25:25 + size].decode())
                at += 8 + length
        return names

    def load(self, replica, clients, on_answer):
        """Clients that ask until the replica is gone or `on_answer` says to end; gives the threads."""

        def ask(client):
            connection = replica.connection()
            for number in range(1_000_000):
                name = f"{client}-{number}"
                try:
                    connection.request("POST", "/v2/models/soft/infer", self.body(name))
                    answer = connection.getresponse()
                    answer.read()
                except OSError:
                    break
                except Exception:  # a torn answer
                    break
                if on_answer(name, answer):
                    break
            connection.close()

        threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
        for thread in threads:
            thread.start()
        return threads

    def test_a_kill_loses_nothing_that_was_answered(self):
        replica = self.start()
        answered, enough = [], threading.Event()

        def on_answer(name, answer):
            self.assertEqual(answer.status, 200)
            answered.append(name)
            if len(answered) >= 500:
                enough.set()

        threads = self.load(replica, 8, on_answer)
        self.assertTrue(enough.wait(PATIENCE_S))
        replica.process.kill()
        for thread in threads:
            thread.join(PATIENCE_S)
        logged = self.logged()
        self.assertEqual(set(answered) - set(logged), set())
        self.assertEqual(len(logged), len(set(logged)))
        parquet = pathlib.Path(f"{self.folder}-parquet")
        for turned in (len(logged), 0):  # the second time there is nothing left to do
            said = subprocess.run([KEELSON, "payload", str(self.folder), "--to", str(parquet)], check=True, capture_output=True,
                                  text=True).stdout
            self.assertIn(f"{turned} requests, 0 of them repeated, {turned} rows", said)
        self.assertTrue((parquet / "000001.parquet").exists())

    def test_over_the_limit_there_are_no_answers_until_room_is_made(self):
        replica = self.start("--payload-limit", "1")
        many = self.body("many", 20_000)
        statuses = []
        for _ in range(6):
            status, headers, body = replica.ask("POST", "/v2/models/soft/infer", many)
            statuses.append(status)
        self.assertEqual((statuses[0], statuses[-1]), (200, 429))
        self.assertEqual(headers["retry-after"], "1")
        self.assertNotIn("x-keelson-untouched", headers)  # it was computed
        self.assertIn("keelson payload --remove", json.loads(body)["error"])
        self.assertEqual(statuses.count(200), self.logged().count("many"))
        subprocess.run([KEELSON, "payload", str(self.folder), "--to", f"{self.folder}-parquet", "--remove"], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(replica.ask("POST", "/v2/models/soft/infer", many)[0], 200)

    def test_a_sampled_log_keeps_the_same_part_everywhere_and_counts(self):
        replica = self.start("--payload-sample", "0.25")
        for number in range(400):
            self.assertEqual(replica.ask("POST", "/v2/models/soft/infer", self.body(f"r{number}"))[0], 200)
        wait_for(lambda: Gated.metric(replica, "keelson_payload_records_total", 'outcome="logged"') == len(self.logged()) > 0)
        self.assertEqual(replica.stop(), 0)
        first = self.logged()
        self.assertTrue(50 <= len(first) <= 150, len(first))
        again = self.start("--payload-sample", "0.25")
        for number in range(400):
            again.ask("POST", "/v2/models/soft/infer", self.body(f"r{number}"))
        self.assertEqual(again.stop(), 0)
        self.assertEqual(self.logged(), first + first)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
