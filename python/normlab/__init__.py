"""normlab from Python: submit and follow training jobs, read curves and weights, reproduce and judge papers.

docs/PYTHON.md is the manual; `Client` and `AsyncClient` are where to begin.
"""

from normlab._progress import Progress
from normlab.admin import Admin, AsyncAdmin
from normlab.aio import AsyncClient
from normlab.client import Client
from normlab.comparisons import Comparison
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
from normlab.jobs import Changed, Job, Jobs, JobState, LogLine
from normlab.papers import Figure, Plan, Rendered, Reproduction, Table
from normlab.upkeep import Backup, CheckReport, Collected, Scrub, Status

__all__ = [
    "Admin",
    "AlreadyExists",
    "AsyncAdmin",
    "AsyncClient",
    "Backup",
    "Changed",
    "CheckReport",
    "Client",
    "Collected",
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
    "LogLine",
    "NormlabError",
    "NotFound",
    "PermissionDenied",
    "Plan",
    "Progress",
    "Rendered",
    "Reproduction",
    "ResourceExhausted",
    "Scrub",
    "Status",
    "Table",
    "Unauthenticated",
    "Unavailable",
]
__version__ = "0.1.0"
