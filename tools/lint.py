"""What clang-tidy finds in our sources, from the compile commands of a build folder: .clang-tidy's allow-list, and guarded members
that are touched without their lock. Exit status 1 if there is anything.

    python3 tools/lint.py BUILD [FILE...]      all sources but tests and benchmarks, or those named

Sources that the build compiles together are read together, for most of the time goes into their headers. Generated headers must have been built.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

# A tenth of the analyzer's default: it finds the same here in half the time.
ANALYZER = [f"--extra-arg={a}" for a in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=20000")]
LOCKS = "--extra-arg=-Wthread-safety"
INCLUDED = re.compile(r'^#include "(.*)"$', re.M)


def sources_of(build, file):
    """Those that are compiled as `file`: itself, or what a unit of the build includes; not what is generated."""
    sources = [file]
    if file.is_relative_to(build):
        sources = [pathlib.Path(s) for s in INCLUDED.findall(file.read_text())] if file.parent.name == "Unity" else []
    return [s for s in sources if not s.is_relative_to(build)]


def groups(build):
    """What is compiled together, and how: [(arguments, sources)]."""
    found = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        arguments = shlex.split(entry["command"])
        at = arguments.index("-o")
        arguments = [a for a in arguments[1:at] + arguments[at + 2 :] if a not in ("-c", str(file))]
        found.append((arguments, sources_of(build, file)))
    return found


def tidy(build, arguments, group):
    """What clang-tidy says of the group's sources, a text for each finding."""
    # The analyzer follows paths in what is included only by a source of this name.
    with tempfile.NamedTemporaryFile("w", dir=build, prefix="UnifiedSource", suffix=".cc") as unit:
        unit.writelines(f'#include "{source}"\n' for source in group)
        unit.flush()
        command = ["clang-tidy", "--quiet", LOCKS, *ANALYZER, unit.name, "--", *arguments]
        done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    compiled = groups(build)
    root = os.path.commonpath([s.parent for _, sources in compiled for s in sources])
    named = {pathlib.Path(f).resolve() for f in sys.argv[2:]}

    def is_chosen(source):
        return source in named if named else source.relative_to(root).parts[0] not in ("tests", "bench")

    chosen = [(arguments, [s for s in sources if is_chosen(s)]) for arguments, sources in compiled]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for findings in pool.map(lambda group: tidy(build, *group), [c for c in chosen if c[1]]):
            bad += len(findings)
            print(*findings, sep="", end="", flush=True)
    read = sum(len(sources) for _, sources in chosen)
    print(f"{read} sources, {f'{bad} groups of them with findings' if bad else 'no findings'}")
    return 1 if bad or not read else 0


if __name__ == "__main__":
    sys.exit(main())
