"""What clang-tidy finds in our sources, from the compile commands of a build folder: .clang-tidy's allow-list, and guarded members
that are touched without their lock. Exit status 1 if there is anything.

    python3 tools/lint.py BUILD [FILE...]      all sources but tests and benchmarks, or those named

Sources of one folder are read together, several included into one, for most of the time goes into their headers; those that cannot
be one (two helpers of the same name) are read apart. Generated headers must have been built.
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
TOGETHER = 16


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


def flags(source, arguments):
    """The arguments without the compiler and without what differs from one source to the next."""
    at = arguments.index("-o")
    return [a for a in arguments[1:at] + arguments[at + 2 :] if a not in ("-c", str(source))]


def groups(commands, chosen):
    """The chosen sources by folder and equal flags: [(flags, sources)]."""
    alike = {}
    for source in sorted(chosen):
        # Highway's kernels include themselves once for each instruction set.
        alone = source if "hwy/foreach_target.h" in source.read_text() else None
        alike.setdefault((alone, source.parent, *flags(source, commands[source])), []).append(source)
    return [(key[2:], g[i : i + TOGETHER]) for key, g in alike.items() for i in range(0, len(g), TOGETHER)]


def root_of(sources):
    return pathlib.Path(os.path.commonpath([s.parent for s in sources]))


def tidy(build, arguments, group):
    """What clang-tidy says of the group's sources, a text for each finding."""
    # The analyzer follows paths in what is included only by a source of this name.
    with tempfile.NamedTemporaryFile("w", dir=build, prefix="UnifiedSource", suffix=".cc") as unit:
        unit.writelines(f'#include "{source}"\n' for source in group)
        unit.flush()
        command = ["clang-tidy", "--quiet", LOCKS, *ANALYZER, unit.name, "--", *arguments]
        done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    if "[clang-diagnostic-error" in done.stdout and len(group) > 1:
        # Whoever has the second of two equal names; in a header it is anybody.
        clashing = [s for s in group if re.search(rf"^{re.escape(str(s))}:.*\[clang-diagnostic-error", done.stdout, re.M)]
        kept = [s for s in group if s not in clashing]
        if not clashing or not kept:
            kept = group[: len(group) // 2]
        return tidy(build, arguments, kept) + tidy(build, arguments, [s for s in group if s not in kept])
    return [done.stdout + done.stderr]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    commands = compile_commands(build)
    root = root_of(commands)
    named = {pathlib.Path(f).resolve() for f in sys.argv[2:]}
    chosen = [s for s in commands if (s in named if named else s.relative_to(root).parts[0] not in ("tests", "bench"))]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for findings in pool.map(lambda group: tidy(build, *group), groups(commands, chosen)):
            bad += len(findings)
            print(*findings, sep="", end="", flush=True)
    print(f"{len(chosen)} sources, {f'{bad} groups of them with findings' if bad else 'no findings'}")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
