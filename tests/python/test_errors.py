import pickle

import pytest

import normlab
from normlab import errors
from normlab._proto import rpc


def detail(name, message):
    return {"type_url": f"type.googleapis.com/google.rpc.{name}", "value": message.SerializeToString()}


def raised(code, *details):
    return errors.of_rpc(code, "why", [("other", "x"), ("grpc-status-details-bin", rpc.Status(details=details).SerializeToString())])


def test_details_become_attributes():
    listed = [
        {"field": "requests[0].spec.mnist_mlp.norm", "description": "is wrong"},
        {"field": "requests[1].spec.mnist_mlp.norm", "description": "is wrong"},
        {"field": "requests[1].labels[a b]", "description": "is long"},
        {"field": "page_size", "description": "is 0"},
    ]
    error = raised(
        "INVALID_ARGUMENT",
        detail("BadRequest", rpc.BadRequest(field_violations=listed)),
        detail("ErrorInfo", rpc.ErrorInfo(reason="TOO_MANY")),
        detail("RetryInfo", rpc.RetryInfo(retry_delay={"seconds": 1, "nanos": 500_000_000})),
        {"type_url": "type.googleapis.com/unknown.Detail", "value": b"\xff"},
    )
    assert isinstance(error, normlab.InvalidArgument) and isinstance(error, ValueError)
    assert [violation.field for violation in error.violations] == ["norm", "labels[a b]", "page_size"]
    assert error.violations[0].path == "requests[0].spec.mnist_mlp.norm"
    assert (error.reason, error.retry_after, error.code) == ("TOO_MANY", 1.5, "INVALID_ARGUMENT")
    assert str(error) == "3 fields are wrong:\n  norm         is wrong\n  labels[a b]  is long\n  page_size    is 0"


def test_one_violation_is_a_sentence_and_none_is_the_message():
    assert str(errors.invalid([errors.FieldViolation("norm", "is wrong")] * 2)) == "norm is wrong"
    assert str(raised("INTERNAL")) == "why"
    assert str(normlab.NormlabError("")) == "UNKNOWN (no reason was given)"


@pytest.mark.parametrize("bytes_", [b"\xff\xff", b"", b"\x1a\x02\x0a\xff", b"x" * (2 << 20)])
def test_details_that_cannot_be_read_leave_the_error(bytes_):
    error = errors.of_rpc("NOT_FOUND", "job j9 does not exist", [("grpc-status-details-bin", bytes_)])
    assert isinstance(error, normlab.NotFound) and isinstance(error, LookupError)
    assert (str(error), error.violations) == ("job j9 does not exist", ())


@pytest.mark.parametrize(
    "error",
    [
        errors.NormlabError("m", code="INTERNAL", reason="R", retry_after=2.0),
        errors.invalid([errors.FieldViolation("a", "b", "c")]),
        errors.DeadlineExceeded("late"),
        errors.Unavailable("away"),
        errors.JobFailed("bad", ("j1",)),
    ],
)
def test_errors_travel_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error) and vars(copy) == vars(error)


def test_errors_are_what_python_calls_them():
    assert issubclass(normlab.DeadlineExceeded, TimeoutError)
    assert issubclass(normlab.Unavailable, ConnectionError)
