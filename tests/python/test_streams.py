"""Watching: from the first message to a server that is started again."""

import threading

import pandas
import pytest

import normlab
from conftest import ENDLESS, PEN
from normlab import JobState
from normlab._wire import Patience


def test_watch_tells_every_job_to_its_end(client):
    jobs = client.submit("invariance", trials=1, units=8, seeds="1-3")
    last = {}
    for job in client.watch(jobs):
        last[job.job_id] = job.state
    assert last == {job_id: JobState.SUCCEEDED for job_id in jobs.ids}
    assert list(client.watch([])) == []


def test_a_watch_that_is_left_is_cancelled_at_the_server(client):
    """64 streams are open at most: a hundred that were left would lock the next one out."""
    (job,) = client.submit("handwriting", **ENDLESS)
    for _ in range(100):
        for _news in client.watch():
            break
    watching = client.watch(job)
    assert next(watching).job_id == job.job_id
    watching.close()
    client.cancel(job)
    assert client.wait(job, check=False, progress=False)[0].state is JobState.CANCELLED


def test_an_iterator_keeps_its_client(client):
    jobs = client.submit("invariance", trials=1, units=8, seeds="1-2")
    assert {job.job_id for job in normlab.Client(start=False).watch(jobs)} == set(jobs.ids)
    assert sum(map(len, normlab.Client(start=False).watch_curves(jobs))) == len(client.curves(jobs))


def test_points_come_once_each(client):
    jobs = client.submit("handwriting", updates=40, evaluation_interval=10, seeds="1-2", **PEN)
    news = pandas.concat(client.watch_curves(jobs), ignore_index=True)
    stored = client.curves(jobs)[["job_id", "series", "step", "value"]]
    key = ["job_id", "series", "step"]
    pandas.testing.assert_frame_equal(news.sort_values(key, ignore_index=True), stored.sort_values(key, ignore_index=True))


def test_watching_goes_on_with_the_next_server(daemon):
    daemon.start()
    with normlab.Client(start=False) as client:
        (job,) = client.submit("handwriting", **ENDLESS)
        watching, points = client.watch(job), client.watch_curves(job)
        next(one for one in watching if one.steps_done > 0)
        frames = [next(points)]
        daemon.stop()
        daemon.start()
        assert next(one for one in watching if one.attempt == 2 and one.state is JobState.RUNNING)
        while len(frames) < 3:
            frames.append(next(points))
        client.cancel(job)
        assert list(watching)[-1].state is JobState.CANCELLED
        news = pandas.concat([*frames, *points])
        stored = client.curves(job)
        assert not news.duplicated(["series", "step"]).any() and len(news) == len(stored)


def test_wait_goes_on_with_the_next_server(daemon):
    daemon.start()
    with normlab.Client(start=False) as client:
        (job,) = client.submit("handwriting", **ENDLESS)
        seen, ended = [], []
        running, away, back = threading.Event(), threading.Event(), threading.Event()

        def progress(one):
            seen.append(one)
            if not one.connected:
                away.set()
            elif away.is_set():
                back.set()
            elif one.steps_done:
                running.set()

        waiting = threading.Thread(target=lambda: ended.append(client.wait(job, progress=progress, check=False)))
        waiting.start()
        running.wait()
        daemon.stop()
        away.wait()
        daemon.start()
        back.wait()
        client.cancel(job)
        waiting.join()
        assert ended[0][0].state is JobState.CANCELLED


def test_patience_ends():
    patience = Patience(seconds=0)
    with pytest.raises(normlab.Unavailable):
        patience.lost(normlab.Unavailable("away"))
    patience = Patience(seconds=3600)
    patience.lost(normlab.Unavailable("away"))
    with pytest.raises(normlab.NotFound):
        patience.lost(normlab.NotFound("gone"))


def test_a_call_has_a_deadline(daemon):
    daemon.start()
    with normlab.Client(start=False, timeout=0.2) as client, daemon.frozen():
        with pytest.raises(normlab.DeadlineExceeded, match="did not answer in time"):
            client.jobs()
        with pytest.raises(TimeoutError):
            client.table("layer-norm-2016", "mnist")
    with normlab.Client(start=False) as client:
        assert len(client.jobs()) == 0


def test_a_job_that_is_deleted_ends_its_watch(client):
    (job,) = client.submit("invariance", trials=1)
    client.wait(job, progress=False)
    client.delete(job)
    with pytest.raises(normlab.NotFound):
        list(client.watch(job))
