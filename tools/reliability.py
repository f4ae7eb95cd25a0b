"""What the store, the server and the workers are tried against: 44 rows, what was asked of each and what was reached.

    python3 tools/reliability.py write BUILD           runs the tests that record a row and writes docs/RELIABILITY.md; a report of
                                                       an earlier run counts while it is newer than the test's program
    python3 tools/reliability.py soak BUILD [TEST] [MINUTES]
                                                       runs them, or those whose name has TEST in it, for MINUTES (10) each
    python3 tools/reliability.py check                 whether the table names the tests that record its rows, and no others

A test records a row by RecordReliability(ROW, FIGURE) of tests/reliability.h, which stands in its own body. Row 43 is recorded by `tools/dev check
--sanitize`, whose reports lie in the sanitizers' builds beside BUILD; where there are none it stays as it was.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs/RELIABILITY.md"

# What happens, and what is asked: in the tests of every commit; when soaked.
ROWS = [
    ("The server's store is killed at random moments", "300 kills, soaked 5,000: nothing acknowledged lost, nothing twice, no gap"),
    ("The power goes at a random write or sync", "2,000 cuts, soaked 100,000: nothing acknowledged lost, no store damaged; without syncs it must lose"),
    ("A process is killed at each named point of a commit", "every point is hit; jobs go on with the same bits"),
    ("A worker is killed at random steps, and inside a checkpoint", "25 kills, soaked 500: the same bits as undisturbed"),
    ("Steps since the last checkpoint are sent again", "no difference, and one that is made is found"),
    ("A worker that was stopped comes back after its lease", "every write of it refused"),
    ("A worker is cut off from its server", "points wait and come once; it stops itself within its lease"),
    ("A connection dies without a word while a stream is open", "the server lets go within its keepalive times"),
    ("A client that follows a stream is stopped", "its stream ends within 20 s, memory stays"),
    ("A reader is slower than the points", "20 streams: less than 20 MB more memory, never stale by more than 1 s"),
    ("Many streams at once", "1,000: all end whole, below 100 MB"),
    ("A long queue", "10,000 jobs: a lease costs two syncs, a page less than 5 ms"),
    ("Many points", "1e8: at most 1 GB; 1,000 steps in 5 ms, an overview in 20 ms"),
    ("The disk is full", "writes are refused with RESOURCE_EXHAUSTED, reads go on, no restart is needed"),
    ("The disk is read-only", "a start is refused with its reason"),
    ("A sync fails", "nothing is acknowledged after it; the next start is consistent"),
    ("A disk is slow", "callers wait no longer than three syncs; the queue is bounded"),
    ("Pages and bits are damaged", "every flipped bit of data is found; one job suffers, not the server"),
    ("A second server on one home", "it ends within 1 s and names the first"),
    ("Readers that hold the log", "it starts over all the same"),
    ("A backup under load", "it ends, holds one moment, and can be restored"),
    ("The clock jumps", "no lease ends early, order stays"),
    ("Malformed messages", "1e8 tries soaked: no crash"),
    ("Garbage on a connection", "the next call is served"),
    ("Streams that are opened and reset at once", "out of a stranger's reach; the service's memory is bounded"),
    ("No descriptor is left", "connections are accepted again within 1 s"),
    ("Slow and idle callers at the HTTP door", "they are closed in time"),
    ("Messages and headers that are too large", "refused; nothing of the claimed size is allocated"),
    ("Hostile text", "refused, or comes back unchanged"),
    ("Numbers that overflow", "refused; no undefined behaviour"),
    ("Values that are not numbers, infinite, -0 and denormal", "the same bits everywhere"),
    ("Names that lead out of a folder", "nothing outside is opened"),
    ("Every method with every role", "exactly those that may"),
    ("TLS with the wrong sides", "all refused"),
    ("Calls that another page makes", "refused, no side effect"),
    ("A graceful stop under load", "within 5 s; streams end with UNAVAILABLE"),
    ("A stream that is cut and taken up again", "100 cuts: each point once, in order"),
    ("One request many times at once", "100 times: one job; another body refused"),
    ("Older stores", "each version opens; a newer one is refused; a failed upgrade changes nothing"),
    ("A batch system loses and kills jobs", "no run lost, none finished twice"),
    ("A worker takes all memory, starts processes, writes without end", "its job fails with the reason, the server is unharmed"),
    ("Hours of work, then rest", "memory and descriptors stay; idle it takes no processor"),
    ("All suites under the sanitizers", "no report"),
    ("Random operations against a model", "1e5 soaked: no disagreement"),
]

INTRODUCTION = """# Reliability

What normlab promises: a submit that was answered is on disk; a point that was answered is stored exactly once; a job may be started more
than once, but only one attempt's writes count; a job that has ended stays as it ended. Below is what that is tried against. The figures in
the column "reached" were reached by the tests beside them, which wrote them: `tools/dev reliability` runs them and writes this table, and
`tools/dev soak [TEST] [MINUTES]` runs them for longer.

| # | what happens | asked | reached | by |
|---|---|---|---|---|
"""
NO_TEST = "no test yet"
SANITIZED = 43
SANITIZERS = {"asan": "addresses and undefined behaviour", "tsan": "threads"}  # by build
SANITIZED_BY = "`tools/dev check --sanitize`"
ROW = re.compile(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", re.M)


def recorded():
    """(row, "Suite.Test") of each RecordReliability in the sources of tests."""
    for path in sorted((ROOT / "tests").rglob("*.cc")):
        name = None
        for match in re.finditer(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)|\bRecordReliability\(\s*(\d+),", path.read_text(encoding="utf-8"), re.MULTILINE):
            if match[3] is None:
                name = f"{match[1]}.{match[2]}"
            else:
                yield int(match[3]), name


def commands(build):
    """Command line of each test of the build that records a row, by its name."""
    listed = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, text=True)
    wanted = {name for _, name in recorded()}
    found = {}
    for test in json.loads(listed.stdout)["tests"]:
        name = re.sub(r"^\w+/(\w+\.\w+)/.*$", r"\1", test["name"])
        if name in wanted and "command" in test:
            found.setdefault(name, []).append(test["command"])
    if missing := sorted(wanted - set(found)):
        sys.exit(f"reliability: not built: {', '.join(missing)}; run tools/dev build first")
    return found


def figures(report):
    """(row, figure) of what the tests of a gtest report recorded."""
    for element in xml.parse(report).iter("property"):
        if match := re.fullmatch(r"reliability_(\d+)", element.get("name")):
            yield int(match[1]), element.get("value")


def sanitized(builds):
    """What ctest's reports in the sanitizers' builds, sanitized-1-of-2.xml and so on, come to; None if one fails or is missing."""
    told = []
    for name, against in SANITIZERS.items():
        paths = sorted((builds / name).glob("sanitized-*-of-*.xml"))
        reports = [xml.parse(path).getroot() for path in paths]
        if not paths or len(paths) != int(paths[0].stem.split("-")[-1]) or any(int(report.get("failures")) for report in reports):
            return None
        told.append(f"{sum(int(report.get('tests')) - int(report.get('skipped')) for report in reports)} tests against {against}")
    return f"{', '.join(told)}: no report"


def rows():
    """(number, what, asked, reached, by) of each row of the table as it is."""
    return ROW.findall(TABLE.read_text(encoding="utf-8"))


def run(line, report, environment):
    """What a test recorded, {row: figure}; None if it failed."""
    done = subprocess.run([*line, f"--gtest_output=xml:{report}"], capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        print(done.stdout[-4000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        report.unlink(missing_ok=True)
        return None
    return dict(figures(report))


def up_to_date(report, program):
    return report.exists() and report.stat().st_mtime > pathlib.Path(program).stat().st_mtime


def write(build):
    folder = pathlib.Path(build).resolve() / "reliability"
    folder.mkdir(exist_ok=True)
    reached, failed = {}, []
    for name, lines in commands(build).items():
        reached[name] = {}
        for number, line in enumerate(lines):
            report = folder / f"{name}-{number}.xml"
            got = dict(figures(report)) if up_to_date(report, line[0]) else run(line, report, {})
            if got is None:
                failed.append(name)
            else:
                reached[name].update(got)
    if failed:
        sys.exit(f"reliability: failed: {', '.join(failed)}; the table stays as it was")
    text = INTRODUCTION
    for number, (what, asked) in enumerate(ROWS, 1):
        by = sorted({name for row, name in recorded() if row == number})
        got = [reached[name].get(number, "skipped here") for name in by]
        figure, named = "; ".join(got) or NO_TEST, ", ".join(f"`{name}`" for name in by)
        if number == SANITIZED:
            figure, named = sanitized(pathlib.Path(build).resolve().parent) or rows()[number - 1][3], SANITIZED_BY
        text += f"| {number} | {what} | {asked} | {figure} | {named} |\n"
    TABLE.write_text(text, encoding="utf-8")


def soak(build, test="", minutes="10"):
    if re.fullmatch(r"[\d.]+", test):
        test, minutes = "", test
    tests = {name: lines for name, lines in commands(build).items() if test in name}
    if not tests:
        sys.exit(f"reliability: no test that records a row has '{test}' in its name; see docs/RELIABILITY.md")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in tests.items():
            for line in lines:
                reached = run(line, pathlib.Path(folder) / "report.xml", {"NORMLAB_SOAK": minutes})
                print(name, "FAILED" if reached is None else "; ".join(f"row {row}: {figure}" for row, figure in reached.items()), flush=True)
                failed = failed or reached is None
    sys.exit(1 if failed else 0)


def check():
    """Lines that say where the table and the tests disagree."""
    expected = {number: {name for row, name in recorded() if row == number} for number in range(1, len(ROWS) + 1)}
    for row, name in recorded():
        if not 1 <= row <= len(ROWS):
            yield f"{name} records row {row}; there are {len(ROWS)}"
    lines = rows()
    if [int(line[0]) for line in lines] != list(expected):
        yield f"{TABLE.name} has not one row for each of 1 to {len(ROWS)}"
    for number, what, asked, reached, by in lines:
        if (what, asked) != ROWS[int(number) - 1]:
            yield f"row {number} is not what tools/reliability.py asks"
        if int(number) == SANITIZED and by == SANITIZED_BY:
            continue
        named = set(re.findall(r"`([\w.]+)`", by))
        if named != expected.get(int(number)):
            yield f"row {number} names {sorted(named)}; {sorted(expected.get(int(number), []))} record it"
        if (reached == NO_TEST) != (not named):
            yield f"row {number} says '{reached}' of {len(named)} tests"


def main(words):
    if words[:1] == ["check"]:
        found = list(check())
        print(*(f"{line}; run tools/dev reliability" for line in found), sep="\n")
        return 1 if found else 0
    if len(words) >= 2 and words[0] in ("write", "soak"):
        {"write": write, "soak": soak}[words[0]](*words[1:])
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
