"""Where the server is: the Unix socket of a home, or a loopback port with a token. The rules are those of the C++ programs
(proto/transport/address.h, base/paths.h): nothing is encrypted, so nothing but loopback is spoken."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import pathlib
import pwd
import socket as sockets
import stat
import urllib.parse

from normlab import _contexts
from normlab.errors import FieldViolation, InvalidArgument, PermissionDenied, Unavailable, invalid

_LONGEST_SOCKET = 107  # sockaddr_un
_TOKEN = range(32, 513)


def default_home() -> str:
    if home := os.environ.get("NORMLAB_HOME"):
        return home
    if data := os.environ.get("XDG_DATA_HOME"):
        return f"{data}/normlab"
    try:
        user = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise _wrong("home", "is missing, and neither HOME nor the system says where yours is") from None
    return f"{user}/.local/share/normlab"


@dataclasses.dataclass(frozen=True)
class Endpoint:
    home: str
    socket: str
    address: str = ""  # empty: the socket
    token: str = ""

    @property
    def name(self) -> str:
        return self.address or self.socket

    @property
    def target(self) -> str:
        """As gRPC takes it: nothing is looked up."""
        if not self.address:
            return "unix:" + urllib.parse.quote(self.socket, safe="/-._~")
        host, port = read_loopback(self.address)
        return f"ipv6:[::1]:{port}" if host == "::1" else f"ipv4:{host}:{port}"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


Path = str | os.PathLike[str]


def find(
    home: Path | None, socket: Path | None, address: str | None, token_file: Path | None, context: str | None = None
) -> Endpoint:
    """The server that is meant, by the rules of the command line (client/contexts.h): `home`, `socket` and `address`, else `context`,
    else NORMLAB_ADDRESS, NORMLAB_HOME, NORMLAB_CONTEXT, the context in use, the user's home. What is empty is not given."""
    given = {"home": home, "socket": socket, "address": address, "token_file": token_file}
    parts = {name: os.fspath(value) for name, value in given.items() if value is not None and os.fspath(value)}
    token_alone = parts.keys() <= {"token_file"}
    if context and not token_alone:
        raise _wrong("context", "names a server, and so does home, socket or address; give one")
    name = context or ""
    if token_alone and not name:
        if variable := os.environ.get("NORMLAB_ADDRESS"):
            parts["address"] = variable
        elif not os.environ.get("NORMLAB_HOME"):
            name = os.environ.get("NORMLAB_CONTEXT") or _contexts.current()
    if name:
        parts = _contexts.find(name) | parts
    elif "address" in parts and (variable := os.environ.get("NORMLAB_TOKEN_FILE")):
        parts.setdefault("token_file", variable)
    return _endpoint(**parts)


def _endpoint(home: str = "", socket: str = "", address: str = "", token_file: str = "") -> Endpoint:
    if address:
        read_loopback(address)
        return Endpoint("", "", address, read_token(token_file) if token_file else "")
    if token_file:
        raise _wrong("token_file", "goes with address; the Unix socket needs no token")
    home = home or default_home()
    path = socket or f"{home}/run/normlabd.sock"
    size = len(os.fsencode(path))
    if size > _LONGEST_SOCKET or "," in path or "\0" in path:
        raise _wrong("socket", f"{path!r} has {size} bytes; expected 1 to {_LONGEST_SOCKET} without a comma: choose a shorter home")
    return Endpoint(home, path)


def read_loopback(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise _wrong("address", f"is {address!r}; expected an address and a port such as 127.0.0.1:7070")
    if host == "localhost":
        return "127.0.0.1", int(port)
    try:
        number = ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
        if number.is_loopback and (number.version == 4) != host.startswith("[") and "%" not in host:
            return str(number), int(port)
    except ValueError:
        pass
    raise _wrong(
        "address",
        f"is {address!r}; only loopback (127.0.0.1, [::1] or localhost) is spoken, because nothing is encrypted; for another "
        "machine open a tunnel, such as: ssh -L 7070:127.0.0.1:7070 HOST",
    )


def read_token(path: str) -> str:
    """What is checked is the file that is read: both go by the descriptor. A pipe is refused, not waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _wrong("token_file", f"{path}: {error.strerror}") from None
    with open(fd, "rb") as file:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise _wrong("token_file", f"{path} is not a file")
        if mode & 0o077:
            raise _wrong("token_file", f"{path} may be read by others (mode {mode & 0o777:o}); run: chmod 600 {path}")
        token = file.read(_TOKEN.stop + 1).rstrip()
    if len(token) not in _TOKEN or not all(0x20 < byte < 0x7F for byte in token):
        raise _wrong("token_file", f"{path} holds {len(token)} characters; expected 32 to 512 printable ones on one line")
    return token.decode("ascii")


def try_socket(path: str) -> OSError | None:
    """What connect(2) says; None if somebody listens."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM | sockets.SOCK_NONBLOCK) as attempt:
        try:
            attempt.connect(path)
        except BlockingIOError:
            return None  # its queue is full: somebody listens, and is busy
        except OSError as error:
            return error
    return None


def absent(endpoint: Endpoint) -> bool:
    """True if nobody serves the socket, so that a server may be started."""
    error = try_socket(endpoint.socket)
    stands = os.path.exists(endpoint.socket) and not pathlib.Path(endpoint.socket).is_socket()
    return isinstance(error, (FileNotFoundError, ConnectionRefusedError)) and not stands


def explain(endpoint: Endpoint, said: str = "") -> Unavailable | PermissionDenied:
    """Why a call did not get through."""
    if endpoint.address:
        why = f" ({said})" if said else ""
        return Unavailable(f"no server at {endpoint.address}; start one with: normlabd --listen {endpoint.address}{why}")
    path = endpoint.socket
    error = try_socket(path)
    if isinstance(error, PermissionError):
        return PermissionDenied(f"{path}: permission denied; it is another user's: choose a home of your own, or ask its owner")
    if os.path.exists(path) and not pathlib.Path(path).is_socket():
        return Unavailable(f"{path} is not a socket, and stands where the server's should be; remove it or choose another home")
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return Unavailable(f"no server at {path}; start one with `normlab up` (or normlabd), or make a new Client()")
    if error is None:
        return Unavailable(f"the server at {path} cannot answer now: {said or 'it is busy or stopping'}")
    return Unavailable(f"{path}: {error.strerror}; choose another home")


def _wrong(field: str, description: str) -> InvalidArgument:
    return invalid([FieldViolation(field, description)])
