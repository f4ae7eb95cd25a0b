"""What pip makes of the sources: a source distribution and a wheel, built and installed without a network, and used from there."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

# What a user does first, in an environment of its own.
USE = """
import normlab, pathlib, sys
assert pathlib.Path(normlab.__file__).is_relative_to(sys.prefix), normlab.__file__
with normlab.Client(slots=1) as client:
    jobs = client.wait(client.submit("invariance", trials=1), progress=False)
    print(jobs[0].state, client.curves(jobs)["value"].iloc[0] == client.curves(jobs)["value"].iloc[0])
    try:
        client.submit("invariance", trials=0)
    except normlab.InvalidArgument as error:
        print(error.violations[0].field)
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy, for a build writes into its sources."""
    source = pathlib.Path(os.environ["NORMLAB_SOURCE"])
    copy = tmp_path_factory.mktemp("sources")
    for folder in ("python", "proto"):
        shutil.copytree(source / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "*.binpb"))
    shutil.copy(source / "LICENSE", copy)
    return copy


def built(folder, kind):
    """By the backend that pip calls, with what is installed here."""
    code = f"from setuptools import build_meta; print(build_meta.build_{kind}('out'))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out" / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(sources):
    return built(sources / "python", "sdist")


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """From the source distribution alone."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)
    return built(next(folder.iterdir()), "wheel")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, system_site_packages=True, with_pip=False, symlinks=True)
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(sources, wheel):
    here = {path.relative_to(sources / "python").as_posix() for path in (sources / "python/normlab").rglob("*.py")}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    own = {name for name in names if ".dist-info/" not in name}
    assert any(name.endswith("/LICENSE") for name in names)
    assert own == here | {"normlab/py.typed", "normlab/_proto/descriptors.binpb"}
    assert wheel.name == "normlab-0.1.0-py3-none-any.whl"


def test_it_is_used_from_where_it_was_installed(environment, wheel, home):
    site = next((environment / "lib").glob("python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([environment / "bin/python", "-c", USE], env=bare, cwd=home, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["SUCCEEDED True", "trials"], done.stderr


def test_an_editable_install_has_its_descriptors(sources):
    shutil.rmtree(sources / "python/build", ignore_errors=True)
    descriptors = sources / "python/normlab/_proto/descriptors.binpb"
    built(sources / "python", "editable")
    assert descriptors.stat().st_size > 10_000


def test_without_protos_it_says_so(sources, tmp_path):
    shutil.copytree(sources / "python", tmp_path / "python", ignore=shutil.ignore_patterns("proto", "*.binpb", "build", "out"))
    code = "from setuptools import build_meta; build_meta.build_wheel('out')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "python", capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "neither in ./proto nor in ../proto" in done.stderr


def pip(python, *words):
    return subprocess.run([python, "-m", "pip", "install", "-q", *words], capture_output=True, text=True, check=False)


def test_with_the_current_releases_and_googleapis_common_protos(sources, tmp_path):
    """pip install ./python as its reader types it, with what PyPI has now; then every test of what is sensitive to releases."""
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    python = tmp_path / "venv/bin/python"
    tried = pip(python, "googleapis-common-protos", "pytest", "tqdm")
    if tried.returncode != 0:
        pytest.skip(f"the package index cannot be reached: {tried.stderr.strip().splitlines()[-1]}")
    installed = pip(python, str(sources / "python"))
    assert installed.returncode == 0, installed.stderr
    here = pathlib.Path(__file__).parent
    files = ["test_proto.py", "test_errors.py", "test_spec.py", "test_steps.py", "test_progress.py", "test_aio.py", "test_bundle.py"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *(here / file for file in files)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout, "googleapis-common-protos is there"
