"""The Debian package: its control fields, its files, its scripts, its man pages, and how exposed its service is.

    python3 deb_test.py SOURCE BUILD          exit status 77 without Debian's tools
"""

import email.utils
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
MOST_EXPOSED = 15  # tenths, as systemd-analyze counts
# Each alone changes that little.
SHUT = """CapabilityBoundingSet= NoNewPrivileges=yes ProtectSystem=strict ProtectHome=yes PrivateTmp=yes PrivateDevices=yes PrivateUsers=yes
ProtectKernelModules=yes ProtectControlGroups=yes ProtectProc=invisible RestrictNamespaces=yes MemoryDenyWriteExecute=yes IPAddressDeny=any""".split()


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **more)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="normlab-")
        folder = pathlib.Path(cls.folder.name)
        done = run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder)
        assert done.returncode == 0, done.stdout + done.stderr
        (cls.deb,) = folder.glob("*.deb")
        cls.root, cls.control = folder / "root", folder / "control"
        for option, target in (("-x", cls.root), ("-e", cls.control)):
            assert run("dpkg-deb", option, cls.deb, target).returncode == 0

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def field(self, name):
        return run("dpkg-deb", "-f", self.deb, name).stdout.strip()

    def test_control_fields(self):
        version, architecture = self.field("Version"), self.field("Architecture")
        self.assertEqual(self.deb.name, f"normlab_{version}_{architecture}.deb")
        said = run(self.root / "usr/bin/normlab", "--version").stdout
        self.assertTrue(said.startswith(f"normlab {version}"), said)
        description = self.field("Description")
        self.assertRegex(description, r"^[a-z][^;\n]{20,60}\n normlab trains")
        self.assertNotRegex(description, '[;"]', "CPack makes these of quotation marks")
        depends = self.field("Depends")
        for library in ("libc6 (>=", "libgomp1", "libgrpc++1.51", "libprotobuf32", "libsqlite3-0", "librsvg2-2", "adduser", "fonts-dejavu-core"):
            self.assertIn(library, depends)
        self.assertNotIn("-dev", depends)

    def test_changelog_and_maintainer(self):
        text = gzip.decompress((self.root / "usr/share/doc/normlab/changelog.gz").read_bytes()).decode()
        self.assertTrue(text.startswith(f"normlab ({self.field('Version')}) unstable; urgency=medium\n\n  * "), text)
        who, date = re.search(r"^ -- (.+>)  (\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000)\n\Z", text, re.M).groups()
        self.assertEqual(who, self.field("Maintainer"))
        self.assertRegex(who, r"^[^<>,]+ <[^@<> ]+@[a-z0-9-]+(\.[a-z0-9-]+)+>$", "what Debian's policy takes")
        if (SOURCE / ".git").exists() and "SOURCE_DATE_EPOCH" not in os.environ:
            built = re.search(r"[0-9a-f]{12}", run(self.root / "usr/bin/normlab", "--version").stdout).group()
            of_commit = run("git", "-C", SOURCE, "log", "-1", "--format=%ct", built).stdout
            self.assertEqual(email.utils.parsedate_to_datetime(date).timestamp(), int(of_commit))

    def test_one_date_makes_one_changelog(self):
        for seconds, date in (("86400", "Fri, 02 Jan 1970 00:00:00 +0000"), ("1795968000", "Sun, 29 Nov 2026 16:00:00 +0000")):
            made = pathlib.Path(self.folder.name) / "changelog"
            words = [f"-DSOURCE={SOURCE}", f"-DOUTPUT={made}", "-DVERSION=1.2.3", "-DMAINTAINER=Ana <ana@example.org>"]
            done = run("cmake", *words, "-P", SOURCE / "package/changelog.cmake", env=os.environ | {"SOURCE_DATE_EPOCH": seconds})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(made.read_text().endswith(f"\n -- Ana <ana@example.org>  {date}\n"), made.read_text())

    def test_files_are_where_debian_has_them(self):
        listed = run("dpkg-deb", "-c", self.deb).stdout
        owners = set(re.findall(r"^\S+ (\S+)", listed, re.M))
        self.assertEqual(owners, {"root/root"})
        files = set(re.findall(r" \./(\S+[^/\s])$", listed, re.M))
        for name in ("usr/bin/normlabd", "usr/lib/systemd/system/normlab.service", "etc/normlab/normlabd.conf", "usr/share/man/man8/normlabd.8.gz", "usr/share/doc/normlab/copyright"):
            self.assertIn(name, files)
        self.assertEqual({name.split("/")[0] for name in files}, {"usr", "etc"})
        self.assertEqual((self.control / "conffiles").read_text(), "/etc/normlab/normlabd.conf\n")
        in_etc = {f"/{name}" for name in files if name.startswith("etc/")}
        self.assertEqual(in_etc, {"/etc/normlab/normlabd.conf"}, "what is in /etc and no conffile is overwritten")

    def test_scripts_keep_data_unless_it_is_purged(self):
        for name in ("postinst", "prerm", "postrm"):
            path = self.control / name
            self.assertEqual(run("sh", "-n", path).stderr, "")
            self.assertTrue(path.stat().st_mode & 0o111, name)
        # What a script would do, told by programs that do nothing else.
        tools = pathlib.Path(self.folder.name) / "tools"
        tools.mkdir()
        for program in ("adduser", "install", "rm", "systemctl"):
            (tools / program).write_text(f'#!/bin/sh\necho {program} "$@"\n')
            (tools / program).chmod(0o755)

        def does(script, *words):
            done = run("/bin/sh", self.control / script, *words, env={"PATH": str(tools)})
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        self.assertIn("adduser --quiet --system --group --home /var/lib/normlab", does("postinst", "configure", ""))
        self.assertIn("install -d -o normlab -g normlab -m 0700 /var/lib/normlab", does("postinst", "configure", ""))
        self.assertNotIn("rm ", does("postrm", "remove"))
        self.assertNotIn("rm ", does("postrm", "upgrade", "0.2.0"))

    def test_the_service_is_exposed_to_little(self):
        unit = self.root / "usr/lib/systemd/system/normlab.service"
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit)
        self.assertEqual(done.returncode, 0, done.stdout[-400:] + done.stderr)
        self.assertEqual(set(SHUT) - set(unit.read_text().splitlines()), set())
        self.assertIn("ExecStart=/usr/bin/normlabd ", unit.read_text())
        self.assertIn("EnvironmentFile=-/etc/normlab/normlabd.conf\n", unit.read_text())

    def test_man_pages_are_set_without_a_warning(self):
        pages = sorted(self.root.glob("usr/share/man/man*/*.gz"))
        self.assertGreater(len(pages), 30)
        for page in pages:
            done = run("man", "--warnings", "--local-file", page, env={"LC_ALL": "C.UTF-8", "MANWIDTH": "80", "PATH": "/usr/bin:/bin"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
            name = page.name.split(".")[0]
            self.assertRegex(done.stdout, rf"NAME\n +{name} ")


if __name__ == "__main__":
    missing = [tool for tool in ("dpkg-deb", "dpkg-shlibdeps", "file", "man", "systemd-analyze") if shutil.which(tool) is None]
    if missing:
        print(f"SKIPPED: {', '.join(missing)} not installed; tools/dev setup installs them")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
