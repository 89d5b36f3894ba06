"""Detections of a model that ends in ``TFLite_Detection_PostProcess``, the op of SSD exports.

The op has already decoded anchors and suppressed overlaps. It gives, float32:

    boxes (1, N, 4)   ymin, xmin, ymax, xmax as fractions of the input
    classes (1, N)    counted from 0, the background left out
    scores (1, N)     in 0..1
    count (1,)        how many of the N are filled

in this order (TensorFlow 1 exports and Coral's), or as scores, boxes, count, classes (TensorFlow 2
exports, whose signature sorts them). Source: ``tflite/kernels/detection_postprocess.cc``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.spec.tensor import DType, TensorSpec
from edgechain.vision.findings import Findings, Kind
from edgechain.vision.fit import Fit, Geometry
from edgechain.vision.labels import Labels

_OP_OUTPUT = re.compile(r"Detection_?PostProcess(?::([0-3]))?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SsdDecoder:
    """Reads the four outputs; the fields are their places among the chain's outputs."""

    labels: Labels
    boxes: int
    classes: int
    scores: int
    count: int

    kind = Kind.DETECTIONS
    fit = Fit.STRETCH
    default_threshold = 0.5

    def decode(
        self, outputs: Sequence[NDArray[Any]], geometry: Geometry, threshold: float
    ) -> Findings:
        """Everything with a score of at least ``threshold``, the best first."""
        boxes = outputs[self.boxes].reshape(-1, 4).astype(np.float64)
        classes, scores = self._told_apart(outputs)
        scores = scores.astype(np.float64)
        filled = max(0, min(int(outputs[self.count].reshape(-1)[0]), len(scores), len(boxes)))
        # ymin, xmin, ymax, xmax becomes x1, y1, x2, y2.
        pixels = geometry.to_picture(boxes[:filled, [1, 0, 3, 2]])
        order = np.argsort(-scores[:filled], kind="stable")
        return Findings(
            Kind.DETECTIONS,
            tuple(
                self.labels.found(classes[i], scores[i], pixels[i])
                for i in order
                if scores[i] >= threshold
            ),
        )

    def _told_apart(self, outputs: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Classes and scores; swapped when their values say that they are each other."""
        classes, scores = (outputs[at].reshape(-1) for at in (self.classes, self.scores))
        whole = bool(np.all(classes == np.rint(classes)))
        if (not whole) or (scores.size and float(scores.max()) > 1.0):
            return scores, classes
        return classes, scores


def ssd_decoder(outputs: Sequence[TensorSpec], labels: Labels) -> SsdDecoder | None:
    """A decoder if these are an SSD's four outputs, by the op's names or else by their shapes."""
    if len(outputs) != 4 or any(spec.dtype is not DType.FLOAT32 for spec in outputs):
        return None
    places = _by_name(outputs) or _by_shape(outputs)
    return places and SsdDecoder(labels.without_background(), *places)


def _by_name(outputs: Sequence[TensorSpec]) -> tuple[int, int, int, int] | None:
    """Boxes, classes, scores and count as the op's output numbers in the names say."""
    matches = [_OP_OUTPUT.search(spec.name) for spec in outputs]
    numbers = [int(match[1] or 0) for match in matches if match]
    if sorted(numbers) != [0, 1, 2, 3]:
        return None
    boxes, classes, scores, count = (numbers.index(number) for number in range(4))
    return boxes, classes, scores, count


def _by_shape(outputs: Sequence[TensorSpec]) -> tuple[int, int, int, int] | None:
    """Boxes by their four sides, count by its rank, the other two by the order of the export."""
    ranks = [len(spec.shape) for spec in outputs]
    if sorted(ranks) != [1, 2, 2, 3]:
        return None
    boxes, count = ranks.index(3), ranks.index(1)
    if outputs[boxes].shape[2] not in (4, -1):
        return None
    first, second = (at for at, rank in enumerate(ranks) if rank == 2)
    if boxes < first:
        return boxes, first, second, count
    return boxes, second, first, count
