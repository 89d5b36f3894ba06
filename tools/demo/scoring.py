"""How good detections are: matching against the truth, precision, recall, average precision.

Pure numpy. Boxes are float [n, 4] as x1, y1, x2, y2 in one unit of the caller's choice, the same
for both sides. A detection is right if it overlaps a digit of its own label, not yet matched by a
better scored detection, with an intersection over union (IoU) of at least 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

MATCH_IOU = 0.5  # what the 50 in mAP50 stands for


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is in one scene: ``boxes`` [m, 4] and ``labels`` [m]."""

    boxes: Floats
    labels: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was detected in one scene: ``boxes`` [n, 4], ``labels`` [n], ``scores`` [n] in 0..1."""

    boxes: Floats
    labels: Integers
    scores: Floats


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Over ``scenes`` scenes with ``objects`` objects; all fractions 0..1.

    ``map50`` counts every detection handed in, whatever its score; ``precision`` and ``recall``
    count those scored at least ``threshold``. Precision of no detections at all is 1.
    """

    map50: float
    precision: float
    recall: float
    threshold: float
    scenes: int
    objects: int


def evaluate(
    found: Sequence[Found], truths: Sequence[Truth], *, threshold: float = 0.4
) -> Accuracy:
    """Accuracy over scenes; both sequences hold one entry for every scene, in the same order."""
    each = [match(one, truth) for one, truth in zip(found, truths, strict=True)]
    hits = np.concatenate([np.zeros(0, bool), *each])
    scores = np.concatenate([np.zeros(0), *(one.scores for one in found)])
    labels = np.concatenate([np.zeros(0, np.int64), *(one.labels for one in found)])
    wanted = np.concatenate([np.zeros(0, np.int64), *(truth.labels for truth in truths)])
    precision, recall = precision_recall(hits[scores >= threshold], len(wanted))
    return Accuracy(
        map50=mean_average_precision(scores, hits, labels, wanted),
        precision=precision,
        recall=recall,
        threshold=threshold,
        scenes=len(truths),
        objects=len(wanted),
    )


def match(found: Found, truth: Truth, *, iou: float = MATCH_IOU) -> Flags:
    """Which detections of one scene are right, bool [n]: greedy, best score first."""
    overlap = iou_matrix(found.boxes, truth.boxes)
    overlap[found.labels[:, None] != truth.labels[None, :]] = 0.0
    hits = np.zeros(len(found.scores), bool)
    if not len(truth.labels):
        return hits
    for index in np.argsort(-found.scores, kind="stable"):
        best = int(overlap[index].argmax())
        if overlap[index, best] >= iou:
            hits[index] = True
            overlap[:, best] = 0.0
    return hits


def iou_matrix(ones: Floats, others: Floats) -> NDArray[np.float64]:
    """Intersection over union of every pair, [n, m]; 0 where a box has no area."""
    low = np.maximum(ones[:, None, :2], others[None, :, :2])
    high = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    union = _areas(ones)[:, None] + _areas(others)[None, :] - shared
    overlap: NDArray[np.float64] = np.zeros(shared.shape)
    np.divide(shared, union, out=overlap, where=union > 0)
    return overlap


def precision_recall(hits: Flags, wanted: int) -> tuple[float, float]:
    """Right ones among the detections, and found ones among the `wanted` objects."""
    right = int(hits.sum())
    return right / len(hits) if len(hits) else 1.0, right / wanted if wanted else 1.0


def average_precision(scores: Floats, hits: Flags, wanted: int) -> float:
    """Area under the precision-recall curve, every point, precision made non-increasing."""
    if not wanted:
        raise ValueError("average precision needs at least one object to find")
    right = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    precision = right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], right / wanted]))
    return float((steps * precision).sum())


def mean_average_precision(
    scores: Floats, hits: Flags, labels: Integers, wanted: Integers
) -> float:
    """Mean of the average precision over the labels that occur in `wanted`; 1 if none does."""
    each = [
        average_precision(scores[labels == label], hits[labels == label], int(total))
        for label, total in zip(*np.unique(wanted, return_counts=True), strict=True)
    ]
    return float(np.mean(each)) if each else 1.0


def _areas(boxes: Floats) -> Floats:
    areas: Floats = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=1)
    return areas
