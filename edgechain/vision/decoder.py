"""Which decoder reads a chain's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from edgechain.errors import InvalidMedia
from edgechain.spec.tensor import TensorSpec
from edgechain.vision.decode_classes import class_decoder
from edgechain.vision.decode_ssd import ssd_decoder
from edgechain.vision.decode_yolo import END_TO_END, yolo_decoder
from edgechain.vision.findings import Findings, Kind
from edgechain.vision.fit import Fit, Geometry
from edgechain.vision.labels import Labels


class Decoder(Protocol):
    """Reads a model's outputs; pure, and may be called from several threads at once."""

    @property
    def kind(self) -> Kind:
        """What it finds."""

    @property
    def fit(self) -> Fit:
        """How the model was trained to see pictures."""

    @property
    def default_threshold(self) -> float:
        """The least score worth telling, customary for this family."""

    def decode(
        self, outputs: Sequence[NDArray[Any]], geometry: Geometry, threshold: float
    ) -> Findings:
        """What the outputs, in the specs' order, say of the picture placed by ``geometry``."""


def decoder_for(
    outputs: Sequence[TensorSpec],
    labels: Labels | None = None,
    *,
    input_size: tuple[int, int] = (1, 1),
) -> Decoder:
    """The decoder for these outputs; ``input_size`` is the input's width and height in pixels.

    Raises ``InvalidMedia`` with what the outputs look like when camera cannot draw them.
    """
    names = labels or Labels()
    found = (
        ssd_decoder(outputs, names)
        or class_decoder(outputs, names)
        or yolo_decoder(outputs, names, input_size)
    )
    if found is None:
        shapes = ", ".join(_described(spec) for spec in outputs[:6])
        raise InvalidMedia(
            f"this chain's outputs look like {_looks_like(outputs)} ({shapes}): "
            "camera cannot draw them yet; use edgechain infer"
        )
    return found


def _described(spec: TensorSpec) -> str:
    return f"{spec.dtype} {'x'.join('?' if n < 0 else str(n) for n in spec.shape) or 'scalar'}"


def _looks_like(outputs: Sequence[TensorSpec]) -> str:
    shapes = [spec.shape for spec in outputs]
    if any(shape[-2:] == (17, 3) or shape[1:] == (6, 56) for shape in shapes):
        return "a pose"
    if len(shapes) == 1 and shapes[0][1:] == (END_TO_END, 6):
        return "an end-to-end detector"
    if any(len(shape) == 4 and min(shape[1:3]) > 1 for shape in shapes):
        return "a segmentation"
    return "nothing camera knows"
