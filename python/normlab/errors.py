"""What can go wrong. Every error has the server's code and message; those about fields name each wrong field.

    try:
        client.submit("mnist_mlp", norm="layr", batch_size=0)
    except normlab.InvalidArgument as error:
        for violation in error.violations:
            print(violation.field, violation.description)
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError

from normlab._proto import rpc

_DETAILS = "grpc-status-details-bin"
_MAX_DETAILS = 1 << 20


@dataclasses.dataclass(frozen=True)
class FieldViolation:
    """`field` is what the caller gave, "norm"; `path` where it stands in the request, "requests[3].spec.mnist_mlp.norm"."""

    field: str
    description: str
    path: str = ""


class NormlabError(Exception):
    """`code` is gRPC's name, "NOT_FOUND"; `retry_after` the seconds after which the server says to try again."""

    code = "UNKNOWN"

    def __init__(
        self,
        message: str,
        violations: Iterable[FieldViolation] = (),
        reason: str = "",
        retry_after: float | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)
        self.reason = reason
        self.retry_after = retry_after
        self.code = code or type(self).code

    def __str__(self) -> str:
        if not self.violations:
            return self.message or f"{self.code} (no reason was given)"
        if len(self.violations) == 1:
            return f"{self.violations[0].field} {self.violations[0].description}"
        width = max(len(violation.field) for violation in self.violations)
        lines = [f"  {violation.field:{width}}  {violation.description}" for violation in self.violations]
        return "\n".join([f"{len(lines)} fields are wrong:", *lines])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.violations, self.reason, self.retry_after, self.code)


class InvalidArgument(NormlabError, ValueError):
    code = "INVALID_ARGUMENT"


class NotFound(NormlabError, LookupError):
    code = "NOT_FOUND"


class AlreadyExists(NormlabError):
    code = "ALREADY_EXISTS"


class FailedPrecondition(NormlabError):
    """The request is right and cannot be met now: a data set is missing, a job has not ended."""

    code = "FAILED_PRECONDITION"


class ResourceExhausted(NormlabError):
    code = "RESOURCE_EXHAUSTED"


class PermissionDenied(NormlabError):
    code = "PERMISSION_DENIED"


class Unauthenticated(NormlabError):
    code = "UNAUTHENTICATED"


class Unavailable(NormlabError, ConnectionError):
    """No server, or one that is just going down. A change that was cut off was sent again by itself before this is raised."""

    code = "UNAVAILABLE"


class DeadlineExceeded(NormlabError, TimeoutError):
    code = "DEADLINE_EXCEEDED"


class DataLoss(NormlabError):
    """What is stored, or what arrived, is damaged."""

    code = "DATA_LOSS"


class JobFailed(NormlabError):
    """`jobs` are those that did not end well, of those that were waited for."""

    code = "ABORTED"

    def __init__(self, message: str, jobs: Any) -> None:
        super().__init__(message)
        self.jobs = jobs

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.jobs)


_BY_CODE: dict[str, type[NormlabError]] = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        ResourceExhausted,
        PermissionDenied,
        Unauthenticated,
        Unavailable,
        DeadlineExceeded,
        DataLoss,
    )
}


def own_name(path: str) -> str:
    """What a caller gave: the norm of "requests[3].spec.mnist_mlp.norm", the labels of "filter.labels"."""
    inner = re.sub(r"^(requests\[\d+\]|filter)\.", "", path)
    return re.sub(r"^spec\.(\w+\.)?", "", inner)


def invalid(violations: Iterable[FieldViolation]) -> InvalidArgument:
    """Each violation once, in order: a grid repeats those of fields that all its jobs share."""
    distinct = {(violation.field, violation.description): violation for violation in reversed(list(violations))}
    listed = list(reversed(distinct.values()))
    count = "1 field is wrong" if len(listed) == 1 else f"{len(listed)} fields are wrong"
    return InvalidArgument(count, listed)


def of_rpc(code: str, message: str, metadata: Iterable[tuple[str, Any]]) -> NormlabError:
    """The error that a call ended with, its details among its attributes."""
    violations: dict[tuple[str, str], FieldViolation] = {}
    reason, retry_after = "", None
    for detail in _details(metadata):
        kind = detail.type_url.rpartition("/")[2]
        if kind == "google.rpc.BadRequest":
            for one in rpc.BadRequest.FromString(detail.value).field_violations:
                name = own_name(one.field)
                violations.setdefault((name, one.description), FieldViolation(name, one.description, one.field))
        elif kind == "google.rpc.RetryInfo":
            delay = rpc.RetryInfo.FromString(detail.value).retry_delay
            retry_after = delay.seconds + delay.nanos * 1e-9
        elif kind == "google.rpc.ErrorInfo":
            reason = rpc.ErrorInfo.FromString(detail.value).reason
    kind_of_error = _BY_CODE.get(code, NormlabError)
    return kind_of_error(message, violations.values(), reason, retry_after, code)


def _details(metadata: Iterable[tuple[str, Any]]) -> list[Any]:
    for key, value in metadata:
        if key == _DETAILS and len(value) <= _MAX_DETAILS:
            try:
                return list(rpc.Status.FromString(value).details)
            except DecodeError:  # an error whose details cannot be read is still that error
                return []
    return []
