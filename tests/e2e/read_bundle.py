"""Reads a bundle as docs/BUNDLES.md describes it, and compares its curves with what `normlab export` printed as CSV.

    python3 read_bundle.py BUNDLE CSV
"""

import hashlib
import io
import json
import sys
import zipfile

import numpy
import pandas


def curves(bundle):
    """One frame a series, with its job and name, of every run in the bundle."""
    for name in bundle.namelist():
        if name.endswith("/job.json"):
            run = json.loads(bundle.read(name))
            for curve in run["curves"]:
                data = bundle.read(name.removesuffix("job.json") + curve["file"])
                frame = pandas.DataFrame(numpy.load(io.BytesIO(data)))
                assert len(frame) == curve["points"], curve
                yield frame.assign(job_id=run["job"]["job_id"], series=curve["series"])


def check_sums(bundle):
    for line in bundle.read("SHA256SUMS").decode().splitlines():
        digest, name = line.split("  ", 1)
        assert hashlib.sha256(bundle.read(name)).hexdigest() == digest, name


def main():
    with zipfile.ZipFile(sys.argv[1]) as bundle:
        check_sums(bundle)
        read = pandas.concat(curves(bundle), ignore_index=True)
    printed = pandas.read_csv(sys.argv[2], float_precision="round_trip", na_values=["NaN"])
    columns = ["job_id", "series", "step", "value", "wall_ms"]
    key = ["job_id", "series", "step"]
    left = read[columns].sort_values(key, ignore_index=True)
    right = printed[columns].sort_values(key, ignore_index=True)
    pandas.testing.assert_frame_equal(left, right, check_exact=True, check_dtype=False)
    assert len(left) > 0


main()
