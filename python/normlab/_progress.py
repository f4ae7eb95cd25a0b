"""How far jobs are: what is known of it, and a line that shows it.

On a terminal and in a notebook the line is redrawn (by tqdm where it is installed); elsewhere, as in a log, it is a plain line now and
then.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TextIO

from normlab.jobs import Job, JobState

_REPORT_EVERY = 5.0  # seconds, where lines are not redrawn
_BAR = 24


@dataclasses.dataclass(frozen=True)
class Progress:
    jobs: int
    ended: int
    running: int
    steps_done: int
    steps_total: int
    share: float
    """Of all work, jobs weighed by how long they take."""
    steps_per_second: float
    seconds_left: float | None
    """None: nothing is known yet."""
    connected: bool = True

    @property
    def text(self) -> str:
        words = f"{self.ended} of {self.jobs} jobs  {self.share:.0%}"
        if self.steps_per_second > 0:
            words += f"  {self.steps_per_second:,.{0 if self.steps_per_second >= 10 else 1}f} steps/s"
        if self.seconds_left is not None and self.ended < self.jobs:
            words += f"  {duration(self.seconds_left)} left"
        return words if self.connected else words + "  (the server is away; trying again)"


ProgressLike = bool | Callable[[Progress], None]


def duration(seconds: float) -> str:
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{whole:02}s" if minutes else f"{whole}s"


def _cost(job: Job) -> float | None:
    """Seconds that the whole job took or will take, where that can be told."""
    if job.state is JobState.SUCCEEDED and job.started and job.finished:
        return (job.finished - job.started).total_seconds()
    if job.state is JobState.RUNNING and job.steps_per_second > 0:
        return job.steps_total / job.steps_per_second
    return None


def estimate(jobs: Sequence[Job], expected: int, connected: bool = True) -> Progress:
    """Jobs of one configuration cost the same; those of which nothing is known, the mean of the others."""
    kinds = [json.dumps([job.experiment, job.config], sort_keys=True) for job in jobs]
    known: dict[str, list[float]] = {}
    for job, kind in zip(jobs, kinds):
        if (cost := _cost(job)) is not None:
            known.setdefault(kind, []).append(cost)
    every = [cost for costs in known.values() for cost in costs]
    mean = sum(every) / len(every) if every else 1.0
    whole = done = longest = 0.0  # no number of workers makes the rest shorter than one job
    for job, kind in zip(jobs, kinds):
        costs = known.get(kind)
        cost = sum(costs) / len(costs) if costs else mean
        share = 1.0 if job.ended else min(1.0, job.steps_done / job.steps_total) if job.steps_total else 0.0
        whole, done, longest = whole + cost, done + cost * share, max(longest, cost * (1 - share))
    running = [job for job in jobs if job.state is JobState.RUNNING]
    unseen = (expected - len(jobs)) * mean
    return Progress(
        jobs=expected,
        ended=sum(job.ended for job in jobs),
        running=len(running),
        steps_done=sum(job.steps_done for job in jobs),
        steps_total=sum(job.steps_total for job in jobs),
        share=done / (whole + unseen) if whole + unseen > 0 else 0.0,
        steps_per_second=sum(job.steps_per_second for job in running),
        seconds_left=max(longest, (whole + unseen - done) / max(1, len(running))) if every else None,
        connected=connected,
    )


class Shown(Protocol):
    def show(self, progress: Progress) -> None: ...

    def close(self) -> None: ...


class _Nothing:
    def show(self, progress: Progress) -> None:
        pass

    def close(self) -> None:
        pass


class _Called(_Nothing):
    def __init__(self, call: Callable[[Progress], None]) -> None:
        self._call = call

    def show(self, progress: Progress) -> None:
        self._call(progress)


class Lines:
    """Plain lines: the first, one every few seconds, and the last."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._said = ""
        self._at = -_REPORT_EVERY
        self._waiting = ""

    def show(self, progress: Progress) -> None:
        self._waiting = progress.text
        if self._clock() - self._at >= _REPORT_EVERY:
            self._say()

    def close(self) -> None:
        self._say()

    def _say(self) -> None:
        if self._waiting and self._waiting != self._said:
            print(self._waiting, file=self._out, flush=True)
            self._said, self._at = self._waiting, self._clock()


class Bar:
    """One line that is drawn again."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._drawn = ""

    def show(self, progress: Progress) -> None:
        full = int(progress.share * _BAR)
        line = f"[{'#' * full}{'.' * (_BAR - full)}]  {progress.text}"
        if line != self._drawn:
            self._out.write("\r" + line.ljust(len(self._drawn)))
            self._out.flush()
            self._drawn = line

    def close(self) -> None:
        if self._drawn:
            self._out.write("\n")
            self._out.flush()


class _Tqdm:
    def __init__(self, make: Callable[..., Any], out: TextIO) -> None:
        self._bar = make(total=100, file=out, bar_format="{percentage:3.0f}%|{bar}| {desc}")

    def show(self, progress: Progress) -> None:
        self._bar.n = round(progress.share * 100, 1)
        self._bar.set_description_str(progress.text)

    def close(self) -> None:
        self._bar.close()


def shown(progress: ProgressLike) -> Shown:
    """`progress` as a caller of wait gives it: whether to show it on stderr, or what to call with it."""
    if callable(progress):
        return _Called(progress)
    if not progress:
        return _Nothing()
    out = sys.stderr
    if not out.isatty() and "ipykernel" not in sys.modules:
        return Lines(out)
    try:
        from tqdm import tqdm
    except ImportError:
        return Bar(out)
    return _Tqdm(tqdm, out)
