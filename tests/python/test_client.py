import importlib.util
import multiprocessing
import pickle
import sys
import threading

import numpy
import pandas
import pytest

import normlab
from conftest import ENDLESS, PEN
from normlab import JobState


@pytest.fixture
def trained(client):
    return client.wait(client.submit("handwriting", updates=8, evaluation_interval=2, seeds="1-2", **PEN), progress=False)


def test_submit_wait_and_reuse(client):
    jobs = client.submit("invariance", norm=["batch", "layer"], trials=2, seeds=[1, 2], labels={"who": "ana"})
    assert [(job.config["norm"], job.seed) for job in jobs] == [("batch", 1), ("batch", 2), ("layer", 1), ("layer", 2)]
    assert not any(job.reused for job in jobs)
    ended = client.wait(jobs, progress=False)
    assert ended.ids == jobs.ids and {job.state for job in ended} == {JobState.SUCCEEDED}
    assert all(job.finished >= job.started >= job.created for job in ended) and all(len(job.fingerprint) == 64 for job in ended)
    again = client.submit("invariance", norm="layer", trials=2, seeds=range(1, 3))
    assert again.ids == jobs.ids[2:] and all(job.reused for job in again)
    assert client.submit("invariance", norm="layer", trials=2, rerun=True).ids != jobs.ids[2:3]
    assert client.jobs(labels={"who": "ana"}).ids == jobs.ids[::-1]
    assert client.job(jobs[0]) == client.job(jobs[0].job_id) == ended[0]
    assert pickle.loads(pickle.dumps(ended)) == ended


def test_a_dry_run_resolves_and_stores_nothing(client):
    jobs = client.submit("invariance", units=[8, 16], dry_run=True)
    assert [(job.job_id, job.config["units"], job.config["trials"]) for job in jobs] == [("", 8, 32), ("", 16, 32)]
    assert len(client.jobs()) == 0


def test_jobs_as_a_table(client):
    jobs = client.submit("invariance", units=[8, 16], trials=1)
    frame = jobs.frame()
    assert list(frame["units"]) == [8, 16] and "trials" not in frame and list(frame["job_id"]) == jobs.ids
    assert list(jobs.frame(config=True)["trials"]) == [1, 1]
    assert "<table" in jobs._repr_html_() and jobs[0].job_id in repr(jobs)
    assert len(jobs[:1]) == 1 and jobs[:1][0] == jobs[0] and len({*jobs}) == 2


def test_lists_are_paged_and_filtered(client, monkeypatch):
    monkeypatch.setattr("normlab._calls._PAGE", 2)
    jobs = client.wait(client.submit("invariance", trials=1, units=8, seeds="1-5"), progress=False)
    other = client.submit("handwriting", **ENDLESS)
    assert client.jobs(experiment="invariance").ids == jobs.ids[::-1]
    assert client.jobs(states="succeeded", limit=3).ids == jobs.ids[:1:-1]
    assert client.jobs(states=[JobState.QUEUED, JobState.RUNNING]).ids == other.ids
    with pytest.raises(normlab.InvalidArgument, match="did you mean running"):
        client.jobs(states="runing")


def test_what_here_and_there_is_wrong_comes_together(client):
    with pytest.raises(normlab.InvalidArgument) as refused:
        client.submit("invariance", norm="layr", unts=3, trials=0, units=[8, 1], labels={"k": "v"})
    assert {violation.field for violation in refused.value.violations} == {"norm", "unts", "trials", "units"}
    with pytest.raises(normlab.InvalidArgument) as refused:
        client.submit("invariance", trials=0, seeds="1-3")
    (violation,) = refused.value.violations
    assert violation.field == "trials" and violation.path == "requests[0].spec.invariance.trials"
    assert len(client.jobs()) == 0


def test_an_experiment_is_described(client):
    assert "invariance" in set(client.experiments()["experiment"])
    fields = client.fields("invariance")
    assert fields.loc["units", "default"] == "64" and "layer" in fields.loc["norm", "choices"]
    with pytest.raises(normlab.NotFound):
        client.fields("invarience")


def test_a_curve_is_what_was_measured(client, trained):
    series = client.series(trained[0]).set_index("series")
    curve = client.curve(trained[0], "train/batch_nll")
    assert list(curve.index) == list(range(8)) and curve.index.name == "step"
    every = client.curves(trained[0]).groupby("series")["value"].last()
    assert (every == series["last"]).all() and (every.astype(numpy.float32) != every).any(), "doubles, bit for bit"
    assert str(curve["time"].dt.tz) == "UTC" and curve.attrs["points_total"] == 8
    assert list(client.curve(trained[0], "train/batch_nll", first=2, last=4).index) == [2, 3, 4]
    thin = client.curve(trained[0], "train/batch_nll", max_points=4, downsampling="lttb")
    assert len(thin) == 4 and thin.attrs["points_total"] == 8
    both = client.curves(trained, "train/batch_nll")
    assert list(both.groupby("job_id").size()) == [8, 8] and both["value"][0] == curve["value"].iloc[0]
    assert set(client.curves(trained[0])["series"]) == set(series.index)
    assert client.curves([]).empty
    with pytest.raises(normlab.NotFound):
        client.curve(trained[0], "train/none")
    with pytest.raises(normlab.InvalidArgument, match="^downsampling "):
        client.curve(trained[0], "train/batch_nll", downsampling="mean")


def test_weights_are_arrays(client, trained, tmp_path):
    weights = client.weights(trained[0])
    assert weights["output.weight"].shape == (121, 48) and weights["output.weight"].dtype == numpy.float32
    assert all(numpy.isfinite(array).all() for array in weights.values())
    files = client.artifacts(trained[0]).set_index("name")
    content = client.artifact(trained[0], "weights.safetensors")
    assert len(content) == files.loc["weights.safetensors", "size"]
    assert client.save_artifact(trained[0], "weights.safetensors", tmp_path).read_bytes() == content
    with pytest.raises(normlab.NotFound):
        client.save_artifact(trained[0], "none", tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"], "nothing half-written is left"


def test_weights_are_a_state_dict(client, trained, monkeypatch):
    if importlib.util.find_spec("torch") is None:  # then what is made of each array is seen
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ImportError, match="needs torch"):
            client.state_dict(trained[0])
        module = type(sys)("torch")
        module.from_numpy = lambda array: array.flags
        monkeypatch.setitem(sys.modules, "torch", module)
        state = client.state_dict(trained[0])
        assert all(flags.writeable and flags.aligned for flags in state.values())
    else:
        import torch

        state = client.state_dict(trained[0])
        layer = torch.nn.Linear(48, 121)
        layer.load_state_dict({"weight": state["output.weight"], "bias": state["output.bias"].reshape(121)})
        weights = client.weights(trained[0])
        assert (layer.weight.detach().numpy() == weights["output.weight"]).all(), "bit for bit"
        state["output.weight"].zero_()  # its own memory
        assert (layer.weight != 0).any()
    assert set(state) == set(client.weights(trained[0]))


def test_cancel_resume_and_delete(client, monkeypatch):
    running, queued, last = client.submit("handwriting", seeds="1-3", **ENDLESS)
    next(one for one in client.watch(running) if one.steps_done > 0)
    with pytest.raises(normlab.FailedPrecondition):
        client.delete(running)
    assert client.cancel(last)[0].state in (JobState.CANCELLED, JobState.CANCELLING)
    client.cancel([running.job_id, queued])
    with pytest.raises(normlab.JobFailed, match="3 of 3 jobs did not finish") as failed:
        client.wait([running, queued, last], progress=False)
    assert failed.value.jobs.ids == [running.job_id, queued.job_id, last.job_id]
    assert client.wait(running, progress=False, check=False)[0].state is JobState.CANCELLED
    step, arrays = client.checkpoint(running)
    assert step > 0 and arrays
    (resumed,) = client.resume(running)
    assert resumed.job_id != running.job_id and resumed.identity == running.identity
    client.cancel(resumed)
    client.wait(resumed, progress=False, check=False)
    client.delete([running, queued])
    with pytest.raises(normlab.NotFound, match=f"{running.job_id} "):
        client.job(running)


def test_curves_of_many_jobs(client):
    jobs = client.submit("handwriting", updates=6, evaluation_interval=2, seeds="1-12", labels={"who": "ana"}, **PEN)
    other = client.submit("invariance", trials=1, units=8)
    client.wait([*jobs, *other], progress=False)
    every = client.curves(labels={"who": "ana"})
    assert list(every["job_id"].unique()) == jobs.ids[::-1], "newest first"
    for (job_id, name), part in every.groupby(["job_id", "series"], sort=False):
        alone = client.curve(job_id, name).reset_index()
        alone.attrs = {}
        pandas.testing.assert_frame_equal(part[["step", "value", "time"]].reset_index(drop=True), alone)
    both = client.curves([*jobs, *other], "test/nll", last=4, max_points=2)
    assert list(both["job_id"]) == [job_id for job_id in jobs.ids for _ in range(2)] and set(both["step"]) == {2, 4}
    with pytest.raises(normlab.NotFound, match="none of the jobs has a series 'test/nl'"):
        client.curves(jobs, "test/nl")
    with pytest.raises(normlab.NotFound, match="j99"):
        client.curves([*jobs, "j99"])


def test_a_missing_data_set_is_said(home, monkeypatch):
    monkeypatch.setenv("NORMLAB_DATA", str(home))
    with normlab.Client(slots=1) as client:
        with pytest.raises(normlab.FailedPrecondition, match="normlab data import iam_ondb"):
            client.submit("handwriting", dataset="iam_ondb")
        with pytest.warns(UserWarning, match="iam_ondb"):
            (job,) = client.submit("handwriting", dataset="iam_ondb", force=True)
        assert job.warning
        client.wait(client.cancel(job), check=False, progress=False)


def test_wait_has_a_time_limit_and_calls_back(client):
    (job,) = client.submit("handwriting", **ENDLESS)
    seen = []
    with pytest.raises(TimeoutError, match="0 of 1 jobs have ended after 0.2 s"):
        client.wait(job, timeout=0.2, progress=seen.append)
    assert all(one.jobs == 1 and one.ended == 0 for one in seen)
    with pytest.raises(normlab.DeadlineExceeded):
        client.wait(job, timeout=0, progress=False)
    assert len(client.wait([], progress=False)) == 0
    with normlab.Client(timeout=0.1) as hasty, pytest.raises(TimeoutError, match="after 0.3 s"):
        hasty.wait(job, timeout=0.3, progress=False)
    with pytest.raises(normlab.NotFound):
        client.wait("j99", progress=False)


def test_many_threads_share_a_client(client):
    jobs = client.wait(client.submit("invariance", trials=1, units=8, seeds="1-4"), progress=False)
    answers, failed = [], []

    def ask(job):
        try:
            for _ in range(25):
                answers.append(client.job(job).identity == job.identity and not client.series(job).empty)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and answers == [True] * 100


def _in_child(client, home, sent):
    try:
        client.jobs()
        sent.put("answered")
    except RuntimeError as error:
        client.close()
        sent.put(str(error))


def test_a_fork_is_told_to_make_its_own(client, home):
    context = multiprocessing.get_context("fork")
    sent = context.Queue()
    child = context.Process(target=_in_child, args=(client, home, sent))
    child.start()
    assert "made before a fork" in sent.get(timeout=60)
    child.join()
    assert child.exitcode == 0
    assert len(client.jobs()) == 0, "the child's end has not ended the server"


def test_a_program_that_was_spawned_has_a_client_of_the_same_home(client, home):
    (job,) = client.submit("invariance", trials=1)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        assert pool.apply(_jobs_of, (str(home),)) == [job.job_id]


def _jobs_of(home):
    with normlab.Client(home, start=False) as client:
        return client.jobs().ids
