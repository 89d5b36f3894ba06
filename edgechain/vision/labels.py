r"""Names of classes: what a label file or a model's metadata says.

A file is UTF-8 text (a byte order mark and any line ending are fine) in one of two forms:

- one name per line: the first line is class 0, a blank line or ``???`` is a class without a name;
- ``id name`` on every line that is not blank (``17 cat``, ``17: cat``), each id once.

A detector of SSD's kind never reports its background, so for it a first entry without a name or
called ``background`` is that background, and its class 0 is the entry after it. Both lists of the
same 90 COCO names exist, beginning with ``person`` and with ``???``; the models they come with
give class 0 to a person. A list that begins with the background and is one longer than a model's
scores has it too much, and ImageNet's 1000 names lack the background a model of 1001 has first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import SupportsFloat, SupportsInt

from edgechain.errors import InvalidMedia
from edgechain.spec.printable import printable
from edgechain.vision.findings import Finding

MAX_LABEL_BYTES = 4 << 20
"""The largest public label list (ImageNet 21k) is below one megabyte."""

_NUMBERED = re.compile(r"^(\d{1,6})(?:\s*:\s*|\s+)(\S.*)$")
_GAPS = {"", "???"}
_BACKGROUNDS = {"background", "__background__", "_background_"}


@dataclass(frozen=True, slots=True)
class Labels:
    """Class names by index, gaps left out. An empty one names every class by its number."""

    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many classes the list has room for, gaps before the last name included."""
        return max(self.names, default=-1) + 1

    @property
    def background_first(self) -> bool:
        """Whether entry 0 is the background and not a class of things."""
        first = self.names.get(0)
        return bool(self.names) and (first is None or first.lower() in _BACKGROUNDS)

    def without_background(self) -> Labels:
        """The names of a model that does not report the background; see the module's rule."""
        return self._shifted(1) if self.background_first else self

    def for_scores(self, classes: int) -> Labels:
        """The names of a model with this many class scores; see the module's rule."""
        if self.background_first and self.count == classes + 1:
            return self._shifted(1)
        if not self.background_first and self.count == classes - 1 == 1000:
            return self._shifted(-1, extra={0: "background"})
        return self

    def name(self, number: int) -> str:
        """The name of a class, or ``class 91`` where the list has none."""
        return self.names.get(number, f"class {number}")

    def found(
        self, number: SupportsInt, score: SupportsFloat, sides: Iterable[float] | None = None
    ) -> Finding:
        """One of a class that a model found; ``sides`` are its box's x1, y1, x2, y2."""
        label = self.name(int(number))
        if sides is None:
            return Finding(label, float(score), int(number))
        x1, y1, x2, y2 = map(float, sides)
        return Finding(label, float(score), int(number), (x1, y1, x2, y2))

    def _shifted(self, by: int, extra: Mapping[int, str] | None = None) -> Labels:
        moved = {number - by: name for number, name in self.names.items() if number >= by}
        return Labels({**moved, **(extra or {})})


def labels_of(names: Iterable[str]) -> Labels:
    """Labels from a list of names in class order, such as a manifest's."""
    cleaned = (printable(name, " ").strip() for name in names)
    return Labels({i: name for i, name in enumerate(cleaned) if name not in _GAPS})


def read_labels(path: Path) -> Labels:
    """Read a label file. Raises ``InvalidMedia`` in one line when it is none."""
    labels = parse_labels(_read_text(path))
    if not labels.names:
        raise InvalidMedia(f"{path}: the label file holds no names")
    return labels


def parse_labels(text: str) -> Labels:
    """Labels from a label file's text; see the module for the forms."""
    # Only line feeds and carriage returns end a line; a name may hold other Unicode separators.
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))]
    numbered = _numbered(line for line in lines if line)
    if numbered is None:
        return labels_of(lines)
    return Labels({number: name for number, name in numbered.items() if name not in _GAPS})


def _numbered(lines: Iterable[str]) -> dict[int, str] | None:
    """Names by their written ids, or ``None`` when the lines are not of that form."""
    found: dict[int, str] = {}
    for line in lines:
        match = _NUMBERED.match(line)
        if match is None or int(match[1]) in found:
            return None
        found[int(match[1])] = printable(match[2], " ").strip()
    return found


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LABEL_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidMedia(f"{path}: cannot read the label file: {reason}") from error
    if len(data) > MAX_LABEL_BYTES or b"\0" in data:
        raise InvalidMedia(f"{path}: is not a label file: it holds no plain text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidMedia(f"{path}: is not a label file: it holds no UTF-8 text") from error
