"""Runs as one file that travels: `normlab export --bundle` and `normlab import`, from Python. docs/BUNDLES.md describes the file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import uuid
import warnings
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import numpy
import pandas
from google.protobuf import json_format

from normlab import _calls, _curve_calls, errors
from normlab._proto import v1
from normlab._wire import Steps, Unary, Upload
from normlab.jobs import Job, JobsLike, ids_of

_FORMAT = "normlab bundle 1"
_ABOUT, _SUMS, _JOB = "bundle.json", "SHA256SUMS", "job.json"
_POINT = numpy.dtype([("step", "<u8"), ("value", "<f8"), ("wall_ms", "<i8")])
_NPY_HEADER = 192
_MAX_TEXT = 16 << 20
_MAX_CURVE = 256 << 20
_PIECE = 256 << 10
_POINTS_OF_A_MESSAGE = 4096
_FIRST_DAY = (1980, 1, 2, 0, 0, 0)  # equal runs give equal bundles: no time of the day in them


def _npy_header(points: int) -> bytes:
    about = f"{{'descr': [('step', '<u8'), ('value', '<f8'), ('wall_ms', '<i8')], 'fortran_order': False, 'shape': ({points},), }}"
    size = _NPY_HEADER - 10
    return b"\x93NUMPY\x01\x00" + size.to_bytes(2, "little") + about.ljust(size - 1).encode() + b"\n"


# --- writing ---


class _Writer:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._sums: list[str] = []

    @contextlib.contextmanager
    def member(self, name: str, size: int) -> Iterator[_Member]:
        about = zipfile.ZipInfo(name, _FIRST_DAY)
        about.compress_type = zipfile.ZIP_DEFLATED
        about.external_attr = 0o100644 << 16
        about.file_size = size
        with self._archive.open(about, "w") as file:
            member = _Member(file)
            yield member
        self._sums.append(f"{member.hash.hexdigest()}  {name}\n")

    def whole(self, name: str, content: bytes) -> None:
        with self.member(name, len(content)) as member:
            member.write(content)

    def finish(self) -> None:
        self.whole(_SUMS, "".join(self._sums).encode())


class _Member:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.hash.update(data)
        self._file.write(data)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def export(listed: JobsLike, path: str | os.PathLike[str], files: bool) -> Steps[pathlib.Path]:
    found = []
    for job_id in ids_of(listed):
        found.append((yield Unary("JobService.GetJob", v1.GetJobRequest(job_id=job_id))).job)
    ended = [job for job in found if Job.of(job).ended and not job.HasField("external")]
    if not ended:
        raise errors.FailedPrecondition("none of these jobs is one of normlab that has ended; only such runs go into a bundle")
    if len(ended) < len(found):
        warnings.warn(f"not ended or external, and so left out: {len(found) - len(ended)} of {len(found)} jobs", stacklevel=4)
    target = pathlib.Path(path)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        with zipfile.ZipFile(part, "x") as archive:
            writer = _Writer(archive)
            writer.whole(_ABOUT, _json({"format": _FORMAT, "written_by": "normlab for Python", "jobs": len(ended)}))
            for job in ended:
                yield from _export_job(writer, job, files)
            writer.finish()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _export_job(writer: _Writer, job: Any, files: bool) -> Steps[None]:
    folder = f"jobs/{job.job_id}"
    curves = {}
    for name in (yield from _curve_calls.series(job.job_id))["series"]:
        parts = yield from _curve_calls.read(job.job_id, name, _curve_calls.Range(skip_damaged=True))
        curves[name] = numpy.rec.fromarrays(parts.arrays(), dtype=_POINT)
    artifacts = []
    if files:
        answer = yield Unary("ArtifactService.ListArtifacts", v1.ListArtifactsRequest(job_id=job.job_id))
        artifacts = list(answer.artifacts)
    about = {
        "job": json_format.MessageToDict(job, preserving_proto_field_name=True),
        "curves": [
            {"series": name, "file": f"curves/{name}.npy", "points": len(points)} for name, points in curves.items()
        ],
        "left_out": [],
        "artifacts": [
            {"name": one.name, "file": f"artifacts/{one.name}"}
            | {name: getattr(one, name) for name in ("media_type", "step", "size", "crc32c")}
            for one in artifacts
        ],
    }
    writer.whole(f"{folder}/{_JOB}", _json(about))
    for name, points in curves.items():
        writer.whole(f"{folder}/curves/{name}.npy", _npy_header(len(points)) + points.tobytes())
    for one in artifacts:
        with writer.member(f"{folder}/artifacts/{one.name}", one.size) as member:
            yield from _calls.read_artifact(job.job_id, one.name, member.write)


# --- reading ---


class _Reader:
    """Errors name the file, and the member that is wrong."""

    def __init__(self, path: pathlib.Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        self._members = {info.filename: info for info in archive.infolist()}

    def wrong(self, name: str, what: str) -> errors.DataLoss:
        return errors.DataLoss(f"{self._path}: {name} {what}")

    def pieces(self, name: str) -> Iterator[bytes]:
        if name not in self._members:
            raise self.wrong(name, "is missing")
        try:
            with self._archive.open(self._members[name]) as file:
                while piece := file.read(_PIECE):
                    yield piece
        except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
            raise self.wrong(name, f"is damaged: {error}") from None

    def read(self, name: str, at_most: int) -> bytes:
        content = bytearray()
        for piece in self.pieces(name):
            content += piece
            if len(content) > at_most:
                raise self.wrong(name, f"is larger than {at_most} bytes")
        return bytes(content)

    def json(self, name: str) -> Any:
        try:
            return json.loads(self.read(name, _MAX_TEXT))
        except (ValueError, RecursionError) as error:
            raise self.wrong(name, f"is not JSON: {error}") from None

    def check(self) -> None:
        about = self.json(_ABOUT) if _ABOUT in self._members else None
        form = about.get("format") if isinstance(about, dict) else None
        if form != _FORMAT:
            raise errors.InvalidArgument(f"{self._path} has the format {form!r}; expected {_FORMAT!r}: is it a bundle, or a newer one?")
        listed = self.read(_SUMS, _MAX_TEXT).decode(errors="replace").splitlines()
        for name, line in zip(filter(lambda name: name != _SUMS, self._members), listed):
            total = hashlib.sha256()
            for piece in self.pieces(name):
                total.update(piece)
            if line != f"{total.hexdigest()}  {name}":
                raise self.wrong(name, f"is not what its {_SUMS} says")
        if len(listed) != len(self._members) - 1:
            raise self.wrong(_SUMS, f"names {len(listed)} of {len(self._members) - 1} files")

    def jobs(self) -> list[str]:
        return [name for name in self._members if name.endswith(f"/{_JOB}")]

    def messages(self, name: str, about: Any, job: Any) -> Iterator[Any]:
        """A job as the server takes it."""
        folder = name.removesuffix(_JOB)
        curves = [(one["series"], f"{folder}{one['file']}", one["points"]) for one in about["curves"]]
        header = {"job": job, "left_out": about["left_out"], "artifacts": len(about["artifacts"])}
        yield v1.ImportJobRequest(header=header | {"points": sum(points for *_, points in curves)})
        for series, file, _ in curves:
            content = self.read(file, _MAX_CURVE)
            count = max(0, len(content) - _NPY_HEADER) // _POINT.itemsize
            if content[:_NPY_HEADER] != _npy_header(count) or len(content) != _NPY_HEADER + count * _POINT.itemsize:
                raise self.wrong(file, "is not an array of points: NumPy format 1.0, fields step <u8, value <f8, wall_ms <i8")
            points = numpy.frombuffer(content, _POINT, offset=_NPY_HEADER)
            for begin in range(0, count, _POINTS_OF_A_MESSAGE):
                piece = points[begin : begin + _POINTS_OF_A_MESSAGE]
                columns = {"steps": piece["step"], "values": piece["value"], "wall_ms": piece["wall_ms"]}
                lists = {name: column.tolist() for name, column in columns.items()}
                yield v1.ImportJobRequest(points={"series": series, **lists})
        for one in about["artifacts"]:
            named = {key: one[key] for key in ("name", "media_type", "step", "size", "crc32c")}
            yield v1.ImportJobRequest(artifact=v1.Artifact(**named))
            for data in self.pieces(f"{folder}{one['file']}"):
                yield v1.ImportJobRequest(data=data)


def take_in(path: str | os.PathLike[str]) -> Steps[pandas.DataFrame]:
    """Behind a job that the server refuses it goes on, and not when the server or the bundle fails."""
    source = pathlib.Path(path)
    rows = []
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile:
        raise errors.InvalidArgument(f"{source} is not a bundle; expected a file of normlab export --bundle") from None
    with archive:
        reader = _Reader(source, archive)
        reader.check()
        for name in reader.jobs():
            about = reader.json(name)
            row = {"was": "", "job_id": "", "reused": False, "refused": ""}
            try:
                job = json_format.ParseDict(about["job"], v1.Job())
                row["was"] = job.job_id
                answer = yield Upload("ImportService.ImportJob", reader.messages(name, about, job))
                row |= {"job_id": answer.job.job_id, "reused": answer.reused}
            except (errors.InvalidArgument, errors.FailedPrecondition, errors.ResourceExhausted) as error:
                row["refused"] = str(error)
            except (json_format.ParseError, KeyError, TypeError, AttributeError, ValueError) as error:
                raise reader.wrong(name, f"is not as docs/BUNDLES.md says: {error}") from None
            rows.append(row)
    return pandas.DataFrame(rows, columns=["was", "job_id", "reused", "refused"])
