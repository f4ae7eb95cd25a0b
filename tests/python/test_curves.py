"""Curves of many jobs: order, bounds, and what goes wrong, without a server: the other side is played by the test."""

import tracemalloc

import numpy
import pytest

import normlab
from normlab import _curve_calls, errors
from normlab._proto import v1
from normlab._wire import Begin, Finish, Pause, Unary

BUSY = errors.of_rpc("RESOURCE_EXHAUSTED", "too many", ())
BUSY.retry_after = 0.25


class Call:
    def __init__(self, server):
        self.server, self.cancelled = server, False
        server.open += 1
        server.most_open = max(server.most_open, server.open)

    def cancel(self):
        self.cancelled = True


class Server:
    """`curves`: {job: {series: values}}. `refusals`: errors that the next answers are instead."""

    def __init__(self, curves, refusals=()):
        self.curves, self.refusals = curves, list(refusals)
        self.open = self.most_open = self.messages = 0
        self.calls, self.asked, self.paused = [], [], []

    def run(self, steps):
        try:
            step = next(steps)
            while True:
                try:
                    answer = self.perform(step)
                except normlab.NormlabError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            return end.value

    def perform(self, step):
        if isinstance(step, Pause):
            self.paused.append(step.seconds)
        elif isinstance(step, Begin):
            self.calls.append(Call(self))
            return self.calls[-1]
        elif isinstance(step, Finish):
            self.open -= 1
            return self.answer(step.step)
        else:
            return self.answer(step)

    def answer(self, step):
        self.asked.append(step.request)
        if step.method == "JobService.ListJobs":
            return v1.ListJobsResponse(jobs=[{"job_id": job_id} for job_id in reversed(self.curves)])
        named = self.curves.get(step.request.job_id)
        if named is None:
            raise normlab.NotFound(f"there is no job {step.request.job_id}")
        if isinstance(step, Unary):
            return v1.ListSeriesResponse(series=[{"name": name, "points": len(named[name])} for name in sorted(named)])
        if step.request.series not in named:
            raise normlab.NotFound("no such series")
        values = named[step.request.series]
        for begin in range(0, max(1, len(values)), 2):
            part = values[begin : begin + 2]
            numbers = range(begin + 1, begin + 1 + len(part))
            self.messages += 1
            step.each(v1.ReadCurveResponse(steps=numbers, values=part, wall_ms=[1000 * n for n in numbers], points_total=len(values)))
            if self.refusals:
                raise self.refusals.pop(0)
        return None


def curves(server, jobs, series=None, states=(), labels=None, **part):
    ids = _curve_calls.chosen_ids(jobs, states, "", labels)
    return server.run(_curve_calls.curves(ids, series, _curve_calls.Range(**part)))


def rows(frame):
    return list(frame[["job_id", "series", "step", "value"]].fillna(-1).itertuples(index=False, name=None))


TWO = {"j1": {"b": [1.0, float("nan"), 3.0], "a": [4.0]}, "j2": {"a": []}}


def test_order_and_columns():
    frame = curves(Server(TWO), ["j2", "j1", "j1"])
    assert list(frame.columns) == ["job_id", "series", "step", "value", "time"]
    kinds = ["object", "object", "int64", "float64", "datetime64[ns, UTC]"]
    assert [str(kind) for kind in frame.dtypes] == kinds and frame.attrs == {"points_total": 4, "damage": ""}
    assert rows(frame) == [("j1", "a", 1, 4.0), ("j1", "b", 1, 1.0), ("j1", "b", 2, -1.0), ("j1", "b", 3, 3.0)]
    assert [one.timestamp() for one in frame["time"]] == [1, 1, 2, 3]
    assert [key[:2] for key in rows(curves(Server(TWO), ["j1"], ["b", "a", "b"]))] == [("j1", "b")] * 3 + [("j1", "a")]
    for empty in (curves(Server(TWO), []), curves(Server(TWO), "j2")):
        assert len(empty) == 0 and [str(kind) for kind in empty.dtypes] == kinds


def test_jobs_that_match():
    server = Server(TWO)
    assert list(curves(server, None, labels={"who": "ana"})["job_id"].unique()) == ["j1"]
    assert server.asked[0].labels == {"who": "ana"} and list(server.asked[0].read_mask.paths) == ["job_id"]
    assert [one.job_id for one in server.asked[1:3]] == ["j2", "j1"], "newest first"
    server = Server({f"j{n}": {"a": [1.0]} for n in range(3)})
    assert list(curves(server, ["j0", "j2", "j9"], states="succeeded")["job_id"]) == ["j0", "j2"], "those that are named and match"
    assert "j9" not in [getattr(one, "job_id", "") for one in server.asked]
    with pytest.raises(normlab.InvalidArgument, match="^jobs is missing; name jobs, or choose them"):
        curves(Server(TWO), None)
    server = Server(TWO)
    assert curves(server, [], states="failed").empty and server.asked == [], "an empty list of jobs is no job"


def test_a_range_is_that_of_each_curve():
    server = Server(TWO)
    curves(server, "j1", "a", first=2, last=9, max_points=5, downsampling="lttb", skip_damaged=True)
    (asked,) = server.asked
    assert (asked.from_step, asked.to_step, asked.max_points, asked.downsampling, asked.skip_damaged) == (2, 9, 5, 2, True)
    with pytest.raises(normlab.InvalidArgument, match="downsampling is 'lttp'.*did you mean lttb"):
        curves(server, "j1", "a", downsampling="lttp")


def test_jobs_without_the_series():
    assert rows(curves(Server(TWO), ["j2", "j1"], ["b"])) == rows(curves(Server(TWO), "j1", "b"))
    with pytest.raises(normlab.NotFound, match="none of the jobs has a series 'c'"):
        curves(Server(TWO), ["j1", "j2"], ["a", "c"])
    for series in ("a", None):
        with pytest.raises(normlab.NotFound, match="there is no job j9"):
            curves(Server(TWO), ["j1", "j9"], series)


def test_some_calls_are_under_way_at_a_time():
    many = Server({f"j{n}": {"a": [float(n)]} for n in range(100)})
    frame = curves(many, list(many.curves))
    assert list(frame["value"]) == list(range(100)) and len(many.calls) == 200
    assert many.most_open == _curve_calls.AT_ONCE and many.open == 0


def test_what_goes_wrong_ends_the_calls_behind_it():
    server = Server({f"j{n}": {"a": [float(n)]} for n in range(100)}, [normlab.DataLoss("damaged")])
    with pytest.raises(normlab.DataLoss):
        curves(server, list(server.curves), "a")
    assert [call.cancelled for call in server.calls] == [False] + [True] * (_curve_calls.AT_ONCE - 1)


def test_a_busy_server_is_asked_again_later():
    jobs = {f"j{n}": {"a": [float(n), 7.0, 8.0]} for n in range(20)}
    server = Server(jobs, [normlab.DeadlineExceeded("waited for those before it"), BUSY, BUSY])
    assert rows(curves(server, list(jobs), "a")) == rows(curves(Server(jobs), list(jobs), "a")), "no point comes twice"
    assert server.paused == [0.25] * 2
    for refusals in ([normlab.ResourceExhausted("too large")], [normlab.DeadlineExceeded("slow")] * 2):
        with pytest.raises(type(refusals[0])):
            curves(Server(jobs, refusals), list(jobs), "a")


def test_patience_with_a_busy_server_ends(monkeypatch):
    monkeypatch.setattr(_curve_calls, "_PATIENCE", 0.0)
    with pytest.raises(normlab.ResourceExhausted):
        curves(Server(TWO, [BUSY] * 3), "j1", "b")


def test_too_many_points_are_refused_when_they_are_seen(monkeypatch):
    monkeypatch.setattr(_curve_calls, "MOST_POINTS", 4)
    assert len(curves(Server(TWO), ["j1", "j2"])) == 4
    monkeypatch.setattr(_curve_calls, "MOST_POINTS", 3)
    with pytest.raises(normlab.InvalidArgument):
        curves(Server(TWO), ["j1", "j2"])
    server = Server({"j1": {"a": [0.0], "b": [1.0] * 100}})
    with pytest.raises(normlab.InvalidArgument, match="^jobs have more than 3 points together; give max_points"):
        curves(server, "j1")
    assert server.messages == 3, "the rest is not read"


def test_the_whole_is_never_there_twice():
    size, many = 4096, 200
    column = {"steps": range(size), "values": [0.5] * size, "wall_ms": [1] * size}
    message = v1.ReadCurveResponse(**column, points_total=size)
    long = normlab.curves.LongFrame({"job_id": "object", "series": "object"}, 10**9)
    tracemalloc.start()
    for number in range(many):
        long.begin((f"j{number}", "a"))(message)
        long.end()
    frame = long.frame()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(frame) == size * many and numpy.array_equal(frame["step"][-size:], column["steps"])
    assert peak < 1.5 * frame.memory_usage(deep=False).sum()
