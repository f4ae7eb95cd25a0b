"""A normlabd of our own: started when nobody serves the home, and ended when its last user has gone, whichever that is.

The protocol is that of `normlab reproduce` (client/server_process.h): everybody who uses such a server holds a share of a lock
(flock) beside its socket, and the server, started with --while-used, ends once it can have that lock alone. The kernel gives
a share back however its holder dies, so a killed notebook leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import select
import shutil
import signal
import subprocess
import time
import weakref
from collections.abc import Callable

from normlab import _address
from normlab.errors import AlreadyExists, DeadlineExceeded, Unavailable

_START_PATIENCE = 60.0  # opening a large store, migrating it
_STOP_PATIENCE = 30.0
_POLL = 0.05
_TRY_AGAIN = 0.2
_HOME_IN_USE = 5  # normlabd's exit code when another one has the home

_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


class Lock:
    """flock on a file. A share of it is given back by close() or by the end of the process."""

    def __init__(self, path: str, create: bool) -> None:
        if create:
            pathlib.Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        _locks.add(self)

    def take(self, alone: bool) -> bool:
        try:
            fcntl.flock(self._fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _forget_locks() -> None:
    for lock in list(_locks):
        lock.close()  # a child's copy of the descriptor would keep the parent's share


os.register_at_fork(after_in_child=_forget_locks)


def join(endpoint: _address.Endpoint) -> Lock | None:
    """Our share, if the server is one that ends with its users."""
    try:
        lock = Lock(f"{endpoint.socket}.users", create=False)
    except OSError:
        return None
    if lock.take(alone=False):
        return lock
    lock.close()
    return None


def _await_lock(path: str, alone: bool) -> Lock:
    lock = Lock(path, create=True)
    while not lock.take(alone):
        time.sleep(_POLL)
    return lock


class Server:
    """A server that may be another's: `process` is None then."""

    def __init__(self, use: Lock | None, process: subprocess.Popen[bytes] | None = None) -> None:
        self._use = use
        self._process = process
        self._pid = os.getpid()

    @property
    def ours(self) -> bool:
        return self._process is not None

    def leave(self) -> None:
        """Ends a server of our own, unless others use it. Its workers write checkpoints; queued jobs stay queued."""
        use, process, self._use, self._process = self._use, self._process, None, None
        if use is None or os.getpid() != self._pid:
            return
        if process is not None and use.take(alone=True):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()  # what it acknowledged is on disk
                process.wait()
        use.close()


def find_program(program: str | os.PathLike[str] | None) -> str:
    """normlabd: as given, in the folder NORMLAB_BIN, or on PATH."""
    if program is not None:
        found = shutil.which(os.fspath(program))
    elif folder := os.environ.get("NORMLAB_BIN"):
        found = shutil.which("normlabd", path=folder)
    else:
        found = shutil.which("normlabd")
    if found is None:
        raise Unavailable(
            "nobody serves this home, and normlabd is not on PATH to start: install normlab, or name the folder of its "
            "programs in NORMLAB_BIN"
        )
    return found


def ensure(
    endpoint: _address.Endpoint, program: str | os.PathLike[str] | None, slots: int | None, say: Callable[[str], None]
) -> Server:
    """The server of this home, started if there is none. One process at a time looks for it and starts it."""
    starting = _await_lock(f"{endpoint.socket}.start", alone=True)
    try:
        deadline = time.monotonic() + _START_PATIENCE
        while True:
            use = _await_lock(f"{endpoint.socket}.users", alone=False)
            try:
                if not _address.absent(endpoint):
                    return Server(use)
                found = find_program(program)
                say(f"starting a server for {endpoint.home}")
                say = _say_nothing  # once
                return Server(use, _start(endpoint, found, slots))
            except AlreadyExists:  # one that was started by hand opens its store, or ends
                use.close()
                if time.monotonic() > deadline:
                    raise
            except BaseException:
                use.close()
                raise
            time.sleep(_TRY_AGAIN)
    finally:
        starting.close()


def _say_nothing(_: str) -> None:
    pass


def _start(endpoint: _address.Endpoint, program: str, slots: int | None) -> subprocess.Popen[bytes]:
    pathlib.Path(endpoint.home).mkdir(mode=0o700, parents=True, exist_ok=True)
    log = f"{endpoint.home}/normlabd.log"
    words = [program, "--home", endpoint.home, "--socket", endpoint.socket, "--print-ready", "--while-used"]
    if slots is not None:
        words += ["--slots", str(slots)]
    read_end, write_end = os.pipe()
    try:
        log_file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            # A session of its own: Ctrl-C and a closed terminal reach only us.
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=write_end, stderr=log_file, start_new_session=True
            )
        finally:
            os.close(log_file)
            os.close(write_end)  # so that the pipe ends with the child
        try:
            _await_ready(process, read_end, log)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        return process
    finally:
        os.close(read_end)


def _await_ready(process: subprocess.Popen[bytes], read_end: int, log: str) -> None:
    deadline = time.monotonic() + _START_PATIENCE
    said = b""
    while b"\n" not in said:
        if not select.select([read_end], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise DeadlineExceeded(f"the server does not become ready; see {log}")
        piece = os.read(read_end, 256)
        if not piece:
            code = process.wait()
            tail = pathlib.Path(log).read_text(errors="replace")[-1000:]
            kind = AlreadyExists if code == _HOME_IN_USE else Unavailable
            raise kind(f"the server could not start; it exited with code {code}\n{tail}")
        said += piece
