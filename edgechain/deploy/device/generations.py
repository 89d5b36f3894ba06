"""Generations: folders that are made whole, get their name, and are never changed.

``generations/000017-0123456789ab`` holds the bundle's listing and signature, its files (public
ones share their bytes with the blobs, private ones are copies that only their owner may read) and
``environment``, a link to the environment that the bundle's wheels make.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from edgechain.deploy.device import disk
from edgechain.deploy.device.blobs import Blobs, digest_of
from edgechain.deploy.device.listing import (
    ENVIRONMENT,
    LISTING,
    SIGNATURE,
    File,
    Listing,
    number_of,
    parse,
)
from edgechain.deploy.device.refusal import Invalid, Refused


class Generations:
    """The generations below one folder, which is made for the first one."""

    def __init__(self, folder: Path):
        self.folder = folder

    def names(self) -> list[str]:
        """Every generation, the oldest first."""
        names = (path.name for path in disk.entries(self.folder))
        numbers = {name: number for name in names if (number := number_of(name)) is not None}
        return sorted(numbers, key=lambda name: (numbers[name], name))

    def path(self, name: str) -> Path:
        """Where a generation is. Raises ``Invalid`` when there is none of that name."""
        path = self.folder / name
        if number_of(name) is None or path.is_symlink() or not path.is_dir():
            raise Invalid(f"there is no generation {name[:40]!a} on this device")
        return path

    def listing(self, name: str) -> Listing:
        """What a generation holds. Raises ``Invalid`` or ``OSError`` when it is damaged."""
        place = self.path(name) / LISTING
        if place.is_symlink():
            raise Invalid(f"generation {name} is damaged: {LISTING}")
        data = place.read_bytes()
        listing = parse(data)
        if listing.generation != name:
            raise Invalid(f"generation {name} holds the listing of {listing.generation}")
        return listing

    def known(self, name: str) -> Listing | None:
        """The same, or None when it is damaged."""
        try:
            return self.listing(name)
        except (Refused, OSError):
            return None

    def damage(self, name: str) -> str:
        """What is wrong with a generation, read to its last byte; empty when it is whole."""
        try:
            path, listing = self.path(name), self.listing(name)
            for file in listing.files:
                if not _holds(path.resolve(), file):
                    return f"generation {name} is damaged: {file.path}"
        except Refused as error:
            return str(error)
        except OSError as error:
            return f"generation {name} is damaged: {error.strerror}"
        return ""

    def draft(self, data: bytes, signature: bytes) -> Path:
        """A folder that will be a generation, with its listing and signature in it."""
        disk.folder(self.folder)
        name = hashlib.sha256(data).hexdigest()[:12]
        draft = self.folder / f".{name}.draft"
        if draft.exists():
            disk.remove(draft)
        disk.folder(draft)
        disk.write(draft / LISTING, data)
        disk.write(draft / SIGNATURE, signature)
        return draft

    def fill(self, draft: Path, listing: Listing, blobs: Blobs, environment: Path) -> None:
        """Put a bundle's files into its draft. Raises ``Invalid`` for one that is not here."""
        for file in listing.files:
            place = draft / file.path
            self._folders(draft, place.parent)
            blob = blobs.check(file.sha256, file.size, file.path)
            if file.private:
                _copy(blob, place, file)
            else:
                disk.link(place, blob)
        disk.point(draft / ENVIRONMENT, f"../../{environment.parent.name}/{environment.name}")

    def finish(self, draft: Path, name: str) -> None:
        """Let a draft be a generation."""
        disk.settle(draft, self.folder / name)

    def remove(self, name: str) -> None:
        """Remove a generation, at once for who looks for it."""
        disk.remove(self.folder / name)

    def drop_drafts(self) -> None:
        """Remove what was not finished."""
        disk.drop_drafts(self.folder)

    def _folders(self, draft: Path, place: Path) -> None:
        if place != draft:
            self._folders(draft, place.parent)
            disk.folder(place)


def _holds(folder: Path, file: File) -> bool:
    """Whether a file is there itself, no link on the way, with its bytes."""
    place = folder / file.path
    if place.resolve(strict=True) != place or not place.is_file():
        return False
    return place.stat().st_size == file.size and digest_of(place) == file.sha256


def _copy(blob: Path, place: Path, file: File) -> None:
    with blob.open("rb") as source, disk.writing(place, disk.PRIVATE) as copy:
        shutil.copyfileobj(source, copy)
    if place.stat().st_size != file.size:
        raise Invalid(f"{file.path} changed while it was copied")
