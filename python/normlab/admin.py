"""Looking after a server: `client.admin` and, with coroutines, `async_client.admin`. docs/OPERATIONS.md says when to do what."""

from __future__ import annotations

import datetime

import pandas

from normlab import _admin_calls
from normlab._admin_calls import Bytes
from normlab._job_calls import Labels, States
from normlab._wire import AsyncChannel, Channel
from normlab.upkeep import Backup, CheckReport, Collected, Status


class Admin:
    """Threads as of Client. PermissionDenied for what only an admin may; all may ask for status, metrics and backups."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def status(self) -> Status:
        """Version, jobs by state, workers, sizes, the last scrub and backup."""
        return self._channel.run(_admin_calls.status())

    def metrics(self) -> str:
        """The same for Prometheus (OpenMetrics)."""
        return self._channel.run(_admin_calls.metrics())

    def drain(self, *, off: bool = False, wait: bool = False) -> int:
        """No job begins until the server ends, or `off`; those under way go on. How many they are; with `wait` once it is 0."""
        return self._channel.run(_admin_calls.drain(off, wait))

    def backup(self, *, keep: int = 0, progress: Bytes = None) -> Backup:
        """Copies all that the server holds into a folder of its machine while it works, and reads the copy back.

        `keep` removes all but so many of the newest afterwards. `progress` is called with bytes done and bytes in all, an
        estimate. FailedPrecondition while another one is made.
        """
        return self._channel.run(_admin_calls.backup(keep, progress))

    def backups(self) -> pandas.DataFrame:
        """Newest first: name, taken, jobs, bytes, folder."""
        return self._channel.run(_admin_calls.backups())

    def check(self, backup: str = "", *, progress: Bytes = None) -> CheckReport:
        """Reads everything back now: what the server serves, or the backup of that name. Damage is in the report, not an error."""
        return self._channel.run(_admin_calls.check(backup, progress))

    def scrub(self) -> None:
        """Begins the same in the background, slowly; `status().scrub` tells how it goes."""
        self._channel.run(_admin_calls.scrub())

    def gc(
        self,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        older_than: float | datetime.timedelta | None = None,
        keep_newest: int = 0,
        dry_run: bool = False,
    ) -> Collected:
        """Deletes jobs that match, ended `older_than` seconds ago or earlier, and are not among the `keep_newest`.

        At least one of these is given. After a lost connection the same call deletes the rest.
        """
        return self._channel.run(_admin_calls.gc(states, experiment, labels, older_than, keep_newest, dry_run))


class AsyncAdmin:
    """The same as Admin, as coroutines."""

    def __init__(self, channel: AsyncChannel) -> None:
        self._channel = channel

    async def status(self) -> Status:
        return await self._channel.run(_admin_calls.status())

    async def metrics(self) -> str:
        return await self._channel.run(_admin_calls.metrics())

    async def drain(self, *, off: bool = False, wait: bool = False) -> int:
        return await self._channel.run(_admin_calls.drain(off, wait))

    async def backup(self, *, keep: int = 0, progress: Bytes = None) -> Backup:
        return await self._channel.run(_admin_calls.backup(keep, progress))

    async def backups(self) -> pandas.DataFrame:
        return await self._channel.run(_admin_calls.backups())

    async def check(self, backup: str = "", *, progress: Bytes = None) -> CheckReport:
        return await self._channel.run(_admin_calls.check(backup, progress))

    async def scrub(self) -> None:
        await self._channel.run(_admin_calls.scrub())

    async def gc(
        self,
        *,
        states: States = (),
        experiment: str = "",
        labels: Labels = None,
        older_than: float | datetime.timedelta | None = None,
        keep_newest: int = 0,
        dry_run: bool = False,
    ) -> Collected:
        return await self._channel.run(_admin_calls.gc(states, experiment, labels, older_than, keep_newest, dry_run))


for _name, _method in vars(Admin).items():  # help() and notebooks show what the methods do
    if not _name.startswith("_"):
        getattr(AsyncAdmin, _name).__doc__ = _method.__doc__
