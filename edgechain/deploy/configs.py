"""Device files on the laptop, with the secrets beside them.

Secrets are in ``secrets.yaml`` beside a device's file, or in the nearest folder above it, up to the
project's: the one with ``fleet/`` that `edgechain init` made, or else with ``.git``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.files.text import read_text
from edgechain.spec.device_file import DeviceFile, parse_device
from edgechain.spec.secrets import SECRETS_FILE, Secrets, parse_secrets

PROJECT_SIGNS = ("fleet", ".git")
MAX_KEY_FILE_BYTES = 1 << 16

_PUBLIC_KEY = re.compile(
    r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-[\w@.-]+) [A-Za-z0-9+/=]+( .*)?"
)


def read_device(path: Path) -> DeviceFile:
    """A device's file, secrets looked up. Raises ``InvalidDocument`` with the place."""
    secrets = cache(partial(find_secrets, path))
    return parse_device(read_text(path), file=str(path), secrets=secrets)


def read_plain(path: Path) -> DeviceFile:
    """A device's file without what may be secret, which stays unread."""
    return parse_device(read_text(path), file=str(path))


def find_secrets(path: Path) -> Secrets:
    """The secrets that the device file at ``path`` may name; none where there is no such file."""
    for folder in _folders(path):
        file = folder / SECRETS_FILE
        if file.exists():
            return parse_secrets(read_text(file), file=str(file))
    return Secrets({})


def project_of(path: Path) -> Path | None:
    """The folder of the project that a file belongs to, if it belongs to one.

    A fleet comes before a repository: configs may have a repository of their own inside.
    """
    for sign in PROJECT_SIGNS:
        for folder in _full(path).parents:
            if (folder / sign).exists():
                return folder
    return None


def public_keys(device: DeviceFile) -> tuple[str, ...]:
    """The lines of its ``ssh_keys`` files. Raises ``InvalidDocument`` for what is no public key."""
    found: list[str] = []
    for at, name in enumerate(device.config.ssh_keys):
        key, path = f"ssh_keys.{at}", Path(device.file).parent / name
        try:
            lines = read_text(path, MAX_KEY_FILE_BYTES).splitlines()
        except InvalidDocument as error:
            raise device.complaint(f"{name} {error.reason}", key) from error
        keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not keys or not all(map(_PUBLIC_KEY.fullmatch, keys)):
            hint = "; public keys are in files that end in .pub" if path.suffix != ".pub" else ""
            raise device.complaint(f"{name} is no file of public SSH keys{hint}", key)
        found += keys
    return tuple(found)


def own_keys(folder: Path) -> tuple[str, ...]:
    """The public SSH keys of whoever has ``folder`` (``~/.ssh``), as ``ssh`` would offer them."""
    found = []
    for path in sorted(folder.glob("id_*.pub")):
        lines = read_text(path, MAX_KEY_FILE_BYTES).splitlines()
        found += [line.strip() for line in lines if _PUBLIC_KEY.fullmatch(line.strip())]
    return tuple(found)


def _folders(path: Path) -> Iterator[Path]:
    """Where secrets may be, nearest first."""
    project, own = project_of(path), _full(path).parent
    yield own
    if project is not None:
        yield from (folder for folder in own.parents if folder.is_relative_to(project))


def _full(path: Path) -> Path:
    """From the root on, without `..`; a link to a file counts where the link is."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
