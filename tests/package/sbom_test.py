"""The bill of materials has a row for every shared library of every program, and for every npm package in the page.

    python3 sbom_test.py SOURCE BUILD         exit status 77 without dpkg-query
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

SOURCE, BUILD = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
PROGRAMS = ["normlab", "normlabd", "normlab-worker", "normlab-write", "normlab-verify"]


def output(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout


class Bill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bill = json.loads(output(sys.executable, "-B", SOURCE / "tools/sbom.py", BUILD))
        cls.rows = cls.bill["components"]

    def test_every_shared_library_has_a_row(self):
        rows = {note["value"] for row in self.rows for note in row["properties"] if note["name"] == "normlab:file"}
        for program in PROGRAMS:
            needed = set(re.findall(r"([^\s/]+) \(0x", output("ldd", BUILD / "bin" / program)))
            needed = {name for name in needed if not name.startswith("linux-vdso")}
            self.assertGreater(len(needed), 5)
            self.assertEqual(needed - rows, set(), program)

    def test_every_package_in_the_page_has_a_row(self):
        made = BUILD / "web/dist.inputs.json"
        if not made.exists():
            self.skipTest("the page is not built")
        names = {match[1] for file in json.loads(made.read_text()) if (match := re.search(r"node_modules/((?:@[^/]+/)?[^/]+)/", file))}
        self.assertIn("preact", names)
        rows = {(row["name"], row["version"]) for row in self.rows if row["purl"].startswith("pkg:npm/")}
        for name in names:
            version = json.loads((SOURCE / "web/node_modules" / name / "package.json").read_text())["version"]
            self.assertIn((name, version), rows)

    def test_versions_are_those_that_are_installed(self):
        installed = dict(line.split() for line in output("dpkg-query", "-W", "-f", "${Package} ${Version}\\n").splitlines() if " " in line)
        debian = [row for row in self.rows if row["purl"].startswith("pkg:deb/")]
        for row in debian:
            self.assertEqual(row["version"], installed[row["name"]])
        self.assertLessEqual({"libc6", "libgrpc++1.51", "libeigen3-dev"}, {row["name"] for row in debian})

    def test_it_is_cyclonedx(self):
        self.assertEqual((self.bill["bomFormat"], self.bill["specVersion"], self.bill["version"]), ("CycloneDX", "1.5", 1))
        refs = [row["bom-ref"] for row in self.rows]
        self.assertEqual(len(refs), len(set(refs)))
        self.assertEqual(self.bill["dependencies"], [{"ref": "normlab", "dependsOn": refs}])
        self.assertIn(self.bill["metadata"]["component"]["version"], output(BUILD / "bin/normlab", "--version"))


if __name__ == "__main__":
    if shutil.which("dpkg-query") is None:
        print("SKIPPED: dpkg-query is not there: this is no Debian")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
