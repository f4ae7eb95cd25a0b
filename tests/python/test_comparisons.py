"""What is read of a comparison: the file is one that the server's own tests are held against."""

import json
import math
import os
import pathlib

import pytest

import normlab
from normlab import _paper_calls
from normlab._proto import v1
from normlab.comparisons import comparison_of

GOLDEN = pathlib.Path(os.environ["NORMLAB_SOURCE"]) / "tests/results/judging/golden/comparison/table.json"


@pytest.fixture
def compared():
    return comparison_of(b"text", "text/markdown", GOLDEN.read_bytes())


def test_cells_are_numbers(compared):
    cells = compared.cells.set_index(["series", "arm"])
    layer, batch = cells.loc[("test/error", "norm=layer")], cells.loc[("test/error", "norm=batch")]
    assert (layer["mean"], layer["difference"], layer["pairs"], layer["values"]) == (1.125, -1.125, 2, [1.0, 1.25])
    assert (layer["lo"], layer["hi"]) == (-0.46327559202183677, 2.7132755920218368)
    assert (layer["difference_lo"], layer["difference_hi"]) == (-2.7132755920218368, 0.46327559202183677)
    assert batch["difference"] == math.inf and batch["difference_kind"] == "median" and batch["diverged"] == 1
    assert math.isnan(batch["lo"]) and math.isnan(batch["p_holm"])
    kinds = {name: str(kind) for name, kind in compared.cells.dtypes.items()}
    assert {name for name, kind in kinds.items() if kind == "int64"} == {"at_step", "n", "diverged", "pairs"}
    assert {name for name, kind in kinds.items() if kind == "object"} == {"series", "better", "arm", "values", "difference_kind", "method"}
    assert set(kinds.values()) == {"int64", "float64", "object"}


def test_runs_and_arms(compared):
    assert list(compared.arms.items()) == [("norm=none", ["j1", "j2"]), ("norm=layer", ["j3", "j4"]), ("norm=batch", ["j5", "j6"])]
    run = {"arm": "norm=batch", "job_id": "j5", "seed": 1, "state": "DIVERGED"}
    assert compared.runs.to_dict("records")[4] == run
    assert compared.series == ["test/error", "train/nll"] and compared.left_out == ("j7 repeats j6",) and compared.confidence == 0.95
    assert (compared.text, compared.media_type) == ("text", "text/markdown")


def changed(**parts):
    return json.dumps(json.loads(GOLDEN.read_text()) | parts).encode()


def test_what_a_newer_server_says():
    assert comparison_of(b"", "", changed(other=3)).series == ["test/error", "train/nll"]
    for numbers in (changed(schema=1), b"[]"):
        with pytest.raises(normlab.FailedPrecondition, match="form that is not known here"):
            comparison_of(b"", "", numbers)
    with pytest.raises(normlab.DataLoss, match="arrived damaged"):
        comparison_of(b"", "", GOLDEN.read_bytes()[:-9])
    nothing = comparison_of(b"", "", changed(arms=[], cells=[], left_out=[]))
    assert nothing.cells.empty and list(nothing.runs.columns) == ["arm", "job_id", "seed", "state"] and nothing.arms == {}


def test_a_seed_is_whole(compared):
    arms = [{"arm": "a", "runs": [{"job_id": "j1", "seed": 2**64 - 1, "state": "SUCCEEDED"}]}]
    assert comparison_of(b"", "", changed(arms=arms)).runs["seed"][0] == 2**64 - 1


def test_json_is_asked_for_once():
    steps = _paper_calls.compare(["j1"], "test/error", None, "json")
    next(steps).each(v1.CompareJobsResponse(content=GOLDEN.read_bytes(), media_type="application/json"))
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert end.value.value.content == GOLDEN.read_bytes() and len(end.value.value.cells) == 6
