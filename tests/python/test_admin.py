"""Looking after a server."""

import asyncio
import datetime
import inspect
import json
import pathlib
import re

import pytest

import normlab
from conftest import ENDLESS
from normlab import Admin, AsyncAdmin, JobState


@pytest.fixture
def ended(client):
    return client.wait(client.submit("invariance", trials=1, units=8, seeds="1-3", labels={"who": "ana"}), progress=False)


def test_the_status(client, home, ended):
    status = client.admin.status()
    assert status.jobs["SUCCEEDED"] == 3 and sum(status.jobs.values()) == 3
    assert pathlib.Path(status.home) == home and status.slots == 2 and status.whole and not status.draining
    assert status.started <= datetime.datetime.now(datetime.timezone.utc) and status.version.startswith("normlabd ")
    assert min(status.database_bytes, status.artifact_bytes, status.free_bytes, status.memory_bytes) > 0
    assert status.last_backup is None and status.scrub.ended is None and not status.scrub.under_way
    assert re.search(r'^normlab_jobs\{state="succeeded"\} 3$', client.admin.metrics(), re.MULTILINE | re.IGNORECASE)


def test_backups_are_made_listed_checked_and_removed(client, ended):
    seen = []
    first = client.admin.backup(progress=lambda done, total: seen.append((done, total)))
    assert first.jobs == 3 and first.bytes > 0 and pathlib.Path(first.folder).is_dir() and first.removed == ()
    assert all(0 <= done and total > 0 for done, total in seen)
    assert client.admin.status().last_backup == first and list(client.admin.backups()["name"]) == [first.name]
    report = client.admin.check(first.name)
    assert report.whole and report.bytes > 0 and report.series > 0 and report.files > 0
    second = client.admin.backup(keep=1)
    assert second.removed == (first.name,) and list(client.admin.backups()["folder"]) == [second.folder]
    with pytest.raises(normlab.NotFound):
        client.admin.check(first.name)


def test_damage_is_in_the_report(client, ended):
    copy = client.admin.backup()
    (file, *_) = [path for path in pathlib.Path(copy.folder).glob("*/**/*") if path.is_file() and path.stat().st_size > 0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
    report = client.admin.check(copy.name)
    assert not report.whole and report.damaged >= 1 and report.damage
    assert client.admin.check().whole, "files of a backup are copies"


def test_a_scrub_is_started_and_told(client, ended):
    client.admin.scrub()
    while client.admin.status().scrub.ended is None:
        pass
    assert client.admin.status().scrub.damaged == 0


def test_a_drained_server_begins_no_job(client):
    (running,) = client.submit("handwriting", **ENDLESS)
    next(one for one in client.watch(running) if one.steps_done > 0)
    assert client.admin.drain() == 1 and client.admin.status().draining
    (waits,) = client.submit("invariance", trials=1)
    client.cancel(running)
    assert client.admin.drain(wait=True) == 0
    assert client.job(waits).state is JobState.QUEUED
    assert client.admin.drain(off=True) == 0
    assert client.wait(waits, progress=False)[0].state is JobState.SUCCEEDED


def test_room_is_made(client, ended):
    with pytest.raises(normlab.InvalidArgument):
        client.admin.gc()
    would = client.admin.gc(labels={"who": "ana"}, keep_newest=1, dry_run=True)
    assert would.job_ids == ended.ids[1::-1] and would.bytes > 0 and len(client.jobs()) == 3
    assert client.admin.gc(older_than=datetime.timedelta(days=1)).job_ids == []
    assert client.admin.gc(states="failed").job_ids == []
    assert client.admin.gc(experiment="invariance", older_than=0, keep_newest=1) == would
    assert client.jobs().ids == ended.ids[2:]
    for age in (-1, float("nan"), float("inf")):
        with pytest.raises(normlab.InvalidArgument, match="^older_than is"):
            client.admin.gc(older_than=age)


def test_a_viewer_may_look_and_not_touch(daemon, home, monkeypatch):
    _, _, port = daemon.start("--listen", "127.0.0.1:0", "--role-token", "viewer")
    context = {"address": f"127.0.0.1:{port}", "token_file": str(home / "run/tokens/viewer")}
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    (home / "normlab").mkdir()
    (home / "normlab/contexts.json").write_text(json.dumps({"current": "", "contexts": {"lab": context}}))
    with normlab.Client(context="lab") as client:
        assert client.admin.status().slots == 2 and client.admin.backups().empty and client.admin.metrics()
        for refused in (client.admin.drain, client.admin.backup, client.admin.check, client.admin.scrub, lambda: client.log("j1")):
            with pytest.raises(normlab.PermissionDenied, match="refuses this"):
                refused()


def test_both_have_the_same_methods(home):
    def public(kind):
        return {name: method for name, method in vars(kind).items() if not name.startswith("_") and inspect.isfunction(method)}

    assert public(Admin).keys() == public(AsyncAdmin).keys()
    for name, method in public(Admin).items():
        other = public(AsyncAdmin)[name]
        assert inspect.signature(other).parameters == inspect.signature(method).parameters, name
        assert other.__doc__ == method.__doc__ and inspect.iscoroutinefunction(other)

    async def steps():
        async with normlab.AsyncClient(slots=1) as client:
            admin = client.admin
            await client.wait(await client.submit("invariance", trials=1), progress=False)
            made = await admin.backup()
            assert (await admin.status()).last_backup == made and list((await admin.backups())["name"]) == [made.name]
            assert (await admin.check(made.name)).whole and "normlab_jobs" in await admin.metrics()
            await admin.scrub()
            assert await admin.drain(wait=True) == 0 and await admin.drain(off=True) == 0
            assert len((await admin.gc(older_than=0)).job_ids) == 1

    asyncio.run(steps())
