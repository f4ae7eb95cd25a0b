"""Named tensors in one file (https://github.com/huggingface/safetensors), read without a library: the format is a length, JSON, bytes.

Nothing is believed: every bound is checked against the length of the file, and memory comes from that length.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy
import numpy.typing

from normlab.errors import DataLoss

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
_MAX_HEADER = 16 << 20
Array = numpy.typing.NDArray[Any]


def read(content: bytes | bytearray) -> dict[str, Array]:
    """DataLoss says what is wrong and with which tensor. The arrays are views of `content`, of a bytearray writable."""
    if len(content) < 8:
        raise DataLoss(f"the file has {len(content)} bytes; a safetensors file begins with 8 that tell its header's length")
    size = int.from_bytes(content[:8], "little")
    if size > min(len(content) - 8, _MAX_HEADER):
        raise DataLoss(f"byte 0: a header of {size} bytes in a file of {len(content)}; at most {_MAX_HEADER} are read")
    try:
        header = json.loads(bytes(content[8 : 8 + size]))
    except (ValueError, RecursionError) as error:
        raise DataLoss(f"byte 8: the header is not JSON: {error}") from None
    if not isinstance(header, dict):
        raise DataLoss("byte 8: the header is not a JSON object")
    data = memoryview(content)[8 + size :]
    header.pop("__metadata__", None)
    tensors = {name: _tensor(name, about, data) for name, about in header.items()}
    at = 0
    for name in sorted(tensors, key=lambda name: tuple(map(int, header[name]["data_offsets"]))):
        begin, end = header[name]["data_offsets"]
        if begin != at:
            raise DataLoss(f"tensor {name!r}: begins at {begin}; the one before ends at {at}")
        at = end
    if at != len(data):
        raise DataLoss(f"the tensors end at {at} of {len(data)} bytes")
    return tensors


def _tensor(name: str, about: Any, data: memoryview) -> Array:
    try:
        kind, shape, (begin, end) = about["dtype"], about["shape"], about["data_offsets"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
    except (TypeError, KeyError, ValueError):
        raise DataLoss(f"tensor {name!r}: expected dtype, shape and two data_offsets") from None
    if not isinstance(kind, str) or kind not in _DTYPES:
        raise DataLoss(f"tensor {name!r}: is {kind!r}; expected one of {', '.join(_DTYPES)}")
    if not whole or len(shape) > 32 or not begin <= end <= len(data):
        raise DataLoss(f"tensor {name!r}: shape {shape!r} at {begin!r} to {end!r} does not lie in {len(data)} bytes")
    dtype = numpy.dtype(_DTYPES[kind])
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise DataLoss(f"tensor {name!r}: {kind} of shape {shape!r} in {end - begin} bytes")
    try:
        tensor: Array = numpy.frombuffer(data[begin:end], dtype).reshape(shape)
    except (ValueError, OverflowError) as error:  # dimensions beyond what an index can be, of a tensor without elements
        raise DataLoss(f"tensor {name!r}: {error}") from None
    return tensor
