"""What a bundle changes on a device, next to what runs there now. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgechain.spec.printable import printable

CONFIG = "node.yaml"


@dataclass(frozen=True, slots=True)
class Part:
    """One file or wheel: what it holds, and how large it is in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What a generation is made of. ``config`` is the text of its ``node.yaml``."""

    files: Mapping[str, Part] = field(default_factory=dict)
    wheels: Mapping[str, Part] = field(default_factory=dict)
    config: str = ""

    @property
    def blobs(self) -> dict[str, int]:
        """Every blob it needs, sha256 to bytes."""
        every = (*self.files.values(), *self.wheels.values())
        return {part.sha256: part.size for part in every}


@dataclass(frozen=True, slots=True)
class Changes:
    """Names that come, go, hold something else, or stay as they are."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything is not kept."""
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Difference:
    """Config lines with ``- ``, ``+ `` or ``  `` before them, the chain's files, and wheels."""

    config: tuple[str, ...]
    files: Changes
    wheels: Changes

    @property
    def any(self) -> bool:
        """Whether the device would run anything else than it runs now."""
        return bool(self.config) or self.files.any or self.wheels.any


def parts_of(listing: str, config: str) -> Parts | None:
    """What a device says it runs; None where that is no listing: it is another machine's word."""
    try:
        found = json.loads(listing)
        files = {str(one["path"]): _part(one) for one in found["files"]}
        wheels = {str(one["name"]): _part(one) for one in found["wheels"]}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return Parts(files, wheels, config)


def _part(one: Mapping[str, Any]) -> Part:
    return Part(str(one["sha256"]), int(one["size"]))


def compare(now: Parts | None, then: Parts) -> Difference:
    """What ``then`` changes. Configs are shown: no secret may stand in one that a device reads."""
    old = now if now is not None else Parts()
    old_files = {path: part for path, part in old.files.items() if path != CONFIG}
    new_files = {path: part for path, part in then.files.items() if path != CONFIG}
    return Difference(
        _config_lines(old.config, then.config),
        _changes(old_files, new_files),
        _changes(old.wheels, then.wheels),
    )


def _changes(old: Mapping[str, Part], new: Mapping[str, Part]) -> Changes:
    both = sorted(old.keys() & new.keys())
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(name for name in both if old[name].sha256 != new[name].sha256),
        kept=tuple(name for name in both if old[name].sha256 == new[name].sha256),
    )


def _config_lines(now: str, then: str) -> tuple[str, ...]:
    """The lines that differ, and one around them; empty where none does."""
    with_heads = list(difflib.unified_diff(now.splitlines(), then.splitlines(), n=1, lineterm=""))
    lines = [line for line in with_heads[2:] if not line.startswith("@@")]
    return tuple(f"{line[:1]} {printable(line[1:], ' ')}".rstrip() for line in lines)
