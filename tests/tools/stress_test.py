"""tools/stress.py finds the test that fails now and then, says in which round, and leaves no process behind."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

STRESS = pathlib.Path(__file__).resolve().parents[2] / "tools/stress.py"


def build_folder(**tests):
    """A build folder with a test for each shell command."""
    folder = pathlib.Path(tempfile.mkdtemp())
    lines = [f'add_test({name} "/bin/sh" "-c" "{command}")' for name, command in tests.items()]
    (folder / "CTestTestfile.cmake").write_text("\n".join(lines))
    return folder


def stress(*arguments):
    return subprocess.run([sys.executable, STRESS, *map(str, arguments)], capture_output=True, text=True, check=False)


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def runs(pid):
    """Whether the process still computes; one that ended may lie there until its new parent looks at it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Stress(unittest.TestCase):
    def test_green_rounds_end_with_zero(self):
        done = stress(build_folder(good="true"), 2)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("round 2 of 2: 0 failed", done.stdout)

    def test_a_test_that_fails_once_is_named_with_its_round_and_output(self):
        folder = build_folder(good="true", flaky="echo x >> count; [ $(wc -l < count) -ne 2 ] || { echo Boo; exit 1; }")
        done = stress(folder, 3)
        self.assertEqual(done.returncode, 1)
        self.assertIn("== flaky, round 2", done.stdout)
        self.assertIn("Boo", done.stdout)
        self.assertTrue(done.stdout.endswith("1 tests failed in 3 rounds\n  flaky\n"), done.stdout)

    def test_no_tests_at_all_is_a_failure(self):
        self.assertEqual(stress(build_folder(), 1).returncode, 1)

    def test_nothing_is_left_behind_when_it_is_killed(self):
        for sent in (signal.SIGTERM, signal.SIGKILL):
            fifo = pathlib.Path(tempfile.mkdtemp()) / "begun"
            os.mkfifo(fifo)
            folder = build_folder(hang=f"echo > {fifo}; exec sleep 20")
            running = subprocess.Popen([sys.executable, STRESS, folder, "1"], stdout=subprocess.DEVNULL)
            fifo.read_text()  # the test runs, so that the busy processes do
            busy = [c for c in children(running.pid) if b"getppid" in pathlib.Path(f"/proc/{c}/cmdline").read_bytes()]
            self.assertEqual(len(busy), 2)
            running.send_signal(sent)
            running.wait()
            while any(runs(pid) for pid in busy):  # ctest's time limit ends a wait for ever
                time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
