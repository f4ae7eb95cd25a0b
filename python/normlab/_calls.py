"""What the methods of Client and AsyncClient do, once for both: generators of steps (normlab/_wire.py)."""

from __future__ import annotations

import math
import os
import pathlib
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy
import pandas

from normlab import _safetensors, _spec, errors
from normlab._progress import ProgressLike, estimate, shown
from normlab._proto import names, number, v1
from normlab._wire import Patience, Pause, Steps, Stream, Unary
from normlab.errors import FieldViolation, Unavailable
from normlab.jobs import Job, Jobs, JobsLike, JobState, ids_of

_ATTEMPTS = 3  # of a change: its request id makes a repetition harmless
_FILE_SECONDS = 3600.0
_PAGE = 1000
_REDRAW = 0.1  # seconds


def enum_number(enum: str, field: str, name: str) -> int:
    try:
        return number(enum, str(name).upper())
    except KeyError:
        known = [one.lower() for one in names(enum)]
        said = f"is {name!r}; expected one of {', '.join(known)}{_spec.near(str(name).lower(), known)}"
        raise errors.invalid([FieldViolation(field, said)]) from None


def change(method: str, request: Any, seconds: float = 10.0) -> Steps[Any]:
    """Sent again with the same id if the server went away meanwhile, so it happens once."""
    request.request_id = str(uuid.uuid4())
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return (yield Unary(method, request, seconds))
        except Unavailable:
            if attempt == _ATTEMPTS:
                raise
        yield Pause(0.2 * attempt)


def collect(method: str, request: Any, seconds: float = 60.0) -> Steps[list[Any]]:
    messages: list[Any] = []
    yield Stream(method, request, messages.append, seconds)
    return messages


# --- what can be run ---


def experiments() -> Steps[pandas.DataFrame]:
    answer = yield Unary("ExperimentService.ListExperiments", v1.ListExperimentsRequest())
    rows = [{"experiment": one.name, "fields": len(one.fields), "summary": one.summary} for one in answer.experiments]
    return pandas.DataFrame(rows)


def fields(experiment: str) -> Steps[pandas.DataFrame]:
    answer = yield Unary("ExperimentService.DescribeExperiment", v1.DescribeExperimentRequest(name=experiment))
    rows = [
        {
            "field": field.name,
            "type": field.type,
            "default": field.default_value,
            "range": field.range,
            "unit": field.unit,
            "choices": [choice.name for choice in field.choices],
            "meaning": field.meaning,
        }
        for field in answer.experiment.fields
    ]
    return pandas.DataFrame(rows).set_index("field")


# --- jobs ---


def submit(
    experiment: str,
    fields: Mapping[str, Any],
    seeds: int | str | Iterable[int] | None,
    priority: int,
    labels: Mapping[str, str] | None,
    rerun: bool,
    force: bool,
    dry_run: bool,
) -> Steps[Jobs]:
    made = _spec.make_specs(experiment, fields, seeds)
    request = v1.BatchCreateJobsRequest(validate_only=dry_run or bool(made.violations))
    for spec in made.specs:
        options = {"priority": priority, "rerun": rerun, "force": force, "labels": dict(labels or {})}
        request.requests.append(v1.CreateJobRequest(spec=spec, **options))
    if not made.violations:
        return (yield from submitted(request))
    found = list(made.violations)
    if made.specs:
        try:  # what the server would refuse as well is told together with it
            yield from change("JobService.BatchCreateJobs", request, 30.0)
        except errors.InvalidArgument as error:
            found += error.violations
        except errors.NormlabError:
            pass
    raise errors.invalid(found)


def submitted(request: Any) -> Steps[Jobs]:
    answer = yield from change("JobService.BatchCreateJobs", request, 30.0)
    for text in dict.fromkeys(created.warning for created in answer.jobs if created.warning):
        warnings.warn(text, stacklevel=4)
    return Jobs(Job.of(created.job, created.reused, created.warning) for created in answer.jobs)


def job(job_id: str) -> Steps[Job]:
    answer = yield Unary("JobService.GetJob", v1.GetJobRequest(job_id=job_id))
    return Job.of(answer.job)


def jobs_request(
    states: str | JobState | Iterable[str | JobState], experiment: str, labels: Mapping[str, str] | None, order_by: str = ""
) -> Any:
    wanted = states_of(states)
    return v1.ListJobsRequest(states=wanted, experiment=experiment, labels=dict(labels or {}), order_by=order_by)


def states_of(states: str | JobState | Iterable[str | JobState]) -> list[int]:
    listed = [states] if isinstance(states, (str, JobState)) else states
    return [enum_number("JobState", "states", str(state)) for state in listed]


def pages(request: Any, limit: int | None) -> Steps[list[tuple[Any, float]]]:
    """Jobs of as many pages as it takes, each with the value that it was ordered by; NaN without one."""
    found: list[tuple[Any, float]] = []
    while limit is None or len(found) < limit:
        request.page_size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        answer = yield Unary("JobService.ListJobs", request)
        found += zip(answer.jobs, answer.sort_values or [math.nan] * len(answer.jobs))
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    return found


def jobs(request: Any, limit: int | None) -> Steps[Jobs]:
    return Jobs([Job.of(message) for message, _ in (yield from pages(request, limit))])


def cancel(listed: JobsLike) -> Steps[Jobs]:
    cancelled = []
    for job_id in ids_of(listed):
        answer = yield from change("JobService.CancelJob", v1.CancelJobRequest(job_id=job_id))
        cancelled.append(Job.of(answer.job))
    return Jobs(cancelled)


def resume(listed: JobsLike, force: bool) -> Steps[Jobs]:
    resumed = []
    for job_id in ids_of(listed):
        answer = yield from change("JobService.ResumeJob", v1.ResumeJobRequest(job_id=job_id, force=force))
        resumed.append(Job.of(answer.job, warning=answer.warning))
    return Jobs(resumed)


def delete(listed: JobsLike) -> Steps[None]:
    for job_id in ids_of(listed):
        yield from change("JobService.DeleteJob", v1.DeleteJobRequest(job_id=job_id))


class JobsFollowed:
    """The newest state of each job; `step` asks for what changed after that."""

    def __init__(self, ids: Sequence[str] | None) -> None:
        self._ids = ids
        self._revision = 0
        self.latest: dict[str, Job] = {}

    def step(self, seconds: float | None = None, each: Callable[[Any], Any] | None = None) -> Stream:
        request = v1.WatchJobsRequest(job_ids=self._ids or (), after_revision=self._revision)
        return Stream("JobService.WatchJobs", request, each or self.take, seconds)

    def take(self, message: Any) -> list[Job]:
        news = [Job.of(one) for one in message.jobs]
        for one in news:
            self._revision = max(self._revision, one.revision)
            self.latest[one.job_id] = one
        return news

    def jobs(self) -> list[Job]:
        return [self.latest[job_id] for job_id in self._ids or () if job_id in self.latest]

    def closed(self) -> None:
        pass  # the server may end the stream early

    @property
    def done(self) -> bool:
        """An empty list is done at once: on the wire it would mean every job."""
        return self._ids is not None and all(job_id in self.latest and self.latest[job_id].ended for job_id in self._ids)


def wait(listed: JobsLike, progress: ProgressLike, timeout: float | None, check: bool) -> Steps[Jobs]:
    ids = ids_of(listed)
    followed = JobsFollowed(list(dict.fromkeys(ids)))
    deadline = None if timeout is None else time.monotonic() + timeout
    patience = Patience()
    view = shown(progress)
    next_look = 0.0

    def show(connected: bool = True) -> None:
        view.show(estimate(followed.jobs(), len(set(ids)), connected))

    def take(message: Any) -> None:
        nonlocal next_look
        patience.met()
        followed.take(message)
        if followed.done or time.monotonic() >= next_look:
            show()
            next_look = time.monotonic() + _REDRAW

    try:
        while not followed.done:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                ended = sum(one.ended for one in followed.jobs())
                raise errors.DeadlineExceeded(f"{ended} of {len(set(ids))} jobs have ended after {timeout:g} s; the others go on")
            try:
                yield followed.step(left, take)
            except errors.DeadlineExceeded:
                continue  # ours, as is said above, or the client's for one call
            except errors.NormlabError as error:
                patience.lost(error)
                show(connected=False)
            if not followed.done:
                yield Pause(Patience.PAUSE)
    finally:
        view.close()
    return _checked(Jobs(followed.latest[job_id] for job_id in ids), check)


def _checked(ended: Jobs, check: bool) -> Jobs:
    bad = Jobs(one for one in ended if one.state in (JobState.FAILED, JobState.CANCELLED))
    if check and bad:
        first = f"{bad[0].job_id} {bad[0].state}" + (f": {bad[0].error}" if bad[0].error else "")
        said = f"{len(bad)} of {len(ended)} jobs did not finish, the first: {first}" if len(ended) > 1 else first
        raise errors.JobFailed(said, bad)
    return ended


# --- files ---


class FileParts:
    """A file that comes in pieces behind its header, into memory or a file of ours; checked against what was announced."""

    def __init__(self, what: str, write: Callable[[bytes], Any]) -> None:
        self._what = what
        self._write = write
        self._size = 0
        self._announced: int | None = None
        self.step = 0

    def take(self, message: Any) -> None:
        if message.HasField("header"):
            about = message.header.artifact if hasattr(message.header, "artifact") else message.header
            self._announced, self.step = about.size, about.step
        self._size += len(message.data)
        self._write(message.data)

    def check(self) -> None:
        if self._size != self._announced:
            said = f"{self._what} arrived damaged ({self._size} of {self._announced} bytes); try again"
            raise errors.DataLoss(said)


def artifacts(job_id: str) -> Steps[pandas.DataFrame]:
    answer = yield Unary("ArtifactService.ListArtifacts", v1.ListArtifactsRequest(job_id=job_id))
    rows = [{"name": one.name, "media_type": one.media_type, "step": one.step, "size": one.size} for one in answer.artifacts]
    return pandas.DataFrame(rows, columns=["name", "media_type", "step", "size"])


def _read_file(method: str, request: Any, what: str, write: Callable[[bytes], Any]) -> Steps[int]:
    parts = FileParts(what, write)
    yield Stream(method, request, parts.take, _FILE_SECONDS)
    parts.check()
    return parts.step


def read_artifact(job_id: str, name: str, write: Callable[[bytes], Any]) -> Steps[None]:
    request = v1.ReadArtifactRequest(job_id=job_id, name=name)
    yield from _read_file("ArtifactService.ReadArtifact", request, f"{name} of {job_id}", write)


def artifact(job_id: str, name: str) -> Steps[bytearray]:
    content = bytearray()
    yield from read_artifact(job_id, name, content.extend)
    return content


def save_artifact(job_id: str, name: str, path: str | os.PathLike[str]) -> Steps[pathlib.Path]:
    """Beside `path` first, so that what stands there is whole or what it was."""
    target = pathlib.Path(path)
    if target.is_dir():
        target = target / name
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        with part.open("xb") as file:
            yield from read_artifact(job_id, name, file.write)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def weights(job_id: str) -> Steps[dict[str, _safetensors.Array]]:
    return _safetensors.read((yield from artifact(job_id, "weights.safetensors")))


def checkpoint(job_id: str, at_most_step: int | None) -> Steps[tuple[int, dict[str, _safetensors.Array]]]:
    content = bytearray()
    most = 2**63 - 1 if at_most_step is None else at_most_step
    request = v1.ReadCheckpointRequest(job_id=job_id, at_most_step=most)
    method, what = "ArtifactService.ReadCheckpoint", f"the checkpoint of {job_id}"
    step = yield from _read_file(method, request, what, content.extend)
    return step, _safetensors.read(content)


def state_dict(job_id: str) -> Steps[dict[str, Any]]:
    try:
        import torch
    except ImportError:
        raise ImportError("a state dict needs torch, which is not installed; weights() gives NumPy arrays") from None
    found = yield from weights(job_id)
    return {name: torch.from_numpy(numpy.require(array, requirements=["ALIGNED", "WRITEABLE"])) for name, array in found.items()}
