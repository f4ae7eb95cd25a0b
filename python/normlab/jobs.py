"""Jobs as Python sees them."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import pandas

from normlab import _spec
from normlab._proto import short


class JobState(str, enum.Enum):
    """Set by the server alone. An ended job never changes again."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DIVERGED = "DIVERGED"
    """The loss became NaN or infinite, which is a result."""
    UNSPECIFIED = "UNSPECIFIED"
    """What a newer server says, and of a dry run a job that would be new."""

    def __str__(self) -> str:
        return self.value

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.DIVERGED})


@dataclasses.dataclass(frozen=True)
class Job:
    """One training run as it was when the server said so; `client.job(id)` asks again. Times are UTC."""

    job_id: str
    experiment: str
    seed: int
    config: dict[str, Any]
    """Every field of the experiment, defaults included; choices by name. Of an external run the parameters that it logged, as texts."""
    state: JobState
    identity: str
    """SHA-256 of the configuration, the data and the revisions of the code; equal identities give equal bits."""
    priority: int
    attempt: int
    """How often the program was started for it."""
    created: datetime.datetime | None
    started: datetime.datetime | None
    finished: datetime.datetime | None
    steps_done: int
    steps_total: int
    steps_per_second: float
    error: str
    fingerprint: str
    """SHA-256 of the final weights and the curve; empty until it has succeeded."""
    worker: str
    labels: dict[str, str]
    facts: dict[str, str]
    """What computed it, on which data."""
    revision: int
    cpu_seconds: float
    resumed_from: str = ""
    """The job that this one continues; empty: none."""
    held_up: str = ""
    """Why it cannot get on now; said by `client.job` alone."""
    reused: bool = False
    """Of submit and reproduce: it was there already."""
    warning: str = ""
    """Of submit, resume and reproduce: what will keep it from running."""
    external: dict[str, str] | None = None
    """The tags, without labels, of a run that another program logged; None: normlab's own. Nobody here has trained or verified it."""

    @classmethod
    def of(cls, message: Any, reused: bool = False, warning: str = "") -> Job:
        experiment, config = _spec.config_of(message.spec)
        seed, external = message.spec.seed, None
        if message.HasField("external"):
            experiment, config = message.external.experiment, dict(message.external.params)
            said = config.get("seed", message.labels.get("seed", ""))
            seed = int(said) if said.isdecimal() else 0
            external = dict(message.external.tags)
        return cls(
            job_id=message.job_id,
            experiment=experiment,
            seed=seed,
            config=config,
            state=_state(message.state),
            identity=message.identity,
            priority=message.priority,
            attempt=message.attempt,
            created=time_of(message, "created"),
            started=time_of(message, "started"),
            finished=time_of(message, "finished"),
            steps_done=message.steps_done,
            steps_total=message.steps_total,
            steps_per_second=message.steps_per_second,
            error=message.error,
            fingerprint=message.fingerprint,
            worker=message.worker,
            labels=dict(message.labels),
            facts=dict(message.facts),
            revision=message.revision,
            cpu_seconds=message.cpu_seconds,
            resumed_from=message.resumed_from,
            held_up=message.held_up,
            reused=reused,
            warning=warning,
            external=external,
        )

    def __hash__(self) -> int:
        return hash((self.job_id, self.revision))

    def with_reused(self, reused: bool) -> Job:
        return dataclasses.replace(self, reused=reused)

    @property
    def ended(self) -> bool:
        return self.state.ended

    @property
    def seconds_left(self) -> float | None:
        """Of a running job, by its present rate."""
        if self.state is not JobState.RUNNING or not self.steps_total or self.steps_per_second <= 0:
            return None
        return max(0, self.steps_total - self.steps_done) / self.steps_per_second

    def __str__(self) -> str:
        share = f" {self.steps_done} of {self.steps_total} steps" if self.steps_total and not self.ended else ""
        why = f": {self.error}" if self.error else ""
        return f"{self.job_id or 'new'} {self.state}{share}, {self.experiment} seed {self.seed}{why}"


def _state(value: int) -> JobState:
    try:
        return JobState(short("JobState", value))
    except ValueError:
        return JobState.UNSPECIFIED


def time_of(message: Any, name: str) -> datetime.datetime | None:
    return stamp(getattr(message, name)) if message.HasField(name) else None


def stamp(time: Any) -> datetime.datetime:
    whole = datetime.datetime.fromtimestamp(time.seconds, datetime.timezone.utc)
    return whole + datetime.timedelta(microseconds=time.nanos // 1000)


JobLike = str | Job
JobsLike = str | Job | Iterable[str | Job]


def ids_of(jobs: JobsLike) -> list[str]:
    if isinstance(jobs, (str, Job)):
        jobs = [jobs]
    return [job.job_id if isinstance(job, Job) else job for job in jobs]


@dataclasses.dataclass(frozen=True, eq=False)
class Changed:
    """What a call for many jobs did."""

    jobs: pandas.DataFrame
    """A row for each job that was changed, as it is now: job_id, state, priority, labels, resumed_from. Of deleted ones job_id alone."""
    not_changed: pandas.DataFrame
    """A row for each of the others that were meant: job_id, code ("FAILED_PRECONDITION": its state does not allow it), reason."""
    warnings: tuple[str, ...] = ()
    """Of resume_jobs: what will keep jobs from running."""

    @property
    def ids(self) -> list[str]:
        return list(self.jobs["job_id"])

    def __repr__(self) -> str:
        return f"<{len(self.jobs)} jobs changed, {len(self.not_changed)} not>"


@dataclasses.dataclass(frozen=True)
class LogLine:
    """`source` is "server" or "worker-1"; `text` is as it was written, without its time."""

    time: datetime.datetime
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} {self.source} {self.text}"


class Jobs(Sequence[Job]):
    """Several jobs, in a notebook a table. `frame()` is that table as a DataFrame."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = tuple(jobs)

    @overload
    def __getitem__(self, index: int) -> Job: ...

    @overload
    def __getitem__(self, index: slice) -> Jobs: ...

    def __getitem__(self, index: int | slice) -> Job | Jobs:
        return Jobs(self._jobs[index]) if isinstance(index, slice) else self._jobs[index]

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Jobs) and self._jobs == other._jobs

    def __hash__(self) -> int:
        return hash(tuple(job.job_id for job in self._jobs))

    @property
    def ids(self) -> list[str]:
        return [job.job_id for job in self._jobs]

    @property
    def ended(self) -> bool:
        return all(job.ended for job in self._jobs)

    def frame(self, config: bool = False) -> pandas.DataFrame:
        """A row a job. Fields of the configuration are columns where the jobs differ in them, all of them with `config`."""
        names = dict.fromkeys(name for job in self._jobs for name in job.config)
        if not config:
            names = {name: None for name in names if len({repr(job.config.get(name)) for job in self._jobs}) > 1}
        rows = []
        for job in self._jobs:
            row: dict[str, Any] = {"job_id": job.job_id, "experiment": job.experiment}
            row |= {name: job.config.get(name) for name in names}
            row |= {name: getattr(job, name) for name in _COLUMNS}
            rows.append(row | {"state": str(job.state)})
        return pandas.DataFrame(rows, columns=["job_id", "experiment", *names, *_COLUMNS])

    def _repr_html_(self) -> str:
        return str(self.frame().to_html(index=False, max_rows=60))

    def __repr__(self) -> str:
        shown = "\n".join(f"  {job}" for job in self._jobs[:20])
        more = f"\n  and {len(self) - 20} more" if len(self) > 20 else ""
        return f"{len(self)} jobs\n{shown}{more}" if self._jobs else "no jobs"


_COLUMNS = [
    "seed",
    "state",
    "steps_done",
    "steps_total",
    "created",
    "started",
    "finished",
    "cpu_seconds",
    "priority",
    "labels",
    "reused",
    "error",
]
