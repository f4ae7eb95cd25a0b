"""The messages of packages normlab.v1 and google.rpc, made from descriptors in a pool of their own.

Nothing here enters protobuf's default pool, where two files of one name are an error for the whole process: normlab has a
google/rpc/status.proto, and so has the package googleapis-common-protos. There is no generated code either, which would
be tied to the release of protobuf that it was generated for.

    v1.GetJobRequest(job_id="j17")        short("JobState", 2) == "RUNNING"       number("JobState", "RUNNING") == 2
"""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2, field_mask_pb2, message_factory, timestamp_pb2

_UNSET = "UNSPECIFIED"


def _load() -> Any:
    pool = descriptor_pool.DescriptorPool()
    for module in (any_pb2, descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    content = importlib.resources.files(__name__).joinpath("descriptors.binpb").read_bytes()
    files = {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(content).file}

    def add(name: str) -> None:
        file = files.pop(name, None)
        if file is not None:
            for dependency in file.dependency:
                add(dependency)
            pool.AddSerializedFile(file.SerializeToString())

    for name in list(files):
        add(name)
    return pool


_POOL = _load()
_FACTORY = None if hasattr(message_factory, "GetMessageClass") else message_factory.MessageFactory(_POOL)


@functools.cache
def message_class(full_name: str) -> Any:
    descriptor = _POOL.FindMessageTypeByName(full_name)
    return message_factory.GetMessageClass(descriptor) if _FACTORY is None else _FACTORY.GetPrototype(descriptor)


class _Package:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        try:
            return message_class(f"{self._name}.{name}")
        except KeyError:
            raise AttributeError(f"package {self._name} has no message {name}") from None


v1 = _Package("normlab.v1")
rpc = _Package("google.rpc")


@functools.cache
def method(name: str) -> tuple[str, Any]:
    """Path and class of the answers of "JobService.GetJob"."""
    service, _, method_name = name.partition(".")
    descriptor = _POOL.FindServiceByName(f"normlab.v1.{service}").methods_by_name[method_name]
    return f"/normlab.v1.{service}/{method_name}", message_class(descriptor.output_type.full_name)


@functools.cache
def _enum(name: str) -> tuple[Any, str]:
    enum = _POOL.FindEnumTypeByName(f"normlab.v1.{name}")
    return enum, enum.values[0].name.removesuffix(_UNSET)


def short(enum: str, value: int) -> str:
    """The name without its enum's prefix; a value that only a newer server knows is its number."""
    descriptor, prefix = _enum(enum)
    known = descriptor.values_by_number.get(value)
    return str(known.name.removeprefix(prefix) if known is not None else value)


def number(enum: str, name: str) -> int:
    """KeyError for a name that there is not."""
    descriptor, prefix = _enum(enum)
    return int(descriptor.values_by_name[prefix + name].number)


def names(enum: str) -> list[str]:
    descriptor, prefix = _enum(enum)
    return [value.name.removeprefix(prefix) for value in descriptor.values if not value.name.endswith(_UNSET)]
