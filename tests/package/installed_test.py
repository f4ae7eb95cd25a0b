"""`cmake --install` puts down programs that run from there, know nothing of the folder they were built in, and are all of what is needed.

    python3 installed_test.py SOURCE BUILD
"""

import gzip
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
PROGRAMS = ["normlab", "normlabd", "normlab-worker", "normlab-write", "normlab-verify"]


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **more)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="normlab-")
        cls.prefix = pathlib.Path(cls.folder.name) / "prefix"
        done = run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        assert done.returncode == 0, done.stdout + done.stderr

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_every_file_of_a_user_is_there(self):
        for name in [
            *(f"bin/{program}" for program in PROGRAMS),
            "share/man/man1/normlab.1.gz",
            "share/man/man1/normlab-data-fetch.1.gz",
            "share/man/man8/normlabd.8.gz",
            "share/man/man8/normlab-worker.8.gz",
            "share/bash-completion/completions/normlab",
            "share/zsh/vendor-completions/_normlab",
            "share/fish/vendor_completions.d/normlab.fish",
            "share/doc/normlab/README.md",
            "share/doc/normlab/copyright",
            "share/doc/normlab/docs/SUMMARY.md",
            "share/normlab/proto/normlab/v1/jobs.proto",
            "lib/systemd/system/normlab.service",
            "etc/normlab/normlabd.conf",
        ]:
            self.assertTrue((self.prefix / name).is_file(), name)

    def test_every_command_has_its_page_and_no_page_is_of_another(self):
        commands = re.findall(r"^  ([a-z]+)  ", run(self.prefix / "bin/normlab", "--help").stdout, re.M)
        self.assertGreater(len(commands), 20)
        pages = {path.name.removesuffix(".1.gz") for path in (self.prefix / "share/man/man1").iterdir()}
        self.assertLessEqual({f"normlab-{command}" for command in commands}, pages)
        self.assertLessEqual({page.split("-")[1] for page in pages if "-" in page}, set(commands))

    def test_every_option_of_help_is_on_its_page(self):
        pages = {path.name.split(".")[0]: path for path in self.prefix.glob("share/man/man*/*.gz")}
        for name, path in pages.items():
            program = name if name in ("normlabd", "normlab-worker") else "normlab"
            words = name.removeprefix(program).split("-")[1:]
            said = run(self.prefix / "bin" / program, *words, "--help").stdout
            named = {option for listed in re.findall(r"^  (-\S+)", said, re.M) for option in listed.split(",")}
            self.assertIn("--help", named, name)
            page = gzip.decompress(path.read_bytes()).decode().replace("\\-", "-")
            self.assertLessEqual(named, set(re.findall(r"\\fB(-[^\\]*)\\fR", page)), name)

    def test_every_field_of_an_experiment_is_an_option_of_submit(self):
        normlab = self.prefix / "bin/normlab"
        for experiment in json.loads(run(normlab, "experiments", "--json").stdout)["experiments"]:
            said = run(normlab, "submit", experiment["name"], "--help").stdout
            fields = json.loads(run(normlab, "experiments", experiment["name"], "--json").stdout)["fields"]
            options = {f"--{field['name'].replace('_', '-')}" for field in fields if field["name"] != "seed"}
            self.assertGreater(len(options), 5)
            self.assertLessEqual(options, set(re.findall(r"^  (--\S+)", said, re.M)), experiment["name"])

    def test_words_that_bash_took_apart_are_completed(self):
        done = run(self.prefix / "bin/normlab", "complete", "bash", "--", "submit", "invariance", "--norm", "=", "la")
        self.assertEqual(done.stdout, "words\nlayer\n")

    def test_the_container_has_what_its_file_installs(self):
        dockerfile = (SOURCE / "docker/Dockerfile").read_text()
        (words,) = re.findall(r"DESTDIR=/out (cmake --install build/release --prefix /usr/local .*?) *\\?\n", dockerfile)
        self.assertIn("\nCOPY --from=build /out/ /\n", dockerfile)
        out = pathlib.Path(self.folder.name) / "out"
        done = run(*words.replace("build/release", str(BUILD)).split(), env=os.environ | {"DESTDIR": str(out)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        files = {str(path.relative_to(out / "usr/local")) for path in out.rglob("*") if path.is_file()}
        self.assertEqual(files, {*(f"bin/{program}" for program in PROGRAMS), "share/doc/normlab/copyright"})
        for program in PROGRAMS:
            self.assertNotIn(".symtab", run("readelf", "-S", out / "usr/local/bin" / program).stdout, "stripped")
        self.assertEqual(run(out / "usr/local/bin/normlab", "--version").returncode, 0)

    def test_chapters_and_pictures_that_the_book_links_to_are_installed(self):
        docs = self.prefix / "share/doc/normlab/docs"
        for chapter in sorted(docs.glob("*.md")):
            for target in re.findall(r"\]\(([^)#:]+)\)", chapter.read_text()):
                inside = not target.startswith("../")  # else of the repository
                self.assertTrue((docs / target).exists() if inside else (SOURCE / "docs" / target).exists(), f"{chapter.name}: {target}")

    def test_nothing_names_the_folders_it_was_built_from(self):
        if b"__asan_init" in (self.prefix / "bin/normlab").read_bytes():
            self.skipTest("a sanitizer's reports name the sources")
        for path in self.prefix.rglob("*"):
            if path.is_file():
                content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
                for folder in (SOURCE, BUILD):
                    self.assertFalse(bytes(folder) in content, f"{path} names {folder}")
        for program in PROGRAMS:
            dynamic = run("readelf", "-d", self.prefix / "bin" / program).stdout
            self.assertIn("NEEDED", dynamic)
            self.assertNotRegex(dynamic, "RPATH|RUNPATH")

    def test_programs_are_of_one_version_and_commit(self):
        said = {program: run(self.prefix / "bin" / program, "--version").stdout.strip() for program in PROGRAMS[:3]}
        versions = {text.removeprefix(program) for program, text in said.items()}
        self.assertEqual(len(versions), 1, said)
        self.assertRegex(versions.pop(), r"^ \d+\.\d+\.\d+( \(commit [0-9a-f]{12}(-dirty)?\))?$")
        if (SOURCE / ".git").exists():
            self.assertIn("commit", said["normlab"])

    def folders_of_a_worker(self, server):
        """--data of a child of the server, which starts it before it says that it is ready or soon after."""
        while True:
            for child in run("pgrep", "-P", str(server), "-f", "normlab-worker").stdout.split():
                words = pathlib.Path(f"/proc/{child}/cmdline").read_text().split("\0")
                return [value for word, value in zip(words, words[1:]) if word == "--data"]

    def test_a_job_is_done_by_what_the_unit_starts(self):
        unit = (self.prefix / "lib/systemd/system/normlab.service").read_text()
        words = shlex.split(re.search(r"^ExecStart=(.*)$", unit, re.M)[1])
        self.assertEqual(words[0], f"{self.prefix}/bin/normlabd")
        home = pathlib.Path(self.folder.name) / "home"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"{self.folder.name}/notify")
            environment = {"HOME": str(home), "NORMLAB_HOME": str(home), "PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": f"{self.folder.name}/notify"}
            place = f"{self.folder.name}/run/normlabd.sock"
            words = [place if word == "/run/normlab/normlabd.sock" else word for word in words if word != "$NORMLABD_OPTIONS"]
            self.assertIn(place, words)
            server = subprocess.Popen([*words, "--slots", "1"], env=environment, stderr=subprocess.DEVNULL)
            try:
                self.assertEqual(manager.recv(64), b"READY=1")
                self.assertEqual(pathlib.Path(place).stat().st_mode & 0o777, 0o660, "members of its group may open it")
                self.assertIn(str(home / "data"), self.folders_of_a_worker(server.pid), "where the server looks for data")
                done = run(self.prefix / "bin/normlab", "submit", "invariance", "--norm", "layer", "--watch", "--socket", place, env=environment)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                done = run(self.prefix / "bin/normlab", "jobs", "--state", "succeeded", "--ids", "--socket", place, env=environment)
                self.assertEqual(done.stdout, "j1\n", done.stderr)
            finally:
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
