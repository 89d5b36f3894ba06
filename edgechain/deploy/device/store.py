"""A device's ROOT: what it holds, which generation is current, and how that changes.

::

    ROOT/blobs/         files by their SHA-256
    ROOT/environments/  Python environments by their wheels, immutable
    ROOT/generations/   whole bundles, immutable, the newest three
    ROOT/current        and ``good`` and ``highest``: see ``pointers``
    ROOT/identity/      this device's key and certificate, and its authority's
    ROOT/lock           held while somebody flashes

What is guaranteed, wherever power is cut or a write fails (``disk``, and measured by the fault
suites ``power`` and ``disk``):

- ``current`` is the old generation or the new one, and each is whole;
- when ``switch`` or ``mark_good`` has returned, it stays so;
- when any call raises, ``current``, ``good`` and every generation are what they were;
- what is left over is found by ``recover`` and given back;
- ``current`` and ``good`` are never removed.

And against who sends something else than a fleet's authority has signed (suite ``bundles``):
nothing is written outside of ROOT, and nothing becomes a generation.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from edgechain.deploy.device import disk
from edgechain.deploy.device.blobs import Blobs
from edgechain.deploy.device.environments import Environments
from edgechain.deploy.device.generations import Generations
from edgechain.deploy.device.listing import LISTING, SIGNATURE, Listing, number_of, parse
from edgechain.deploy.device.lock import Lock
from edgechain.deploy.device.pointers import Pointers
from edgechain.deploy.device.refusal import Invalid, Refused
from edgechain.deploy.device.trust import Trust

KEEPS = 3
"""Generations."""

MARGIN = 1 << 20
"""Bytes that stay free: room for folders, links and small files."""

MAX_SIGNATURE = 1 << 10
"""An ECDSA P-256 signature in DER has at most 72 bytes."""

Verify = Callable[[Path, Path], None]
"""Raises ``Invalid`` unless the authority signed the listing (first) with the signature."""


def python_version() -> str:
    """The Python that environments are made with, such as ``3.11``."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


class Store:
    """Everything below ROOT. Whoever changes something holds its lock."""

    def __init__(self, root: Path):
        self.root = root
        self.blobs = Blobs(root / "blobs")
        self.environments = Environments(root / "environments")
        self.trust = Trust(root / "identity")
        self._generations = Generations(root / "generations")
        self._pointers = Pointers(root, "generations")

    # What there is ---------------------------------------------------------------------------

    @property
    def current(self) -> str | None:
        """The generation that runs, or is to run."""
        return self._pointers.current

    @property
    def good(self) -> str | None:
        """The last generation that was healthy."""
        return self._pointers.good

    @property
    def highest(self) -> int:
        """The highest number that was ever current."""
        return self._pointers.highest

    def generations(self) -> list[str]:
        """Every generation, the oldest first."""
        return self._generations.names()

    def path(self, name: str) -> Path:
        """A generation's folder. Raises ``Invalid``."""
        return self._generations.path(name)

    def listing(self, name: str) -> Listing:
        """What a generation holds. Raises ``Invalid``."""
        return self._generations.listing(name)

    def environment(self, name: str) -> Path:
        """The environment that a generation runs in. Raises ``Invalid``."""
        return self.environments.path(self.listing(name).wheels)

    def missing(self, wanted: Iterable[tuple[str, int]]) -> list[str]:
        """Which of these (SHA-256, bytes) are not here, each once."""
        absent = {sha256: None for sha256, size in wanted if not self.blobs.has(sha256, size)}
        return list(absent)

    def free_bytes(self) -> int:
        """What may still be written."""
        return disk.free_bytes(self.root)

    # What changes it -------------------------------------------------------------------------

    def lock(self, who: str) -> Lock:
        """Be the only one who flashes. Raises ``Busy``. What broke off earlier is cleared away."""
        disk.folders(self.root)
        lock = Lock(self.root / "lock", who)
        try:
            self._drop_drafts()
        except BaseException:
            lock.release()
            raise
        return lock

    def require_space(self, size: int, wanted: Iterable[str] = ()) -> None:
        """Raise ``Refused`` unless so many bytes can be written, and not one is written first.

        What nobody refers to is given back when that is needed, except what ``wanted`` names.
        """
        if size + MARGIN > self.free_bytes():
            self.recover(keep=wanted)
        free = self.free_bytes()
        if size + MARGIN > free:
            short = size + MARGIN - free
            reason = f"{short:,} bytes more than the {free:,} that are free at {self.root}"
            raise Refused(f"no space left: this needs {reason}")

    def put(self, sha256: str, size: int, read: Callable[[int], bytes]) -> None:
        """Take a blob. Raises ``Invalid`` when it is not what it is called."""
        if size + MARGIN > self.free_bytes():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.root))
        self.blobs.put(sha256, size, read)

    def install(self, data: bytes, signature: bytes, verify: Verify, device: str) -> str:
        """Make a bundle a generation, whole and signed, not yet current; its name.

        ``device`` is who we are. Raises ``Invalid`` for a bundle that is not signed, not for us,
        not newer than all before, or not complete here; then nothing of it is left.
        """
        listing = parse(data)
        self._require_ours(listing, device)
        self._require_new(listing)
        if len(signature) > MAX_SIGNATURE:
            raise Invalid(f"the signature has {len(signature):,} bytes, which is none")
        if self._is_installed(listing.generation):
            return listing.generation
        environment = self.environments.path(listing.wheels)
        if not self.environments.is_complete(listing.wheels):
            raise Invalid("the bundle's wheels have not been installed here")
        self.require_space(
            sum(file.size for file in listing.files if file.private),
            [environment.name, *listing.blobs],
        )
        draft = self._generations.draft(data, signature)
        try:
            verify(draft / LISTING, draft / SIGNATURE)
            self._generations.fill(draft, listing, self.blobs, environment)
            self._generations.finish(draft, listing.generation)
        except BaseException:
            self._clear_away(draft)
            raise
        return listing.generation

    def switch(self, name: str) -> None:
        """Let a newer generation be current, and remember its number before.

        Raises ``Invalid`` for one that is damaged or older than what was current before.
        """
        if name == self.current:
            return
        self._require_whole(name)
        if (number_of(name) or 0) < self.highest:
            reason = f"is older than number {self.highest}, which was current before"
            raise Invalid(f"generation {name} {reason}; `edgechain rollback` goes back")
        self._pointers.set_highest(number_of(name) or 0)
        self._pointers.set_current(name)

    def go_back(self, name: str | None = None) -> str:
        """Let an older generation be current again; which one it is.

        Without a name, the last good one; when that is current, the newest below it. Raises
        ``Refused`` when there is none.
        """
        name = name or self._before()
        self._require_whole(name)
        self._pointers.set_current(name)
        return name

    def leave(self) -> None:
        """Let no generation be current: the first one was not healthy, and there is none before."""
        self._pointers.drop_current()

    def mark_good(self, name: str) -> None:
        """Remember that the current generation is healthy. Raises ``Invalid`` for another."""
        if name != self.current:
            raise Invalid(f"generation {name[:40]!a} is not the current one")
        self._pointers.set_good(name)

    def prune(self, passed: Iterable[str] = ()) -> list[str]:
        """Remove all but the newest generations, and what only they referred to; which went.

        Those that have ``passed`` go however new they are, unless they are current or good.
        """
        kept, steps = {name for name in (self.current, self.good) if name}, set(passed)
        for name in reversed(self.generations()):
            if len(kept) < KEEPS and name not in steps:
                kept.add(name)
        gone = [name for name in self.generations() if name not in kept]
        for name in gone:
            self._generations.remove(name)
        self.recover()
        return gone

    def recover(self, keep: Iterable[str] = ()) -> None:
        """Remove drafts, unfinished environments, and what no generation refers to.

        Blobs and environments whose names are in ``keep`` stay. While a generation's listing
        cannot be read, nothing is known of what it refers to: then only drafts are removed.
        """
        self._drop_drafts()
        known = [self._generations.known(name) for name in self.generations()]
        listings = [listing for listing in known if listing is not None]
        if len(listings) < len(known):
            return
        named = {sha256 for listing in listings for sha256 in listing.blobs}
        self.blobs.keep_only(named | set(keep))
        self.environments.keep_only([listing.wheels for listing in listings], set(keep))

    def _drop_drafts(self) -> None:
        self._pointers.drop_drafts()
        self.blobs.drop_drafts()
        self._generations.drop_drafts()
        self.environments.drop_unfinished()
        self.trust.drop_drafts()

    def _clear_away(self, draft: Path) -> None:
        try:
            disk.remove(draft)
        except OSError:
            return  # `recover` does it

    def _require_whole(self, name: str) -> None:
        self._generations.path(name)
        if damage := self._generations.damage(name):
            raise Refused(damage)

    def _require_ours(self, listing: Listing, device: str) -> None:
        mine = {"device": device, "python": python_version(), "machine": platform.machine()}
        for key, here in mine.items():
            there = getattr(listing, key)
            if there != here:
                raise Invalid(f"the bundle is for {key} {there}, and this one is {here}")

    def _require_new(self, listing: Listing) -> None:
        if listing.number <= self.highest:
            reason = f"number {self.highest} was current before"
            raise Invalid(f"the bundle has number {listing.number}, a replay: {reason}")
        for name in self.generations():
            if number_of(name) == listing.number and name != listing.generation:
                raise Invalid(f"another bundle with number {listing.number} is here: {name}")

    def _is_installed(self, name: str) -> bool:
        """Whether it is here whole, from a flash that did not come to its end."""
        if name not in self.generations():
            return False
        if not self._generations.damage(name):
            return True
        self._generations.remove(name)
        return False

    def _before(self) -> str:
        current, good = self.current, self.good
        if good is not None and good != current:
            return good
        names = self.generations()
        below = names[: names.index(current)] if current in names else []
        if not below:
            raise Refused("there is no older generation to go back to")
        return below[-1]
