"""A real sshd of the test's own: loopback, any port, its own keys; and a user who may log in."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

SSHD = "/usr/sbin/sshd"
LOOPBACK = "127.0.0.1"
ORIGINAL = "$SSH_ORIGINAL_COMMAND"
"""What was asked for; it runs without what the tests' own user has in its shell's files."""

PRIVILEGE_SEPARATION = Path("/run/sshd")
"""Debian's sshd does not start without it; it is made at boot."""


@dataclass
class Sshd:
    """A running sshd; ``home`` is that of the laptop's user, with keys and known hosts."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    home: Path

    @property
    def url(self) -> str:
        """Its address without a root."""
        return f"ssh://{getpass.getuser()}@{LOOPBACK}:{self.port}"

    @property
    def known_hosts(self) -> Path:
        """Whom the user knows."""
        return self.home / ".ssh" / "known_hosts"

    @property
    def host_key(self) -> str:
        """The line of ``known_hosts`` that is right."""
        kind, key, *_ = (self.folder / "host_key.pub").read_text().split()
        return f"[{LOOPBACK}]:{self.port} {kind} {key}\n"

    def sessions(self) -> set[int]:
        """Its processes for one connection each."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def cut(self) -> None:
        """End every connection without a word, as a pulled cable would after a while."""
        for pid in self.sessions():
            for each in {pid} | _below(pid):
                if _command(each).startswith("sshd"):
                    with suppress(ProcessLookupError):
                        os.kill(each, 9)


@contextmanager
def sshd(folder: Path, python: Path | None = None) -> Iterator[Sshd]:
    """Started in ``folder``, and ended with everything of it; ``python`` is its ``python3``."""
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    make_key(folder / "host_key")
    make_key(home / ".ssh" / "id_ed25519")
    shutil.copy(home / ".ssh" / "id_ed25519.pub", folder / "authorized_keys")
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(_config(folder, port, python))
    PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    log = (folder / "sshd.log").open("wb")
    command = [*_without_systemd(), SSHD, "-D", "-e", "-f", str(config)]
    with log, subprocess.Popen(command, stderr=log) as process:
        running = Sshd(process, port, folder, home)
        try:
            running.known_hosts.write_text(running.host_key)
            _wait_until_open(process, port)
            yield running
        finally:
            running.cut()
            process.terminate()


def _without_systemd() -> list[str]:
    """Who logs in finds no service manager: nothing is installed where the tests run."""
    if not Path("/run/systemd/system").is_dir():
        return []
    hide = 'mount -t tmpfs none /run/systemd && exec "$0" "$@"'
    return ["unshare", "--mount", "sh", "-c", hide]


def _config(folder: Path, port: int, python: Path | None) -> str:
    """Keys only; ``python3`` is by default the one that runs the tests, without its environment."""
    tools = folder / "tools"
    tools.mkdir()
    ours = Path(sys.base_prefix, "bin", Path(sys.executable).name).resolve()
    (tools / "python3").symlink_to(python or ours)
    return "\n".join(
        (
            f"Port {port}",
            f"ListenAddress {LOOPBACK}",
            f"HostKey {folder}/host_key",
            f"AuthorizedKeysFile {folder}/authorized_keys",
            f'ForceCommand env -i HOME={folder} PATH={tools}:/usr/bin:/bin sh -c "{ORIGINAL}"',
            *("PidFile none", "UsePAM no", "StrictModes no", "PasswordAuthentication no"),
            *("KbdInteractiveAuthentication no", "LogLevel VERBOSE", "MaxStartups 100"),
            "",
        )
    )


def make_key(path: Path) -> None:
    """A new key, and its public half beside it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    """It says so nowhere; a connection that is taken is the sign."""
    while True:
        assert process.poll() is None, "sshd has ended"
        with suppress(ConnectionRefusedError), socket.create_connection((LOOPBACK, port), 5):
            return


def _below(pid: int) -> set[int]:
    try:
        found = {int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return set()
    return found.union(*map(_below, found))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
