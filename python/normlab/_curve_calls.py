"""Steps that read curves: one, those of many jobs, and points as they come."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import pandas

from normlab import errors
from normlab._calls import enum_number, jobs_request, pages
from normlab._job_calls import Labels, States, choice
from normlab._proto import v1
from normlab._wire import Begin, Finish, Pause, Steps, Stream, Unary
from normlab.curves import CurveParts, LongFrame, news_frame, series_frame
from normlab.errors import FieldViolation
from normlab.jobs import JobsLike, ids_of

AT_ONCE = 8  # calls under way, of the 64 that a server serves
MOST_POINTS = 20_000_000  # of one frame: 800 MB
_PATIENCE = 60.0  # seconds with a server that has too much to do

A = TypeVar("A")


@dataclasses.dataclass(frozen=True)
class Range:
    """What of a curve is read."""

    first: int = 0
    last: int | None = None
    max_points: int = 0
    downsampling: str = "min_max"
    skip_damaged: bool = False

    def request(self, job_id: str, name: str) -> Any:
        request = v1.ReadCurveRequest(job_id=job_id, series=name, from_step=self.first)
        request.max_points, request.skip_damaged = self.max_points, self.skip_damaged
        request.downsampling = enum_number("Downsampling", "downsampling", self.downsampling)
        if self.last is not None:
            request.to_step = self.last
        return request


def series(job_id: str) -> Steps[pandas.DataFrame]:
    answer = yield _list_series(job_id)
    return series_frame(list(answer.series))


def _list_series(job_id: str) -> Unary:
    return Unary("CurveService.ListSeries", v1.ListSeriesRequest(job_id=job_id))


def read(job_id: str, name: str, part: Range) -> Steps[CurveParts]:
    parts = CurveParts()
    yield Stream("CurveService.ReadCurve", part.request(job_id, name), parts.take)
    _warn(parts.damage)
    return parts


def _warn(damage: Iterable[str]) -> None:
    for text in dict.fromkeys(damage):
        warnings.warn(text, stacklevel=5)


def curve(job_id: str, name: str, part: Range) -> Steps[pandas.DataFrame]:
    parts = yield from read(job_id, name, part)
    return parts.frame(job_id, name)


# --- curves of many jobs ---


def chosen_ids(listed: JobsLike | None, states: States, experiment: str, labels: Labels) -> Steps[list[str]]:
    """Each once: as they were named, or newest first."""
    chosen = choice(states, experiment, labels)
    if listed is None and not any(chosen.values()):
        raise errors.invalid([FieldViolation("jobs", "is missing; name jobs, or choose them by states, experiment or labels")])
    named = list(dict.fromkeys(ids_of(listed))) if listed is not None else None
    if named is not None and (not named or not any(chosen.values())):
        return named
    request = jobs_request(states, experiment, labels)
    request.read_mask.paths.append("job_id")
    matching = {job.job_id: None for job, _ in (yield from pages(request, None))}
    return list(matching) if named is None else [job_id for job_id in named if job_id in matching]


def curves(ids: Steps[list[str]], wanted: str | Iterable[str] | None, part: Range) -> Steps[pandas.DataFrame]:
    named = None if wanted is None else [wanted] if isinstance(wanted, str) else list(dict.fromkeys(wanted))
    chosen = yield from ids
    if named is not None:
        keys = [(job_id, name) for job_id in chosen for name in named]
    else:
        keys = []
        yield from ahead(chosen, _list_series, lambda job_id, answer: keys.extend((job_id, one.name) for one in answer.series))
    missing: list[tuple[Any, ...]] = []
    frame = yield from read_many(keys, {"job_id": "object", "series": "object"}, part, missing)
    lacking = dict.fromkeys(job_id for job_id, _ in missing)
    yield from ahead(lacking, _list_series, lambda *_: None)  # one that is no job at all is an error
    for name in named or ():
        if chosen and sum(one == name for _, one in missing) == len(chosen):
            raise errors.NotFound(f"none of the jobs has a series {name!r}; client.series(job) lists those of one")
    return frame


def read_many(
    keys: Sequence[tuple[Any, ...]], types: Mapping[str, str], part: Range, missing: list[tuple[Any, ...]]
) -> Steps[pandas.DataFrame]:
    """The curve of each key's job_id and series, one behind the other, with columns of these names and types in front; those that are
    not there are added to `missing`."""
    long = LongFrame(types, MOST_POINTS)
    names = list(types)
    at_job, at_series = names.index("job_id"), names.index("series")

    def ask(key: tuple[Any, ...]) -> Stream:
        return Stream("CurveService.ReadCurve", part.request(key[at_job], key[at_series]), long.begin(key))

    yield from ahead(keys, ask, lambda *_: long.end(), missing.append)
    _warn(long.damage)
    return long.frame()


def ahead(
    asked: Iterable[A],
    step_for: Callable[[A], Unary | Stream],
    take: Callable[[A, Any], object],
    missing: Callable[[A], object] | None = None,
) -> Steps[None]:
    """Takes what the steps give, in their order, with the next ones under way meanwhile. Without `missing` NotFound is an error."""
    left, begun = iter(asked), collections.deque[tuple[A, Unary | Stream, Any]]()
    try:
        while True:
            for one in itertools.islice(left, AT_ONCE - len(begun)):
                step = step_for(one)
                begun.append((one, step, (yield Begin(step))))
            if not begun:
                return
            one, step, call = begun.popleft()
            try:
                answer = yield from _end(Finish(step, call), functools.partial(step_for, one))
            except errors.NotFound:
                if missing is None:
                    raise
                missing(one)
            else:
                take(one, answer)
    finally:
        for _, _, call in begun:
            call.cancel()


def _end(finish: Finish, again: Callable[[], Unary | Stream]) -> Steps[Any]:
    """Asks once more if its time ran out while those before it were read, and while the server says to try again later."""
    until = time.monotonic() + _PATIENCE
    step: Finish | Unary | Stream = finish
    while True:
        try:
            return (yield step)
        except errors.DeadlineExceeded:
            if step is not finish:
                raise
        except errors.ResourceExhausted as error:
            if error.retry_after is None or time.monotonic() > until:
                raise
            yield Pause(error.retry_after)
        step = again()


class CurvesFollowed:
    """Points as they become durable; `step` asks for those after the last that was seen."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._sequence = 0
        self.done = not ids

    def step(self) -> Stream:
        request = v1.WatchCurvesRequest(job_ids=self._ids, after_sequence=self._sequence)
        return Stream("CurveService.WatchCurves", request, self.take, None)

    def take(self, message: Any) -> list[pandas.DataFrame]:
        self._sequence = max(self._sequence, message.sequence)
        return [news_frame(message)] if message.columns else []

    def closed(self) -> None:
        self.done = True  # the server ends the stream when all jobs have ended and everything was sent
