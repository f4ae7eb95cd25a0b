"""Partial reads: paths that a job has, and what they give."""

import datetime

import pytest

import normlab
from normlab import _fields
from normlab._proto import v1

JOB = v1.Job(
    job_id="j1",
    state=2,
    spec={"seed": 3, "invariance": {"norm": 3, "trials": 7}},
    labels={"who": "ana"},
    started={"seconds": 60, "nanos": 5000},
    steps_done=4,
)


def test_what_fields_give():
    paths = ["state", "spec.seed", "spec.invariance.norm", "labels", "started", "finished", "steps_done", "error", "facts"]
    row = _fields.row(JOB, paths)
    assert row["state"] == "RUNNING" and row["spec.seed"] == 3 and row["spec.invariance.norm"] == "layer"
    assert row["labels"] == {"who": "ana"} and row["facts"] == {} and row["error"] == ""
    assert row["started"] == datetime.datetime(1970, 1, 1, 0, 1, 0, 5, datetime.timezone.utc) and row["finished"] is None
    assert _fields.row(JOB, ["spec.mnist_mlp.norm"]) == {"spec.mnist_mlp.norm": None}, "of another experiment"
    assert _fields.row(JOB, ["spec.invariance"]) == {"spec.invariance": {"norm": "layer", "trials": 7}}


def test_the_id_comes_first_and_each_once():
    assert _fields.mask(["state", "job_id", "state"]) == ["job_id", "state"]
    assert _fields.mask("state") == ["job_id", "state"]


def test_each_path_that_a_job_does_not_have_is_told():
    wrong = ["stat", "spec.mnist_mlp.nrm", "labels.who", "started.seconds", "state.x", "", "spec."]
    with pytest.raises(normlab.InvalidArgument) as refused:
        _fields.mask([*wrong, "state"])
    said = [violation.description for violation in refused.value.violations]
    assert len(said) == len(wrong) and "did you mean state?" in said[0] and "did you mean norm?" in said[1]
