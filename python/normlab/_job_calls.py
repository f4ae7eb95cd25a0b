"""Steps for many jobs at once, partial reads, and what is known about runs: attempts, logs, workers."""

from __future__ import annotations

import collections
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import grpc
import pandas

from normlab import _fields, errors
from normlab._calls import JobsFollowed, change, collect, pages, states_of
from normlab._proto import v1
from normlab._spec import MAX_JOBS_OF_A_CALL
from normlab._wire import Steps, Stream, Unary
from normlab.errors import FieldViolation
from normlab.jobs import Changed, JobsLike, JobState, LogLine, ids_of, stamp, time_of

_MANY_SECONDS = 600.0  # a hundred thousand jobs, slice by slice
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}

States = str | JobState | Iterable[str | JobState]
Labels = Mapping[str, str] | None


# --- many jobs at once ---


def choice(states: States, experiment: str, labels: Labels) -> dict[str, Any]:
    """Fields of a JobFilter; all of them false if nothing is chosen."""
    return {"states": states_of(states), "experiment": experiment, "labels": dict(labels or {})}


def filters(listed: JobsLike | None, states: States, experiment: str, labels: Labels) -> list[Any]:
    """As many as it takes: one names at most 1,000 jobs. None for an empty list of jobs, which on the wire would mean every job."""
    common = choice(states, experiment, labels)
    if listed is None:
        if not any(common.values()):
            raise errors.invalid([FieldViolation("jobs", "is missing; name jobs, or choose them by states, experiment or labels")])
        return [v1.JobFilter(**common)]
    ids = list(dict.fromkeys(ids_of(listed)))
    if "" in ids:
        raise errors.invalid([FieldViolation("jobs", "has one without an id, of a dry run")])
    parts = [ids[begin : begin + MAX_JOBS_OF_A_CALL] for begin in range(0, len(ids), MAX_JOBS_OF_A_CALL)]
    return [v1.JobFilter(job_ids=part, **common) for part in parts]


def _change_many(method: str, request: Any, chosen: Sequence[Any], columns: Sequence[str]) -> Steps[Changed]:
    jobs: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    said: dict[str, None] = {}
    for one in chosen:
        request.filter.CopyFrom(one)
        answer = yield from change(f"JobService.{method}", request, _MANY_SECONDS)
        jobs += [_fields.row(job, columns) for job in answer.jobs]
        for left in answer.not_changed:
            others.append({"job_id": left.job_id, "code": _CODES.get(left.code, str(left.code)), "reason": left.reason})
        said.update(dict.fromkeys(getattr(answer, "warnings", ())))
    for text in said:
        warnings.warn(text, stacklevel=4)
    left_frame = pandas.DataFrame(others, columns=["job_id", "code", "reason"])
    return Changed(pandas.DataFrame(jobs, columns=list(columns)), left_frame, tuple(said))


_CHANGED = ("job_id", "state", "priority", "labels", "resumed_from")


def cancel_many(chosen: Sequence[Any], dry_run: bool) -> Steps[Changed]:
    return _change_many("CancelJobs", v1.CancelJobsRequest(validate_only=dry_run), chosen, _CHANGED)


def resume_many(chosen: Sequence[Any], force: bool, dry_run: bool) -> Steps[Changed]:
    return _change_many("ResumeJobs", v1.ResumeJobsRequest(validate_only=dry_run, force=force), chosen, _CHANGED)


def delete_many(chosen: Sequence[Any], dry_run: bool) -> Steps[Changed]:
    return _change_many("DeleteJobs", v1.DeleteJobsRequest(validate_only=dry_run), chosen, _CHANGED[:1])


def update_many(
    chosen: Sequence[Any], set_labels: Labels, remove_labels: str | Iterable[str], priority: int | None, dry_run: bool
) -> Steps[Changed]:
    removed = [remove_labels] if isinstance(remove_labels, str) else list(remove_labels)
    request = v1.UpdateJobsRequest(validate_only=dry_run, set_labels=dict(set_labels or {}), remove_labels=removed, priority=priority)
    return _change_many("UpdateJobs", request, chosen, _CHANGED)


# --- partial reads ---


def _with_mask(request: Any, paths: Iterable[str]) -> Any:
    request.read_mask.paths.extend(paths)
    return request


def job_fields(job_id: str, fields: str | Iterable[str]) -> Steps[dict[str, Any]]:
    paths = _fields.mask(fields)
    answer = yield Unary("JobService.GetJob", _with_mask(v1.GetJobRequest(job_id=job_id), paths))
    return _fields.row(answer.job, paths)


def jobs_frame(fields: str | Iterable[str], request: Any, limit: int | None) -> Steps[pandas.DataFrame]:
    paths = _fields.mask(fields)
    found = yield from pages(_with_mask(request, paths), limit)
    frame = pandas.DataFrame([_fields.row(job, paths) for job, _ in found], columns=paths)
    if " " in request.order_by.removesuffix(" desc"):
        frame["sort_value"] = pandas.Series([value for _, value in found], dtype=float)
    return frame


class FieldsFollowed:
    """JobsFollowed with some fields of each job."""

    def __init__(self, ids: Sequence[str] | None, fields: str | Iterable[str]) -> None:
        self._jobs = JobsFollowed(ids)
        self._paths = _fields.mask(fields)

    def step(self) -> Stream:
        step = self._jobs.step()
        _with_mask(step.request, dict.fromkeys([*self._paths, "state", "revision"]))
        return step

    def take(self, message: Any) -> list[dict[str, Any]]:
        self._jobs.take(message)
        return [_fields.row(job, self._paths) for job in message.jobs]

    def closed(self) -> None:
        self._jobs.closed()

    @property
    def done(self) -> bool:
        return self._jobs.done


# --- attempts, logs, workers ---


def attempts(job_id: str) -> Steps[pandas.DataFrame]:
    answer = yield Unary("JobService.ListAttempts", v1.ListAttemptsRequest(job_id=job_id))
    columns = ["number", "worker", "started", "ended", "ending", "died", "first_step", "steps_done"]
    rows = [
        (
            one.number,
            one.worker,
            time_of(one, "started"),
            time_of(one, "ended"),
            one.ending,
            one.died,
            one.first_step if one.HasField("first_step") else None,
            one.steps_done if one.HasField("steps_done") else None,
        )
        for one in answer.attempts
    ]
    return pandas.DataFrame(rows, columns=columns).astype({"first_step": "Int64", "steps_done": "Int64"})


def workers() -> Steps[pandas.DataFrame]:
    answer = yield Unary("JobService.ListWorkers", v1.ListWorkersRequest())
    columns = ["worker", "kept", "job_id", "attempt", "since", "last_heard", "waits_for"]
    rows = [
        (one.worker, one.kept, one.job_id, one.attempt, time_of(one, "since"), time_of(one, "last_heard"), one.waits_for)
        for one in answer.workers
    ]
    frame = pandas.DataFrame(rows, columns=columns)
    frame.attrs = {"slots": answer.slots, "queued": answer.queued}
    return frame


def _lines(message: Any) -> Iterator[LogLine]:
    for line in message.lines:
        yield LogLine(stamp(line.time), line.source, line.text)


def log(job_id: str) -> Steps[pandas.DataFrame]:
    messages = yield from collect("JobService.ReadLog", v1.ReadLogRequest(job_id=job_id))
    rows = [(line.time, line.source, line.text) for message in messages for line in _lines(message)]
    return pandas.DataFrame(rows, columns=["time", "source", "text"])


class LogFollowed:
    """Lines of a log. One that is opened again begins at its first line: those that were seen are left out, each as often as it was."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._seen: collections.Counter[LogLine] = collections.Counter()
        self._again: collections.Counter[LogLine] = collections.Counter()
        self.done = False

    def step(self) -> Stream:
        self._again = self._seen.copy()
        return Stream("JobService.ReadLog", v1.ReadLogRequest(job_id=self._job_id, follow=True), self.take, None)

    def take(self, message: Any) -> list[LogLine]:
        news = []
        for line in _lines(message):
            if self._again[line] > 0:
                self._again[line] -= 1
            else:
                self._seen[line] += 1
                news.append(line)
        return news

    def closed(self) -> None:
        self.done = True  # the job has ended: a server that stops ends the stream with an error
