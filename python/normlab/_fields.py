"""Partial reads: fields of a job by the paths of proto/normlab/v1/jobs.proto, such as "state" and "spec.mnist_mlp.norm"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from normlab import _spec, errors
from normlab._proto import short, v1
from normlab.errors import FieldViolation
from normlab.jobs import stamp

_TIMESTAMP = "google.protobuf.Timestamp"


def mask(fields: str | Iterable[str]) -> list[str]:
    """Without repetitions, the id first. InvalidArgument names every path that a job does not have."""
    listed = [fields] if isinstance(fields, str) else list(fields)
    violations = [FieldViolation("fields", said) for path in listed if (said := _wrong(path))]
    if violations:
        raise errors.invalid(violations)
    return list(dict.fromkeys(["job_id", *listed]))


def _wrong(path: str) -> str:
    kind = v1.Job.DESCRIPTOR
    for name in path.split("."):
        known = kind.fields_by_name if kind is not None and kind.full_name != _TIMESTAMP else {}
        if name not in known:
            return f"has {path!r}, which a job does not have{_spec.near(name, known)}"
        kind = None if _is_map(known[name]) else known[name].message_type
    return ""


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def row(job: Any, paths: Sequence[str]) -> dict[str, Any]:
    return {path: _at(job, path) for path in paths}


def _at(message: Any, path: str) -> Any:
    """None for what is not there: a time that has not come, a field of another experiment."""
    name, _, rest = path.partition(".")
    field = message.DESCRIPTOR.fields_by_name[name]
    if not rest:
        return _plain(message, field)
    return _at(getattr(message, name), rest)  # of what is not there every field is unset


def _plain(message: Any, field: Any) -> Any:
    value = getattr(message, field.name)
    if _is_map(field):
        return dict(value)
    if field.has_presence and not message.HasField(field.name):
        return None
    if field.message_type is not None:
        if field.message_type.full_name == _TIMESTAMP:
            return stamp(value)
        return {inner.name: _plain(value, inner) for inner, _ in value.ListFields()}
    if field.enum_type is not None:
        name = short(field.enum_type.name, value)
        return name if field.enum_type.name == "JobState" else name.lower()
    return value
