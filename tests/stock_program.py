"""What tests of other people's programs share: a virtual environment with the program, and a real server for it."""

import os
import shutil
import signal
import subprocess
import sys


def make_venv(venv, packages, seconds):
    """With these packages, unless it is there already. Why it cannot be had; empty: it is there."""
    if (venv / "complete").exists():
        return ""
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    for words in ([sys.executable, "-m", "venv", str(venv)], [str(venv / "bin/python"), *pip]):
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
            why = done.stderr.strip().splitlines()[-1:] if done.returncode != 0 else []
        except subprocess.TimeoutExpired:
            why = ["it takes too long"]
        if why:
            shutil.rmtree(venv, ignore_errors=True)
            return f"`{' '.join(words[1:])}`: {why[0]}"
    (venv / "complete").touch()
    return ""


class Server:
    """normlabd on a home of its own, with a log beside it; variables of `environment` that begin with `without` are not its."""

    def __init__(self, programs, home, without, environment=os.environ):
        self.programs, self.home, self.process = programs, home, None
        kept = {name: value for name, value in environment.items() if not name.startswith(without)}
        self.environment = kept | {"NORMLAB_HOME": str(home), "PATH": f"{programs}:{kept['PATH']}"}

    def start(self, *options):
        words = [self.programs / "normlabd", *options, "--print-ready"]
        with self._log_file().open("ab") as log:
            self.process = subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout.readline().startswith("ready"), self.log()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.communicate()
        return self.process.returncode

    def _log_file(self):
        return self.home.with_suffix(".log")

    def log(self):
        return self._log_file().read_text(errors="replace")

    def normlab(self, *words, text=True):
        done = subprocess.run([self.programs / "normlab", *words], env=self.environment, capture_output=True, text=text, check=False)
        assert done.returncode == 0, f"normlab {' '.join(words)}: {done.stderr}"
        return done.stdout
