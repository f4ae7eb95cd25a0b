"""Where the server is: the Unix socket of a home, a loopback port with a token, or with TLS any host. The rules are those of the C++
programs (proto/transport/address.h, channel.h, base/paths.h): what is not encrypted goes to loopback alone."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import pathlib
import pwd
import re
import socket as sockets
import urllib.parse

from normlab import _contexts, _tls
from normlab._tls import wrong
from normlab.errors import PermissionDenied, Unavailable

_LONGEST_SOCKET = 107  # sockaddr_un
_TOKEN = range(32, 513)
_LARGEST_TOKEN_FILE = 4096
_FILES = ("token_file", "ca", "cert", "key")  # they go with an address
_HOST_NAME = re.compile(r"(?![.-])[A-Za-z0-9.-]{1,253}")
_TRY_SECONDS = 1.0


def default_home() -> str:
    if home := os.environ.get("NORMLAB_HOME"):
        return home
    if data := os.environ.get("XDG_DATA_HOME"):
        return f"{data}/normlab"
    try:
        user = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise wrong("home", "is missing, and neither HOME nor the system says where yours is") from None
    return f"{user}/.local/share/normlab"


@dataclasses.dataclass(frozen=True)
class Endpoint:
    home: str
    socket: str
    address: str = ""  # empty: the socket
    token: str = ""
    identity: _tls.Identity | None = None  # with it TLS is spoken

    @property
    def name(self) -> str:
        return self.address or self.socket

    @property
    def target(self) -> str:
        """As gRPC takes it: nothing is looked up but the name of a server with TLS."""
        if not self.address:
            return "unix:" + urllib.parse.quote(self.socket, safe="/-._~")
        host, port = self.host_and_port()
        if ":" in host:
            return f"ipv6:[{host}]:{port}"
        return f"ipv4:{host}:{port}" if _is_number(host) else f"dns:///{host}:{port}"

    def host_and_port(self) -> tuple[str, int]:
        return read_remote(self.address) if self.identity is not None else read_loopback(self.address)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


Path = str | os.PathLike[str]


def find(
    home: Path | None,
    socket: Path | None,
    address: str | None,
    token_file: Path | None,
    context: str | None = None,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
) -> Endpoint:
    """The server that is meant, by the rules of the command line (client/contexts.h): `home`, `socket` and `address`, else `context`,
    else NORMLAB_ADDRESS, NORMLAB_HOME, NORMLAB_CONTEXT, the context in use, the user's home. What is empty is not given."""
    given = {"home": home, "socket": socket, "address": address, "token_file": token_file, "ca": ca, "cert": cert, "key": key}
    parts = {name: os.fspath(value) for name, value in given.items() if value is not None and os.fspath(value)}
    files_alone = parts.keys() <= set(_FILES)
    if context and not files_alone:
        raise wrong("context", "names a server, and so does home, socket or address; give one")
    name = context or ""
    if files_alone and not name:
        if variable := os.environ.get("NORMLAB_ADDRESS"):
            parts["address"] = variable
        elif not os.environ.get("NORMLAB_HOME"):
            name = os.environ.get("NORMLAB_CONTEXT") or _contexts.current()
    if name:
        parts = _contexts.find(name) | parts
    elif "address" in parts:
        for file in _FILES:
            if variable := os.environ.get(f"NORMLAB_{file.upper()}"):
                parts.setdefault(file, variable)
    return _endpoint(**parts)


def _endpoint(
    home: str = "", socket: str = "", address: str = "", token_file: str = "", ca: str = "", cert: str = "", key: str = ""
) -> Endpoint:
    if token_file and not address:
        raise wrong("token_file", "goes with address; the Unix socket needs no token")
    if ca and not address:
        raise wrong("ca", "goes with address; nothing is encrypted on the Unix socket")
    if bool(cert) != bool(key):
        raise wrong("cert" if cert else "key", "is alone; cert and key go together: a certificate and the key it was made for")
    if cert and not ca:
        raise wrong("cert", "goes with ca, the certificate of who signed the server's")
    if address:
        _check_address(address, ca)
        identity = _tls.read_identity(ca, cert, key) if ca else None
        return Endpoint("", "", address, read_token(token_file) if token_file else "", identity)
    home = home or default_home()
    path = socket or f"{home}/run/normlabd.sock"
    size = len(os.fsencode(path))
    if size > _LONGEST_SOCKET or "," in path or "\0" in path:
        raise wrong("socket", f"{path!r} has {size} bytes; expected 1 to {_LONGEST_SOCKET} without a comma: choose a shorter home")
    return Endpoint(home, path)


def _check_address(address: str, ca: str) -> None:
    if ca:
        read_remote(address)
    else:
        read_loopback(address)


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise wrong("address", f"is {address!r}; expected an address and a port such as 127.0.0.1:7070")
    return host, int(port)


def _numeric(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """IPv6 stands in brackets."""
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        number = ipaddress.ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None
    return number if (number.version == 6) == bracketed and "%" not in host else None


def _is_number(host: str) -> bool:
    return _numeric(host) is not None


def read_loopback(address: str) -> tuple[str, int]:
    host, port = _split(address)
    if host == "localhost":
        return "127.0.0.1", port
    number = _numeric(host)
    if number is not None and (number.is_loopback if number.version == 4 else str(number) == "::1"):
        return str(number), port
    with_ca = ""
    if number is not None or _HOST_NAME.fullmatch(host):
        with_ca = "; if the server speaks TLS give ca, a file with the certificate of who signed its own"
    raise wrong(
        "address",
        f"is {address!r}; only loopback (127.0.0.1, [::1] or localhost) is spoken without TLS, for nothing is encrypted; for another "
        f"machine give certificates, or open a tunnel, such as: ssh -L 7070:127.0.0.1:7070 HOST{with_ca}",
    )


def read_remote(address: str) -> tuple[str, int]:
    """A name, or a number without brackets."""
    host, port = _split(address)
    number = _numeric(host)
    if number is None and not _HOST_NAME.fullmatch(host):
        raise wrong("address", f"is {address!r}; expected a host and the server's port, such as lab.example:7070")
    return host if number is None else str(number), port


def read_token(path: str) -> str:
    token = _tls.read_file("token_file", path, _LARGEST_TOKEN_FILE, secret=True).rstrip()
    if len(token) not in _TOKEN or not all(0x20 < byte < 0x7F for byte in token):
        raise wrong("token_file", f"{path} holds {len(token)} characters; expected 32 to 512 printable ones on one line")
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
        return Unavailable(_explain_address(endpoint, f" ({said})" if said else ""))
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



def _explain_address(endpoint: Endpoint, said: str) -> str:
    where = endpoint.address
    host, port = endpoint.host_and_port()
    if endpoint.identity is not None:
        found = _tls.probe(host, port, where, endpoint.identity)
        return found or f"{where} speaks TLS and does not answer; it is busy or stopped, or it is not normlabd{said}"
    try:
        sockets.create_connection((host, port), _TRY_SECONDS).close()
    except OSError:
        return f"no server at {where}; start one with: normlabd --listen {where}{said}"
    return f"{where} does not answer; it is busy or stopped, or not normlabd, or it speaks TLS: then give ca{said}"
