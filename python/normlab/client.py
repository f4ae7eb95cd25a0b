"""The client of programs and notebooks that wait for answers; normlab.AsyncClient is the same for asyncio.

    import normlab

    with normlab.Client() as client:
        jobs = client.submit("mnist_mlp", norm=["none", "layer"], batch_size=4, seeds="1-6")
        client.wait(jobs)
        client.compare(jobs).cells
"""

from __future__ import annotations

import pathlib
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas

from normlab import _address, _bundle, _calls, _curve_calls, _job_calls, _paper_calls, _server
from normlab._address import Path
from normlab._job_calls import Labels, States
from normlab._progress import ProgressLike
from normlab._safetensors import Array
from normlab._wire import Channel, Patience
from normlab.admin import Admin
from normlab.comparisons import Comparison
from normlab.jobs import Changed, Job, JobLike, Jobs, JobsLike, LogLine, ids_of
from normlab.papers import Figure, Plan, Rendered, Reproduction, Table

Seeds = int | str | Iterable[int]
Items = str | Iterable[str]


def one_id(job: JobLike) -> str:
    return job.job_id if isinstance(job, Job) else job


def note(text: str) -> None:
    print(f"normlab: {text}", file=sys.stderr, flush=True)


def open_server(endpoint: _address.Endpoint, start: bool, program: Path | None, slots: int | None) -> _server.Server:
    """The server that the endpoint means; one of our own if there is none and it may be started."""
    if endpoint.address:
        return _server.Server(None)
    if start:
        if not _address.absent(endpoint) and (error := _address.try_socket(endpoint.socket)) is not None:
            raise _address.explain(endpoint, str(error))
        return _server.ensure(endpoint, program, slots, note)
    return _server.Server(_server.join(endpoint))


def _close(channel: Channel, server: _server.Server) -> None:
    channel.close()
    server.leave()


class Client:
    """Finds the server of this machine, or starts one that ends with its last user.

    The server is that of `home`, on its Unix socket; or, with `address`, one on loopback, which wants the token in `token_file`; or
    that of a `context` of the command line. If none is given it is that of NORMLAB_ADDRESS, else of NORMLAB_HOME, else of
    NORMLAB_CONTEXT, else of the context in use, else that of ~/.local/share/normlab.
    With `ca`, a PEM file with the certificate of who signed the server's, `address` is spoken to by TLS and may be any host's; `cert`
    and `key` are your own certificate, for a server that asks for one. The files of an address that is no context's are those of
    NORMLAB_TOKEN_FILE, NORMLAB_CA, NORMLAB_CERT and NORMLAB_KEY where they are not given. They are read once, here.
    With `start`, a home that nobody serves gets a normlabd of its own: `program`, else that of the folder NORMLAB_BIN, else that
    on PATH; `slots` is how many jobs it runs at a time. What it queued and has not run goes on with the next server of that home.

    `timeout` takes the place of the seconds that each call may take by default (10 for what is quick, 60 for tables).

    Any thread may call any method. After os.fork() the child makes a Client of its own: gRPC does not survive a fork.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        socket: Path | None = None,
        address: str | None = None,
        token_file: Path | None = None,
        ca: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
        context: str | None = None,
        start: bool = True,
        program: Path | None = None,
        slots: int | None = None,
        timeout: float | None = None,
    ) -> None:
        endpoint = _address.find(home, socket, address, token_file, context, ca, cert, key)
        self._server = open_server(endpoint, start, program, slots)
        self._channel = Channel(endpoint, timeout)
        self._finalizer = weakref.finalize(self, _close, self._channel, self._server)

    def close(self) -> None:
        """Gives the server back. One of our own ends, unless others use it: its workers write checkpoints first."""
        self._finalizer()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def endpoint(self) -> str:
        """The socket or the address."""
        return self._channel.endpoint.name

    @property
    def started(self) -> bool:
        """Whether this client started the server."""
        return self._server.ours

    @property
    def admin(self) -> Admin:
        """Status, backups, checks, room: looking after the server."""
        return Admin(self._channel)

    def __repr__(self) -> str:
        return f"<normlab.Client of {self.endpoint}>"

    # --- what can be run ---

    def experiments(self) -> pandas.DataFrame:
        """experiment, fields, summary."""
        return self._channel.run(_calls.experiments())

    def fields(self, experiment: str) -> pandas.DataFrame:
        """What submit takes for it: type, default, range, unit, choices and meaning of each field."""
        return self._channel.run(_calls.fields(experiment))

    # --- jobs ---

    def submit(
        self,
        experiment: str,
        *,
        seeds: Seeds | None = None,
        priority: int = 0,
        labels: Mapping[str, str] | None = None,
        rerun: bool = False,
        force: bool = False,
        dry_run: bool = False,
        **fields: Any,
    ) -> Jobs:
        """Queues a job, or one for every combination of the values of fields that are lists and every seed: all or none.

        `seeds`: 3, [1, 2, 3], range(1, 7) or "1-6,9". A job that was run before, or is under way, is `reused` unless `rerun`.
        `force` queues jobs whose data set is missing. `dry_run` checks and resolves, and stores nothing. InvalidArgument
        names every wrong field; FailedPrecondition says how to get a missing data set.
        """
        return self._channel.run(_calls.submit(experiment, fields, seeds, priority, labels, rerun, force, dry_run))

    def wait(
        self, jobs: JobsLike, *, progress: ProgressLike = True, timeout: float | None = None, check: bool = True
    ) -> Jobs:
        """Waits until all have ended, also across a restart of the server, and returns them as they are then.

        `progress` shows share, rate and time left on stderr; or it is called with a Progress. After `timeout` seconds
        DeadlineExceeded (a TimeoutError); the jobs go on, as they do after Ctrl-C. With `check`, JobFailed if one FAILED or was
        CANCELLED; a job that DIVERGED has a result.
        """
        return self._channel.run(_calls.wait(jobs, progress, timeout, check))

    def watch(self, jobs: JobsLike | None = None) -> Iterator[Job]:
        """Each job's state now and after every change, until all have ended; with None those of all jobs, without an end.

        Goes on where it was when the server was away for less than a minute. Leave the loop, or close() the iterator, to stop.
        """
        yield from self._channel.follow(_calls.JobsFollowed(None if jobs is None else ids_of(jobs)), Patience())

    def job(self, job: JobLike) -> Job:
        return self._channel.run(_calls.job(one_id(job)))

    def jobs(
        self,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        order_by: str = "",
        limit: int | None = None,
    ) -> Jobs:
        """Newest first: all, or the first `limit`, of those in one of `states` that have every one of `labels`.

        `order_by`: "created", "started", "finished" or "priority", the lowest first; or by a curve, such as "best test/error",
        "worst test/error", "last train/nll", "lowest ..." and "highest ...". " desc" behind it turns it around.
        """
        return self._channel.run(_calls.jobs(_calls.jobs_request(states, experiment, labels, order_by), limit))

    def jobs_frame(
        self,
        fields: Items = ("state",),
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        order_by: str = "",
        limit: int | None = None,
    ) -> pandas.DataFrame:
        """job_id and these fields alone, such as "state", "spec.seed" or "spec.mnist_mlp.norm" (the names of the API); the rest as of jobs.

        Nothing else is sent, so that a hundred thousand jobs are some megabytes. None for what a job does not have. Ordered by
        a curve, sort_value has its value.
        """
        request = _calls.jobs_request(states, experiment, labels, order_by)
        return self._channel.run(_job_calls.jobs_frame(fields, request, limit))

    def job_fields(self, job: JobLike, fields: Items) -> dict[str, Any]:
        """These fields of one job, by their names of the API, as in jobs_frame."""
        return self._channel.run(_job_calls.job_fields(one_id(job), fields))

    def watch_fields(self, jobs: JobsLike | None, fields: Items) -> Iterator[dict[str, Any]]:
        """The same as watch with job_id and these fields alone."""
        ids = None if jobs is None else ids_of(jobs)
        yield from self._channel.follow(_job_calls.FieldsFollowed(ids, fields), Patience())

    def attempts(self, job: JobLike) -> pandas.DataFrame:
        """First to last: number, worker, started, ended, ending, died, first_step (of the checkpoint it began from), steps_done."""
        return self._channel.run(_job_calls.attempts(one_id(job)))

    def log(self, job: JobLike) -> pandas.DataFrame:
        """What the server and the workers it keeps wrote about it, oldest first: time, source, text. Kept for some megabytes."""
        return self._channel.run(_job_calls.log(one_id(job)))

    def watch_log(self, job: JobLike) -> Iterator[LogLine]:
        """The same from the first line on, then each new one until the job has ended. Goes on like watch; no line comes twice."""
        yield from self._channel.follow(_job_calls.LogFollowed(one_id(job)), Patience())

    def workers(self) -> pandas.DataFrame:
        """Who works, those with a job first: worker, kept (by the server), job_id, attempt, since, last_heard, waits_for (why).

        `attrs["slots"]` is how many the server keeps, `attrs["queued"]` how many jobs wait.
        """
        return self._channel.run(_job_calls.workers())

    def cancel(self, jobs: JobsLike) -> Jobs:
        """A queued job stops at once, a running one at its next step, with a checkpoint. One that has ended stays as it is."""
        return self._channel.run(_calls.cancel(jobs))

    def resume(self, jobs: JobsLike, *, force: bool = False) -> Jobs:
        """Continues cancelled or failed jobs from their last checkpoints, as new jobs, which are returned."""
        return self._channel.run(_calls.resume(jobs, force))

    def delete(self, jobs: JobsLike) -> None:
        """Removes ended jobs for ever, with their curves and files."""
        self._channel.run(_calls.delete(jobs))

    # --- many jobs at once: those named, or all that match ---

    def cancel_jobs(
        self,
        jobs: JobsLike | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        dry_run: bool = False,
    ) -> Changed:
        """One call for many jobs: those that match all that is given. InvalidArgument if nothing is.

        A job that cannot be changed is told in `not_changed`, and the others go on. `dry_run` says what would happen, and changes
        nothing.
        """
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return self._channel.run(_job_calls.cancel_many(chosen, dry_run))

    def resume_jobs(
        self,
        jobs: JobsLike | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> Changed:
        """As cancel_jobs. `jobs` of the answer are the new ones, each with the one that it continues in resumed_from."""
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return self._channel.run(_job_calls.resume_many(chosen, force, dry_run))

    def delete_jobs(
        self,
        jobs: JobsLike | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        dry_run: bool = False,
    ) -> Changed:
        """As cancel_jobs: removes ended jobs for ever."""
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return self._channel.run(_job_calls.delete_many(chosen, dry_run))

    def update_jobs(
        self,
        jobs: JobsLike | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        set_labels: Labels = None,
        remove_labels: Items = (),
        priority: int | None = None,
        dry_run: bool = False,
    ) -> Changed:
        """As cancel_jobs: adds or replaces labels and removes them by name at any time, sets the priority of jobs that have not ended."""
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return self._channel.run(_job_calls.update_many(chosen, set_labels, remove_labels, priority, dry_run))

    # --- what was measured ---

    def series(self, job: JobLike) -> pandas.DataFrame:
        """series, points, first_step, last_step, min, max, last, not_finite."""
        return self._channel.run(_curve_calls.series(one_id(job)))

    def curve(
        self,
        job: JobLike,
        series: str,
        *,
        first: int = 0,
        last: int | None = None,
        max_points: int = 0,
        downsampling: str = "min_max",
        skip_damaged: bool = False,
    ) -> pandas.DataFrame:
        """value and time by step, bit for bit as they were measured.

        With `max_points` a longer curve is thinned, "min_max" keeping spikes, "lttb" its shape; `attrs["points_total"]` says
        of how many. Steps run from `first` to `last`, both inclusive. DataLoss if stored points cannot be read; with
        `skip_damaged` the others, a warning and `attrs["damage"]`.
        """
        part = _curve_calls.Range(first, last, max_points, downsampling, skip_damaged)
        return self._channel.run(_curve_calls.curve(one_id(job), series, part))

    def curves(
        self,
        jobs: JobsLike | None = None,
        series: Items | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        first: int = 0,
        last: int | None = None,
        max_points: int = 0,
        downsampling: str = "min_max",
        skip_damaged: bool = False,
    ) -> pandas.DataFrame:
        """Curves of many jobs in one long frame: job_id, series, step, value, time.

        `jobs` are those that are named, or that match what is given, as in cancel_jobs. Rows are in the order of the jobs, each once
        (newest first, if none are named); of a job in that of `series` (None: all, by name); of a series by step. A job without
        one of `series` has no rows; NotFound if no job has it. The rest as of curve, for each series; `attrs` is of all together.

        Some calls are under way at a time, and what they send is kept once: about 40 bytes a point, as the frame itself. More than
        20,000,000 points are InvalidArgument: `max_points` thins each curve at the server.
        """
        part = _curve_calls.Range(first, last, max_points, downsampling, skip_damaged)
        ids = _curve_calls.chosen_ids(jobs, states, experiment, labels)
        return self._channel.run(_curve_calls.curves(ids, series, part))

    def watch_curves(self, jobs: JobsLike) -> Iterator[pandas.DataFrame]:
        """Points from the first on as they become durable, each once: job_id, series, step, value. Ends with the jobs, like watch."""
        yield from self._channel.follow(_curve_calls.CurvesFollowed(ids_of(jobs)), Patience())

    def artifacts(self, job: JobLike) -> pandas.DataFrame:
        """Files of a job: name, media_type, step, size."""
        return self._channel.run(_calls.artifacts(one_id(job)))

    def artifact(self, job: JobLike, name: str) -> bytes:
        return bytes(self._channel.run(_calls.artifact(one_id(job), name)))

    def save_artifact(self, job: JobLike, name: str, path: Path) -> pathlib.Path:
        """Into a file or folder, piece by piece."""
        return self._channel.run(_calls.save_artifact(one_id(job), name, path))

    def weights(self, job: JobLike) -> dict[str, Array]:
        """The trained weights by name."""
        return self._channel.run(_calls.weights(one_id(job)))

    def state_dict(self, job: JobLike) -> dict[str, Any]:
        """The same as torch tensors. ImportError without torch."""
        return self._channel.run(_calls.state_dict(one_id(job)))

    def checkpoint(self, job: JobLike, *, at_most_step: int | None = None) -> tuple[int, dict[str, Array]]:
        """The newest checkpoint of at most so many updates: how many it has, and the run at rest by name."""
        return self._channel.run(_calls.checkpoint(one_id(job), at_most_step))

    # --- papers ---

    def papers(self) -> pandas.DataFrame:
        """paper_id, item_id, title, place, budgets, not_run (why not)."""
        return self._channel.run(_paper_calls.list_papers())

    def plan(
        self, paper: Path, items: Items | None = None, *, budget: str = "quick", seeds: int = 0, power: bool = False
    ) -> Plan:
        """What a reproduction would run, what of it is stored, what it costs; with `power` how likely it decides each claim.

        `paper` is an id, or the path of a manifest of your own, "my.yaml". `seeds`: at least so many of every arm.
        """
        return self._channel.run(_paper_calls.plan(paper, items, budget, seeds, power))

    def reproduce(
        self,
        paper: Path,
        items: Items | None = None,
        *,
        budget: str = "quick",
        seeds: int = 0,
        progress: ProgressLike = True,
        timeout: float | None = None,
        force: bool = False,
    ) -> Reproduction:
        """Runs what the paper's tables and figures need and is not stored yet, and judges them. Arguments as of plan and wait.

        JobFailed if a run did not finish; table and figure give what is stored all the same, and the same call again goes on.
        """
        return self._channel.run(_paper_calls.reproduce(paper, items, budget, seeds, progress, timeout, force))

    def verdicts(
        self, paper: Path, items: Items | None = None, *, budget: str = "quick", seeds: int = 0
    ) -> pandas.DataFrame:
        """A row a claim, from what is stored now; see Table.verdicts."""
        return self._channel.run(_paper_calls.verdicts(paper, items, budget, seeds))

    def table(
        self, paper: Path, item: str, *, budget: str = "quick", seeds: int = 0, format: str = "markdown"
    ) -> Table:
        """From what is stored now. `format`: markdown, terminal, terminal_verbose, latex, csv, json or html."""
        return self._channel.run(_paper_calls.table(paper, item, budget, seeds, format))

    def figure(self, paper: Path, item: str, *, budget: str = "quick", seeds: int = 0, format: str = "svg") -> Figure:
        """From what is stored now, the paper's curves beside ours. `format`: svg, png, csv or json. NotFound: a table alone."""
        return self._channel.run(_paper_calls.figure(paper, item, budget, seeds, format))

    def figure_curves(self, paper: Path, item: str, *, budget: str = "quick", seeds: int = 0) -> pandas.DataFrame:
        """A row for each point of the figure: source (RUN, MEAN, PAPER), arm_id, metric_id, seed, x, value, lo, hi."""
        return self._channel.run(_paper_calls.figure_curves(paper, item, budget, seeds))

    def report(
        self, paper: Path, items: Items | None = None, *, budget: str = "quick", seeds: int = 0, format: str = "html"
    ) -> Rendered:
        """The page with tables, figures and verdicts. `format`: html or markdown."""
        return self._channel.run(_paper_calls.report(paper, items, budget, seeds, format))

    # --- any jobs side by side ---

    def compare(
        self, jobs: JobsLike, series: Items | None = None, *, higher_is_better: Items | None = None, format: str = "markdown"
    ) -> Comparison:
        """Arms of jobs that differ in the seed alone, and their differences seed by seed. `format` as of table.

        Lower is better, but of series of which a paper that the server knows says otherwise, and of those in `higher_is_better`.
        """
        return self._channel.run(_paper_calls.compare(jobs, series, higher_is_better, format))

    def plot(
        self, jobs: JobsLike, series: Items | None = None, *, log_y: bool = False, format: str = "svg"
    ) -> Figure:
        """Their curves: a panel a series, a colour an arm."""
        return self._channel.run(_paper_calls.plot(jobs, series, log_y, format))

    def plot_curves(
        self, jobs: JobsLike, series: Items | None = None, *, max_points: int = 0
    ) -> pandas.DataFrame:
        """A row for each point of the plot's curves: series, arm, job_id, seed, step, value, time, in the order of Comparison.runs.

        Jobs that repeat another are left out. Bounds and `max_points` (for each curve) as of curves.
        """
        return self._channel.run(_paper_calls.plot_curves(jobs, series, max_points))

    # --- runs that travel ---

    def export_bundle(self, jobs: JobsLike, path: Path, *, files: bool = False) -> pathlib.Path:
        """Ended jobs with all their curves, and with `files` their artifacts, into a file for import_bundle on another machine."""
        return self._channel.run(_bundle.export(jobs, path, files))

    def import_bundle(self, path: Path) -> pandas.DataFrame:
        """was (its id in the other store), job_id, reused (it was here already) or refused (why)."""
        return self._channel.run(_bundle.take_in(path))
