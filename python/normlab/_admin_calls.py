"""Steps of looking after a server (proto/normlab/v1/admin.proto)."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Callable
from typing import Any

import pandas

from normlab import errors, upkeep
from normlab._job_calls import Labels, States, choice
from normlab._proto import v1
from normlab._wire import Pause, Steps, Stream, Unary
from normlab.errors import FieldViolation

_GC_SECONDS = 600.0
_LOOK = 0.5  # seconds

Bytes = Callable[[int, int], object] | None


def status() -> Steps[upkeep.Status]:
    return upkeep.status_of((yield Unary("AdminService.GetStatus", v1.GetStatusRequest())))


def metrics() -> Steps[str]:
    return str((yield Unary("AdminService.GetMetrics", v1.GetMetricsRequest())).content)


def drain(off: bool, wait: bool) -> Steps[int]:
    """Asking again changes nothing, so it tells how many are left."""
    while True:
        working = int((yield Unary("AdminService.Drain", v1.DrainRequest(off=off))).working)
        if off or not wait or working == 0:
            return working
        yield Pause(_LOOK)


def _long(method: str, request: Any, part: str, progress: Bytes) -> Steps[Any]:
    """The last message of a stream that tells how far it is before."""
    last: list[Any] = []

    def take(message: Any) -> None:
        if message.HasField(part):
            last.append(message)
        elif progress is not None:
            progress(message.progress.done, message.progress.total)

    yield Stream(method, request, take, None)
    if not last:
        raise errors.DataLoss(f"{method} ended without its result; try again")
    return last[0]


def backup(keep: int, progress: Bytes) -> Steps[upkeep.Backup]:
    made = yield from _long("AdminService.CreateBackup", v1.CreateBackupRequest(keep=keep), "backup", progress)
    return upkeep.Backup.of(made.backup, made.removed)


def backups() -> Steps[pandas.DataFrame]:
    answer = yield Unary("AdminService.ListBackups", v1.ListBackupsRequest())
    rows = [dataclasses.asdict(upkeep.Backup.of(one)) for one in answer.backups]
    return pandas.DataFrame(rows, columns=["name", "taken", "jobs", "bytes", "folder"])


def check(name: str, progress: Bytes) -> Steps[upkeep.CheckReport]:
    report = (yield from _long("AdminService.Check", v1.CheckRequest(backup=name), "report", progress)).report
    return upkeep.CheckReport(report.bytes, report.series, report.files, report.damaged, tuple(report.damage))


def scrub() -> Steps[None]:
    yield Unary("AdminService.StartScrub", v1.StartScrubRequest())


def _seconds(age: float | datetime.timedelta) -> int:
    seconds = age.total_seconds() if isinstance(age, datetime.timedelta) else float(age)
    if not 0 <= seconds < math.inf:
        raise errors.invalid([FieldViolation("older_than", f"is {age}; expected seconds, or a timedelta, of at least 0")])
    return math.ceil(seconds)


def gc(
    states: States, experiment: str, labels: Labels, older_than: float | datetime.timedelta | None, keep_newest: int, dry_run: bool
) -> Steps[upkeep.Collected]:
    request = v1.CollectGarbageRequest(keep_newest=keep_newest, validate_only=dry_run)
    chosen = choice(states, experiment, labels)
    if any(chosen.values()):
        request.filter.CopyFrom(v1.JobFilter(**chosen))
    if older_than is not None:
        request.older_than_seconds = _seconds(older_than)
    answer = yield Unary("AdminService.CollectGarbage", request, _GC_SECONDS)
    return upkeep.Collected(list(answer.job_ids), answer.bytes)
