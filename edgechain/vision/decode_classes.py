"""Classes of a classification model: one output of C scores, shape (1, C) or (1, 1, 1, C).

Scores within 0..1 are taken as they are (a softmax or sigmoid was the last operator: TFLite fixes
their quantisation to 1/256); anything else is logits and gets the softmax.
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
from edgechain.vision.quantization import dequantize, real_range

SHOWN = 5
"""Classes told of one picture, as "top 5" is the measure of these models."""

_SLACK = 0.01
"""A quantised probability may round a little beyond 1."""


@dataclass(frozen=True, slots=True)
class ClassDecoder:
    """Reads the one output."""

    spec: TensorSpec
    labels: Labels

    kind = Kind.CLASSES
    fit = Fit.STRETCH
    default_threshold = 0.1

    def decode(
        self, outputs: Sequence[NDArray[Any]], geometry: Geometry, threshold: float
    ) -> Findings:
        """The best five classes with a score of at least ``threshold``."""
        del geometry  # a class is said of the whole picture
        scores = self._probabilities(dequantize(outputs[0], self.spec).reshape(-1))
        best = np.argsort(-scores, kind="stable")[:SHOWN]
        return Findings(
            Kind.CLASSES,
            tuple(self.labels.found(i, scores[i]) for i in best if scores[i] >= threshold),
        )

    def _probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = real_range(self.spec) or (float(scores.min()), float(scores.max()))
        return scores if low >= -_SLACK and high <= 1 + _SLACK else _softmax(scores)


def class_decoder(outputs: Sequence[TensorSpec], labels: Labels) -> ClassDecoder | None:
    """A decoder if this is one row of at least two scores."""
    if len(outputs) != 1 or len(outputs[0].shape) < 2:
        return None
    *ones, classes = outputs[0].shape
    if classes < 2 or any(size not in (1, -1) for size in ones):
        return None
    return ClassDecoder(outputs[0], labels.for_scores(classes))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares
