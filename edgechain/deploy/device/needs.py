"""What a generation wants of the service that runs it: ``service.json`` beside its node.yaml.

Optional, and strict, because a service's file is written from it:
``{"groups": ["video"], "memory_high": "350M", "memory_max": "400M"}``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

FILE = "service.json"
MAX_BYTES = 4096

GROUPS = ("gpio", "i2c", "plugdev", "render", "spi", "video")
"""What Raspberry Pi OS lets use hardware; ``video`` is the camera's."""

_SIZE = re.compile(r"[1-9][0-9]{0,11}[KMG]?|[1-9][0-9]?%")


@dataclass(frozen=True)
class Needs:
    """``groups`` beyond the service's own, and its memory as systemd writes sizes.

    Above ``memory_high`` it is slowed down, at ``memory_max`` processes of it are ended. Where
    nothing is said a part of the board's is left: SSH and the journal must still have room.
    """

    groups: tuple[str, ...] = ()
    memory_high: str = "80%"
    memory_max: str = "90%"

    @classmethod
    def of(cls, generation: Path) -> Needs:
        """What a generation says. Raises ``ValueError`` with one line."""
        try:
            with (generation / FILE).open("rb") as file:
                text = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise ValueError(f"{FILE} cannot be read: {error.strerror}") from error
        return cls.parse(text)

    @classmethod
    def parse(cls, text: bytes) -> Needs:
        """The content of a file. Raises ``ValueError`` with one line."""
        try:
            said = json.loads(text) if len(text) <= MAX_BYTES else None
        except (ValueError, RecursionError):
            said = None
        sizes = {"memory_high": cls.memory_high, "memory_max": cls.memory_max}
        if not isinstance(said, dict) or set(said) - {"groups", *sizes}:
            raise ValueError(f"{FILE} says groups, {' and '.join(sizes)}, and nothing else")
        groups = said.get("groups", [])
        if not isinstance(groups, list) or any(group not in GROUPS for group in groups):
            raise ValueError(f"{FILE}: groups is a list of some of {', '.join(GROUPS)}")
        chosen = {name: said.get(name, usual) for name, usual in sizes.items()}
        for name, size in chosen.items():
            if not isinstance(size, str) or not _SIZE.fullmatch(size):
                raise ValueError(f"{FILE}: {name} is a size such as 400M or 80%")
        return cls(tuple(sorted(set(groups))), **chosen)
