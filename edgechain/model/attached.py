"""Files appended to a model as a zip archive (the TFLite metadata convention): labels mostly.

An archive that cannot be read counts as absent: the model itself is whole without it.
"""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgechain.spec.printable import printable

MAX_ATTACHED_BYTES = 64 << 20
"""Vocabularies reach a few MB; this stops an archive that unpacks without end."""

MAX_LABELS = 1 << 16
MAX_LABEL_LENGTH = 256


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """One file of the archive, with its own date so that a copy is the same to the last byte."""

    name: str
    data: bytes
    date: tuple[int, int, int, int, int, int] = (1980, 1, 1, 0, 0, 0)


def attached_files(content: bytes) -> tuple[AttachedFile, ...]:
    """The files attached to a model; none when there is no readable archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_ATTACHED_BYTES:
                return ()
            first = {entry.filename: entry for entry in reversed(entries)}
            return tuple(
                AttachedFile(entry.filename, archive.read(entry), entry.date_time)
                for entry in entries
                if first[entry.filename] is entry
            )
    except Exception:
        # zipfile meets damaged archives with a dozen exceptions, zlib's and struct's among them.
        return ()


def labels_in(files: Sequence[AttachedFile]) -> tuple[str, ...] | None:
    """Class names found in attached files, index is the class; ``None`` when there are none.

    Either a text file with one name per line and "label" in its name, or a description with
    ``names: {0: 'person', ...}`` in Python or JSON notation as ultralytics writes it.
    """
    for file in files:
        if found := _described_names(file.data):
            return found
    for file in files:
        if "label" in file.name.lower() and (found := _listed_names(file.data)):
            return found
    return None


def _listed_names(data: bytes) -> tuple[str, ...] | None:
    lines = data.decode("utf-8", "replace").rstrip().splitlines()
    return _clean(lines) if 0 < len(lines) <= MAX_LABELS else None


def _described_names(data: bytes) -> tuple[str, ...] | None:
    described = _parse(data)
    names = described.get("names") if isinstance(described, dict) else None
    if isinstance(names, dict):
        try:
            numbered = {int(number): name for number, name in names.items()}
        except (TypeError, ValueError):
            return None
        if not numbered or min(numbered) < 0 or max(numbered) >= MAX_LABELS:
            return None
        names = [numbered.get(number, "???") for number in range(max(numbered) + 1)]
    return _clean(names) if isinstance(names, list) and 0 < len(names) <= MAX_LABELS else None


def _parse(data: bytes) -> Any:
    described = data.lstrip()[:1] == b"{" and len(data) < 1 << 20
    if not described:
        return None
    written = data.decode("utf-8", "replace").strip()
    for reader in (json.loads, ast.literal_eval):
        try:
            return reader(written)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


def _clean(names: Sequence[object]) -> tuple[str, ...]:
    return tuple(printable(str(name).strip())[:MAX_LABEL_LENGTH] for name in names)
