"""tools/reliability.py: what it reads of tests and of their reports, and that its check can fail."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import reliability

TEST = """TEST_F(DiskTest, IsFull) {
  RecordReliability(2, "refused");
}
TEST(OtherTest, SaysNothing) {}
"""
REPORT = """<testsuites><testsuite><testcase name="IsFull" classname="DiskTest">
<properties><property name="reliability_2" value="refused"/><property name="seed" value="7"/></properties>
</testcase></testsuite></testsuites>"""


class ReliabilityTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "tests").mkdir()
        (self.root / "tests/disk_test.cc").write_text(TEST)
        for name, value in (("ROOT", self.root), ("TABLE", self.root / "table.md"), ("ROWS", [("a", "b"), ("c", "d"), ("e", "f")])):
            self.addCleanup(setattr, reliability, name, getattr(reliability, name))
            setattr(reliability, name, value)

    def check(self, *rows):
        reliability.TABLE.write_text("# Title\n\n| # |\n|---|\n" + "".join(f"| {row} |\n" for row in rows))
        return list(reliability.check())

    def sanitized(self, of=None, **builds):
        for name, reports in builds.items():
            (self.root / name).mkdir()
            for part, (tests, failures) in enumerate(reports, 1):
                text = f'<testsuite tests="{tests}" failures="{failures}" disabled="0" skipped="2"/>'
                (self.root / name / f"sanitized-{part}-of-{of or len(reports)}.xml").write_text(text)
        return reliability.sanitized(self.root)

    def test_both_sanitizers_are_told(self):
        figure = "90 tests against addresses and undefined behaviour, 8 tests against threads: no report"
        self.assertEqual(self.sanitized(asan=[(50, 0), (44, 0)], tsan=[(10, 0)]), figure)

    def test_one_that_fails_tells_nothing(self):
        self.assertIsNone(self.sanitized(asan=[(50, 0), (44, 1)], tsan=[(10, 0)]))

    def test_one_that_did_not_run_tells_nothing(self):
        self.assertIsNone(self.sanitized(asan=[(50, 0)]))

    def test_a_part_that_did_not_run_tells_nothing(self):
        self.assertIsNone(self.sanitized(of=2, asan=[(50, 0)], tsan=[(10, 0), (10, 0)]))

    def test_a_test_is_known_by_the_body_that_records(self):
        self.assertEqual(list(reliability.recorded()), [(2, "DiskTest.IsFull")])

    def test_figures_are_the_properties_of_a_report(self):
        path = self.root / "report.xml"
        path.write_text(REPORT)
        self.assertEqual(list(reliability.figures(path)), [(2, "refused")])

    def test_a_table_of_all_rows_passes(self):
        self.assertEqual(self.check("1 | a | b | no test yet | ", "2 | c | d | refused | `DiskTest.IsFull`", "3 | e | f | no test yet | "), [])

    def test_a_missing_row_is_found(self):
        self.assertTrue(self.check("1 | a | b | no test yet | ", "2 | c | d | refused | `DiskTest.IsFull`"))

    def test_a_test_that_is_not_there_is_found(self):
        self.assertTrue(self.check("1 | a | b | never | `GoneTest.Was`", "2 | c | d | refused | `DiskTest.IsFull`", "3 | e | f | no test yet | "))

    def test_a_test_that_the_table_misses_is_found(self):
        self.assertTrue(self.check("1 | a | b | no test yet | ", "2 | c | d | no test yet | ", "3 | e | f | no test yet | "))

    def test_a_figure_without_a_test_is_found(self):
        self.assertTrue(self.check("1 | a | b | everything | ", "2 | c | d | refused | `DiskTest.IsFull`", "3 | e | f | no test yet | "))

    def test_another_question_is_found(self):
        self.assertTrue(self.check("1 | a | less | no test yet | ", "2 | c | d | refused | `DiskTest.IsFull`", "3 | e | f | no test yet | "))


if __name__ == "__main__":
    unittest.main()
