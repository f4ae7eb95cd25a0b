import itertools
import json
import os
import re
import subprocess

import pytest

import normlab
from normlab import _address


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("NORMLAB_HOME", "NORMLAB_ADDRESS", "NORMLAB_TOKEN_FILE", "NORMLAB_CONTEXT", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ana")


def find(home=None, socket=None, address=None, token_file=None, context=None):
    return _address.find(home, socket, address, token_file, context)


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("a" * 64 + "\n")
    path.chmod(0o600)
    return path


def test_a_home_is_the_users_own_unless_the_environment_or_the_caller_says_otherwise(monkeypatch):
    assert find().socket == "/home/ana/.local/share/normlab/run/normlabd.sock"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert find().socket == "/data/normlab/run/normlabd.sock"
    monkeypatch.setenv("NORMLAB_HOME", "/srv/lab")
    assert find().target == "unix:/srv/lab/run/normlabd.sock"
    assert find(home="/other").home == "/other"
    assert find(socket="/tmp/a b%.sock").target == "unix:/tmp/a%20b%25.sock"


def test_an_address_of_the_environment_counts_unless_a_home_or_socket_is_given(monkeypatch, token):
    monkeypatch.setenv("NORMLAB_ADDRESS", "127.0.0.1:7070")
    monkeypatch.setenv("NORMLAB_TOKEN_FILE", str(token))
    endpoint = find()
    assert (endpoint.target, endpoint.metadata) == ("ipv4:127.0.0.1:7070", (("authorization", "Bearer " + "a" * 64),))
    assert find(home="/srv/lab").metadata == ()
    assert find(address="[::1]:7070").token == "a" * 64, "as on the command line: for any address that is no context's"


# Every server and token file that may be meant; none of them is there, so the complaint tells which one it was.
NAMED = {
    "current": "lab",
    "contexts": {
        "lab": {"address": "127.0.0.1:11", "token_file": "/none/lab"},
        "own": {"home": "/none/own"},
        "bare": {"address": "127.0.0.1:12"},
    },
}
OPTIONS = [{}, {"home": "/none/option"}, {"address": "127.0.0.1:14"}, {"context": "bare"}]
VARIABLES = {
    "NORMLAB_ADDRESS": "127.0.0.1:13",
    "NORMLAB_HOME": "/none/variable",
    "NORMLAB_CONTEXT": "own",
    "NORMLAB_TOKEN_FILE": "/none/variable.token",
}
TOLD = re.compile(r"127\.0\.0\.1:\d+|/none/[a-z.]+|goes with")


@pytest.mark.parametrize("options, current", [({}, ""), *((options, "lab") for options in OPTIONS)], ids=str)
def test_the_server_is_the_one_that_the_command_line_means(options, current, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "normlab").mkdir()
    (tmp_path / "normlab/contexts.json").write_text(json.dumps(NAMED | {"current": current}))
    program = os.path.join(os.environ["NORMLAB_BIN"], "normlab")
    for there in itertools.product([False, True], repeat=len(VARIABLES)):
        for name, is_there in zip(VARIABLES, there):
            monkeypatch.setenv(name, VARIABLES[name] if is_there else "")
        for given in [options, options | {"token_file": "/none/option.token"}][: 2 if len(set(there)) == 1 else 1]:
            words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
            told = subprocess.run([program, "jobs", *words], capture_output=True, text=True, check=False).stderr
            with pytest.raises(normlab.NormlabError) as refused:
                raise _address.explain(find(**given))
            here = f"{there} {given}: {refused.value} / {told}"
            if "/home/ana/" in told:
                assert "/home/ana/.local/share/normlab/run/normlabd.sock" in str(refused.value), here
            else:
                assert TOLD.search(str(refused.value))[0] == TOLD.search(told)[0], here


def test_contexts_are_read_with_care(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".config/normlab/contexts.json"
    assert find().socket == f"{tmp_path}/.local/share/normlab/run/normlabd.sock"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(NAMED))
    with pytest.raises(normlab.InvalidArgument, match="^context names a server, and so does home"):
        find(context="own", home="/none/option")
    with pytest.raises(normlab.NotFound, match="there is no context labs; did you mean lab?"):
        find(context="labs")
    for content in ("{", "[]", '{"contexts": []}', '{"contexts": {"lab": 3}}', "\xff", " " * 2**20 + "{}"):
        file.write_text(content, encoding="latin-1")
        with pytest.raises(normlab.InvalidArgument, match="contexts.json: .*; correct or remove the file"):
            find(context="lab")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    with pytest.raises(normlab.InvalidArgument, match=re.escape(str(file))):
        find()


@pytest.mark.parametrize(
    "text, target",
    [("localhost:1", "ipv4:127.0.0.1:1"), ("127.9.9.9:65535", "ipv4:127.9.9.9:65535"), ("[::1]:7", "ipv6:[::1]:7")],
)
def test_loopback_is_numeric(text, target):
    assert find(address=text).target == target


@pytest.mark.parametrize(
    "text", ["example.org:7070", "10.0.0.1:7070", "[::2]:7070", "::1:7070", "[127.0.0.1]:7070", "[::1%lo]:70", "127.0.0.1", "127.0.0.1:0",
             "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:٣", ":7070", "u@127.0.0.1:7070", "127.1:7070"]
)  # fmt: skip
def test_nothing_but_loopback_is_dialled(text):
    with pytest.raises(normlab.InvalidArgument, match="^address is "):
        find(address=text)


@pytest.mark.parametrize("path", ["/" + "x" * 107, "/a,b", "/a\0b"])
def test_a_socket_that_cannot_be_dialled_is_refused(path):
    with pytest.raises(normlab.InvalidArgument, match="^socket "):
        find(socket=path)


def test_a_token_file_is_read_with_care(token, tmp_path):
    assert find(address="localhost:1", token_file=token).token == "a" * 64
    with pytest.raises(normlab.InvalidArgument, match="goes with address"):
        find(home="/srv", token_file=token)
    token.chmod(0o640)
    with pytest.raises(normlab.InvalidArgument, match="may be read by others"):
        find(address="localhost:1", token_file=token)
    token.chmod(0o600)
    for content in ("short", "a" * 513, "a" * 40 + "\n" + "b" * 40, "ä" * 40):
        token.write_text(content)
        with pytest.raises(normlab.InvalidArgument, match="expected 32 to 512 printable"):
            find(address="localhost:1", token_file=token)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, said in ((tmp_path / "pipe", "is not a file"), (tmp_path / "none", "No such file")):
        with pytest.raises(normlab.InvalidArgument, match=said):
            find(address="localhost:1", token_file=path)
