"""Servers that a client starts, and those that others started."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

import normlab
from normlab import _address


def serves(home):
    return _address.try_socket(f"{home}/run/normlabd.sock") is None


def test_a_server_is_started_and_ends_with_its_last_user(home, capsys):
    first = normlab.Client(slots=1)
    assert first.started and serves(home) and f"starting a server for {home}" in capsys.readouterr().err
    second = normlab.Client()
    assert not second.started
    first.close()
    assert serves(home) and len(second.jobs()) == 0, "the second goes on with it"
    second.close()
    while serves(home):
        pass  # it sees that its last user has gone
    third = normlab.Client(slots=1)
    assert third.started
    third.close()
    assert not serves(home), "its own server has ended when close returns"
    third.close()  # again: nothing


def test_a_program_that_is_killed_leaves_nothing(home):
    code = "import normlab, os; c = normlab.Client(slots=1); print(c._server._process.pid, flush=True); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    server = int(done.stdout)
    with pytest.raises(ProcessLookupError):
        while True:  # the server sees its last user's share given back
            os.kill(server, 0)
            if _state_of(server) == "Z":
                raise ProcessLookupError


def _state_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        raise ProcessLookupError from None


def test_a_program_that_ends_without_close_ends_its_server(home):
    code = "import normlab; c = normlab.Client(slots=1); c.submit('invariance', trials=1)"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert not serves(home)


def test_without_a_server_it_says_what_to_do(home):
    with normlab.Client(start=False) as client, pytest.raises(normlab.Unavailable, match="no server at .*normlab up"):
        client.jobs()
    with pytest.raises(ConnectionError, match="NORMLAB_BIN"):
        normlab.Client(program=home / "nowhere")
    with normlab.Client(address="127.0.0.1:9") as client, pytest.raises(normlab.Unavailable, match="normlabd --listen 127.0.0.1:9"):
        client.jobs()


def test_what_stands_in_the_way_is_named(home):
    (home / "run").mkdir()
    (home / "run/normlabd.sock").write_text("")
    with pytest.raises(normlab.Unavailable, match="is not a socket"):
        normlab.Client()


def test_a_server_that_cannot_start_tells_its_log(home):
    program = home / "broken"
    program.write_text("#!/bin/sh\necho cannot open the store >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(normlab.Unavailable, match="exited with code 1\ncannot open the store"):
        normlab.Client(program=program)


def test_a_server_that_was_started_by_hand_is_used_and_left(daemon, home):
    daemon.start()
    with normlab.Client() as client:
        assert not client.started
        client.wait(client.submit("invariance", trials=1), progress=False)
    assert serves(home)


def test_the_loopback_port_wants_its_token(daemon, home, monkeypatch):
    _, _, port = daemon.start("--listen", "127.0.0.1:0", "--role-token", "viewer")
    address = f"127.0.0.1:{port}"
    with normlab.Client(address=address) as client, pytest.raises(normlab.Unauthenticated, match="give token_file"):
        client.jobs()
    with normlab.Client(address=address, token_file=home / "run/tokens/viewer") as client:
        assert len(client.jobs()) == 0
        with pytest.raises(normlab.PermissionDenied, match="refuses this"):
            client.submit("invariance")
    monkeypatch.setenv("NORMLAB_ADDRESS", address)
    monkeypatch.setenv("NORMLAB_TOKEN_FILE", str(home / "run/token"))
    with normlab.Client() as client:
        assert len(client.submit("invariance", trials=1)) == 1 and repr(client) == f"<normlab.Client of {address}>"


def test_two_that_start_at_once_get_one_server(home):
    code = "import normlab; c = normlab.Client(slots=1); print(c.started, len(c.jobs()), flush=True); input()"
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    programs = [subprocess.Popen([sys.executable, "-c", code], **options) for _ in range(3)]
    said = sorted(program.stdout.readline() for program in programs)
    for program in programs:
        program.communicate("\n")
    assert said == ["False 0\n", "False 0\n", "True 0\n"]
    assert [program.returncode for program in programs] == [0, 0, 0]
