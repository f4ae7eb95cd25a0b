"""What open doors add to a training's time (bar: 1 %), in pairs.

    python3 bench/server/door_cost.py BUILD [--pairs N] [--updates N]

One job after the other on one worker with one thread: by turns on a server with its doors closed, and on one whose page shows
the job live (its list and curves as streams, a look at the machine every second) while another program logs 100 metrics to
MLflow's door every second. Clients share the machine, as they would, so that it needs a core beside the worker's. The same
job has the same bits on both, so that its times can be compared one by one.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time


class Server:
    def __init__(self, build, home, doors):
        self.build, self.home, self.doors = build, home, doors
        self.environment = os.environ | {"NORMLAB_HOME": str(home)}
        words = [build / "bin/normlabd", "--slots", "1", "--threads-per-job", "1", "--print-ready"]
        words += ["--http", "127.0.0.1:0"] if doors else []
        self.process = subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout.readline().startswith(b"ready"), "normlabd did not come up"
        if doors:
            self.port = int((home / "run/http").read_text().strip().rsplit(":", 1)[1])
            self.token = (home / "run/token").read_text().strip()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def normlab(self, *words):
        done = subprocess.run([self.build / "bin/normlab", *words, "--json"], env=self.environment, capture_output=True, check=True)
        return json.loads(done.stdout)

    def processor(self):
        """Seconds of it that the server has taken so far; its workers' are not counted."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, path, body, connection=None):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer " + self.token}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        assert answer.status == 200, (path, answer.status, answer.read(300))
        return answer

    def train(self, seed, updates):
        """Wall and processor seconds of a job, and those that the server took meanwhile."""
        begin, before = time.perf_counter(), self.processor()
        job = self.normlab("submit", "handwriting", "--dataset", "synthetic_pen", "--max-steps", "200", "--updates", str(updates), "--seed", str(seed))["jobs"][0]["job"]["job_id"]
        with Visitors(self, job) if self.doors else contextlib.nullcontext():
            subprocess.run([self.build / "bin/normlab", "watch", job], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            wall, servers = time.perf_counter() - begin, self.processor() - before
        return wall, float(self.normlab("show", job)["job"]["cpu_seconds"]), servers


class Visitors:
    """A page that shows `job`, and a program that logs, until the block ends."""

    def __init__(self, server, job):
        self.server, self.over, self.heard = server, threading.Event(), 0
        work = [(self.follow, "WatchJobs", {}), (self.follow, "WatchCurves", {"job_ids": [job]}), (self.look,), (self.log,)]
        self.threads = [threading.Thread(target=target, args=rest, daemon=True) for target, *rest in work]

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads[2:]:
            thread.join()
        assert self.heard > 0, "no stream said anything"

    def follow(self, method, body):
        service = "JobService" if method == "WatchJobs" else "CurveService"
        answer = self.server.ask(f"/v1/{service}/{method}", body)
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not self.over.is_set() and answer.read1(65536):
                self.heard += 1

    def look(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        while not self.over.wait(1):
            self.server.ask("/v1/JobService/ListJobs", {"page_size": 100}, connection).read()
            self.server.ask("/v1/AdminService/GetStatus", {}, connection).read()

    def log(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        made = self.server.ask("/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1}, connection)
        run, step = json.loads(made.read())["run"]["info"]["run_id"], 0
        while not self.over.wait(1):
            step += 1
            metrics = [{"key": f"m{i}", "value": i / 7, "timestamp": 1_700_000_000_000 + step, "step": step} for i in range(100)]
            self.server.ask("/api/2.0/mlflow/runs/log-batch", {"run_id": run, "metrics": metrics}, connection).read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--updates", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="doors-") as name:
        servers = [Server(options.build.absolute(), pathlib.Path(name) / kind, kind == "open") for kind in ("closed", "open")]
        try:
            pairs = []
            for seed in range(1, options.pairs + 1):
                turns = servers if seed % 2 else servers[::-1]
                times = {server.doors: server.train(seed, options.updates) for server in turns}
                pairs.append((times[False], times[True]))
                print(f"seed {seed}: closed {times[False][0]:.2f} s, open {times[True][0]:.2f} s", flush=True)
            for i, what in enumerate(("wall", "processor")):
                added = [100 * (opened[i] / closed[i] - 1) for closed, opened in pairs]
                print(f"{what:9} open over closed: median {statistics.median(added):+.2f} %, {min(added):+.2f} to {max(added):+.2f}")
            own = [100 * (opened[2] - closed[2]) / closed[1] for closed, opened in pairs]
            print(f"the server's own processor, of the job's: median {statistics.median(own):+.2f} %, {min(own):+.2f} to {max(own):+.2f}")
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    main()
