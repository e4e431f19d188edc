"""When to kill what. Every kill is tied to the run's own progress, never to time: to a request that the proxy sees once the
project's clock has come far enough, or to a job's worker that runs. So as many kills happen on any machine."""
import collections
import dataclasses
import random
import re
import threading

import stored
from server import PATIENCE_S, kill

KILLS_ON_THE_WAY = collections.Counter(server=9, serve=6, client=5)  # while the replay asks and pushes
KILLS_IN_JOBS = collections.Counter(worker=6, server=3, client=1)   # while a pipeline's step runs
KILLS = (KILLS_ON_THE_WAY + KILLS_IN_JOBS).total()
MOMENTS = {"server": ["before", "unanswered", "answered", "restarted"], "serve": ["before", "unanswered", "answered"],
           "client": ["before", "unanswered", "answered"]}
LAST_FRACTION = 0.9  # of the replayed time, by which what is left of the jobs' kills is done elsewhere
JOB_OF = re.compile(r"/jobs/j(\d+)(?:/|$)")


@dataclasses.dataclass(order=True)
class Point:
    at: int          # microseconds of the project's clock
    on: str          # what request: "push" or "ask"
    moment: str      # "before" it reaches the server, "unanswered": done but its answer is lost, "answered"; "restarted":
                     # before, and the client learns of it when everything is ready again
    target: str      # "server", "serve", "client"


class Killer:
    """Decides, as the proxy's `decide`, and watches the jobs in a thread of its own between begin() and end()."""

    def __init__(self, seed, begin, end, train_jobs, jobs):
        """`train_jobs` and `jobs`: the numbers of the jobs that train, and of all, in the undisturbed run."""
        dice = self.dice = random.Random(seed)
        self.until = begin + int((end - begin) * LAST_FRACTION)
        kinds = [("ask", "restarted", "server")] * 2  # the rarest and the meanest
        kinds += [(dice.choice(["push", "ask"]), dice.choice(MOMENTS[target]), target)
                  for target, count in (KILLS_ON_THE_WAY - collections.Counter(server=2)).items() for _ in range(count)]
        self.points = sorted(Point(dice.randint(begin + 1, self.until), *kind) for kind in kinds)
        # A trainer of the first pipeline and one of a retraining; the rest wherever.
        others = [job for job in jobs if job not in train_jobs]
        chosen = [train_jobs[0], dice.choice(train_jobs[1:])]
        chosen += dice.sample(others, KILLS_IN_JOBS.total() - len(chosen))
        targets = list(KILLS_IN_JOBS.elements())
        rest = targets[2:]
        dice.shuffle(rest)
        self.in_jobs = sorted(zip(chosen, targets[:2] + rest))
        self.struck_jobs = set()
        self.clock = begin
        self.killed = collections.Counter()
        self.points_lock = threading.Lock()
        self.strike_lock = threading.Lock()
        self.over = threading.Event()
        self.trouble = None
        self.life = None
        self.watcher = None

    def begin(self, life):
        self.life = life
        self.watcher = threading.Thread(target=self.watch_jobs, daemon=True)
        self.watcher.start()

    def end(self):
        self.over.set()
        self.watcher.join()
        if self.trouble:
            raise self.trouble

    def __call__(self, request):
        if self.life is None:
            return
        with self.points_lock:
            if request.instant:
                self.clock = max(self.clock, stored.micros(request.instant))
            point = self.next_point(request)
        if point is None:
            return
        if point.moment in ("before", "restarted"):
            self.strike(point.target)
            if point.moment == "restarted":
                self.life.server.wait_ready()
        else:
            request.swallow = point.moment == "unanswered"
            request.then = lambda: self.strike(point.target)

    def next_point(self, request):
        on = {"push": "push", "clock": "push", "ask": "ask"}.get(request.kind)
        if self.points and self.points[0].at <= self.clock:
            return self.points.pop(0) if self.points[0].on == on else None
        if self.clock > self.until and self.in_jobs and on:  # jobs too quick to be caught
            self.in_jobs.pop(0)
            return Point(self.clock, on, "unanswered", "server")
        return None

    def strike(self, target):
        try:
            with self.strike_lock:
                if self.over.is_set():
                    return
                if target == "server":
                    self.life.server.kill()
                    self.life.server.start()
                elif target == "client":
                    self.life.restart_client()
                else:
                    self.kill_a_replica()
                self.killed[target] += 1
        except Exception as error:  # a thread of the proxy has nobody to tell
            self.trouble = error

    def kill_a_replica(self):
        for _ in range(PATIENCE_S * 100):
            replicas = sorted(self.life.server.children()["serve"])
            if replicas and kill(self.dice.choice(replicas)):
                return
            self.over.wait(0.01)
        raise AssertionError("no replica has come up")

    def watch_jobs(self):
        while not self.over.is_set():
            for pid, words in self.life.server.processes("worker"):
                found = next((found for word in words if (found := JOB_OF.search(word))), None)
                if found:
                    self.see_job(int(found.group(1)), pid)
            self.over.wait(0.002)

    def see_job(self, job, pid):
        with self.points_lock:
            if not self.in_jobs or job < self.in_jobs[0][0] or job in self.struck_jobs:
                return
            target = self.in_jobs[0][1]
            if target == "worker":
                if not kill(pid):
                    return
                self.killed["worker"] += 1
            self.in_jobs.pop(0)
            self.struck_jobs.add(job)
        if target != "worker":
            self.strike(target)
