"""Whom ssh sessions trust, and what is said when nobody, or somebody else, answers."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgechain.deploy.device import boot
from edgechain.deploy.targets import ssh
from edgechain.deploy.targets.address import SshAddress, parse_target
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.ssh import ssh_session
from edgechain.deploy.zipped import archive
from edgechain.errors import CannotReach
from tests.deploy.small_agent import SOURCE
from tests.deploy.sshd import Sshd, make_key, sshd
from tests.ports import free_port

pytestmark = [
    pytest.mark.once,
    pytest.mark.sshd,
    pytest.mark.processes,
    pytest.mark.may_block,
]

AGENT = Agent(archive({"__main__.py": SOURCE.read_bytes()}), keep=False)
NOBODY = 65534


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A running sshd, and we are a user who may log in."""
    with sshd(tmp_path / "sshd") as running:
        monkeypatch.setenv("HOME", str(running.home))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield running


def address_of(server: Sshd, more: str = "") -> SshAddress:
    found = parse_target(server.url + more)
    assert isinstance(found, SshAddress)
    return found


async def why_not(address: SshAddress) -> str:
    """The one line about why there is no session."""
    with pytest.raises(CannotReach) as caught:
        async with ssh_session(address, AGENT) as session:
            await session.hello()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{address}: ")
    return str(caught.value)


async def test_a_session_with_the_agent(server: Sshd, tmp_path: Path) -> None:
    async with ssh_session(address_of(server, f"{tmp_path}/root"), AGENT) as session:
        state = await session.hello()
    assert state.root == f"{tmp_path}/root"
    assert not (tmp_path / "root").exists()


async def test_an_unknown_host_key_is_refused(server: Sshd) -> None:
    server.known_hosts.unlink()
    reason = await why_not(address_of(server))
    assert "not among your known hosts" in reason
    assert f"log in once with `ssh -p {server.port} " in reason
    key = base64.b64decode((server.folder / "host_key.pub").read_text().split()[1])
    fingerprint = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    assert f"SHA256:{fingerprint}" in reason


async def test_another_host_key_is_refused(server: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    kind, key, *_ = (tmp_path / "other.pub").read_text().split()
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {kind} {key}\n")
    assert "somebody else may be answering" in await why_not(address_of(server))


async def test_a_configuration_that_checks_no_host_key_is_refused(server: Sshd) -> None:
    (server.home / ".ssh" / "config").write_text("Host *\n  UserKnownHostsFile none\n")
    assert "host keys are checked" in await why_not(address_of(server))


async def test_a_key_that_is_not_let_in(server: Sshd) -> None:
    (server.folder / "authorized_keys").write_text("")
    reason = await why_not(address_of(server))
    assert "passwords are not used" in reason
    assert f"`ssh-copy-id -p {server.port} " in reason


async def test_the_users_configuration_counts(server: Sshd, tmp_path: Path) -> None:
    folder = server.home / ".ssh"
    shutil.move(folder / "id_ed25519", folder / "for_boards")
    lines = ("Host board", "  HostName 127.0.0.1", f"  Port {server.port}", "  User root")
    text = "\n".join((*lines, "  HostKeyAlias board", "  IdentityFile ~/.ssh/for_boards", ""))
    (folder / "config").write_text(text)
    server.known_hosts.write_text(f"board {server.host_key.partition(' ')[2]}")
    async with ssh_session(SshAddress("board", root=f"{tmp_path}/root"), AGENT) as session:
        assert (await session.hello()).hostname == "double"


async def test_nobody_there() -> None:
    reason = await why_not(SshAddress("127.0.0.1", port=free_port()))
    assert "cannot be reached" in reason


async def test_somebody_who_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reason = await why_not(SshAddress("127.0.0.1", port=silent.getsockname()[1]))
    assert "does not answer" in reason or "timeout" in reason.lower()


async def test_a_connection_that_is_cut(server: Sshd, tmp_path: Path) -> None:
    async with ssh_session(address_of(server, f"{tmp_path}/root"), AGENT) as session:
        await session.hello()
        server.cut()
        with pytest.raises(CannotReach, match="the connection was lost while asking"):
            await session.hello()


async def test_a_board_without_python(server: Sshd) -> None:
    (server.folder / "tools" / "python3").unlink()
    (server.folder / "tools" / "python3").symlink_to("/bin/false")
    assert "lost while starting the agent" in await why_not(address_of(server))


async def test_a_login_shell_may_greet(server: Sshd, tmp_path: Path) -> None:
    python = server.folder / "tools" / "python3"
    real = python.resolve()
    python.unlink()
    python.write_text(f'#!/bin/sh\necho "Welcome to edgechain agent country"\nexec {real} "$@"\n')
    python.chmod(0o755)
    async with ssh_session(address_of(server, f"{tmp_path}/root"), AGENT) as session:
        assert (await session.hello()).hostname == "double"


def test_root_is_asked_for_only_where_it_is_needed() -> None:
    """As a user who is not root; a sudo of the test's own tells how it was called."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        for name in ("tools", "own", "others"):
            (place / name).mkdir()
        (place / "own").chmod(0o777)
        (place / "tools" / "sudo").write_text('#!/bin/sh\necho "$1 $2 $3"\n')
        (place / "tools" / "sudo").chmod(0o755)
        python = python_for_all()
        assert started_as_nobody(python, place, "others") == f"-n {python} -I\n"
        assert started_as_nobody(python, place, "own") == boot.MARK.decode() + "-\n"


def python_for_all() -> str:
    """A Python that every user may run."""
    for python in (f"{sys.base_prefix}/bin/python3", "/usr/bin/python3"):
        with suppress(PermissionError):
            subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY, check=True, cwd="/")
            return python
    pytest.skip("no Python here that another user may run")


def started_as_nobody(python: str, place: Path, parent: str) -> str:
    done = subprocess.run(
        AGENT.command(python, str(place / parent / "root")),
        env={"PATH": f"{place}/tools:/usr/bin:/bin", "HOME": "/"},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    return done.stdout
