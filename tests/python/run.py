"""One part of the Python client's tests.

    python3 run.py PART SOURCE BUILD        exit status 77, saying why, if something that the part needs is not installed
"""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

CLIENT = {"grpc": "python3-grpcio", "google.protobuf": "python3-protobuf", "pandas": "python3-pandas", "pytest": "python3-pytest"}
NOTEBOOK = {"nbclient": "python3-nbclient", "ipykernel": "python3-ipykernel"}
# Part -> files of pytest, and what they need beside each module of CLIENT.
PARTS = {
    "unit": (["test_address.py", "test_comparisons.py", "test_curves.py", "test_errors.py", "test_fields.py", "test_progress.py",
              "test_proto.py", "test_safetensors.py", "test_spec.py", "test_steps.py"], {}),
    "server": (["test_admin.py", "test_aio.py", "test_client.py", "test_lifetime.py", "test_many.py", "test_streams.py",
               "test_tls.py"], {}),
    "papers": (["test_bundle.py", "test_papers.py"], {}),
    "documents": (["test_manual.py", "test_notebook.py"], NOTEBOOK),
    "types": (["test_types.py"], {"mypy": "python3-mypy"}),
    "package": (["test_package.py"], {"setuptools": "python3-setuptools", "wheel": "python3-wheel", "venv": "python3-venv"}),
}


def is_there(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def main(part, source, build):
    files, needs = PARTS[part]
    missing = [package for module, package in (CLIENT | needs).items() if not is_there(module)]
    if missing:
        print(f"SKIPPED: these Debian packages are missing: {' '.join(missing)}; tools/dev setup installs them")
        return 77
    here = pathlib.Path(__file__).parent
    others = ("NORMLAB_ADDRESS", "NORMLAB_TOKEN_FILE", "NORMLAB_CONTEXT", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    environment |= {
        "PYTHONPATH": str(build / "python"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NORMLAB_BIN": str(build / "bin"),
        "NORMLAB_SOURCE": str(source),
    }
    words = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *(str(here / file) for file in files)]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    nothing_ran = done.returncode == 0 and not re.search(r"\b\d+ passed", done.stdout)
    return 77 if nothing_ran else done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()))
