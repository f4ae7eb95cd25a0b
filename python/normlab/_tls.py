"""TLS with a server on another machine: files that are looked at before they are used, and in words why there is no connection.

The rules are those of the C++ programs (proto/transport/pem_files.h, tls_probe.h). gRPC says only that it could not connect.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import re
import socket as sockets
import ssl
import stat
from collections.abc import Iterator

import grpc

from normlab.errors import FieldViolation, InvalidArgument, invalid

_LARGEST = 1 << 20
_PATIENCE = 5.0  # seconds with a server that does not answer
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_WRONG_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NO_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG")


def wrong(field: str, description: str) -> InvalidArgument:
    return invalid([FieldViolation(field, description)])


@dataclasses.dataclass(frozen=True)
class Identity:
    """What is shown and what is expected, as PEM. `cert_file` is for messages; empty: nothing is shown."""

    ca: bytes = dataclasses.field(repr=False)
    cert: bytes = dataclasses.field(default=b"", repr=False)
    key: bytes = dataclasses.field(default=b"", repr=False)
    cert_file: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.ca, self.key or None, self.cert or None)


def read_identity(ca: str, cert: str = "", key: str = "") -> Identity:
    """Of files. InvalidArgument names the one that cannot be used, and why."""
    authority = read_file("ca", ca, _LARGEST)
    _read_end("ca", ca, authority)
    if not cert:
        return Identity(authority)
    shown, secret = read_file("cert", cert, _LARGEST), read_file("key", key, _LARGEST, secret=True)
    end = _read_end("cert", cert, shown)
    try:
        _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), shown, secret)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise wrong("key", f"{key} is not the key of the certificate in {cert}") from None
        raise wrong("key", f"{key} holds no key in PEM form, or one that needs a password") from None
    if end < datetime.datetime.now(datetime.timezone.utc):
        raise wrong("cert", f"{cert} has expired")
    return Identity(authority, shown, secret, cert)


def read_file(field: str, path: str, most: int, secret: bool = False) -> bytes:
    """What is checked is the file that is read: both go by the descriptor. A pipe is refused, not waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
        raise wrong(field, f"{path}: {error.strerror if isinstance(error, OSError) else error}") from None
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise wrong(field, f"{path} is not a file")
        if secret and mode & 0o077:
            raise wrong(field, f"{path} may be read by others (mode {mode & 0o777:o}); run: chmod 600 {path}")
        with open(fd, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(fd)
    if len(content) > most:
        raise wrong(field, f"{path} has more than {most} bytes")
    return content


def _read_end(field: str, path: str, pem: bytes) -> datetime.datetime:
    """When the first certificate ends."""
    found = _CERTIFICATE.search(pem.decode("latin-1"))
    try:
        if found is None:
            raise ValueError
        return _end_of(ssl.PEM_cert_to_DER_cert(found[0]))
    except (ValueError, IndexError):
        raise wrong(field, f"{path} holds no certificate in PEM form") from None


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Its tag, and where its content begins and ends."""
    size, begin = der[at + 1], at + 2
    if size & 0x80:
        begin += size & 0x7F
        size = int.from_bytes(der[at + 2 : begin], "big")
    return der[at], begin, begin + size


def _end_of(der: bytes) -> datetime.datetime:
    """RFC 5280, 4.1: notAfter is the second time of the validity, which stands behind version, serial number, algorithm and issuer."""
    at = _element(der, _element(der, 0)[1])[1]
    if der[at] == 0xA0:
        at = _element(der, at)[2]
    for _ in range(3):
        at = _element(der, at)[2]
    tag, begin, end = _element(der, _element(der, _element(der, at)[1])[2])
    text = der[begin:end].decode("ascii")
    if tag == 0x17:  # UTCTime has two digits of the year
        text = ("20" if text < "50" else "19") + text
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """The path of a file that is on no disk: module ssl takes keys from files alone."""
    fd = os.memfd_create("pem")
    try:
        os.write(fd, content)
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _load(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    with _in_memory(cert) as cert_file, _in_memory(key) as key_file:
        context.load_cert_chain(cert_file, key_file, password=lambda: b"")  # nobody is asked for one


# --- why not? ---


def probe(host: str, port: int, where: str, identity: Identity) -> str:
    """What keeps us from the server, and what to do; empty: it shakes hands, and speaks. Blocks."""
    try:
        said = _handshake(host, port, where, identity)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in _WRONG_HOST:
            hosts = ", ".join(_hosts(host, port, identity))
            return f"the certificate of {where} is for other hosts: {hosts}; use one of them in address"
        return f"the certificate of {where} is not accepted: {error.verify_message}; ca wants the certificate of who signed it"
    except ConnectionRefusedError:
        return f"nobody listens at {where}; start a server there with normlabd --listen, --tls-cert and --tls-key"
    except TimeoutError:
        return f"{where} does not answer; it is busy or stopped, or a firewall is between"
    except OSError as error:
        return f"{where}: {error.strerror or error}"
    return said


def _context(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=identity.ca.decode("latin-1"))
    if identity.cert:
        _load(context, identity.cert, identity.key)
    context.set_alpn_protocols(["h2"])
    return context


def _handshake(host: str, port: int, where: str, identity: Identity) -> str:
    with sockets.create_connection((host, port), _PATIENCE) as plain:
        try:
            with _context(identity).wrap_socket(plain, server_hostname=host) as connection:
                # In TLS 1.3 a server says what it thinks of our certificate after the handshake; one of HTTP/2 speaks first.
                if connection.recv(1):
                    return ""
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLError as error:
            if error.reason in _NO_TLS:
                return f"{where} does not speak TLS; leave out ca"
        except ConnectionResetError:
            pass
    if identity.cert:
        return (
            f"{where} does not accept the certificate in {identity.cert_file}: it has expired, or its signer is not in the "
            "server's --tls-client-ca"
        )
    return f"{where} ends the connection, as one does that asks for a certificate of yours: give cert and key (normlab admin certs issue)"


def _hosts(host: str, port: int, identity: Identity) -> list[str]:
    """Those that the server's certificate is for."""
    context = _context(identity)
    context.check_hostname = False
    with sockets.create_connection((host, port), _PATIENCE) as plain, context.wrap_socket(plain) as connection:
        shown = connection.getpeercert() or {}
    return [str(entry[1]) for entry in shown.get("subjectAltName", ())]
