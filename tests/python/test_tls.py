"""TLS with a real server: who is let in, who is not, and what is said of it. Certificates are those of `normlab admin certs`."""

import asyncio
import base64
import datetime
import json
import os
import pathlib
import re
import ssl
import subprocess

import pytest

import normlab
from normlab import _address, _tls


def certs(*words):
    program = os.path.join(os.environ["NORMLAB_BIN"], "normlab")
    subprocess.run([program, "admin", "certs", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """ca, server and ana of one authority, eve of another."""
    folder = tmp_path_factory.mktemp("certs")
    for name, who in (("certs", "ana"), ("others", "eve")):
        certs("init", folder / name, "--host", "localhost", "--host", "127.0.0.1")
        certs("issue", folder / name, who)
    return folder


@pytest.fixture
def files(made):
    """What Client takes, by who asks."""
    ca = made / "certs/ca.pem"

    def of(name):
        return {"ca": ca, "cert": made / f"{name}.pem", "key": made / f"{name}.key"}

    return {"nobody": {"ca": ca}, "ana": of("certs/ana"), "eve": of("others/eve")}


@pytest.fixture
def serve(daemon, home, made):
    """Starts a server and gives its port; the token is the admin's."""

    def start(*words, listen="127.0.0.1:0"):
        files = ("--tls-cert", str(made / "certs/server.pem"), "--tls-key", str(made / "certs/server.key"))
        said = daemon.start("--listen", listen, *files, *words)
        assert said, (home / "daemon.log").read_text()
        return said[2]

    start.token = home / "run/token"
    return start


def refused(address, **files):
    """What both clients say, the same."""
    with normlab.Client(address=address, **files) as client, pytest.raises(normlab.Unavailable) as error:
        client.jobs()

    async def steps():
        async with normlab.AsyncClient(address=address, **files) as client:
            with pytest.raises(normlab.Unavailable) as other:
                await client.jobs()
            assert str(other.value) == str(error.value)

    asyncio.run(steps())
    return str(error.value)


def test_a_server_that_asks_for_no_certificate(serve, files):
    port = serve()
    for address in (f"127.0.0.1:{port}", f"localhost:{port}"):
        with normlab.Client(address=address, token_file=serve.token, **files["nobody"]) as client:
            jobs = client.wait(client.submit("invariance", trials=1), progress=False)
            assert len(client.curves(jobs)) > 0 and not client.started
    with normlab.Client(address=address, **files["nobody"]) as client, pytest.raises(normlab.Unauthenticated, match="give token_file"):
        client.jobs()

    async def steps():
        async with normlab.AsyncClient(address=address, token_file=serve.token, **files["nobody"]) as client:
            assert (await client.jobs()).ids == ["j1"] and (await client.submit("invariance", trials=1))[0].reused

    asyncio.run(steps())


def test_a_server_that_asks_for_a_certificate(serve, files, made):
    port = serve("--tls-client-ca", str(made / "certs/ca.pem"))
    address = f"127.0.0.1:{port}"
    with normlab.Client(address=address, token_file=serve.token, **files["ana"]) as client:
        assert len(client.jobs()) == 0
    assert _tls.probe("127.0.0.1", int(port), "", _tls.read_identity(*map(str, files["ana"].values()))) == "", "it is not for her certificate"
    with normlab.Client(address=address, **files["ana"]) as client, pytest.raises(normlab.Unauthenticated):
        client.jobs()
    assert "asks for a certificate of yours: give cert and key" in refused(address, token_file=serve.token, **files["nobody"])
    said = refused(address, token_file=serve.token, **files["eve"])
    assert f"{address} does not accept the certificate in {files['eve']['cert']}: it has expired, or its signer" in said


def test_a_server_that_cannot_be_trusted(serve, made):
    port = serve(listen="0.0.0.0:0")
    others = {"ca": made / "others/ca.pem", "token_file": serve.token}
    said = refused(f"127.0.0.1:{port}", **others)
    assert re.search(r"the certificate of 127.0.0.1:\d+ is not accepted: .*; ca wants the certificate of who signed it", said)
    said = refused(f"127.0.0.2:{port}", **others | {"ca": made / "certs/ca.pem"})
    assert said == f"the certificate of 127.0.0.2:{port} is for other hosts: localhost, 127.0.0.1; use one of them in address"


def test_one_speaks_tls_and_the_other_does_not(serve, daemon, files):
    address = f"127.0.0.1:{serve()}"
    assert "or it speaks TLS: then give ca" in refused(address, token_file=serve.token)
    daemon.stop()
    assert f"nobody listens at {address}" in refused(address, token_file=serve.token, **files["nobody"])
    address = f"127.0.0.1:{daemon.start('--listen', '127.0.0.1:0')[2]}"
    assert f"{address} does not speak TLS; leave out ca" == refused(address, token_file=serve.token, **files["nobody"])
    assert refused("nowhere.invalid:7070", **files["nobody"]).startswith("nowhere.invalid:7070: ")


def test_a_server_that_does_not_answer(serve, daemon, files, monkeypatch):
    host, port = "127.0.0.1", int(serve())
    identity = _tls.read_identity(str(files["nobody"]["ca"]))
    assert _tls.probe(host, port, "there", identity) == ""
    monkeypatch.setattr(_tls, "_PATIENCE", 0.2)
    with daemon.frozen():
        assert _tls.probe(host, port, "there", identity).startswith("there does not answer; it is busy or stopped")


def test_watching_goes_on_with_the_next_server(serve, daemon, files):
    port = serve()
    with normlab.Client(address=f"localhost:{port}", token_file=serve.token, **files["nobody"]) as client:
        (job,) = client.submit("invariance", trials=1)
        client.wait(job, progress=False)
        watching = client.watch()
        assert next(watching).job_id == job.job_id
        daemon.stop()
        serve(listen=f"127.0.0.1:{port}")
        (other,) = client.submit("invariance", trials=1, rerun=True)
        assert next(watching).job_id == other.job_id


def test_a_context_holds_the_files(serve, files, home, made, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.delenv("NORMLAB_HOME")
    address = f"localhost:{serve('--tls-client-ca', str(made / 'certs/ca.pem'))}"
    parts = {"address": address, "token-file": serve.token, **files["ana"]}
    words = [word for name, value in parts.items() for word in (f"--{name}", value)]
    program = os.path.join(os.environ["NORMLAB_BIN"], "normlab")
    subprocess.run([program, "context", "add", "lab", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    with normlab.Client(context="lab") as client:
        assert client.endpoint == address and len(client.jobs()) == 0
    with normlab.Client(context="lab", **{name: files["eve"][name] for name in ("cert", "key")}) as client:
        with pytest.raises(normlab.Unavailable, match="eve.pem"):
            client.jobs()
    for name, value in parts.items():
        monkeypatch.setenv(f"NORMLAB_{name.upper().replace('-', '_')}", str(value))
    with normlab.Client() as client:
        assert len(client.jobs()) == 0


# --- files ---


def find(**parts):
    return _address.find(**dict.fromkeys(("home", "socket", "address", "token_file")) | parts)


def test_where_it_is_dialled(files):
    ca = files["nobody"]["ca"]
    for text, target in {
        "lab.example:7070": "dns:///lab.example:7070",
        "localhost:1": "dns:///localhost:1",
        "10.0.0.7:65535": "ipv4:10.0.0.7:65535",
        "[2001:DB8::0:7]:1": "ipv6:[2001:db8::7]:1",
    }.items():
        assert find(address=text, ca=ca).target == target
    hosts = ("lab.example", "lab.example:0", ".lab:1", "-lab:1", "u@lab:1", "a b:1", "[lab]:1", "::1:7", "[10.0.0.7]:1", "[::1%lo]:1", ":1")
    for text in (*hosts, "a" * 254 + ":1"):
        with pytest.raises(normlab.InvalidArgument, match="^address is "):
            find(address=text, ca=ca)
    with pytest.raises(normlab.InvalidArgument, match="is spoken without TLS.*; if the server speaks TLS give ca"):
        find(address="lab.example:7070")
    assert repr(files) and "BEGIN" not in repr(find(address="lab.example:7070", **files["ana"])), "no key is printed"


def test_what_goes_together(files):
    ca, cert, key = files["ana"].values()
    for parts, said in (
        ({"home": "/srv", "ca": ca}, "^ca goes with address"),
        ({"address": "localhost:1", "ca": ca, "cert": cert}, "^cert is alone; cert and key go together"),
        ({"address": "localhost:1", "ca": ca, "key": key}, "^key is alone"),
        ({"address": "localhost:1", "cert": cert, "key": key}, "^cert goes with ca"),
        ({"context": "lab", "address": "localhost:1", "ca": ca}, "^context names a server"),
    ):
        with pytest.raises(normlab.InvalidArgument, match=said):
            find(**parts)


def expired(path):
    """The same certificate with another end; nobody looks at its signature here."""
    der = base64.b64decode(re.sub(r"-----.*?-----|\s", "", path.read_text()))
    end = _tls._end_of(der).strftime("%y%m%d%H%M%SZ").encode()
    assert der.count(end) == 1
    return ssl.DER_cert_to_PEM_cert(der.replace(end, b"260101000000Z"))


def test_files_that_cannot_be_used(files, tmp_path):
    ca, cert, key = (str(path) for path in files["ana"].values())
    other_key = str(files["eve"]["key"])

    def of(content, mode=0o600):
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        path.write_text(content)
        path.chmod(mode)
        return str(path)

    secret = pathlib.Path(key).read_text()
    password = subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:x", "-in", key], capture_output=True, text=True, check=False)
    locked = password.stdout if password.returncode == 0 else "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    for parts, said in (
        ((key,), f"^ca {key} holds no certificate in PEM form"),
        (("/none/ca.pem",), "^ca /none/ca.pem: No such file"),
        ((str(tmp_path),), "^ca .* is not a file"),
        ((of("#" * (1 << 20) + "#"),), "^ca .* has more than 1048576 bytes"),
        ((of(re.sub("(?<=\n)M.*", "AAAA", pathlib.Path(ca).read_text())),), "^ca .* holds no certificate"),
        ((ca, key, key), f"^cert {key} holds no certificate"),
        ((ca, cert, of(secret, 0o640)), r"^key .* may be read by others \(mode 640\); run: chmod 600"),
        ((ca, cert, of("")), "^key .* holds no key in PEM form, or one that needs a password"),
        ((ca, cert, of(locked)), "^key .* holds no key in PEM form, or one that needs a password"),
        ((ca, cert, other_key), f"^key {other_key} is not the key of the certificate in {cert}"),
        ((ca, of(expired(files["ana"]["cert"])), key), "^cert .* has expired"),
    ):
        with pytest.raises(normlab.InvalidArgument, match=said):
            _tls.read_identity(*parts)
    identity = _tls.read_identity(ca, cert, of(secret, 0o400))
    assert identity.key.decode() == secret and identity.cert_file == cert


def test_the_end_of_a_certificate(files, made):
    left = _tls._read_end("cert", "", files["ana"]["cert"].read_bytes()) - datetime.datetime.now(datetime.timezone.utc)
    assert 396 <= left.days <= 397

    def der(tag, *parts):
        content = b"".join(parts)
        size = len(content)
        return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")) + content

    for kind, text, year in ((0x17, b"491231235959Z", 2049), (0x17, b"500101000000Z", 1950), (0x18, b"20500101000000Z", 2050)):
        validity = der(0x30, der(0x17, b"200101000000Z"), der(kind, text))
        for version in (b"", der(0xA0, der(2, b"\2"))):
            inner = der(0x30, version, der(2, b"\1" * 200), der(0x30), der(0x30), validity)
            assert _tls._end_of(der(0x30, inner)).year == year


NAMED = {"current": "", "contexts": {"lab": {"address": "127.0.0.1:11", "ca": "/none/lab.ca"}, "bare": {"address": "127.0.0.1:12"}}}
TOLD = re.compile(r"127\.0\.0\.1:\d+|/none/[a-z.]+|go(?:es)? (?:with|together)")
GIVEN = [{}, {"context": "lab"}, {"context": "bare"}, {"address": "127.0.0.1:13"}, {"address": "10.0.0.7:13"}, {"home": "/none/home"}]
PAIR = {"cert": "/none/cert", "key": "/none/key"}
FILES = [{}, {"ca": "/none/option.ca"}, {"cert": "/none/cert"}, PAIR, {"ca": "CA", **PAIR}]
ELSEWHERE = {"ADDRESS": "127.0.0.1:14", "CA": "/none/variable.ca"}
VARIABLES = [{}, ELSEWHERE, ELSEWHERE | {"CA": "CA", "CERT": "/none/c", "KEY": "/none/k"}]


@pytest.mark.parametrize("variables", VARIABLES, ids=str)
def test_files_are_those_that_the_command_line_means(variables, files, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "normlab").mkdir()
    (tmp_path / "normlab/contexts.json").write_text(json.dumps(NAMED))
    program = os.path.join(os.environ["NORMLAB_BIN"], "normlab")
    ca = str(files["nobody"]["ca"])
    for name in ("ADDRESS", "HOME", "CONTEXT", "TOKEN_FILE", "CA", "CERT", "KEY"):
        monkeypatch.setenv(f"NORMLAB_{name}", variables.get(name, "").replace("CA", ca))
    monkeypatch.setenv("HOME", "/none/user")
    for given in (server | {name: path.replace("CA", ca) for name, path in more.items()} for server in GIVEN for more in FILES):
        words = [word for name, value in given.items() for word in (f"--{name}", value)]
        told = subprocess.run([program, "jobs", *words], capture_output=True, text=True, check=False).stderr
        with pytest.raises(normlab.NormlabError) as said:
            raise _address.explain(find(**given))
        ours, theirs = (TOLD.search(text) for text in (str(said.value), told))
        assert ours and theirs and ours[0] == theirs[0], f"{given}: {said.value} / {told}"
