"""normlab from Python: submit and follow training jobs, read curves and weights, reproduce and judge papers.

docs/PYTHON.md is the manual; `Client` and `AsyncClient` are where to begin.
"""

from normlab._progress import Progress
from normlab.aio import AsyncClient
from normlab.client import Client
from normlab.errors import (
    AlreadyExists,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    JobFailed,
    NormlabError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from normlab.jobs import Job, Jobs, JobState
from normlab.papers import Comparison, Figure, Plan, Rendered, Reproduction, Table

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "Client",
    "Comparison",
    "DataLoss",
    "DeadlineExceeded",
    "FailedPrecondition",
    "FieldViolation",
    "Figure",
    "InvalidArgument",
    "Job",
    "JobFailed",
    "JobState",
    "Jobs",
    "NormlabError",
    "NotFound",
    "PermissionDenied",
    "Plan",
    "Progress",
    "Rendered",
    "Reproduction",
    "ResourceExhausted",
    "Table",
    "Unauthenticated",
    "Unavailable",
]
__version__ = "0.1.0"
