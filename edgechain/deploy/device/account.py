"""The system's user that nodes run as, and the files that it alone may read."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgechain.deploy.device.unit import USER

MAKE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Account:
    """Its numbers."""

    user: int
    group: int


def ensure() -> Account:
    """The account, made where it is missing. Raises ``OSError``."""
    found = _find()
    if found is None:
        _make()
        found = _find()
    if found is None:
        raise OSError(f"there is no user {USER}, and none could be made")
    return found


def _find() -> Account | None:
    try:
        return Account(pwd.getpwnam(USER).pw_uid, grp.getgrnam(USER).gr_gid)
    except KeyError:
        return None


def _make() -> None:
    """Without a login, a password or a home."""
    line = f'u {USER} - "edgechain node" /'
    done = subprocess.run(
        ("systemd-sysusers", "--inline", line),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MAKE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(f"user {USER} cannot be made: {' '.join(done.stderr.split())}")


def hand_over(to: Account, *folders: Path) -> None:
    """Let the account read what others may not, without opening it to anybody else.

    Files that only their owner reads become the account's, folders stay whose they are and let its
    group in. Links are not followed: what they lead to is not in these folders.
    """
    for folder in folders:
        for path in (folder, *_below(folder)):
            _hand_over(path, to)


def _below(folder: Path) -> Iterator[Path]:
    for parent, names, files in os.walk(folder):
        for name in (*names, *files):
            yield Path(parent, name)


def _hand_over(path: Path, to: Account) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISDIR(found.st_mode) and mode & 0o005 != 0o005:
        os.chown(path, -1, to.group, follow_symlinks=False)
        path.chmod(mode | 0o050)
    elif stat.S_ISREG(found.st_mode) and not mode & 0o004:
        os.chown(path, to.user, to.group, follow_symlinks=False)
