"""The three small things in ROOT that say which generation counts; each is replaced at once.

::

    ROOT/current  -> generations/000017-0123456789ab, what runs or is to run
    ROOT/good     the last generation that was healthy
    ROOT/highest  the highest number that was ever current

A reader takes what is not as it should be, say a link to somewhere else, for nothing.
"""

from __future__ import annotations

from pathlib import Path

from edgechain.deploy.device import disk
from edgechain.deploy.device.listing import number_of

CURRENT, GOOD, HIGHEST = "current", "good", "highest"


class Pointers:
    """They say nothing of whether a generation of that name is there; ``Store`` does."""

    def __init__(self, root: Path, generations: str):
        """``generations`` is the name of their folder in ``root``."""
        self._root, self._generations = root, generations

    @property
    def current(self) -> str | None:
        """The name of the current generation."""
        try:
            folder, _, name = str((self._root / CURRENT).readlink()).rpartition("/")
        except OSError:
            return None
        return name if folder == self._generations and number_of(name) is not None else None

    @property
    def good(self) -> str | None:
        """The name of the last generation that was healthy."""
        name = self._note(GOOD)
        return name if number_of(name) is not None else None

    @property
    def highest(self) -> int:
        """The highest number that was ever current; 0 before."""
        noted = self._note(HIGHEST)
        numbers = [number_of(name) or 0 for name in (self.current, self.good) if name]
        return max([int(noted) if noted.isdecimal() else 0, *numbers])

    def set_current(self, name: str) -> None:
        """Another generation is current."""
        disk.point(self._root / CURRENT, f"{self._generations}/{name}")

    def drop_current(self) -> None:
        """No generation is current."""
        disk.drop(self._root / CURRENT)

    def set_good(self, name: str) -> None:
        """A generation was healthy."""
        disk.write(self._root / GOOD, f"{name}\n".encode())

    def set_highest(self, number: int) -> None:
        """A number is about to be current."""
        disk.write(self._root / HIGHEST, f"{number}\n".encode())

    def drop_drafts(self) -> None:
        """Remove what broke off while one was replaced; ROOT may hold what is not ours."""
        for name in (CURRENT, GOOD, HIGHEST):
            disk.remove_drafts(self._root / name)

    def _note(self, name: str) -> str:
        try:
            return (self._root / name).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""
