"""Any jobs side by side: what the server writes of a comparison, read into types."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pandas

from normlab.errors import DataLoss, FailedPrecondition
from normlab.papers import Rendered

_FORM = 2  # of the JSON that is read here


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison(Rendered):
    """Jobs side by side: those that differ in the seed alone are an arm; differences are to the first job's arm, seed by seed."""

    cells: pandas.DataFrame = dataclasses.field(repr=False)
    """A row for each series and arm: series, better (lower or higher), arm; at_step, n, diverged, mean with its interval lo and hi, best,
    values; then less the first arm: pairs, difference with difference_lo and difference_hi, difference_kind (mean or median), method, p, p_exact, p_holm.
    What there is not is NaN; a difference to runs that diverged is infinite."""
    runs: pandas.DataFrame = dataclasses.field(repr=False)
    """A row for each job, arm by arm and by seed: arm, job_id, seed, state."""
    left_out: tuple[str, ...]
    """Jobs of the same configuration and seed as another, such as "j9 repeats j4"."""
    confidence: float
    """Of the intervals."""

    @property
    def series(self) -> list[str]:
        return list(dict.fromkeys(self.cells["series"]))

    @property
    def arms(self) -> dict[str, list[str]]:
        """The jobs of each arm."""
        return {str(arm): list(rows["job_id"]) for arm, rows in self.runs.groupby("arm", sort=False)}


_CELL_TYPES = {
    "series": "object",
    "better": "object",
    "arm": "object",
    "at_step": "int64",
    "n": "int64",
    "diverged": "int64",
    "mean": "float64",
    "lo": "float64",
    "hi": "float64",
    "best": "float64",
    "values": "object",
    "pairs": "int64",
    "difference": "float64",
    "difference_lo": "float64",
    "difference_hi": "float64",
    "difference_kind": "object",
    "method": "object",
    "p": "float64",
    "p_exact": "float64",
    "p_holm": "float64",
}
_RUN_TYPES = {"arm": "object", "job_id": "object", "seed": "uint64", "state": "object"}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    row = dict(cell)
    for name, prefix in (("interval", ""), ("difference_interval", "difference_")):
        row[f"{prefix}lo"], row[f"{prefix}hi"] = cell[name] or (None, None)
    row["values"] = [_number(value) for value in cell["values"]]
    return row


def _number(value: Any) -> float:
    """JSON knows no NaN and no infinities: null, "inf" and "-inf" stand for them."""
    return float("nan") if value is None else float(value)


def _frame(rows: list[dict[str, Any]], types: dict[str, str]) -> pandas.DataFrame:
    """The columns of `types`; what a newer server says besides is left out."""
    columns = {}
    for name, kind in types.items():
        values = [_number(row[name]) if kind == "float64" else row[name] for row in rows]
        columns[name] = pandas.Series(values, dtype=kind)
    return pandas.DataFrame(columns)


def comparison_of(content: bytes, media_type: str, numbers: bytes) -> Comparison:
    """`content` as it was asked for, `numbers` the same as JSON."""
    try:
        found = json.loads(numbers)
    except ValueError:
        raise DataLoss("the comparison arrived damaged; try again") from None
    if not isinstance(found, dict) or found.get("schema") != _FORM:
        raise FailedPrecondition("the server writes comparisons in a form that is not known here; install its version of this package")
    runs = [{"arm": arm["arm"], **run} for arm in found["arms"] for run in arm["runs"]]
    return Comparison(
        content,
        media_type,
        cells=_frame([_cell(cell) for cell in found["cells"]], _CELL_TYPES),
        runs=_frame(runs, _RUN_TYPES),
        left_out=tuple(found["left_out"]),
        confidence=float(found["confidence"]),
    )
