"""tools/lint.py refuses a guarded member that is touched without its lock, and what .clang-tidy's list names."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUARDED = """#include "base/mutex.h"
class Counter {
 public:
  void Add() { %s++count_; }
 private:
  normlab::Mutex mu_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
};
void Count(Counter& counter) { counter.Add(); }
"""


def lint(*texts):
    """Lints a tree of these sources, which are compiled as one, in one folder beside another."""
    root = pathlib.Path(tempfile.mkdtemp())
    build = root / "build"
    units = build / "server/CMakeFiles/server.dir/Unity"
    for path in (root / "base", root / "server", units):
        path.mkdir(parents=True)
    shutil.copy(ROOT / "base/mutex.h", root / "base")
    shutil.copy(ROOT / ".clang-tidy", root)
    (root / "base/lock.cc").write_text('#include "base/mutex.h"\n')
    sources = [root / f"server/{name}.cc" for name, _ in zip("abc", texts)]
    for source, text in zip(sources, texts):
        source.write_text(text)
    (build / "made.cc").write_text("double Made(int n) { return n / 2; }\n")
    (units / "unity_0_cxx.cxx").write_text("".join(f'#include "{s}"\n' for s in (*sources, build / "made.cc")))
    entries = [
        {"directory": str(build), "file": str(file), "command": f"c++ -I{root} -std=c++20 -o {file}.o -c {file}"}
        for file in (root / "base/lock.cc", units / "unity_0_cxx.cxx", build / "made.cc")
    ]
    (build / "compile_commands.json").write_text(json.dumps(entries))
    command = [sys.executable, "-B", ROOT / "tools/lint.py", build]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class Lint(unittest.TestCase):
    def test_a_guarded_member_needs_its_lock(self):
        status, output = lint(GUARDED % "const normlab::MutexLock lock(mu_); ")
        self.assertEqual(status, 0, output)
        status, output = lint(GUARDED % "")
        self.assertEqual(status, 1, output)
        self.assertIn("requires holding mutex 'mu_'", output)

    def test_what_the_list_names_is_found(self):
        status, output = lint("double Half(int n) { return n / 2.0; }\n")
        self.assertEqual(status, 0, output)
        status, output = lint("double Half(int n) { return n / 2; }\n")
        self.assertEqual(status, 1, output)
        self.assertIn("bugprone-integer-division", output)

    def test_every_source_of_a_unit_is_read(self):
        half = "double %s(int n) { return n / %s; }\n"
        status, output = lint(half % ("A", "2.0"), half % ("B", "2.0"))
        self.assertEqual(status, 0, output)
        self.assertIn("3 sources, no findings", output)
        status, output = lint(half % ("A", "2.0"), half % ("B", "2"))
        self.assertEqual(status, 1, output)
        self.assertIn("server/b.cc:1:", output)

    def test_paths_are_followed_in_sources_that_are_read_together(self):
        guard = "int %s(const int* p) { return p == nullptr ? %s : 1; }\n"
        status, output = lint(guard % ("A", "0"), guard % ("B", "0"), guard % ("C", "0"))
        self.assertEqual(status, 0, output)
        status, output = lint(guard % ("A", "0"), guard % ("B", "*p"), guard % ("C", "0"))
        self.assertEqual(status, 1, output)
        self.assertIn("clang-analyzer-core.NullDereference", output)

    def test_a_source_that_does_not_compile_is_a_finding(self):
        self.assertEqual(lint('#include "base/mutex.h"\nint f() { return g(); }\n')[0], 1)


if __name__ == "__main__":
    missing = [tool for tool in ("clang++", "clang-tidy") if shutil.which(tool) is None]
    if missing:
        print(f"SKIPPED: {' and '.join(missing)} not installed; tools/dev check installs them")
        sys.exit(77)
    unittest.main()
