"""Files by what is in them: ``blobs/ab/abcdef...``, named by their SHA-256.

A blob that has its name is whole and on the disk: it is hashed while it is written, and gets its
name after it was synced. A blob whose bytes went bad since is found by ``check`` and removed, so
that it is sent again. Only the agent's user may look into the folder: blobs hold secrets.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Collection
from pathlib import Path

from edgechain.deploy.device import disk
from edgechain.deploy.device.refusal import Invalid

PIECE = 1 << 20


class Blobs:
    """The blobs below one folder, which is made when the first one comes."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where a blob is, or would be."""
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Whether a blob is here, of that size; what is in it, ``check`` looks at."""
        try:
            found = self.path(sha256).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == size

    def put(self, sha256: str, size: int, read: Callable[[int], bytes]) -> None:
        """Take a blob from ``read``, which gives at most as many bytes as it is asked for.

        Raises ``Invalid`` when it ends early or is another one, ``OSError`` from the disk; then
        nothing of it is left.
        """
        path = self.path(sha256)
        disk.folder(self.folder, 0o700)
        disk.folder(path.parent)
        digest, left = hashlib.sha256(), size
        with disk.writing(path) as file:
            while left:
                piece = read(min(left, PIECE))
                if not piece:
                    raise Invalid(f"file {sha256[:12]} ends {left:,} bytes early")
                file.write(piece)
                digest.update(piece)
                left -= len(piece)
            if digest.hexdigest() != sha256:
                reason = f"has sha256 {digest.hexdigest()[:12]}..., not {sha256[:12]}..."
                raise Invalid(f"a file of {size:,} bytes {reason}")

    def check(self, sha256: str, size: int, what: str) -> Path:
        """The path of a blob, read again. Raises ``Invalid`` when it is not here or went bad."""
        path = self.path(sha256)
        if not self.has(sha256, size):
            raise Invalid(f"{what} was not sent (sha256 {sha256[:12]}..., {size:,} bytes)")
        if digest_of(path) != sha256:
            disk.remove(path)
            raise Invalid(f"{what} went bad on this device's disk; flash again to send it anew")
        return path

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove every draft, and every blob that is not ``wanted``."""
        for place in disk.entries(self.folder):
            for blob in disk.entries(place):
                if blob.name not in wanted:
                    disk.remove(blob)

    def drop_drafts(self) -> None:
        """Remove what was not finished."""
        for place in disk.entries(self.folder):
            disk.drop_drafts(place)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
