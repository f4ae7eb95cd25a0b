import dataclasses
import datetime
import io
import sys

import pytest

from normlab import Job, JobState, _progress
from normlab._proto import v1

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
NEW = Job.of(v1.Job(job_id="j1", spec={"seed": 1, "invariance": {"units": 2}}, steps_total=100))


def job(state, done=0, rate=0.0, took=None, **more):
    finished = None if took is None else NOW + datetime.timedelta(seconds=took)
    return dataclasses.replace(
        NEW, state=JobState(state), steps_done=done, steps_per_second=rate, started=NOW, finished=finished, **more
    )


def test_a_run_of_another_program_is_told_from_ours():
    external = {"experiment": "PyTorch", "name": "bold-crow", "params": {"lr": "0.1", "seed": "7"}, "tags": {"mlflow.user": "ana"}}
    run = Job.of(v1.Job(job_id="j9", external=external, labels={"program": "torch"}))
    assert (run.experiment, run.seed, run.config["lr"], run.external) == ("PyTorch", 7, "0.1", {"mlflow.user": "ana"})
    del external["params"]["seed"]
    assert Job.of(v1.Job(external=external, labels={"seed": "8"})).seed == 8
    assert Job.of(v1.Job(external=external, labels={"seed": "none"})).seed == 0
    assert NEW.external is None


def test_jobs_that_are_not_known_cost_what_others_do():
    found = _progress.estimate([job("SUCCEEDED", 100, took=50), job("RUNNING", 50, rate=2.0), job("QUEUED")], expected=4)
    assert (found.jobs, found.ended, found.running) == (4, 1, 1)
    assert found.share == pytest.approx((1 + 0.5) / 4)
    assert found.seconds_left == pytest.approx(25 + 2 * 50)
    assert found.text == "1 of 4 jobs  38%  2.0 steps/s  2m05s left"


def test_costs_are_those_of_the_same_configuration():
    slow = {"config": {"units": 9}}
    jobs = [job("SUCCEEDED", 100, took=10), job("SUCCEEDED", 100, took=90, **slow), job("QUEUED"), job("QUEUED", **slow)]
    assert _progress.estimate(jobs, 4).share == pytest.approx(0.5)
    assert _progress.estimate(jobs, 4).seconds_left == pytest.approx(100)
    two = [job("RUNNING", 0, rate=10.0), job("RUNNING", 0, rate=1.0, **slow)]
    assert _progress.estimate(two, 2).seconds_left == pytest.approx(100), "no number of workers makes one job shorter"


def test_nothing_is_said_of_what_is_not_known():
    found = _progress.estimate([job("QUEUED")], 1)
    assert (found.share, found.seconds_left, found.text) == (0.0, None, "0 of 1 jobs  0%")
    assert _progress.estimate([], 2, connected=False).text == "0 of 2 jobs  0%  (the server is away; trying again)"


@pytest.mark.parametrize("seconds, text", [(0.4, "0s"), (59.6, "1m00s"), (3599, "59m59s"), (7265, "2h01m")])
def test_durations(seconds, text):
    assert _progress.duration(seconds) == text


def progress(done):
    return _progress.estimate([job("RUNNING", done, rate=1.0)], 1)


def test_a_log_gets_the_first_line_one_now_and_then_and_the_last():
    out, now = io.StringIO(), [0.0]
    lines = _progress.Lines(out, lambda: now[0])
    for second in range(12):
        now[0] = float(second)
        lines.show(progress(second))
    lines.close()
    lines.close()
    assert [line.split("  ")[1] for line in out.getvalue().splitlines()] == ["0%", "5%", "10%", "11%"]
    assert "\r" not in out.getvalue()


def test_a_terminal_gets_one_line_drawn_again():
    out = io.StringIO()
    bar = _progress.Bar(out)
    bar.show(progress(50))
    bar.show(progress(50))
    bar.show(_progress.estimate([job("SUCCEEDED", 100, took=50)], 1))
    bar.close()
    first, second = out.getvalue().removesuffix("\n").split("\r")[1:]
    assert first.startswith("[############............]  0 of 1 jobs  50%")
    assert second.startswith("[########################]  1 of 1 jobs  100%") and len(second) == len(first), "nothing of the first is left"


class Screen(io.StringIO):
    def isatty(self):
        return True


class FakeTqdm:
    def __init__(self, **arguments):
        self.arguments, self.said, self.closed, self.n = arguments, [], False, 0

    def set_description_str(self, text):
        self.said.append((self.n, text))

    def close(self):
        self.closed = True


def test_the_real_tqdm():
    tqdm = pytest.importorskip("tqdm", reason="tqdm is not installed")
    out = io.StringIO()
    view = _progress._Tqdm(tqdm.tqdm, out)
    view.show(progress(50))
    view.close()
    assert "50%|" in out.getvalue() and progress(50).text in out.getvalue()


def test_what_shows_it(monkeypatch):
    seen = []
    _progress.shown(seen.append).show(progress(7))
    assert [one.steps_done for one in seen] == [7]
    _progress.shown(False).show(progress(7))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(_progress.shown(True), _progress.Lines)
    monkeypatch.setattr(sys, "stderr", Screen())
    monkeypatch.setitem(sys.modules, "tqdm", None)  # not installed
    assert isinstance(_progress.shown(True), _progress.Bar)
    made = []
    module = type(sys)("tqdm")
    module.tqdm = lambda **arguments: made.append(FakeTqdm(**arguments)) or made[-1]
    monkeypatch.setitem(sys.modules, "tqdm", module)
    view = _progress.shown(True)
    view.show(progress(50))
    view.close()
    assert made[0].said == [(50.0, progress(50).text)] and made[0].closed
