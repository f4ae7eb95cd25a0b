"""What clang-tidy finds in our sources, from the compile commands of a build folder: .clang-tidy's allow-list, and guarded members
that are touched without their lock. Exit status 1 if there is anything.

    python3 tools/lint.py BUILD [FILE...]      all sources but tests and benchmarks, or those named

Generated headers must have been built.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

# A tenth of the analyzer's default: it finds the same here in half the time.
ANALYZER = [f"--extra-arg={a}" for a in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=20000")]
LOCKS = "--extra-arg=-Wthread-safety"


def without_precompiled(arguments):
    """What another compiler can read: the precompiled headers are g++'s own."""
    while "-include" in arguments:
        at = arguments.index("-include")
        del arguments[at : at + 2]
    return [a for a in arguments if a != "-Winvalid-pch"]


def compile_commands(build):
    """Our own sources -> the arguments they are compiled with; generated sources are left out."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if not source.is_relative_to(build):
            commands[source] = without_precompiled(shlex.split(entry["command"]))
    return commands


def write_commands(build, commands):
    """For clang-tidy: the folder with the compile commands that are left."""
    folder = build / "lint"
    folder.mkdir(exist_ok=True)
    entries = [{"directory": str(build), "file": str(s), "arguments": arguments} for s, arguments in commands.items()]
    (folder / "compile_commands.json").write_text(json.dumps(entries))
    return folder


def root_of(sources):
    return pathlib.Path(os.path.commonpath([s.parent for s in sources]))


def tidy_check(folder, source):
    return ["clang-tidy", "-p", str(folder), "--quiet", LOCKS, *ANALYZER, str(source)]


def run(build, checks):
    def one(check):
        done = subprocess.run(check, cwd=build, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + (done.stderr if done.returncode else "")

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for status, output in pool.map(one, checks):
            if status:
                bad += 1
                print(output, flush=True)
    return bad


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    commands = compile_commands(build)
    root = root_of(commands)
    named = {pathlib.Path(f).resolve() for f in sys.argv[2:]}
    chosen = [s for s in commands if (s in named if named else s.relative_to(root).parts[0] not in ("tests", "bench"))]
    folder = write_commands(build, commands)
    bad = run(build, [tidy_check(folder, s) for s in chosen])
    print(f"{len(chosen)} sources, {bad} with findings")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
