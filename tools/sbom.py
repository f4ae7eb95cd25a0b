"""What normlab's programs are made of, as CycloneDX 1.5: the Debian packages that they are linked to or compiled with, and the
packages of npm in the page.

    python3 sbom.py BUILD [FILE]        without FILE to standard output
"""

import json
import pathlib
import re
import subprocess
import sys
import urllib.parse

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ["normlab", "normlabd", "normlab-worker", "normlab-write", "normlab-verify"]
# Headers alone, whose code is in the programs.
COMPILED_IN = ["libeigen3-dev", "libcli11-dev", "nlohmann-json3-dev", "libboost-dev", "libabsl-dev", "libspdlog-dev", "libfmt-dev"]


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def libraries(program):
    """Paths of the shared libraries that the loader finds for it."""
    said = output("ldd", str(program))
    if missing := re.findall(r"(\S+) => not found", said):
        sys.exit(f"sbom: {program} lacks {', '.join(missing)}")
    return set(re.findall(r"(/\S+) \(0x", said))


def packages_of(paths):
    """The Debian package with each of these files. Which of /lib and /usr/lib its list says depends on the package."""
    names = {}
    for path in paths:
        real = str(pathlib.Path(path).resolve())
        names |= {name: path for one in (path, real) for name in (one, one.removeprefix("/usr"), f"/usr{one.removeprefix('/usr')}")}
    # It ends with 1, for of each file some names are nobody's.
    said = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True, check=False).stdout
    found = {names[name]: package for package, name in re.findall(r"^(\S+?)(?:, .*)?: (/.*)$", said, re.MULTILINE) if name in names}
    if missing := sorted(set(paths) - set(found)):
        sys.exit(f"sbom: of no Debian package: {', '.join(missing)}; normlab links what Debian has, see tools/dev setup")
    return found


def debian(files):
    form = "${binary:Package} ${Package} ${Version} ${Architecture} ${source:Package}\n"
    for line in output("dpkg-query", "-W", "-f", form, *files).splitlines():
        qualified, name, version, architecture, source = line.split()
        purl = f"pkg:deb/debian/{name}@{urllib.parse.quote(version, safe='.+~-')}?arch={architecture}"
        found = files.get(qualified, files.get(name, set()))
        notes = [{"name": "debian:source", "value": source}, *({"name": "normlab:file", "value": file} for file in sorted(found))]
        yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "properties": notes}


def npm(path, entry):
    name = path.rpartition("node_modules/")[2]
    purl = f"pkg:npm/{urllib.parse.quote(name, safe='/')}@{entry['version']}"
    algorithm, _, digest = entry["integrity"].partition("-")
    checked = {"name": "npm:integrity", "value": f"{algorithm}-{digest}"}
    row = {"type": "library", "bom-ref": purl, "name": name, "version": entry["version"], "purl": purl, "properties": [checked]}
    return row | ({"licenses": [{"expression": entry["license"]}]} if "license" in entry else {})


def bill(build):
    files: dict[str, set[str]] = {}
    paths = set().union(*(libraries(build / "bin" / program) for program in PROGRAMS))
    for path, package in packages_of(paths).items():
        files.setdefault(package, set()).add(pathlib.Path(path).name)
    for package in COMPILED_IN:
        files.setdefault(package, set())
    rows = list(debian(files))
    lock = json.loads((SOURCE / "web/package-lock.json").read_text())
    rows += [npm(path, entry) for path, entry in lock["packages"].items() if path and not entry.get("dev")]
    version = output(str(build / "bin/normlab"), "--version").split(maxsplit=1)[1].strip()
    about = {"component": {"type": "application", "bom-ref": "normlab", "name": "normlab", "version": version}}
    rows.sort(key=lambda row: row["purl"])
    depends = [{"ref": "normlab", "dependsOn": [row["bom-ref"] for row in rows]}]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": about, "components": rows, "dependencies": depends}


if __name__ == "__main__":
    text = json.dumps(bill(pathlib.Path(sys.argv[1])), indent=1) + "\n"
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(text)
    else:
        sys.stdout.write(text)
