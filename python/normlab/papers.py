"""What the server makes of stored runs: plans, tables with verdicts, figures, pages."""

from __future__ import annotations

import base64
import dataclasses
import os
import pathlib
from typing import Any

import numpy
import pandas

from normlab._proto import short
from normlab.jobs import Jobs


@dataclasses.dataclass(frozen=True, eq=False)
class Rendered:
    """A file as the server rendered it; the same store gives the same bytes."""

    content: bytes = dataclasses.field(repr=False)
    media_type: str

    @property
    def text(self) -> str:
        return self.content.decode()

    def __str__(self) -> str:
        return self.text if self.media_type.startswith("text/") else repr(self)

    def save(self, path: str | os.PathLike[str]) -> pathlib.Path:
        target = pathlib.Path(path)
        target.write_bytes(self.content)
        return target

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        kind = self.media_type.partition(";")[0]
        if kind == "image/png":
            return {kind: base64.b64encode(self.content).decode("ascii")}
        if kind in ("image/svg+xml", "text/markdown", "text/html", "text/latex"):
            return {kind: self.text, "text/plain": f"<{kind}, {len(self.content)} bytes>"}
        return {"text/plain": self.text}


class Figure(Rendered):
    """In a notebook it is the picture."""


@dataclasses.dataclass(frozen=True, eq=False)
class Table(Rendered):
    """In a notebook it is the table; `verdicts` and `cells` are what stands in it as numbers."""

    item_id: str
    verdicts: pandas.DataFrame = dataclasses.field(repr=False)
    """A row a claim: claim_id, verdict, statement, estimate, lo, hi, paper, p, p_holm, n, planned, and why."""
    cells: pandas.DataFrame = dataclasses.field(repr=False)
    """A row for each arm and metric: mean with its 95 % interval, and what the paper shows there."""


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """What a reproduction runs. `runs` is in the order in which it submits them."""

    paper_id: str
    budget: str
    runs: pandas.DataFrame = dataclasses.field(repr=False)
    not_run: dict[str, str]
    """Items that are not run, and why."""
    power: pandas.DataFrame = dataclasses.field(repr=False)
    """How likely each claim is to be decided; empty unless it was asked for."""
    specs: tuple[Any, ...] = dataclasses.field(repr=False)

    @property
    def items(self) -> list[str]:
        return list(dict.fromkeys(self.runs["item_id"]))

    @property
    def core_seconds(self) -> float:
        """That runs without a result take, as far as the manifest says so of its author's machine."""
        to_do = self.runs[~self.runs["state"].isin(["SUCCEEDED", "DIVERGED"])]
        return float(to_do["core_seconds"].sum())

    def _repr_html_(self) -> str:
        head = f"<p>{self.paper_id}, budget {self.budget}: {len(self.runs)} runs, {self.core_seconds:.0f} core seconds to do</p>"
        return head + str(self.runs.to_html(index=False, max_rows=60))


@dataclasses.dataclass(frozen=True, eq=False)
class Reproduction:
    """A paper's tables and figures, run and judged."""

    paper_id: str
    budget: str
    jobs: Jobs = dataclasses.field(repr=False)
    tables: dict[str, Table]
    figures: dict[str, Figure]
    not_run: dict[str, str]

    @property
    def verdicts(self) -> pandas.DataFrame:
        return together({item: table.verdicts for item, table in self.tables.items()})


def together(frames: dict[str, pandas.DataFrame]) -> pandas.DataFrame:
    """Frames of items as one, with the item in front."""
    listed = []
    for item, frame in frames.items():
        copy = frame.copy()
        copy.insert(0, "item_id", item)
        listed.append(copy)
    return pandas.concat(listed, ignore_index=True) if listed else pandas.DataFrame()


def _optional(message: Any, name: str) -> float:
    return float(getattr(message, name)) if message.HasField(name) else numpy.nan


def _bounds(message: Any, name: str, lo: str, hi: str) -> dict[str, float]:
    there = message.HasField(name)
    interval = getattr(message, name)
    return {lo: interval.lo if there else numpy.nan, hi: interval.hi if there else numpy.nan}


_CLAIM_TEXTS = ["place", "reason", "question", "rule", "method", "shown", "metric_id", "arm_id", "than_id"]
_CLAIM_NUMBERS = ["n", "planned", "diverged", "censored", "family", "fact", "bound", "median"]


def verdicts_frame(claims: list[Any]) -> pandas.DataFrame:
    rows = []
    for claim in claims:
        row: dict[str, Any] = {"claim_id": claim.claim_id, "verdict": short("Verdict", claim.verdict), "statement": claim.statement}
        row |= {"estimate": _optional(claim, "estimate"), **_bounds(claim, "interval", "lo", "hi")}
        row |= {"paper": _optional(claim, "paper"), **_bounds(claim, "margin", "margin_lo", "margin_hi")}
        row |= {name: _optional(claim, name) for name in ("p", "p_exact", "p_holm")}
        row |= {name: getattr(claim, name) for name in _CLAIM_NUMBERS + _CLAIM_TEXTS}
        row |= {"tier": short("Tier", claim.tier), "effect": short("Effect", claim.effect)}
        row |= {"from": getattr(claim, "from"), "to": claim.to, "deviations": list(claim.deviations)}
        rows.append(row)
    return pandas.DataFrame(rows)


_CELL_TEXTS = ["arm_id", "metric_id", "unit", "planned", "submitted", "diverged", "not_there", "geometric"]


def cells_frame(cells: list[Any]) -> pandas.DataFrame:
    rows = []
    for cell in cells:
        row: dict[str, Any] = {name: getattr(cell, name) for name in _CELL_TEXTS}
        row |= {"mean": _optional(cell, "mean"), **_bounds(cell, "interval", "lo", "hi"), "at": _optional(cell, "at")}
        row |= _bounds(cell, "paper", "paper_lo", "paper_hi") | _bounds(cell, "paper_final", "paper_final_lo", "paper_final_hi")
        rows.append(row | {"values": list(cell.values)})
    return pandas.DataFrame(rows)


def figure_frame(curves: list[Any]) -> pandas.DataFrame:
    """A row a point; lo and hi are NaN of single runs."""
    frames = []
    for curve in curves:
        size = len(curve.x)
        columns: dict[str, Any] = {"source": short("FigureCurve.Source", curve.source), "arm_id": curve.arm_id}
        columns |= {"metric_id": curve.metric_id, "seed": curve.seed, "repetition": curve.repetition}
        columns |= {"x": numpy.array(curve.x), "value": numpy.array(curve.value)}
        columns |= {name: _padded(getattr(curve, name), size) for name in ("lo", "hi")}
        frames.append(pandas.DataFrame(columns))
    return pandas.concat(frames, ignore_index=True) if frames else pandas.DataFrame()


def _padded(values: Any, size: int) -> numpy.ndarray[Any, Any]:
    return numpy.array(values) if len(values) else numpy.full(size, numpy.nan)


def plan_of(message: Any, budget: str) -> Plan:
    rows = []
    for run in message.runs:
        there = run.HasField("job")
        rows.append(
            {
                "item_id": run.item_id,
                "arm": run.arm,
                "seed": run.spec.seed,
                "job_id": run.job.job_id if there else "",
                "state": short("JobState", run.job.state) if there else "",
                "core_seconds": run.core_seconds,
                "identity": run.identity,
            }
        )
    columns = ["item_id", "arm", "seed", "job_id", "state", "core_seconds", "identity"]
    power = [
        {name: getattr(claim, name) for name in ("item_id", "claim_id", "statement", "seeds", "decides", "least_seeds", "fact", "unknown")}
        for claim in message.power
    ]
    return Plan(
        paper_id=message.paper_id,
        budget=budget,
        runs=pandas.DataFrame(rows, columns=columns),
        not_run={item.item_id: item.reason for item in message.not_run},
        power=pandas.DataFrame(power),
        specs=tuple(run.spec for run in message.runs),
    )
