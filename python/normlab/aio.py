"""The same as normlab.Client for asyncio: each method that waits is a coroutine, the watching ones are asynchronous iterators.

    async with normlab.AsyncClient() as client:
        jobs = await client.submit("invariance", norm=["batch", "layer"])
        async for job in client.watch(jobs):
            print(job)

What each method does stands once, in normlab/client.py.
"""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator, Generator, Mapping
from typing import Any

import pandas

from normlab import _address, _bundle, _calls, _curve_calls, _job_calls, _paper_calls, _server
from normlab._address import Path
from normlab._job_calls import Labels, States
from normlab._progress import ProgressLike
from normlab._safetensors import Array
from normlab._wire import AsyncChannel, Patience
from normlab.admin import AsyncAdmin
from normlab.client import Client, Items, Seeds, one_id, open_server
from normlab.comparisons import Comparison
from normlab.jobs import Changed, Job, JobLike, Jobs, JobsLike, LogLine, ids_of
from normlab.papers import Figure, Plan, Rendered, Reproduction, Table


class AsyncClient:
    """Arguments as of normlab.Client. Use it in `async with`, or await it before the first call and close() behind the last.

    Of one event loop. Calls may be cancelled like any task, and run side by side.
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
        self._endpoint = _address.find(home, socket, address, token_file, context, ca, cert, key)
        self._start = (start, program, slots)
        self._timeout = timeout
        self._server: _server.Server | None = None
        self._opened: AsyncChannel | None = None

    async def _open(self) -> AsyncClient:
        if self._opened is None:
            self._server = await asyncio.to_thread(open_server, self._endpoint, *self._start)
            self._opened = AsyncChannel(self._endpoint, self._timeout)
        return self

    def __await__(self) -> Generator[Any, None, AsyncClient]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncClient:
        return await self._open()

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """As of Client."""
        channel, server, self._opened, self._server = self._opened, self._server, None, None
        if channel is not None:
            await channel.close()
        if server is not None:
            await asyncio.to_thread(server.leave)

    @property
    def _channel(self) -> AsyncChannel:
        if self._opened is None:
            raise RuntimeError("this client is not open: use it in `async with`, or await it first")
        return self._opened

    @property
    def endpoint(self) -> str:
        return self._endpoint.name

    @property
    def started(self) -> bool:
        return self._server is not None and self._server.ours

    @property
    def admin(self) -> AsyncAdmin:
        return AsyncAdmin(self._channel)

    def __repr__(self) -> str:
        return f"<normlab.AsyncClient of {self.endpoint}>"

    # --- what can be run ---

    async def experiments(self) -> pandas.DataFrame:
        return await self._channel.run(_calls.experiments())

    async def fields(self, experiment: str) -> pandas.DataFrame:
        return await self._channel.run(_calls.fields(experiment))

    # --- jobs ---

    async def submit(
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
        return await self._channel.run(_calls.submit(experiment, fields, seeds, priority, labels, rerun, force, dry_run))

    async def wait(
        self, jobs: JobsLike, *, progress: ProgressLike = True, timeout: float | None = None, check: bool = True
    ) -> Jobs:
        return await self._channel.run(_calls.wait(jobs, progress, timeout, check))

    def watch(self, jobs: JobsLike | None = None) -> AsyncIterator[Job]:
        return self._channel.follow(_calls.JobsFollowed(None if jobs is None else ids_of(jobs)), Patience())

    async def job(self, job: JobLike) -> Job:
        return await self._channel.run(_calls.job(one_id(job)))

    async def jobs(
        self,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        order_by: str = "",
        limit: int | None = None,
    ) -> Jobs:
        return await self._channel.run(_calls.jobs(_calls.jobs_request(states, experiment, labels, order_by), limit))

    async def jobs_frame(
        self,
        fields: Items = ("state",),
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        order_by: str = "",
        limit: int | None = None,
    ) -> pandas.DataFrame:
        request = _calls.jobs_request(states, experiment, labels, order_by)
        return await self._channel.run(_job_calls.jobs_frame(fields, request, limit))

    async def job_fields(self, job: JobLike, fields: Items) -> dict[str, Any]:
        return await self._channel.run(_job_calls.job_fields(one_id(job), fields))

    def watch_fields(self, jobs: JobsLike | None, fields: Items) -> AsyncIterator[dict[str, Any]]:
        ids = None if jobs is None else ids_of(jobs)
        return self._channel.follow(_job_calls.FieldsFollowed(ids, fields), Patience())

    async def attempts(self, job: JobLike) -> pandas.DataFrame:
        return await self._channel.run(_job_calls.attempts(one_id(job)))

    async def log(self, job: JobLike) -> pandas.DataFrame:
        return await self._channel.run(_job_calls.log(one_id(job)))

    def watch_log(self, job: JobLike) -> AsyncIterator[LogLine]:
        return self._channel.follow(_job_calls.LogFollowed(one_id(job)), Patience())

    async def workers(self) -> pandas.DataFrame:
        return await self._channel.run(_job_calls.workers())

    async def cancel(self, jobs: JobsLike) -> Jobs:
        return await self._channel.run(_calls.cancel(jobs))

    async def resume(self, jobs: JobsLike, *, force: bool = False) -> Jobs:
        return await self._channel.run(_calls.resume(jobs, force))

    async def delete(self, jobs: JobsLike) -> None:
        await self._channel.run(_calls.delete(jobs))

    # --- many jobs at once: those named, or all that match ---

    async def cancel_jobs(
        self,
        jobs: JobsLike | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        dry_run: bool = False,
    ) -> Changed:
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return await self._channel.run(_job_calls.cancel_many(chosen, dry_run))

    async def resume_jobs(
        self,
        jobs: JobsLike | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> Changed:
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return await self._channel.run(_job_calls.resume_many(chosen, force, dry_run))

    async def delete_jobs(
        self,
        jobs: JobsLike | None = None,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        dry_run: bool = False,
    ) -> Changed:
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return await self._channel.run(_job_calls.delete_many(chosen, dry_run))

    async def update_jobs(
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
        chosen = _job_calls.filters(jobs, states, experiment, labels)
        return await self._channel.run(_job_calls.update_many(chosen, set_labels, remove_labels, priority, dry_run))

    # --- what was measured ---

    async def series(self, job: JobLike) -> pandas.DataFrame:
        return await self._channel.run(_curve_calls.series(one_id(job)))

    async def curve(
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
        part = _curve_calls.Range(first, last, max_points, downsampling, skip_damaged)
        return await self._channel.run(_curve_calls.curve(one_id(job), series, part))

    async def curves(
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
        part = _curve_calls.Range(first, last, max_points, downsampling, skip_damaged)
        ids = _curve_calls.chosen_ids(jobs, states, experiment, labels)
        return await self._channel.run(_curve_calls.curves(ids, series, part))

    def watch_curves(self, jobs: JobsLike) -> AsyncIterator[pandas.DataFrame]:
        return self._channel.follow(_curve_calls.CurvesFollowed(ids_of(jobs)), Patience())

    async def artifacts(self, job: JobLike) -> pandas.DataFrame:
        return await self._channel.run(_calls.artifacts(one_id(job)))

    async def artifact(self, job: JobLike, name: str) -> bytes:
        return bytes(await self._channel.run(_calls.artifact(one_id(job), name)))

    async def save_artifact(self, job: JobLike, name: str, path: Path) -> pathlib.Path:
        return await self._channel.run(_calls.save_artifact(one_id(job), name, path))

    async def weights(self, job: JobLike) -> dict[str, Array]:
        return await self._channel.run(_calls.weights(one_id(job)))

    async def state_dict(self, job: JobLike) -> dict[str, Any]:
        return await self._channel.run(_calls.state_dict(one_id(job)))

    async def checkpoint(self, job: JobLike, *, at_most_step: int | None = None) -> tuple[int, dict[str, Array]]:
        return await self._channel.run(_calls.checkpoint(one_id(job), at_most_step))

    # --- papers ---

    async def papers(self) -> pandas.DataFrame:
        return await self._channel.run(_paper_calls.list_papers())

    async def plan(
        self, paper: Path, items: Items | None = None, *, budget: str = "quick", seeds: int = 0, power: bool = False
    ) -> Plan:
        return await self._channel.run(_paper_calls.plan(paper, items, budget, seeds, power))

    async def reproduce(
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
        return await self._channel.run(_paper_calls.reproduce(paper, items, budget, seeds, progress, timeout, force))

    async def verdicts(
        self, paper: Path, items: Items | None = None, *, budget: str = "quick", seeds: int = 0
    ) -> pandas.DataFrame:
        return await self._channel.run(_paper_calls.verdicts(paper, items, budget, seeds))

    async def table(
        self, paper: Path, item: str, *, budget: str = "quick", seeds: int = 0, format: str = "markdown"
    ) -> Table:
        return await self._channel.run(_paper_calls.table(paper, item, budget, seeds, format))

    async def figure(self, paper: Path, item: str, *, budget: str = "quick", seeds: int = 0, format: str = "svg") -> Figure:
        return await self._channel.run(_paper_calls.figure(paper, item, budget, seeds, format))

    async def figure_curves(self, paper: Path, item: str, *, budget: str = "quick", seeds: int = 0) -> pandas.DataFrame:
        return await self._channel.run(_paper_calls.figure_curves(paper, item, budget, seeds))

    async def report(
        self, paper: Path, items: Items | None = None, *, budget: str = "quick", seeds: int = 0, format: str = "html"
    ) -> Rendered:
        return await self._channel.run(_paper_calls.report(paper, items, budget, seeds, format))

    # --- any jobs side by side ---

    async def compare(
        self, jobs: JobsLike, series: Items | None = None, *, higher_is_better: Items | None = None, format: str = "markdown"
    ) -> Comparison:
        return await self._channel.run(_paper_calls.compare(jobs, series, higher_is_better, format))

    async def plot(
        self, jobs: JobsLike, series: Items | None = None, *, log_y: bool = False, format: str = "svg"
    ) -> Figure:
        return await self._channel.run(_paper_calls.plot(jobs, series, log_y, format))

    async def plot_curves(
        self, jobs: JobsLike, series: Items | None = None, *, max_points: int = 0
    ) -> pandas.DataFrame:
        return await self._channel.run(_paper_calls.plot_curves(jobs, series, max_points))

    # --- runs that travel ---

    async def export_bundle(self, jobs: JobsLike, path: Path, *, files: bool = False) -> pathlib.Path:
        return await self._channel.run(_bundle.export(jobs, path, files))

    async def import_bundle(self, path: Path) -> pandas.DataFrame:
        return await self._channel.run(_bundle.take_in(path))


for _name, _method in vars(Client).items():  # help() and notebooks show what the methods do
    if not _name.startswith("_") and callable(_method):
        getattr(AsyncClient, _name).__doc__ = _method.__doc__
