"""Calls for many jobs, partial reads, attempts, logs and workers, against a server."""

import asyncio
import collections
import os
import signal

import pandas
import pytest

import normlab
from conftest import ENDLESS, PEN
from normlab import JobState

ANA = {"who": "ana"}


@pytest.fixture
def ended(client):
    """Two that succeeded, with a label each, and one that was cancelled."""
    good = client.submit("invariance", trials=1, units=8, seeds="1-2", labels=ANA)
    long = client.submit("handwriting", labels=ANA, **ENDLESS)
    next(one for one in client.watch(long) if one.steps_done > 0)
    client.cancel(long)
    return client.wait([*good, *long], check=False, progress=False)


def test_many_are_cancelled_resumed_and_deleted(client, ended):
    changed = client.resume_jobs(labels=ANA, dry_run=True)
    assert changed.ids == ended.ids[2:] and set(changed.not_changed["job_id"]) == set(ended.ids[:2])
    assert set(changed.not_changed["code"]) == {"FAILED_PRECONDITION"} and len(client.jobs()) == 3, "a dry run"
    changed = client.resume_jobs(states="cancelled")
    assert list(changed.jobs["resumed_from"]) == ended.ids[2:] and changed.not_changed.empty
    (resumed,) = changed.ids
    assert client.job(resumed).resumed_from == ended[2].job_id and client.job(ended[0]).resumed_from == ""
    assert client.cancel_jobs(experiment="handwriting", states=["queued", "running"]).ids == [resumed]
    client.wait(resumed, check=False, progress=False)
    deleted = client.delete_jobs([*ended, "j99"], experiment="invariance")
    assert set(deleted.ids) == set(ended.ids[:2]), "named and of this experiment"
    assert list(client.delete_jobs(["j99"]).not_changed["code"]) == ["NOT_FOUND"]
    assert set(client.jobs().ids) == {ended[2].job_id, resumed}


def test_labels_and_priority_are_changed(client, ended):
    changed = client.update_jobs(labels=ANA, set_labels={"study": "width"}, remove_labels="who")
    assert set(changed.ids) == set(ended.ids) and list(changed.jobs["labels"]) == [{"study": "width"}] * 3
    assert client.jobs(labels={"study": "width"}).ids == ended.ids[::-1] and len(client.jobs(labels=ANA)) == 0
    queued = client.submit("handwriting", seeds="4-9", **ENDLESS)[-1]
    assert client.update_jobs(queued, priority=7).jobs["priority"].item() == 7 and client.job(queued).priority == 7
    left = client.update_jobs(ended, priority=7)
    assert left.jobs.empty and len(left.not_changed) == 3
    client.cancel_jobs(states=["queued", "running"])


def test_nothing_named_changes_nothing(client, ended):
    with pytest.raises(normlab.InvalidArgument, match="^jobs is missing"):
        client.delete_jobs()
    assert client.delete_jobs([], experiment="invariance").ids == [], "an empty list of jobs is not all of them"
    with pytest.raises(normlab.InvalidArgument, match=r"^labels\[who\] is"):
        client.update_jobs(labels={"who": "x" * 300}, set_labels={"a": "b"})
    with pytest.raises(normlab.InvalidArgument, match="without an id"):
        client.delete_jobs(client.submit("invariance", units=9, dry_run=True))
    assert len(client.jobs()) == 3


def test_lists_are_ordered_and_read_in_part(client, monkeypatch):
    monkeypatch.setattr("normlab._calls._PAGE", 2)
    jobs = client.wait(client.submit("handwriting", updates=4, evaluation_interval=2, seeds="1-3", **PEN), progress=False)
    other = client.wait(client.submit("invariance", trials=1), progress=False)
    last = client.curves(jobs, "train/batch_nll").groupby("job_id")["value"].last().sort_values()
    assert client.jobs(order_by="last train/batch_nll").ids == [*last.index, *other.ids]
    client.update_jobs(client.submit("handwriting", priority=3, **ENDLESS), priority=5)
    assert client.jobs(order_by="priority desc", limit=1)[0].priority == 5 and client.jobs(order_by="priority")[-1].priority == 5
    client.cancel_jobs(states=["queued", "running"])
    frame = client.jobs_frame(["spec.seed", "spec.handwriting.units", "labels"], order_by="last train/batch_nll desc")
    assert list(frame.columns) == ["job_id", "spec.seed", "spec.handwriting.units", "labels", "sort_value"]
    assert list(frame["sort_value"][:3]) == list(last[::-1]) and frame["sort_value"].isna()[3]
    assert list(frame["spec.handwriting.units"][:3]) == [16] * 3 and frame["labels"][0] == {}
    assert list(client.jobs_frame(states="succeeded", limit=3)["state"]) == ["SUCCEEDED"] * 3
    assert client.job_fields(other[0], ["state", "spec.seed"]) == {"job_id": other.ids[0], "state": "SUCCEEDED", "spec.seed": 1}
    with pytest.raises(normlab.InvalidArgument, match="did you mean state?"):
        client.jobs_frame("stat")
    with pytest.raises(normlab.InvalidArgument, match="^order_by is"):
        client.jobs(order_by="beauty")


def test_some_fields_are_watched(client):
    jobs = client.submit("invariance", trials=1, units=8, seeds="1-2")
    news = list(client.watch_fields(jobs, ["spec.seed"]))
    assert {row["job_id"] for row in news} == set(jobs.ids) and all(row.keys() == {"job_id", "spec.seed"} for row in news)


def test_attempts_and_workers(client):
    job, waits, another = client.submit("handwriting", seeds="1-3", **ENDLESS)
    checkpointed = next(one for one in client.watch(job) if one.steps_done > 0)
    workers = client.workers()
    assert workers.attrs["slots"] == 2 and workers["kept"].all()
    mine = workers.set_index("job_id").loc[job.job_id]
    assert mine["worker"] == checkpointed.worker and mine["attempt"] == 1
    os.kill(int(checkpointed.worker.rpartition(":")[2].rpartition("/")[2]), signal.SIGKILL)
    next(one for one in client.watch(job) if one.attempt == 2 and one.state is JobState.RUNNING)
    client.cancel([job, waits, another])
    client.wait([job, waits, another], check=False, progress=False)
    attempts = client.attempts(job)
    assert list(attempts["number"]) == [1, 2] and list(attempts["died"]) == [True, False]
    assert attempts["ending"].iloc[-1] == "CANCELLED" and attempts["ended"].notna().all()
    assert attempts["first_step"].isna()[0], "it began afresh"


def counted(lines):
    return collections.Counter((pandas.Timestamp(line.time), line.source, line.text) for line in lines)


def test_a_log_is_read_and_followed(client):
    (job,) = client.submit("handwriting", **ENDLESS)
    following = client.watch_log(job)
    lines = [next(following)]
    assert lines[0].source in ("server", "worker-1", "worker-2") and lines[0].text in str(lines[0])
    client.cancel(job)
    lines += following
    client.wait(job, check=False, progress=False)
    log = client.log(job)
    assert len(lines) > 1 and counted(lines) <= counted(log.itertuples()) and str(log["time"].dt.tz) == "UTC"
    with pytest.raises(normlab.NotFound):
        client.log("j99")


def test_a_log_goes_on_with_the_next_server(daemon):
    daemon.start()
    with normlab.Client(start=False) as client:
        (job,) = client.submit("handwriting", **ENDLESS)
        following = client.watch_log(job)
        lines = [next(following)]
        next(one for one in client.watch(job) if one.steps_done > 0)
        daemon.stop()
        daemon.start()
        next(one for one in client.watch(job) if one.attempt == 2 and one.state is JobState.RUNNING)
        before = client.log(job)
        client.cancel(job)
        lines += following
        assert counted(before.itertuples()) <= counted(lines) <= counted(client.log(job).itertuples()), "each line, and none twice"


def test_the_same_for_asyncio(home):
    async def steps():
        async with normlab.AsyncClient(slots=2) as client:
            jobs = await client.submit("invariance", trials=1, units=8, seeds="1-2", labels=ANA)
            lines = [line async for line in client.watch_log(jobs[0])]
            assert len(lines) == len(await client.log(jobs[0])) > 0
            assert len([row async for row in client.watch_fields(jobs, ["state"])]) >= 2
            assert list((await client.jobs_frame(["state"]))["state"]) == ["SUCCEEDED"] * 2
            assert len(await client.attempts(jobs[0])) == 1 and (await client.workers()).attrs["queued"] == 0
            assert (await client.update_jobs(jobs, set_labels={"a": "b"})).jobs["labels"][0] == {"a": "b"} | ANA
            assert (await client.cancel_jobs(labels=ANA)).jobs.empty and (await client.resume_jobs(labels=ANA, dry_run=True)).ids == []
            assert set((await client.delete_jobs(labels=ANA)).ids) == set(jobs.ids)
            assert (await client.jobs(order_by="priority")).ids == []

    asyncio.run(steps())
