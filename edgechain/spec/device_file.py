"""A device's file: text in, what it says out, with the place of every word; and text again.

Pure: who reads files hands in the text, and the secrets beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from edgechain.errors import InvalidDocument
from edgechain.spec.config import LAPTOP_KEYS, SECRET_KEYS, NodeConfig
from edgechain.spec.document import Written, read, render
from edgechain.spec.scalars import Key, Scalar, entries, place_of, scalars, take
from edgechain.spec.secrets import Secrets
from edgechain.spec.substitutions import KEY, Substitutions, complaint, escaped


class DeviceFile:
    """What a device's file says (``config``), and where it says it."""

    def __init__(self, file: str, written: Written, config: NodeConfig):
        self.file = file
        self.config = config
        self._written = written

    def complaint(self, reason: str, key: str) -> InvalidDocument:
        """The error for what turned out to be wrong with ``key`` (``device.board``)."""
        return self._written.complaint(reason, _path(key))

    def says(self, key: str) -> bool:
        """Whether the file has this key."""
        return self._written.value(_path(key)) is not None

    def is_exposed(self, key: str) -> bool:
        """Whether the value of this key is written in the file itself, not as a ``!secret``."""
        return self.says(key) and not isinstance(self._written.value(_path(key)), SecretStr)


def _path(key: str) -> Key:
    return tuple(int(part) if part.isdigit() else part for part in key.split("."))


def parse_device(
    text: str, *, file: str, secrets: Callable[[], Secrets] | None = None
) -> DeviceFile:
    """Read a device's file: substitutions are made, secrets looked up when one is wanted.

    Without ``secrets`` what may be secret (``wifi``) is left out unread: neither a node nor the
    planner needs it. Raises ``InvalidDocument`` with file, line, column and key, which never
    repeats a secret.
    """

    def change(root: Any) -> None:
        names = _definitions(take(root, KEY), file)
        if secrets is None:
            for key in SECRET_KEYS:
                take(root, key)
        Substitutions(names, secrets, file=file).apply(scalars(root))

    written = read(text, file=file, change=change, private=True)
    return DeviceFile(file, written, written.become(NodeConfig))


def _definitions(found: list[Any], file: str) -> list[Scalar]:
    if not found:
        return []
    names = entries(found[-1], (KEY,))
    if names is None or len(found) > 1:
        reason = "should be lines of NAME: VALUE" if names is None else "is there twice"
        raise complaint(reason, (KEY,), file, place_of(found[-1]))
    return names


def render_device(config: NodeConfig) -> str:
    """Write a configuration as a file that ``parse_device`` reads as the same, secrets covered."""
    return escaped(render(config))


def resolved(config: NodeConfig, **changes: object) -> str:
    """The configuration that a node on its device reads, with these keys changed.

    What only the laptop and the SD card need (``LAPTOP_KEYS``, with every secret) is left out; a
    node that reads it finds what ``config`` says.
    """
    kept = config.model_dump(exclude=set(LAPTOP_KEYS))
    return render_device(NodeConfig.model_validate(kept | changes))
