"""log-batch of 1,000 metrics: MLflow's own server on SQLite and normlabd, side by side, in turns.

    python3 bench/peer/mlflow_log_batch.py BUILD [--rounds N]      with an interpreter that has mlflow, whole

Both are asked over one kept connection each, with the same bytes but for the run's id, so that the time is the server's. For
each round a run of its own on each; first batches of one metric's 1,000 steps, then batches of 1,000 metrics.
"""

import argparse
import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BATCHES = 5  # of a kind, for each run


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    def __init__(self, name, port, headers):
        self.name, self.port, self.headers, self.connection = name, port, headers, None

    def call(self, verb, path, body=None):
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port)
        self.connection.request(verb, "/api/2.0/mlflow/" + path, body, {"Content-Type": "application/json"} | self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (self.name, answer.status, text[:300])
        return json.loads(text)

    def new_run(self):
        return self.call("POST", "runs/create", json.dumps({"experiment_id": "0", "start_time": 1}))["run"]["info"]["run_id"]

    def seconds(self, run, metrics):
        body = json.dumps({"run_id": run, "metrics": metrics})
        begin = time.perf_counter()
        self.call("POST", "runs/log-batch", body)
        return time.perf_counter() - begin


def steps_of_one(batch):
    return [{"key": "loss", "value": 1 / (i + 1), "timestamp": 1_700_000_000_000 + i, "step": batch * 1000 + i} for i in range(1000)]


def one_of_many(batch):
    return [{"key": f"metric_{i}", "value": i / 7, "timestamp": 1_700_000_000_000 + i, "step": batch} for i in range(1000)]


def wait_for(peer):
    deadline = time.monotonic() + 120
    while True:
        try:
            peer.call("POST", "experiments/search", json.dumps({"max_results": 1}))
            return
        except OSError:
            peer.connection = None
            assert time.monotonic() < deadline, peer.name
            time.sleep(0.2)


def start_mlflow(folder):
    port = free_port()
    words = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    words += ["--artifacts-destination", f"{folder}/artifacts", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    return process, Peer("mlflow", port, {})


def start_normlab(build, folder):
    home = folder / "home"
    words = [build / "bin/normlabd", "--no-workers", "--http", "127.0.0.1:0", "--print-ready"]
    process = subprocess.Popen(words, env=os.environ | {"NORMLAB_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    assert process.stdout.readline().startswith(b"ready"), "normlabd did not come up"
    port = int((home / "run/http").read_text().strip().rsplit(":", 1)[1])
    return process, Peer("normlab", port, {"Authorization": "Bearer " + (home / "run/token").read_text().strip()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="peer-") as name:
        folder = pathlib.Path(name)
        started = [start_normlab(options.build.absolute(), folder)]
        try:
            started.insert(0, start_mlflow(folder))
            peers = [peer for _, peer in started]
            for peer in peers:
                wait_for(peer)
            for what, make in (("1,000 steps of one metric", steps_of_one), ("one step of 1,000 metrics", one_of_many)):
                ratios, taken = [], {peer.name: [] for peer in peers}
                for _ in range(options.rounds):
                    runs = [(peer, peer.new_run()) for peer in peers]
                    for batch in range(BATCHES):
                        metrics = make(batch)
                        theirs, ours = (peer.seconds(run, metrics) for peer, run in runs)
                        taken["mlflow"].append(theirs)
                        taken["normlab"].append(ours)
                        ratios.append(theirs / ours)
                print(what)
                for label, times in taken.items():
                    print(f"  {label:8} median {1000 * statistics.median(times):8.1f} ms   least {1000 * min(times):8.1f} ms")
                print(f"  ratio    median {statistics.median(ratios):8.1f}      least {min(ratios):8.1f}      of {len(ratios)}")
        finally:
            for process, _ in started:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


if __name__ == "__main__":
    main()
