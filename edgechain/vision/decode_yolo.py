"""Detections of a YOLO detector without objectness (YOLOv8 and later, Ultralytics' layout).

One output (1, 4 + C, N) or (1, N, 4 + C): for each of N places the box's centre x, centre y, width
and height, then C class scores in 0..1. Sides are fractions of the input, or its pixels in some
exports; a centre beyond 2 can only be pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.spec.tensor import TensorSpec
from edgechain.vision.findings import Findings, Kind
from edgechain.vision.fit import Fit, Geometry
from edgechain.vision.labels import Labels
from edgechain.vision.quantization import dequantize
from edgechain.vision.suppress import suppress

OVERLAP = 0.45
"""Intersection over union above which two boxes are one thing, as in Darknet and YOLOv5.

Ultralytics' 0.7 is for measuring mAP: on 40 scenes of the demo's digits it finds not one more of
166 and reports 89 boxes too many instead of 34.
"""

END_TO_END = 300
"""Rows of an end-to-end YOLOv10 output, each x1, y1, x2, y2, score, class: another layout."""


@dataclass(frozen=True, slots=True)
class YoloDecoder:
    """Reads the one output; ``rows_first`` says it is (1, 4 + C, N)."""

    spec: TensorSpec
    labels: Labels
    rows_first: bool
    input_size: tuple[int, int]
    """Width and height of the model's input, for exports in pixels."""

    kind = Kind.DETECTIONS
    fit = Fit.LETTERBOX
    default_threshold = 0.25

    def decode(
        self, outputs: Sequence[NDArray[Any]], geometry: Geometry, threshold: float
    ) -> Findings:
        """Everything with a score of at least ``threshold`` that nothing better covers."""
        table = outputs[0][0].T if self.rows_first else outputs[0][0]
        classes = table[:, 4:].argmax(axis=1)
        scores = self._real(np.take_along_axis(table, classes[:, np.newaxis] + 4, axis=1)[:, 0])
        strong = np.flatnonzero(scores >= threshold)
        corners = _corners(self._fractions(self._real(table[strong, :4])))
        kept = suppress(corners, scores[strong], classes[strong], overlap=OVERLAP)
        pixels = geometry.to_picture(corners)
        return Findings(
            Kind.DETECTIONS,
            tuple(
                self.labels.found(classes[strong[i]], scores[strong[i]], pixels[i]) for i in kept
            ),
        )

    def _real(self, values: NDArray[Any]) -> NDArray[np.float64]:
        return dequantize(values, self.spec)

    def _fractions(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        if boxes.size and float(boxes[:, :2].max()) > 2.0:
            width, height = self.input_size
            return boxes / np.array([width, height, width, height], np.float64)
        return boxes


def yolo_decoder(
    outputs: Sequence[TensorSpec], labels: Labels, input_size: tuple[int, int]
) -> YoloDecoder | None:
    """A decoder if this is YOLO's one output. Labels, where known, tell rows from places."""
    if len(outputs) != 1 or not _plausible(outputs[0].shape):
        return None
    _, first, second = outputs[0].shape
    rows_first = _rows_first(first, second, labels)
    rows = first if rows_first else second
    fitting = labels.for_scores(rows - 4)
    return YoloDecoder(outputs[0], fitting, rows_first, input_size)


def _plausible(shape: tuple[int, ...]) -> bool:
    if len(shape) != 3 or shape[0] not in (1, -1):
        return False
    # MoveNet's multi-pose output has as many numbers but is no list of boxes.
    return min(shape[1:]) >= 5 and shape[1:] not in ((END_TO_END, 6), (6, 56))


def _rows_first(first: int, second: int, labels: Labels) -> bool:
    wanted = {labels.count + 4} if labels.names else set()
    if (first in wanted) != (second in wanted):
        return first in wanted
    # A detector looks at many more places than it knows classes.
    return first <= second


def _corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and size to ``x1, y1, x2, y2``."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.hstack([centre - half, centre + half])
