"""What was measured, as DataFrames."""

from __future__ import annotations

from typing import Any

import numpy
import pandas


class CurveParts:
    """The messages of one curve, joined."""

    def __init__(self) -> None:
        self._columns: list[tuple[Any, Any, Any]] = []
        self.points_total = 0
        self.damage: list[str] = []

    def take(self, message: Any) -> None:
        columns = (
            numpy.array(message.steps, dtype=numpy.uint64),
            numpy.array(message.values, dtype=numpy.float64),
            numpy.array(message.wall_ms, dtype=numpy.int64),
        )
        self._columns.append(columns)
        self.points_total = max(self.points_total, message.points_total)
        if message.damage:
            self.damage.append(message.damage)

    def arrays(self) -> tuple[Any, Any, Any]:
        """Steps, values and milliseconds."""
        if not self._columns:
            return numpy.empty(0, numpy.uint64), numpy.empty(0), numpy.empty(0, numpy.int64)
        steps, values, wall = zip(*self._columns)
        return numpy.concatenate(steps), numpy.concatenate(values), numpy.concatenate(wall)

    def frame(self, job_id: str, series: str) -> pandas.DataFrame:
        steps, values, wall = self.arrays()
        times = pandas.to_datetime(wall, unit="ms", utc=True)
        frame = pandas.DataFrame({"value": values, "time": times}, index=pandas.Index(steps.astype(numpy.int64), name="step"))
        frame.attrs = {"job_id": job_id, "series": series, "points_total": self.points_total, "damage": "; ".join(self.damage)}
        return frame


_SERIES = ["series", "points", "first_step", "last_step", "min", "max", "last", "not_finite"]


def series_frame(series: list[Any]) -> pandas.DataFrame:
    rows = [{"series": one.name} | {name: getattr(one, name) for name in _SERIES[1:]} for one in series]
    return pandas.DataFrame(rows, columns=_SERIES)


def news_frame(message: Any) -> pandas.DataFrame:
    """Points of a WatchCurves message: job_id, series, step, value."""
    frames = [
        pandas.DataFrame(
            {
                "job_id": columns.job_id,
                "series": columns.series,
                "step": numpy.array(columns.steps, dtype=numpy.int64),
                "value": numpy.array(columns.values, dtype=numpy.float64),
            }
        )
        for columns in message.columns
    ]
    return pandas.concat(frames, ignore_index=True)
