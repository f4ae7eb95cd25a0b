"""House rules that a compiler does not hold. Each rule is a function of a tree and returns the lines that break it.

    python3 tests/tidy/tidy.py ROOT       prints every breach; exit status 1 if there is one

Rules are tested against small trees that break them in tidy_test.py: a rule that cannot fail is a defect.
"""

import pathlib
import re
import sys

# Folder -> folders it may include from, as docs/ARCHITECTURE.md says. tests/ and bench/ may include anything.
MAY_INCLUDE = {
    "base": {"base"},
    "nn": {"nn", "base"},
    "data": {"data", "base"},
    "proto": {"proto", "base"},
    "experiments": {"experiments", "nn", "data", "proto", "base"},
    "results": {"results", "base"},
    "workers": {"workers", "experiments", "nn", "proto", "base"},
    "server": {"server", "results", "proto", "data", "base"},
    "client": {"client", "proto", "data", "base"},
}
# Files of another folder's edge that only some may see, narrower than the table above.
ONLY = {
    ("server", "data"): {"data/content.h", "data/locate.h", "data/registry.h"},
    ("workers", "experiments"): {"experiments/experiment.h", "experiments/handwriting/scribe.h"},
    ("workers", "nn"): {"nn/denormals.h", "nn/error.h", "nn/cpu.h"},
}
# Floors of one folder: what each may include of the folder itself. What stands on no floor puts the floors together.
FLOORS = {
    "server/schedule": {"server/schedule"},
    "server/render": {"server/render", "server/schedule"},
    "server/edge": {"server/edge", "server/render", "server/schedule"},
    "server/http": {"server/http", "server/edge"},
    "server/mlflow": {"server/mlflow", "server/http", "server/edge"},
    "server/tensorboard": {"server/tensorboard", "server/edge"},
}
# System libraries by the first part of their include path -> folders, or floors of one, that may use them.
LIBRARIES = {
    "sqlite3.h": {"results"},
    "grpcpp": {"server", "client", "workers", "proto/transport"},
    "Eigen": {"nn"},
    "hwy": {"base", "nn"},
    "google": {"proto", "server", "client", "workers"},
    "yaml-cpp": {"base"},
    "CLI": {"base", "client", "server", "workers"},
    "omp.h": {"base"},
    "png.h": {"experiments"},
    "seccomp.h": {"base"},
    "librsvg": {"base"},
    "cairo.h": {"base"},
    "boost": {"results", "server/http"},
    "zlib.h": {"data", "server/http"},
    "expat.h": {"data"},
    "utf8proc.h": {"data"},
    "archive.h": {"client", "data"},
    "archive_entry.h": {"client", "data"},
    "zstd.h": {"results"},
}
# What the Python client may import beside the standard library; torch and tqdm only where a user has them.
PYTHON_LIBRARIES = {"normlab", "grpc", "google", "numpy", "pandas", "torch", "tqdm"}
# Folder of the page (web/src) -> folders it may import from; what stands in none puts them together.
PAGE_MAY_IMPORT = {
    "api": {"api"},
    "lib": {"lib", "api"},
    "chart": {"chart", "lib"},
    "ui": {"ui", "lib", "api"},
    "jobs": {"jobs", "chart", "ui", "lib", "api"},
    "paper": {"paper", "jobs", "chart", "ui", "lib", "api"},
    "submit": {"submit", "jobs", "ui", "lib", "api"},
    "machine": {"machine", "jobs", "ui", "lib", "api"},
}
PAGE_SUFFIXES = (".ts", ".tsx", ".mjs", ".css")
GENERATED = {"web/src/api/wire.ts"}
# Tests for which time itself is the input.
# Time itself is what they disturb with: kills at random times, silences, slow readers and disks, a rest, a clock that jumps.
MAY_SLEEP = {
    *(f"tests/e2e/{file}" for file in ("kill_test.cc", "partition_test.cc", "rest_test.cc", "silent_proxy.cc", "streams_test.cc")),
    "tests/server/failing_disk.cc",
    "tests/server/normlabd_test.cc",
}
MAX_LINES = 600
PROJECT_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SYSTEM_INCLUDE = re.compile(r"^\s*#\s*include\s+<([^>]+)>")


def sources(root, folders=None, suffixes=(".cc", ".h")):
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix in suffixes and relative.parts[0] not in ("build", "out", ".git") and "node_modules" not in relative.parts:
            if folders is None or relative.parts[0] in folders:
                yield relative, path.read_text(encoding="utf-8").splitlines()


def wire_folder(include):
    return "proto" if include.startswith(("normlab/v1/", "google/rpc/", "mlflow/", "tensorboard/")) else include.split("/")[0]


def includes_follow_the_table(root):
    for path, lines in sources(root, MAY_INCLUDE):
        folder = path.parts[0]
        for number, line in enumerate(lines, 1):
            if match := PROJECT_INCLUDE.match(line):
                target = wire_folder(match[1])
                if target in MAY_INCLUDE and target not in MAY_INCLUDE[folder]:
                    yield f"{path}:{number}: {folder}/ may not include {match[1]}"
                allowed = ONLY.get((folder, target))
                if allowed is not None and match[1] not in allowed:
                    yield f"{path}:{number}: of {target}/, {folder}/ may include only {', '.join(sorted(allowed))}"
            if match := SYSTEM_INCLUDE.match(line):
                users = LIBRARIES.get(match[1].split("/")[0])
                if users is not None and users.isdisjoint((folder, "/".join(path.parts[:2]))):
                    yield f"{path}:{number}: {folder}/ may not use <{match[1]}>"


def floors_look_down_only(root):
    for path, lines in sources(root, {floor.split("/")[0] for floor in FLOORS}):
        allowed = FLOORS.get("/".join(path.parts[:2]))
        for number, line in enumerate(lines, 1):
            if allowed is not None and (match := PROJECT_INCLUDE.match(line)):
                floor = "/".join(pathlib.PurePath(match[1]).parts[:2])
                if floor.startswith(path.parts[0] + "/") and floor not in allowed:
                    yield f"{path}:{number}: {'/'.join(path.parts[:2])}/ may not include {match[1]}"


# nn/ops/domain and nn/kernels/domain hold what one kind of model needs.
def general_ops_stand_alone(root):
    for path, lines in sources(root, {"nn"}):
        for number, line in enumerate(lines, 1):
            match = PROJECT_INCLUDE.match(line)
            if match and "/domain/" in match[1] and "domain" not in path.parts:
                yield f"{path}:{number}: nn/ outside of domain/ may not include {match[1]}"


def openmp_stays_behind_its_door(root):
    for path, lines in sources(root):
        for number, line in enumerate(lines, 1):
            if re.match(r"\s*#\s*pragma\s+omp", line) and path.as_posix() != "base/parallel.cc":
                yield f"{path}:{number}: an OpenMP pragma outside base/parallel.cc"
            if re.match(r"\s*#\s*pragma\s+omp.*\b(reduction|atomic)\b", line):
                yield f"{path}:{number}: OpenMP reductions and atomics do not give the same bits twice"


def page_folders_look_down_only(root):
    for path, lines in sources(root, {"web"}, PAGE_SUFFIXES):
        allowed = PAGE_MAY_IMPORT.get(path.parts[2] if path.parts[1] == "src" else None)
        for number, line in enumerate(lines, 1):
            match = re.search(r'\bfrom "\.\./(\w+)/', line)
            if allowed is not None and match and match[1] not in allowed:
                yield f"{path}:{number}: web/src/{path.parts[2]}/ may not import from {match[1]}/"


def page_modules_open_with_what_they_are(root):
    for path, lines in sources(root, {"web"}, (".ts", ".tsx", ".mjs")):
        named = lines and lines[0].startswith(f"// {path.name} - ")
        if not named and path.as_posix() not in GENERATED and ".test." not in path.name:
            yield f"{path}:1: expected '// {path.name} - what it is'"


def python_client_stands_on_little(root):
    for path, lines in sources(root, {"python"}, (".py",)):
        for number, line in enumerate(lines, 1):
            match = re.match(r"\s*(?:from|import)\s+(\w+)", line)
            own = match is None or path.parts[1] != "normlab"
            if not own and match[1] not in PYTHON_LIBRARIES | sys.stdlib_module_names:
                yield f"{path}:{number}: the Python client may not import {match[1]}"


def tests_do_not_sleep(root):
    for path, lines in sources(root, {"tests"}, (".cc", ".h", ".py")):
        if path.suffix == ".py" and path.parts[1] != "python":
            continue  # scripts that drive other programs
        for number, line in enumerate(lines, 1):
            if re.search(r"\b(sleep_for|sleep_until|usleep|nanosleep|time\.sleep)\b", line) and path.as_posix() not in MAY_SLEEP:
                yield f"{path}:{number}: a test that sleeps rests on how fast a machine is; wait for what must happen"


def tests_are_registered_and_enabled(root):
    cmake = "\n".join(p.read_text() for p in (root / "tests").rglob("CMakeLists.txt"))
    parts = root / "tests/python/run.py"
    for path, lines in sources(root, {"tests"}, (".py",)):
        if path.parts[1] == "python" and path.name.startswith("test_") and f'"{path.name}"' not in parts.read_text():
            yield f"{path}: not in {parts.relative_to(root)}"
    for path, lines in sources(root, {"tests"}, (".cc",)):
        if path.name.endswith("_test.cc") and not re.search(rf"(^|[\s/]){re.escape(path.name)}\b", cmake, re.M):
            yield f"{path}: not in any tests/**/CMakeLists.txt"
        for number, line in enumerate(lines, 1):
            if "DISABLED_" in line:
                yield f"{path}:{number}: a disabled test"
            if re.search(r"GTEST_SKIP\(\)\s*;", line):
                yield f"{path}:{number}: a skip that does not say what is missing"


def files_stay_short(root):
    for path, lines in sources(root, suffixes=(".cc", ".h", ".py", *PAGE_SUFFIXES)):
        if len(lines) > MAX_LINES and path.as_posix() not in GENERATED:
            yield f"{path}: {len(lines)} lines; at most {MAX_LINES}"


def no_open_marks(root):
    for path, lines in sources(root, suffixes=(".cc", ".h", ".proto", *PAGE_SUFFIXES)):
        for number, line in enumerate(lines, 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                yield f"{path}:{number}: an open mark; make it an issue"


def headers_open_with_what_they_are(root):
    for path, lines in sources(root, MAY_INCLUDE, (".h",)):
        if not lines or not lines[0].startswith(f"// {path.name} - "):
            yield f"{path}:1: expected '// {path.name} - what it is'"


def server_headers_name_their_threads(root):
    for path, lines in sources(root, {"server"}, (".h",)):
        if not any(line.lstrip().startswith("//") and "thread" in line.lower() for line in lines):
            yield f"{path}:1: does not say which threads call it"


def equations_are_mapped(root):
    tag = re.compile(r"\[LN (?:eq|sec) [0-9.]+(?:-[0-9]+)?\]")
    in_map = set(tag.findall((root / "docs/PAPER_MAP.md").read_text()))
    in_code = {}
    for path, lines in sources(root, {"nn", "experiments"}):
        for number, line in enumerate(lines, 1):
            for found in tag.findall(line):
                in_code.setdefault(found, f"{path}:{number}")
    for found in sorted(set(in_code) - in_map):
        yield f"{in_code[found]}: {found} is not in docs/PAPER_MAP.md"
    for found in sorted(in_map - set(in_code)):
        yield f"docs/PAPER_MAP.md: {found} stands nowhere in nn/ or experiments/"


RULES = [
    includes_follow_the_table,
    floors_look_down_only,
    general_ops_stand_alone,
    openmp_stays_behind_its_door,
    python_client_stands_on_little,
    page_folders_look_down_only,
    page_modules_open_with_what_they_are,
    tests_do_not_sleep,
    tests_are_registered_and_enabled,
    files_stay_short,
    no_open_marks,
    headers_open_with_what_they_are,
    server_headers_name_their_threads,
    equations_are_mapped,
]


def main():
    root = pathlib.Path(sys.argv[1])
    breaches = [line for rule in RULES for line in rule(root)]
    print("\n".join(breaches) if breaches else "tidy")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
