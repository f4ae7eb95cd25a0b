import numpy
import pytest

from normlab import _spec


def made(experiment="mnist_mlp", seeds=None, **fields):
    return _spec.make_specs(experiment, fields, seeds)


def said(specs):
    return {violation.field: violation.description for violation in specs.violations}


def test_fields_become_messages_inlined_ones_too():
    (spec,) = made(norm="layer", batch_size=numpy.int64(4), learning_rate=numpy.float32(0.5), batch_norm_logits=False, seeds=3).specs
    assert spec.seed == 3
    assert spec.mnist_mlp.batch_size == 4
    assert spec.mnist_mlp.optimization.learning_rate == 0.5
    assert not spec.mnist_mlp.batch_norm_logits and spec.mnist_mlp.HasField("batch_norm_logits")
    assert _spec.config_of(spec) == (
        "mnist_mlp", {"norm": "layer", "batch_size": 4, "learning_rate": 0.5, "batch_norm_logits": False}
    )  # fmt: skip


def test_an_experiment_without_fields_is_still_that_experiment():
    (spec,) = made("invariance").specs
    assert spec.WhichOneof("experiment") == "invariance"
    assert not spec.HasField("seed")


def test_lists_make_a_grid_with_seeds_fastest():
    specs = made(norm=["none", "layer"], batch_size=(128, 4), passes=None, seeds="1-2,7").specs
    assert [(spec.mnist_mlp.norm, spec.mnist_mlp.batch_size, spec.seed) for spec in specs] == [
        (norm, batch, seed) for norm in (1, 3) for batch in (128, 4) for seed in (1, 2, 7)
    ]


@pytest.mark.parametrize("seeds, read", [(4, [4]), (range(1, 4), [1, 2, 3]), ([2, numpy.int32(9)], [2, 9]), ("1-2", [1, 2])])
def test_seeds(seeds, read):
    assert [spec.seed for spec in made(seeds=seeds).specs] == read


@pytest.mark.parametrize("seeds", ["1-", "3-1", "x", "", "1,,2", "1-9999999", [], [1.5], [True], [-1], [2**64], "²"])
def test_seeds_that_are_none(seeds):
    assert "seeds" in said(made(seeds=seeds))


def test_every_wrong_field_is_named_at_once():
    wrong = said(made(nrom="layer", norm="layr", batch_size="4", passes=1.5, hidden_units=2**31, batch_norm_logits=1, norm_eps=numpy.nan))
    assert wrong["nrom"] == "is not a field of mnist_mlp; did you mean norm?"
    assert wrong["norm"] == "is layr; expected one of none, batch, layer, weight, rms; did you mean layer?"
    assert wrong["batch_size"] == "is '4'; expected a number"
    assert wrong["passes"] == "is 1.5; expected a whole number"
    assert wrong["hidden_units"].startswith("is 2147483648; expected ")
    assert wrong["batch_norm_logits"] == "is 1; expected True or False"
    assert wrong["norm_eps"] == "is NaN; expected a number"


def test_infinities_empty_sweeps_and_too_many_jobs():
    assert said(made(batch_size=float("inf")))["batch_size"] == "is inf; expected a whole number"
    assert said(made(batch_size=[]))["batch_size"] == "is empty; expected at least one value"
    assert "make 1001 jobs" in said(made(seeds=range(1, 1002)))["seeds"]
    assert not said(made(seeds=range(1, 1001)))
    assert said(made("mnist"))["experiment"].endswith("did you mean mnist_mlp?")
