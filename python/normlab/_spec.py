"""Keyword arguments into job specs: names, types and choices by the descriptors of the messages; sweeps and seeds.

The server checks all the rest (ranges, rules between fields), so that what is refused here and there comes back together.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf import descriptor

from normlab._proto import names, number, short, v1
from normlab.errors import FieldViolation

MAX_JOBS_OF_A_CALL = 1000

_TYPES = {"INT32": (-(2**31), 2**31 - 1), "INT64": (-(2**63), 2**63 - 1), "UINT32": (0, 2**32 - 1), "UINT64": (0, 2**64 - 1)}


_KINDS = {
    getattr(descriptor.FieldDescriptor, f"TYPE_{name}"): name for name in (*_TYPES, "DOUBLE", "BOOL", "ENUM", "MESSAGE")
}


def _type(field: Any) -> str:
    """KeyError for a type that no configuration has."""
    return _KINDS[field.type]


def _choices(field: Any) -> dict[str, int]:
    name = field.enum_type.name
    return {one.lower(): number(name, one) for one in names(name)}


def experiments() -> list[str]:
    return [field.name for field in v1.JobSpec.DESCRIPTOR.oneofs_by_name["experiment"].fields]


@functools.cache
def fields_of(experiment: str) -> dict[str, tuple[Any, ...]]:
    """Each field's name, and the way to it: a message in the configuration is inlined, its fields are the experiment's own."""
    found: dict[str, tuple[Any, ...]] = {}
    for field in v1.JobSpec.DESCRIPTOR.fields_by_name[experiment].message_type.fields:
        if _type(field) == "MESSAGE":
            found.update({one.name: (field, one) for one in field.message_type.fields})
        else:
            found[field.name] = (field,)
    return found


def config_of(spec: Any) -> tuple[str, dict[str, Any]]:
    """The experiment and its fields as Python has them, choices in their short form."""
    experiment = spec.WhichOneof("experiment") or ""
    config: dict[str, Any] = {}

    def add(message: Any) -> None:
        for field, value in message.ListFields():
            kind = _type(field)
            if kind == "MESSAGE":
                add(value)
            else:
                config[field.name] = short(field.enum_type.name, value).lower() if kind == "ENUM" else value

    if experiment:
        add(getattr(spec, experiment))
    return experiment, config


def near(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


class _Wrong(Exception):
    pass


def _convert(field: Any, value: Any) -> Any:
    kind = _type(field)
    if kind == "ENUM":
        choices = _choices(field)
        if isinstance(value, str) and value.lower() in choices:
            return choices[value.lower()]
        raise _Wrong(f"is {value}; expected one of {', '.join(choices)}{near(str(value), choices)}")
    if kind == "BOOL":
        if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
            return bool(value)
        raise _Wrong(f"is {value!r}; expected True or False")
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _Wrong(f"is {value!r}; expected a number")
    if kind == "DOUBLE":
        if math.isnan(value):
            raise _Wrong("is NaN; expected a number")
        return float(value)
    whole: Any = math.floor(value) if math.isfinite(value) else None  # what floor gives of a Real is not said
    if whole is None or whole != value:
        raise _Wrong(f"is {value}; expected a whole number")
    low, high = _TYPES[kind]
    if not low <= whole <= high:
        raise _Wrong(f"is {value}; expected {low} to {high}")
    return int(whole)


def _is_sweep(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def read_seeds(seeds: int | str | Iterable[int] | None, violations: list[FieldViolation]) -> list[int | None]:
    """3, [1, 2, 3], range(1, 7) or "1-6,9". None: the default of the server."""
    if seeds is None:
        return [None]
    listed: list[Any] = []
    if isinstance(seeds, str):
        for part in seeds.split(","):
            match = re.fullmatch(r"\s*([0-9]{1,16})(?:-([0-9]{1,16}))?\s*", part)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
            if not first <= last or last - first >= MAX_JOBS_OF_A_CALL:
                violations.append(FieldViolation("seeds", f'has "{part}"; expected seeds such as "1-6" or "1,3,10-12"'))
                return [None]
            listed += range(first, last + 1)
    else:
        listed = list(itertools.islice(seeds, MAX_JOBS_OF_A_CALL + 1)) if _is_sweep(seeds) else [seeds]  # type: ignore[arg-type]
    read: list[int | None] = []
    for seed in listed:
        try:
            read.append(_convert(v1.JobSpec.DESCRIPTOR.fields_by_name["seed"], seed))
        except _Wrong as wrong:
            violations.append(FieldViolation("seeds", str(wrong)))
    if not listed:
        violations.append(FieldViolation("seeds", "is empty; expected at least one seed"))
    return read or [None]


@dataclasses.dataclass
class Specs:
    specs: list[Any]
    violations: list[FieldViolation]


def make_specs(experiment: str, fields: Mapping[str, Any], seeds: int | str | Iterable[int] | None) -> Specs:
    """A spec for every combination of the values of swept fields and every seed, seeds fastest. Fields that are wrong are left
    out of the specs and named among the violations."""
    violations: list[FieldViolation] = []
    if experiment not in experiments():
        listed = ", ".join(experiments())
        said = f"is {experiment!r}; expected one of {listed}{near(str(experiment), experiments())}"
        return Specs([], [FieldViolation("experiment", said)])
    known = fields_of(experiment)
    grid: list[tuple[tuple[Any, ...], Sequence[Any]]] = []
    for name, given in fields.items():
        if name not in known:
            violations.append(FieldViolation(name, f"is not a field of {experiment}{near(name, known)}"))
        elif given is not None:
            values = _converted(name, known[name][-1], given, violations)
            if values:
                grid.append((known[name], values))
    chosen = read_seeds(seeds, violations)
    count = math.prod([len(values) for _, values in grid], start=len(chosen))
    if count > MAX_JOBS_OF_A_CALL:
        violations.append(FieldViolation("seeds", f"and fields make {count} jobs; submit at most {MAX_JOBS_OF_A_CALL} at a time"))
        return Specs([], violations)
    specs = []
    for combination in itertools.product(*[values for _, values in grid]):
        for seed in chosen:
            specs.append(_spec(experiment, [(way, value) for (way, _), value in zip(grid, combination)], seed))
    return Specs(specs, violations)


def _converted(name: str, field: Any, given: Any, violations: list[FieldViolation]) -> list[Any]:
    values = list(itertools.islice(given, MAX_JOBS_OF_A_CALL + 1)) if _is_sweep(given) else [given]
    if not values:
        violations.append(FieldViolation(name, "is empty; expected at least one value"))
    converted = []
    for value in values:
        try:
            converted.append(_convert(field, value))
        except _Wrong as wrong:
            violations.append(FieldViolation(name, str(wrong)))
    return converted


def _spec(experiment: str, values: Sequence[tuple[tuple[Any, ...], Any]], seed: int | None) -> Any:
    spec = v1.JobSpec()
    config = getattr(spec, experiment)
    config.SetInParent()
    for way, value in values:
        message = config
        for field in way[:-1]:
            message = getattr(message, field.name)
        setattr(message, way[-1].name, value)
    if seed is not None:
        spec.seed = seed
    return spec
