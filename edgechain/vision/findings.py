"""What a model found in a picture."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Box = tuple[float, float, float, float]
"""``x1, y1, x2, y2`` in pixels of the picture; as the model said it, so it may reach outside."""


class Kind(StrEnum):
    """Whether a model says what is where, or only what."""

    DETECTIONS = "detections"
    CLASSES = "classes"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: ``number`` is the model's own class index, ``score`` is in 0..1."""

    label: str
    score: float
    number: int
    box: Box | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values; the box only where there is one."""
        told: dict[str, Any] = {"label": self.label, "score": self.score}
        return told if self.box is None else {**told, "box": list(self.box)}

    @property
    def short_label(self) -> str:
        """The label as it fits on a line: ImageNet's ``tabby, tabby cat`` is ``tabby``."""
        first = re.split(r"[,;]", self.label)[0].strip() or self.label
        return first if len(first) <= 32 else first[:29] + "..."


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything found in one picture, the best score first."""

    kind: Kind
    items: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """``{"detections": [...]}`` or ``{"classes": [...]}``."""
        return {self.kind.value: [item.as_json() for item in self.items]}

    def summary(self) -> str:
        """One line: ``bus 0.78, person 0.72 x3``; each label once with its best score."""
        counts = Counter(item.short_label for item in self.items)
        best: dict[str, float] = {}
        for item in self.items:
            best[item.short_label] = max(item.score, best.get(item.short_label, 0.0))
        return ", ".join(
            f"{label} {score:.2f}" + (f" x{counts[label]}" if counts[label] > 1 else "")
            for label, score in best.items()
        )
