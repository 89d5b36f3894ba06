"""Where a device is: what people write (``spec.flashing``), as one of three kinds of address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from edgechain.spec.flashing import FlashConfig


@dataclass(frozen=True, slots=True)
class SshAddress:
    """A device that is reached by SSH; what is None is as the user's SSH configuration says."""

    host: str
    user: str | None = None
    port: int | None = None
    root: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"ssh://{user}{host}{port}{self.root or ''}"


@dataclass(frozen=True, slots=True)
class DirectoryAddress:
    """A device's ROOT on this machine."""

    path: Path

    def __str__(self) -> str:
        return f"dir:{self.path}"


@dataclass(frozen=True, slots=True)
class CardAddress:
    """The mounted boot partition of an SD card."""

    path: Path

    def __str__(self) -> str:
        return f"sd:{self.path}"


Target = SshAddress | DirectoryAddress | CardAddress


def parse_target(text: str) -> Target:
    """Read a target. Raises ``ValueError``, which never repeats what may be a password."""
    try:
        return address_of(FlashConfig(target=text))
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
    raise ValueError(reason)  # without its cause, which quotes the text


def address_of(flash: FlashConfig) -> Target:
    """The address in a device's file."""
    kind, _, path = flash.target.partition(":")
    if kind == "dir":
        return DirectoryAddress(Path(path).expanduser())
    if kind == "sd":
        return CardAddress(Path(path).expanduser())
    parts = urlsplit(flash.target)
    root = flash.root or parts.path.rstrip("/") or None
    return SshAddress(parts.hostname or "", parts.username, parts.port, root)
