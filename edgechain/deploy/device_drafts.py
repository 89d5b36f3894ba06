"""Device files that are to say what runs: written beside their places first, put there at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from edgechain.errors import InvalidDocument


class DeviceDrafts:
    """The new texts of some files; nothing changes before ``settle``."""

    def __init__(self, drafts: Mapping[Path, Path], before: Mapping[Path, bytes]):
        self._drafts = drafts
        self._before = before
        self.is_settled = False

    def settle(self) -> None:
        """Put them in their places.

        Raises ``InvalidDocument`` for the first that cannot be or that says something else by now
        than when its draft was made, after all others.
        """
        problems = []
        for file, draft in self._drafts.items():
            try:
                self._put(file, draft)
            except InvalidDocument as error:
                problems.append(error)
        if problems:
            raise problems[0]
        self.is_settled = True

    def _put(self, file: Path, draft: Path) -> None:
        try:
            if file.read_bytes() != self._before[file]:
                reason = "was changed meanwhile and is left so; `edgechain apply` again brings it"
                raise InvalidDocument(f"{reason} to what runs", file=str(file))
            draft.replace(file.resolve())
        except OSError as error:
            raise _unwritable(file, error) from error

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that will say something else, or do since they were settled."""
        return tuple(self._drafts)


@contextmanager
def device_drafts(texts: Mapping[Path, str]) -> Iterator[DeviceDrafts]:
    """Drafts of the files whose texts are others by now. Raises ``InvalidDocument``.

    What was not put in its place at the end is removed.
    """
    drafts: dict[Path, Path] = {}
    before: dict[Path, bytes] = {}
    try:
        for file, text in texts.items():
            try:
                before[file] = file.read_bytes()
                if before[file] == text.encode():
                    continue
                drafts[file] = draft = file.resolve().with_name(f".{file.name}.draft")
                draft.touch(0o600)  # before its first byte: it may hold a password
                draft.write_bytes(text.encode())
                shutil.copymode(file, draft)
                _sync(draft)
            except OSError as error:
                raise _unwritable(file, error) from error
        yield DeviceDrafts(drafts, before)
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _unwritable(file: Path, error: OSError) -> InvalidDocument:
    return InvalidDocument(f"cannot be written: {error.strerror}", file=str(file))
