"""The messages live in a pool of their own: what else a process has of google.rpc is no matter."""

import importlib.util
import subprocess
import sys

import pytest

# A file of the same name with other content, as googleapis-common-protos has one, in protobuf's default pool.
OTHERS = """
from google.protobuf import descriptor_pb2, descriptor_pool
other = descriptor_pb2.FileDescriptorProto(name="google/rpc/status.proto", package="google.rpc", syntax="proto3")
other.message_type.add(name="Status").field.add(name="other", number=1, type=9, label=1)
other.message_type.add(name="Extra")
descriptor_pool.Default().AddSerializedFile(other.SerializeToString())
"""
PUBLIC = "from google.rpc import status_pb2, error_details_pb2, code_pb2"
OURS = """
from normlab import errors
from normlab._proto import rpc, v1
bad = rpc.BadRequest(field_violations=[{"field": "norm", "description": "is wrong"}])
details = [{"type_url": "type.googleapis.com/google.rpc.BadRequest", "value": bad.SerializeToString()}]
status = rpc.Status(details=details).SerializeToString()
assert str(errors.of_rpc("INVALID_ARGUMENT", "m", [("grpc-status-details-bin", status)])) == "norm is wrong"
assert v1.JobSpec.FromString(v1.JobSpec(seed=3).SerializeToString()).seed == 3
"""


def run(*parts):
    return subprocess.run([sys.executable, "-c", "\n".join(parts)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("order", [(OTHERS, OURS), (OURS, OTHERS), (OURS,)], ids=["theirs first", "ours first", "alone"])
def test_another_google_rpc_in_the_same_process(order):
    done = run(*order)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(importlib.util.find_spec("google.rpc") is None, reason="googleapis-common-protos is not installed")
@pytest.mark.parametrize("order", [(PUBLIC, OURS), (OURS, PUBLIC)], ids=["theirs first", "ours first"])
def test_with_googleapis_common_protos(order):
    done = run(*order)
    assert done.returncode == 0, done.stderr


def test_nothing_of_ours_is_in_the_default_pool():
    done = run(OURS, "from google.protobuf import descriptor_pool", "descriptor_pool.Default().FindFileByName('normlab/v1/jobs.proto')")
    assert "KeyError" in done.stderr
