"""The stock MLflow client on a real server: its own calls, its quick start, a restart and a kill in between.

    python3 run.py SOURCE BUILD VENV      exit status 77, saying why, where MLflow is not and cannot be installed

VENV is made with pip if it is not there. MLFLOW_PYTHON names another interpreter that has mlflow and scikit-learn.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from stock_program import Server, make_venv  # noqa: E402

# The client without MLflow's own server; what its quick start needs besides.
RELEASE = ["mlflow-skinny~=3.17", "pandas", "scikit-learn", "skops"]
JOB = "invariance --trials 1 --seed 5"  # needs no data set
HERE = pathlib.Path(__file__).parent


def installed(venv):
    """The interpreter; absent, with the reason, if it cannot be had."""
    if named := os.environ.get("MLFLOW_PYTHON"):
        return pathlib.Path(named), ""
    why = make_venv(venv, RELEASE, 400)
    return (None, why) if why else (venv / "bin/python", "")


class OpenServer(Server):
    """With its HTTP door open."""

    def __init__(self, programs, home):
        super().__init__(programs, home, ("NORMLAB_", "MLFLOW_"))
        self.port = 0

    def start(self):
        super().start("--slots", "1", "--http", f"127.0.0.1:{self.port}")
        self.port = int((self.home / "run/http").read_text().strip().rsplit(":", 1)[1])  # the same one after a restart


class Client:
    """The stock client, told where the server is as its users tell it."""

    def __init__(self, server, python, folder):
        token = (server.home / "run/token").read_text().strip()
        told = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{server.port}", "MLFLOW_TRACKING_TOKEN": token}
        self.python, self.folder = python, folder
        self.environment = server.environment | told | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, script, *words):
        done = subprocess.run([self.python, HERE / script, *words], env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script} {' '.join(words)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def step(self, *words):
        return json.loads(self.run("client.py", *words).splitlines()[-1])


def check_kill(server, client, experiment):
    """kill -9 while a program logs: all that was acknowledged is there, and nothing twice."""
    words = [client.python, HERE / "client.py", "acknowledged", experiment]
    program = subprocess.Popen(words, env=client.environment, cwd=client.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    run = program.stdout.readline().strip()
    told = [int(program.stdout.readline()) for _ in range(5)]
    server.end(signal.SIGKILL)
    told += [int(line) for line in program.communicate()[0].splitlines()]
    server.start()
    points = client.step("count", run)["points"]
    assert told[-1] <= points <= told[-1] + 50, (told[-1], points)
    return points


def check_ours(server, client):
    server.normlab("submit", *JOB.split(), "--watch")
    [job] = json.loads(server.normlab("jobs", "--experiment", "invariance", "--json"))["jobs"]
    seen = client.step("ours", job["job_id"], "invariance")
    assert seen["tags"]["normlab.identity"] == job["identity"], seen["tags"]
    assert seen["params"]["trials"] == "1", seen["params"]
    stored = {}
    for line in server.normlab("export", job["job_id"], "--format", "jsonl").splitlines():
        point = json.loads(line)
        stored.setdefault(point["series"], []).append([point["step"], point["value"]])
    assert stored and seen["series"] == stored, (sorted(stored), sorted(seen["series"]))


def check_among_ours(server, run):
    """An external run where people look at jobs."""
    listed = server.normlab("jobs", "--label", "program=torch")
    assert "external: first" in listed and " lr=0.1 " in listed, listed
    shown = server.normlab("show", run)
    assert "by hand" in shown and "external" in shown, shown
    assert "0.001" in server.normlab("curve", run, "loss", "--format", "csv")
    assert json.loads(server.normlab("show", run, "--json"))["job"]["external"]["params"]["lr"] == "0.1"
    refused = subprocess.run([server.programs / "normlab", "verify", run], env=server.environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "another program" in refused.stderr, refused.stderr


def main(_, build, venv):
    python, why = installed(venv)
    if python is None:
        print(f"SKIPPED: there is no mlflow, and it cannot be installed: {why}")
        return 77
    with tempfile.TemporaryDirectory(prefix="normlab-") as name:
        folder = pathlib.Path(name)
        server = OpenServer(build / "bin", folder / "home")
        server.start()
        try:
            client = Client(server, python, folder)
            logged = client.step("log")
            client.step("read", logged["run"])
            server.end(signal.SIGTERM)
            server.start()
            client.step("read", logged["run"])
            client.step("search", logged["run"])
            check_among_ours(server, logged["run"])
            client.step("go_on", logged["run"])
            points = check_kill(server, client, logged["experiment"])
            print(client.run("quickstart.py"))
            check_ours(server, client)
        finally:
            server.end(signal.SIGTERM)
    print(f"{python}: {points} points were there after a kill")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(pathlib.Path(word).absolute() for word in sys.argv[1:4])))
