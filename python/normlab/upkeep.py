"""What a server says of itself."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from normlab._proto import short
from normlab.jobs import stamp, time_of


@dataclasses.dataclass(frozen=True)
class Backup:
    """A folder of the server's machine."""

    name: str
    """"2026-11-29T114339Z"."""
    taken: datetime.datetime
    jobs: int
    bytes: int
    folder: str
    removed: tuple[str, ...] = ()
    """Of `backup`: older ones that are gone now."""

    @classmethod
    def of(cls, message: Any, removed: Any = ()) -> Backup:
        return cls(message.name, stamp(message.taken), message.jobs, message.bytes, message.folder, tuple(removed))


@dataclasses.dataclass(frozen=True)
class Scrub:
    """The server's own look at all that it stores."""

    ended: datetime.datetime | None
    """Of the last one; None: none has ended."""
    damaged: int
    """What it found: tables, pieces of curves, files."""
    damage: tuple[str, ...]
    """The first of them."""
    under_way: bool
    done: float
    """Share of the one under way."""
    next: datetime.datetime | None


@dataclasses.dataclass(frozen=True)
class Status:
    version: str
    home: str
    started: datetime.datetime
    draining: bool
    """No job begins, see `drain`."""
    jobs: dict[str, int]
    """How many there are of each state."""
    slots: int
    """Workers that the server keeps."""
    working: int
    waiting: int
    database_bytes: int
    unused_bytes: int
    """Of these: free for what comes next."""
    log_bytes: int
    """Written, and not yet moved into the database."""
    checkpoint_bytes: int
    artifact_bytes: int
    free_bytes: int
    """Of the disk."""
    memory_bytes: int
    """Of the server's process."""
    damage: str
    """What its start found damaged; empty: nothing."""
    scrub: Scrub
    last_backup: Backup | None

    @property
    def whole(self) -> bool:
        """Neither its start nor its last scrub found damage."""
        return not self.damage and self.scrub.damaged == 0


_AS_THEY_ARE = (
    "version",
    "home",
    "draining",
    "slots",
    "working",
    "waiting",
    "database_bytes",
    "unused_bytes",
    "log_bytes",
    "checkpoint_bytes",
    "artifact_bytes",
    "free_bytes",
    "memory_bytes",
    "damage",
)


def status_of(message: Any) -> Status:
    scrub = message.scrub
    return Status(
        **{name: getattr(message, name) for name in _AS_THEY_ARE},
        started=stamp(message.started),
        jobs={short("JobState", one.state): one.count for one in message.jobs},
        scrub=Scrub(
            ended=time_of(scrub, "ended"),
            damaged=scrub.damaged,
            damage=tuple(scrub.damage),
            under_way=scrub.under_way,
            done=scrub.done,
            next=time_of(scrub, "next"),
        ),
        last_backup=Backup.of(message.last_backup) if message.HasField("last_backup") else None,
    )


@dataclasses.dataclass(frozen=True)
class CheckReport:
    """What was read back, and what of it is damaged."""

    bytes: int
    series: int
    files: int
    damaged: int
    damage: tuple[str, ...]
    """The first hundred."""

    @property
    def whole(self) -> bool:
        return self.damaged == 0


@dataclasses.dataclass(frozen=True)
class Collected:
    """Jobs that were deleted, or would be, newest first; `bytes` of their artifacts."""

    job_ids: list[str]
    bytes: int
