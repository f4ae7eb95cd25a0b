"""Every house rule rejects a tree that breaks it, and passes the same tree without the breach."""

import pathlib
import tempfile
import unittest

import tidy

GOOD = {
    "base/a.h": "// a.h - a thing.\n",
    "nn/b.h": '// b.h - another. [LN eq 3]\n#include "base/a.h"\n',
    "tests/base/a_test.cc": "TEST(A, B) {}\n",
    "tests/base/CMakeLists.txt": "normlab_test(a SOURCES a_test.cc LIBS x)\n",
    "proto/transport/c.h": "// c.h - a channel.\n#include <grpcpp/channel.h>\n",
    "docs/PAPER_MAP.md": "| [LN eq 3] | nn/b.h |\n",
    "web/src/jobs/rows.ts": '// rows.ts - rows.\nimport { call } from "../api/client";\n',
    "web/src/api/wire.ts": "export type A = 1;\n" * 601,
}
BREACHES = {
    "includes_follow_the_table": [
        {"base/a.h": '// a.h - a thing.\n#include "nn/b.h"\n'},
        {"nn/b.h": '// b.h - x. [LN eq 3]\n#include "normlab/v1/jobs.pb.h"\n'},
        {"server/c.h": '// c.h - x.\n#include "data/idx.h"\n'},
        {"client/c.h": "// c.h - x.\n#include <sqlite3.h>\n"},
        {"proto/c.h": "// c.h - x.\n#include <grpcpp/channel.h>\n"},
    ],
    "floors_look_down_only": [
        {"server/schedule/s.h": '// s.h - x.\n#include "server/edge/e.h"\n'},
        {"server/render/r.h": '// r.h - x.\n#include "server/daemon.h"\n'},
    ],
    "general_ops_stand_alone": [{"nn/ops/b.cc": '#include "nn/ops/domain/d.h"\n'}],
    "openmp_stays_behind_its_door": [{"nn/b.cc": "#pragma omp parallel for\n"}, {"base/parallel.cc": "#pragma omp parallel for reduction(+ : s)\n"}],
    "page_folders_look_down_only": [{"web/src/jobs/rows.ts": '// rows.ts - rows.\nimport { Plan } from "../paper/plan";\n'}],
    "page_modules_open_with_what_they_are": [{"web/src/jobs/rows.ts": "export const a = 1;\n"}],
    "python_client_stands_on_little": [{"python/normlab/a.py": "import os\n\n    from requests import get\n"}],
    "tests_do_not_sleep": [
        {"tests/base/a_test.cc": "std::this_thread::sleep_for(std::chrono::seconds(1));\n"},
        {"tests/python/test_a.py": "time.sleep(1)\n"},
    ],
    "tests_are_registered_and_enabled": [
        {"tests/base/lost_test.cc": "TEST(A, B) {}\n"},
        {"tests/python/test_lost.py": "", "tests/python/run.py": ""},
        {"tests/base/a_test.cc": "TEST(A, DISABLED_B) {}\n"},
        {"tests/base/a_test.cc": "GTEST_SKIP();\n"},
    ],
    "files_stay_short": [{"nn/long.cc": "int x;\n" * 601}, {"web/src/style.css": "a {}\n" * 601}],
    "no_open_marks": [{"nn/b.cc": "// TO" "DO: later\n"}],
    "headers_open_with_what_they_are": [{"base/a.h": "#pragma once\n"}],
    "server_headers_name_their_threads": [{"server/s.h": "// s.h - x.\n#pragma once\nclass Thread;\n"}],
    "equations_are_mapped": [{"nn/b.cc": "// [LN eq 99]\n"}, {"docs/PAPER_MAP.md": "[LN eq 3] [LN eq 20-22]\n"}],
}


def tree(files):
    root = pathlib.Path(tempfile.mkdtemp())
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


class Rules(unittest.TestCase):
    def test_every_rule_has_a_breach(self):
        self.assertEqual({rule.__name__ for rule in tidy.RULES}, set(BREACHES))

    def test_a_good_tree_passes(self):
        for rule in tidy.RULES:
            self.assertEqual(list(rule(tree(GOOD))), [], rule.__name__)

    def test_breaches_are_found(self):
        for rule in tidy.RULES:
            for breach in BREACHES[rule.__name__]:
                self.assertNotEqual(list(rule(tree(GOOD | breach))), [], f"{rule.__name__} {breach}")


if __name__ == "__main__":
    unittest.main()
