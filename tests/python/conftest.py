"""Fixtures: each test that talks to a server has a home of its own, and the server that serves it ends with it."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

import normlab

ENVIRONMENT = dict(os.environ)  # of who runs the tests
# A recurrent network so small that an update takes milliseconds; it needs no data set.
PEN = {"dataset": "synthetic_pen", "scale": "per_line", "units": 16, "max_steps": 60, "train_lines": 8, "test_lines": 4}
ENDLESS = PEN | {"updates": 1_000_000, "evaluation_interval": 1000}


@pytest.fixture
def home(monkeypatch):
    """Short, for a socket's path may have 107 bytes."""
    folder = tempfile.mkdtemp(prefix="nlpy-", dir="/tmp")
    monkeypatch.setenv("NORMLAB_HOME", folder)
    yield pathlib.Path(folder)
    shutil.rmtree(folder)


@pytest.fixture
def client(home):
    with normlab.Client(slots=2) as one:
        yield one


class Daemon:
    """A normlabd that is started by hand, as a service is."""

    def __init__(self, home):
        self.home = home
        self.process = None

    def start(self, *words):
        program = os.path.join(os.environ["NORMLAB_BIN"], "normlabd")
        command = [program, "--home", str(self.home), "--slots", "2", "--print-ready", *words]
        with (self.home / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        return self.process.stdout.readline().split()

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.communicate()
            self.process = None

    @contextlib.contextmanager
    def frozen(self):
        """It answers nothing: SIGSTOP, and the kernel says when the last of its threads stands."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def daemon(home):
    one = Daemon(home)
    yield one
    one.stop()


@pytest.fixture
def source():
    """The repository."""
    return pathlib.Path(os.environ["NORMLAB_SOURCE"])


@pytest.fixture
def mnist(monkeypatch):
    """Where the command line finds MNIST without a home of the test's own."""
    program = os.path.join(os.environ["NORMLAB_BIN"], "normlab")
    command = [program, "data", "verify", "mnist", "--json"]
    found = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip("MNIST is not here; run `normlab data fetch mnist`")
    file = pathlib.Path(re.search(r'"path": "(.*)"', found.stdout)[1])
    folders = [str(file.parent.parent), *filter(None, [os.environ.get("NORMLAB_DATA")])]
    monkeypatch.setenv("NORMLAB_DATA", ":".join(folders))
