"""Bundles in both directions: what Python writes the command line takes, and the other way round."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import zipfile

import pandas
import pytest

import normlab
from conftest import ENDLESS, PEN


@pytest.fixture
def jobs(client):
    return client.wait(client.submit("handwriting", updates=8, evaluation_interval=2, seeds="1-2", **PEN), progress=False)


@pytest.fixture
def elsewhere():
    folder = tempfile.mkdtemp(prefix="nlpy-", dir="/tmp")
    with normlab.Client(folder, slots=1) as other:
        yield other
    shutil.rmtree(folder)


def normlab_command(home, *words):
    program = os.path.join(os.environ["NORMLAB_BIN"], "normlab")
    return subprocess.run([program, *words, "--home", str(home)], capture_output=True, text=True, check=True)


def test_runs_travel(client, jobs, elsewhere, tmp_path):
    path = client.export_bundle(jobs, tmp_path / "runs.zip", files=True)
    taken = elsewhere.import_bundle(path)
    assert list(taken["was"]) == jobs.ids and not taken["reused"].any() and not taken["refused"].any()
    for was, now in zip(jobs, taken["job_id"]):
        there = elsewhere.job(now)
        assert (there.identity, there.fingerprint, there.state, there.config) == (was.identity, was.fingerprint, was.state, was.config)
        pandas.testing.assert_frame_equal(elsewhere.curves(now).drop(columns="job_id"), client.curves(was).drop(columns="job_id"))
        assert elsewhere.artifact(now, "weights.safetensors") == client.artifact(was, "weights.safetensors")
    assert elsewhere.import_bundle(path)["reused"].all()


def test_the_command_line_takes_what_python_writes(client, jobs, elsewhere, home, tmp_path):
    path = client.export_bundle(jobs, tmp_path / "runs.zip", files=True)
    done = normlab_command(elsewhere.endpoint.removesuffix("/run/normlabd.sock"), "import", str(path), "--json")
    assert [job["was"] for job in json.loads(done.stdout)["jobs"]] == jobs.ids
    theirs = tmp_path / "theirs.zip"
    normlab_command(home, "export", *jobs.ids, "--bundle", str(theirs), "--files")
    with zipfile.ZipFile(path) as ours, zipfile.ZipFile(theirs) as other:
        assert ours.namelist() == other.namelist()
        for name in ours.namelist():
            if name.endswith(".npy") or "/artifacts/" in name:
                assert ours.read(name) == other.read(name), name
            if name.endswith("job.json"):
                assert json.loads(ours.read(name)) == json.loads(other.read(name))
    assert client.import_bundle(theirs)["reused"].all()


def test_only_what_has_ended_goes(client, jobs, tmp_path):
    (endless,) = client.submit("handwriting", **ENDLESS)
    with pytest.raises(normlab.FailedPrecondition, match="is one of normlab that has ended"):
        client.export_bundle(endless, tmp_path / "none.zip")
    with pytest.warns(UserWarning, match="1 of 3 jobs"):
        client.export_bundle([*jobs, endless], tmp_path / "some.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["some.zip"]


def rewritten(path, change, sums=True):
    """The bundle with the members that change(name, content) gives, and right checksums if `sums`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != "SHA256SUMS"}
    changed = {name: change(name, content) for name, content in members.items()}
    listed = changed if sums else members
    members = changed | {"SHA256SUMS": "".join(f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in listed.items()).encode()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_what_is_damaged_is_named_and_nothing_is_taken(client, jobs, elsewhere, tmp_path):
    path = client.export_bundle(jobs[:1], tmp_path / "runs.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(normlab.InvalidArgument, match="is not a bundle"):
        elsewhere.import_bundle(path)
    position = whole.index(b"train/batch_nll.npy") + 60
    path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    with pytest.raises(normlab.DataLoss, match="runs.zip"):
        elsewhere.import_bundle(path)
    path.write_bytes(whole)
    rewritten(path, lambda name, content: content.replace(b'"updates": 8', b'"updates": 9'), sums=False)
    with pytest.raises(normlab.DataLoss, match="job.json is not what its SHA256SUMS says"):
        elsewhere.import_bundle(path)
    path.write_bytes(whole)
    rewritten(path, lambda name, content: content[:-1] if name.endswith("train/nll.npy") else content)
    with pytest.raises(normlab.DataLoss, match="train/nll.npy is not an array of points"):
        elsewhere.import_bundle(path)
    path.write_bytes(whole)
    rewritten(path, lambda name, content: b"[]" if name.endswith("job.json") else content)
    with pytest.raises(normlab.DataLoss, match="job.json is not as docs/BUNDLES.md says"):
        elsewhere.import_bundle(path)
    path.write_bytes(whole)
    rewritten(path, lambda name, content: content.replace(b"bundle 1", b"bundle 2"))
    with pytest.raises(normlab.InvalidArgument, match="normlab bundle 2"):
        elsewhere.import_bundle(path)
    assert len(elsewhere.jobs()) == 0


def test_what_the_server_refuses_is_said_beside_the_others(client, jobs, elsewhere, tmp_path):
    path = client.export_bundle(jobs, tmp_path / "runs.zip")
    first = f"jobs/{jobs[0].job_id}/job.json"
    rewritten(path, lambda name, content: content.replace(b'"updates": 8', b'"updates": 9') if name == first else content)
    taken = elsewhere.import_bundle(path)
    assert "identity" in taken["refused"][0] and not taken["refused"][1] and len(elsewhere.jobs()) == 1
