"""Steps of what papers need: plans, tables, figures, pages, whole reproductions; and comparisons of any jobs."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable
from typing import Any

import pandas

from normlab import _calls, _curve_calls, errors, papers
from normlab._calls import collect, enum_number
from normlab._progress import ProgressLike
from normlab._proto import v1
from normlab._spec import MAX_JOBS_OF_A_CALL
from normlab._wire import Steps, Unary
from normlab.comparisons import Comparison, comparison_of
from normlab.errors import FieldViolation
from normlab.jobs import Job, Jobs, JobsLike, ids_of

_POWER_SECONDS = 300.0  # every item is simulated
_LARGEST_MANIFEST = 256 << 10
_LARGEST_FILE = 1 << 20

Items = str | Iterable[str] | None


def _listed(names: Items) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def paper_fields(paper: str | os.PathLike[str]) -> dict[str, Any]:
    """Of a request. A path, "my.yaml", is a manifest of the caller's own: it goes with the CSV files that it names."""
    word = os.fspath(paper)
    if "/" not in word and not word.endswith((".yaml", ".yml")):
        return {"paper_id": word}
    path = pathlib.Path(word)
    text = _text(path, _LARGEST_MANIFEST)
    files = {file.name: _text(file, _LARGEST_FILE).encode() for file in sorted(path.parent.glob("*.csv")) if file.name in text}
    return {"manifest": v1.PaperManifest(file_name=path.name, text=text, files=files)}


def _text(path: pathlib.Path, at_most: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(at_most + 1)
        if len(content) > at_most:
            raise ValueError(f"has more than {at_most} bytes")
        return content.decode("utf-8")
    except (OSError, ValueError) as error:
        said = f"{path}: {error.strerror if isinstance(error, OSError) else error}"
        raise errors.invalid([FieldViolation("paper", said)]) from None


def list_papers() -> Steps[pandas.DataFrame]:
    answer = yield Unary("PaperService.ListPapers", v1.ListPapersRequest())
    rows = [
        {
            "paper_id": paper.paper_id,
            "item_id": item.item_id,
            "title": item.title,
            "place": item.place,
            "budgets": list(item.budgets),
            "not_run": item.not_run,
        }
        for paper in answer.papers
        for item in paper.items
    ]
    return pandas.DataFrame(rows)


def plan(paper: str | os.PathLike[str], items: Items, budget: str, seeds: int, power: bool) -> Steps[papers.Plan]:
    asked = {"item_ids": _listed(items), "budget": budget, "seeds": seeds, "power": power}
    request = v1.PlanReproductionRequest(**paper_fields(paper), **asked)
    answer = yield Unary("PaperService.PlanReproduction", request, _POWER_SECONDS if power else 30.0)
    return papers.plan_of(answer, budget)


def _joined(messages: list[Any]) -> tuple[bytes, str]:
    return b"".join(message.content for message in messages), messages[0].media_type if messages else ""


def table(paper: str | os.PathLike[str], item: str, budget: str, seeds: int, form: str) -> Steps[papers.Table]:
    request = v1.GetTableRequest(**paper_fields(paper), item_id=item, budget=budget, seeds=seeds)
    request.format = enum_number("Format", "format", form)
    messages = yield from collect("PaperService.GetTable", request)
    verdicts = papers.verdicts_frame([claim for message in messages for claim in message.claims])
    cells = papers.cells_frame([cell for message in messages for cell in message.cells])
    return papers.Table(*_joined(messages), item_id=item, verdicts=verdicts, cells=cells)


def verdicts(paper: str | os.PathLike[str], items: Items, budget: str, seeds: int) -> Steps[pandas.DataFrame]:
    chosen = _listed(items) or (yield from _items_of(paper, budget))
    frames = {}
    for item in chosen:
        frames[item] = (yield from table(paper, item, budget, seeds, "json")).verdicts
    return papers.together(frames)


def _items_of(paper: str | os.PathLike[str], budget: str) -> Steps[list[str]]:
    planned = yield from plan(paper, None, budget, 0, False)
    return [*planned.items, *planned.not_run]


def figure(paper: str | os.PathLike[str], item: str, budget: str, seeds: int, form: str) -> Steps[papers.Figure]:
    request = v1.GetFigureRequest(**paper_fields(paper), item_id=item, budget=budget, seeds=seeds)
    request.format = enum_number("Format", "format", form)
    return papers.Figure(*_joined((yield from collect("PaperService.GetFigure", request))))


def figure_curves(paper: str | os.PathLike[str], item: str, budget: str, seeds: int) -> Steps[pandas.DataFrame]:
    request = v1.GetFigureRequest(**paper_fields(paper), item_id=item, budget=budget, seeds=seeds, curves=True)
    messages = yield from collect("PaperService.GetFigure", request)
    return papers.figure_frame([curve for message in messages for curve in message.curves])


def report(paper: str | os.PathLike[str], items: Items, budget: str, seeds: int, form: str) -> Steps[papers.Rendered]:
    request = v1.GetReportRequest(**paper_fields(paper), item_ids=_listed(items), budget=budget, seeds=seeds)
    request.format = enum_number("Format", "format", form)
    return papers.Rendered(*_joined((yield from collect("PaperService.GetReport", request))))


def reproduce(
    paper: str | os.PathLike[str],
    items: Items,
    budget: str,
    seeds: int,
    progress: ProgressLike,
    timeout: float | None,
    force: bool,
) -> Steps[papers.Reproduction]:
    planned = yield from plan(paper, items, budget, seeds, False)
    submitted = yield from _submit_plan(planned, force)
    ended = yield from _calls.wait(submitted, progress, timeout, check=True)
    reused = {job.job_id: job.reused for job in submitted}
    tables, figures = {}, {}
    for item in planned.items:
        tables[item] = yield from table(paper, item, budget, seeds, "markdown")
        try:
            figures[item] = yield from figure(paper, item, budget, seeds, "svg")
        except errors.NotFound:
            pass  # a table alone
    return papers.Reproduction(
        paper_id=planned.paper_id,
        budget=budget,
        jobs=Jobs(job.with_reused(reused[job.job_id]) for job in ended),
        tables=tables,
        figures=figures,
        not_run=planned.not_run,
    )


def _submit_plan(planned: papers.Plan, force: bool) -> Steps[Jobs]:
    """In as many calls as it takes. What was submitted before a failure is reused next time."""
    submitted: list[Job] = []
    runs = list(zip(planned.runs.itertuples(), planned.specs))
    for begin in range(0, len(runs), MAX_JOBS_OF_A_CALL):
        request = v1.BatchCreateJobsRequest()
        for run, spec in runs[begin : begin + MAX_JOBS_OF_A_CALL]:
            labels = {"paper": planned.paper_id, "item": run.item_id, "arm": run.arm, "budget": planned.budget}
            request.requests.append(v1.CreateJobRequest(spec=spec, labels=labels, force=force))
        submitted += yield from _calls.submitted(request)
    return Jobs(submitted)


# --- any jobs side by side ---


def compare(listed: JobsLike, series: Items, higher_is_better: Items, form: str) -> Steps[Comparison]:
    request = v1.CompareJobsRequest(
        job_ids=ids_of(listed), series=_listed(series), higher_is_better=_listed(higher_is_better)
    )
    request.format = enum_number("Format", "format", form)
    content, media_type = _joined((yield from collect("ComparisonService.CompareJobs", request)))
    as_json = enum_number("Format", "format", "json")
    if request.format == as_json:
        return comparison_of(content, media_type, content)
    request.format = as_json
    numbers, _ = _joined((yield from collect("ComparisonService.CompareJobs", request)))
    return comparison_of(content, media_type, numbers)


def plot(listed: JobsLike, series: Items, log_y: bool, form: str) -> Steps[papers.Figure]:
    request = v1.PlotJobsRequest(job_ids=ids_of(listed), series=_listed(series), log_y=log_y)
    request.format = enum_number("Format", "format", form)
    return papers.Figure(*_joined((yield from collect("ComparisonService.PlotJobs", request))))


def plot_curves(listed: JobsLike, series: Items, max_points: int) -> Steps[pandas.DataFrame]:
    """Arms from the comparison, points as packed doubles: the plot's own JSON is text, and not thinned."""
    compared = yield from compare(listed, series, None, "json")
    runs = list(compared.runs[["arm", "job_id", "seed"]].itertuples(index=False, name=None))
    keys = [(name, *run) for name in compared.series for run in runs]
    types = {"series": "object", "arm": "object", "job_id": "object", "seed": "uint64"}
    return (yield from _curve_calls.read_many(keys, types, _curve_calls.Range(max_points=max_points), []))
