"""Non-maximum suppression: of boxes that show the same thing, only the best stays.

Greedy, per class, as in Felzenszwalb et al. (2010) and every detector's reference code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""(N, 4) ``x1, y1, x2, y2`` in any one unit."""

MAX_CANDIDATES = 4096
"""Boxes looked at, the best first: a picture full of noise must not take seconds."""

MAX_KEPT = 300
"""Ultralytics' limit of detections in one picture."""


def suppress(
    boxes: Boxes, scores: NDArray[np.float64], classes: NDArray[np.int64], *, overlap: float
) -> NDArray[np.int64]:
    """Indexes of the boxes that stay, the best score first; equal scores in the given order.

    A box goes when a better one of its class covers it with an intersection over union above
    ``overlap``. Boxes without area overlap nothing.
    """
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    kept: list[int] = []
    while order.size and len(kept) < MAX_KEPT:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        rivals = (classes[order] == classes[best]) & (
            intersection_over_union(boxes[best], boxes[order]) > overlap
        )
        order = order[~rivals]
    return np.array(kept, np.int64)


def intersection_over_union(box: NDArray[np.float64], others: Boxes) -> NDArray[np.float64]:
    """How much ``box`` (4,) and each of ``others`` (N, 4) share, 0..1."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = _area(np.hstack([low, high]))
    union = _area(box[np.newaxis]) + _area(others) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _area(boxes: Boxes) -> NDArray[np.float64]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    area: NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return area
