"""The types are those that a program of a user sees: mypy --strict over the package, and over programs that are right and wrong."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

RIGHT = """
from __future__ import annotations

import asyncio
import pathlib
from typing import Any, AsyncIterator, Iterator

import numpy
import numpy.typing

import normlab


def steps(client: normlab.Client) -> None:
    jobs: normlab.Jobs = client.submit("mnist_mlp", norm=["none", "layer"], batch_size=4, seeds="1-6", labels={"who": "ana"})
    job: normlab.Job = jobs[0]
    some: normlab.Jobs = jobs[1:3]
    news: Iterator[normlab.Job] = client.watch(some)
    state: normlab.JobState = next(news).state
    ended: normlab.Jobs = client.wait(job, progress=lambda one: print(one.share), timeout=3.0)
    weights: dict[str, numpy.typing.NDArray[Any]] = client.weights(job)
    table: normlab.Table = client.table("layer-norm-2016", "mnist")
    content: bytes = client.figure("layer-norm-2016", "mnist").content
    compared: normlab.Comparison = client.compare(jobs, "test/error")
    arms: dict[str, list[str]] = compared.arms
    left_out: tuple[str, ...] = compared.left_out
    print(arms, left_out, compared.confidence + 1, client.curves(labels={"who": "ana"}, max_points=20), client.plot_curves(jobs))
    changed: normlab.Changed = client.cancel_jobs(labels={"who": "ana"}, dry_run=True)
    fields: dict[str, Any] = client.job_fields(job, ["state"])
    lines: Iterator[normlab.LogLine] = client.watch_log(job)
    damage: tuple[str, ...] = client.admin.check().damage
    print(changed.ids, fields, next(lines).text, damage, client.admin.status().scrub.done)
    print(state, ended, weights, table.verdicts, content)
    try:
        client.cancel(ended)
    except normlab.InvalidArgument as error:
        wrong: list[str] = [violation.field for violation in error.violations]
        print(wrong)


async def same() -> None:
    async with normlab.AsyncClient() as client:
        jobs: normlab.Jobs = await client.submit("invariance")
        backup: normlab.Backup = await client.admin.backup()
        print(backup.taken.year)
        news: AsyncIterator[normlab.Job] = client.watch(jobs)
        async for job in news:
            print(job.job_id, job.config["norm"])


asyncio.run(same())
normlab.Client(address="lab.example:7070", ca="ca.pem", cert=pathlib.Path("ana.pem"), key="ana.key", token_file="ana.token")
"""
# What is wrong, and what mypy says of it.
WRONG = {
    'client.submit(experiment=3)  # a name': 'arg-type',
    'client.wait("j1", progres=True)': 'call-arg',
    'client.job("j1").stat': 'attr-defined',
    'number: int = client.artifact("j1", "x")': 'assignment',
    'client.wait(17)': 'arg-type',
    'normlab.Client(ca=b"-----BEGIN")': 'arg-type',
    'client.delete_jobs(label={})': 'call-arg',
    'client.compare("j1").cell': 'attr-defined',
    'word: str = client.compare("j1").confidence': 'assignment',
    'text: str = client.admin.status().started': 'assignment',
}  # fmt: skip


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    config = pathlib.Path(os.environ["NORMLAB_SOURCE"]) / "python/pyproject.toml"
    words = [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path_factory.mktemp("cache"))]
    environment = os.environ | {"MYPYPATH": os.environ["PYTHONPATH"]}

    def run(*more):
        return subprocess.run([*words, *more], env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_package(mypy):
    done = mypy("-p", "normlab")
    assert done.returncode == 0, done.stdout
    assert "Success" in done.stdout


def test_a_program_that_is_right(mypy, tmp_path):
    program = tmp_path / "right.py"
    program.write_text(RIGHT)
    done = mypy(str(program))
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def said(mypy, tmp_path_factory):
    program = tmp_path_factory.mktemp("types") / "wrong.py"
    program.write_text("import normlab\nclient = normlab.Client()\n" + "\n".join(WRONG) + "\n")
    return dict(re.findall(r"wrong\.py:(\d+): error: .*\[([a-z-]+)\]", mypy(str(program)).stdout))


@pytest.mark.parametrize("line", WRONG)
def test_a_program_that_is_wrong(said, line):
    assert said.get(str(3 + list(WRONG).index(line))) == WRONG[line]
