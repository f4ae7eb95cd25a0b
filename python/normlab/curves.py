"""What was measured, as DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy
import pandas

from normlab.errors import FieldViolation, invalid


class CurveParts:
    """The messages of one curve, joined."""

    def __init__(self) -> None:
        self._columns: list[tuple[Any, Any, Any]] = []
        self.points = 0
        self.points_total = 0
        self.damage: list[str] = []

    def take(self, message: Any) -> None:
        columns = (
            numpy.array(message.steps, dtype=numpy.uint64),
            numpy.array(message.values, dtype=numpy.float64),
            numpy.array(message.wall_ms, dtype=numpy.int64),
        )
        self._columns.append(columns)
        self.points += len(message.steps)
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
        frame = pandas.DataFrame({"value": values, "time": _times(wall)}, index=pandas.Index(steps.astype(numpy.int64), name="step"))
        frame.attrs = {"job_id": job_id, "series": series, "points_total": self.points_total, "damage": "; ".join(self.damage)}
        return frame


class LongFrame:
    """Curves one behind the other, with what they are of in front: columns of `types`, step, value, time.

    They are joined column by column, so that the whole is never there twice. InvalidArgument if there are more than `most` points.
    """

    def __init__(self, types: Mapping[str, str], most: int) -> None:
        self._types = types
        self._most = most
        self._keys: list[tuple[Any, ...]] = []
        self._sizes: list[int] = []
        self._pieces: tuple[list[Any], ...] = ([], [], [])
        self._points = 0
        self._key: tuple[Any, ...] = ()
        self._parts = CurveParts()
        self.points_total = 0
        self.damage: list[str] = []

    def begin(self, key: tuple[Any, ...]) -> Callable[[Any], None]:
        """What takes the messages of a curve. Several may be begun; they are read and ended one at a time."""
        parts = CurveParts()

        def take(message: Any) -> None:
            parts.take(message)
            if self._points + parts.points > self._most:
                said = f"have more than {self._most:,} points together; give max_points, fewer jobs or fewer series"
                raise invalid([FieldViolation("jobs", said)])
            self._key, self._parts = key, parts

        return take

    def end(self) -> None:
        """The curve whose messages were taken last is whole."""
        for pieces, column in zip(self._pieces, self._parts.arrays()):
            pieces.append(column)
        self._keys.append(self._key)
        self._sizes.append(self._parts.points)
        self._points += self._parts.points
        self.points_total += self._parts.points_total
        self.damage += self._parts.damage

    def frame(self) -> pandas.DataFrame:
        """Once."""
        steps, values, wall = self._pieces
        measured = {"time": _times(_joined(wall, "int64")), "step": _joined(steps, "int64"), "value": _joined(values, "float64")}
        columns: dict[str, Any] = {}
        for at, (name, kind) in enumerate(self._types.items()):
            columns[name] = numpy.repeat(numpy.array([key[at] for key in self._keys], dtype=kind), self._sizes)
        columns |= {name: measured[name] for name in ("step", "value", "time")}
        frame = pandas.DataFrame(columns, copy=False)
        frame.attrs = {"points_total": self.points_total, "damage": "; ".join(dict.fromkeys(self.damage))}
        return frame


def _times(wall: Any) -> Any:
    """Of milliseconds. to_datetime() would make several copies."""
    return pandas.DatetimeIndex((wall * 1_000_000).view("datetime64[ns]")).tz_localize("UTC")


def _joined(pieces: list[Any], kind: str) -> Any:
    whole = numpy.concatenate([numpy.empty(0, kind), *pieces], dtype=kind, casting="unsafe")
    pieces.clear()
    return whole


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
