import json
import random

import numpy
import pytest

import normlab
from normlab import _safetensors


def file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


GOOD = file(
    {
        "__metadata__": {"step": "8"},
        "b": {"dtype": "F64", "shape": [2], "data_offsets": [24, 40]},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "empty": {"dtype": "I64", "shape": [0, 5], "data_offsets": [40, 40]},
        "one": {"dtype": "U8", "shape": [], "data_offsets": [40, 41]},
    },
    numpy.arange(6, dtype="<f4").tobytes() + numpy.array([0.1, numpy.inf], "<f8").tobytes() + b"\x07",
)


def test_tensors_are_arrays():
    read = _safetensors.read(bytearray(GOOD))
    assert set(read) == {"a", "b", "empty", "one"}
    assert read["a"].tolist() == [[0, 1, 2], [3, 4, 5]] and read["a"].dtype == numpy.float32
    assert read["b"].tolist() == [0.1, numpy.inf]
    assert read["empty"].shape == (0, 5) and int(read["one"]) == 7
    read["a"][0, 0] = 9  # writable, for torch


def one(**about):
    return file({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | about}, b"\0" * 4)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "has 0 bytes"),
        (b"\xff" * 8, "header of"),
        (file(b"{"), "not JSON"),
        (file(b"[" * 100_000), "not JSON"),
        (file([]), "not a JSON object"),
        (one(dtype="F8"), "expected one of"),
        (one(dtype=[]), "expected one of"),
        (one(shape=[2]), "F32 of shape"),
        (one(shape=[-1]), "does not lie"),
        (one(shape=[1.0]), "does not lie"),
        (one(shape=[True]), "does not lie"),
        (one(shape=3), "expected dtype, shape"),
        (one(shape=[1] * 33), "does not lie"),
        (one(shape=[0, 2**70], data_offsets=[0, 0]), "tensor 'w'"),
        (one(data_offsets=[0, 5]), "does not lie"),
        (one(data_offsets=[4, 0]), "does not lie"),
        (one(data_offsets=[0]), "expected dtype, shape"),
        (file({"w": 1}), "expected dtype, shape"),
        (GOOD + b"x", "end at 41 of 42"),
        (GOOD[:-1], "does not lie"),
        (file({n: {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]} for n in "ab"}, b"1234"), "begins at 0"),
        (file({"a": {"dtype": "U8", "shape": [2], "data_offsets": [2, 4]}}, b"1234"), "begins at 2"),
    ],
)
def test_what_is_wrong_is_said(content, said):
    with pytest.raises(normlab.DataLoss, match=said):
        _safetensors.read(content)


def test_damaged_files_are_read_or_refused_and_nothing_else():
    draw = random.Random(1)
    refused = 0
    for _ in range(5000):
        content = bytearray(GOOD)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        try:
            read = _safetensors.read(content[: draw.choice([None, draw.randrange(len(content))])])
            assert sum(tensor.nbytes for tensor in read.values()) <= len(content)
        except normlab.DataLoss:
            refused += 1
    assert 1000 < refused < 5000
