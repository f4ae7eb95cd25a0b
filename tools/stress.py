"""Runs every test many times on a machine that is busy, and prints each test that ever failed. Exit status 1 if one did.

    python3 tools/stress.py BUILD ROUNDS [ARGUMENTS of ctest]

Two processes compute beside the tests, so that what rests on the machine being quick shows. A round has an hour.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

BUSY_PROCESSES = 2
ROUND_SECONDS = 3600
# Ends by itself when whoever started it is gone, however that came about.
BUSY = f"import os\nwhile os.getppid() == {os.getpid()}: sum(range(10000))"


def failures(report):
    """(test, output) of each test that failed, from ctest's JUnit file."""
    for case in xml.parse(report).getroot().iter("testcase"):
        if case.get("status") == "fail":
            yield case.get("name"), case.findtext("system-out", "")


def one_round(build, arguments, report):
    """The failures of one run of ctest; a run that ends in another way is a failure of its own."""
    command = ["ctest", "--test-dir", build, "-j", str(os.cpu_count()), "--no-tests=error"]
    command += ["--output-junit", report, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as ctest:
        try:
            output, _ = ctest.communicate(timeout=ROUND_SECONDS)
        except subprocess.TimeoutExpired:
            return [("the round", f"not over after {ROUND_SECONDS} s")]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(ctest.pid, signal.SIGKILL)  # ctest and what its tests left
    if not pathlib.Path(report).exists():
        return [("ctest", output)]
    failed = list(failures(report))
    return failed if failed or ctest.returncode == 0 else [("ctest", output)]


def main():
    build, rounds, arguments = os.path.abspath(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(BUSY_PROCESSES)]
    failed = []
    try:
        for number in range(1, rounds + 1):
            with tempfile.TemporaryDirectory() as folder:
                found = one_round(build, arguments, os.path.join(folder, "junit.xml"))
            failed += [(number, *failure) for failure in found]
            print(f"round {number} of {rounds}: {len(found)} failed", flush=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    for number, test, output in failed:
        print(f"\n== {test}, round {number}\n{output}")
    names = sorted({test for _, test, _ in failed})
    print(f"\n{len(names)} tests failed in {rounds} rounds" + "".join(f"\n  {name}" for name in names))
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
