"""How one chain sees pictures: which input they go into, and who reads its outputs. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgechain.errors import InvalidMedia, ProtocolError
from edgechain.spec.chain import ChainManifest
from edgechain.vision.decoder import Decoder, decoder_for
from edgechain.vision.findings import Findings
from edgechain.vision.fit import Fit, Geometry, Picture
from edgechain.vision.labels import Labels, labels_of
from edgechain.vision.prepare import SYMMETRIC, UNIT, Preparation, preparation_for

MAX_KNOWN = 4
"""Generations at a time: the one that serves, the one that is being left, and some."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Pictures to inputs, outputs to findings; made by ``sight_of``."""

    input_port: str
    output_ports: tuple[str, ...]
    preparation: Preparation
    decoder: Decoder
    threshold: float

    def prepare(self, picture: Picture) -> tuple[dict[str, NDArray[Any]], Geometry]:
        """The chain's inputs by port name, and where the picture lies in them."""
        value, geometry = self.preparation.prepare(picture)
        return {self.input_port: value}, geometry

    def read(self, outputs: Mapping[str, NDArray[Any]], geometry: Geometry) -> Findings:
        """What the chain's outputs say of the picture. Raises ``ProtocolError`` if one lacks."""
        missing = [port for port in self.output_ports if port not in outputs]
        if missing:
            raise ProtocolError(f"the chain did not answer with output {missing[0]!r}")
        ordered = [outputs[port] for port in self.output_ports]
        return self.decoder.decode(ordered, geometry, self.threshold)


class Sights:
    """The sight for each generation that a run meets."""

    def __init__(self, look: Callable[[ChainManifest], Sight]):
        self._look = look
        self._known: OrderedDict[str, Sight] = OrderedDict()

    def of(self, manifest: ChainManifest) -> Sight:
        """How to use this generation. Raises what ``look`` raises."""
        if manifest.generation not in self._known:
            self._known[manifest.generation] = self._look(manifest)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        return self._known[manifest.generation]

    def get(self, generation: str, otherwise: Sight) -> Sight:
        """That of a generation met before."""
        return self._known.get(generation, otherwise)


def sight_of(
    manifest: ChainManifest, *, labels: Labels | None = None, threshold: float | None = None
) -> Sight:
    """How to use this chain as a camera's.

    ``labels`` takes the place of those inside the model, ``threshold`` of the model family's
    customary one. Raises ``InvalidMedia`` when pictures do not go in or findings do not come out.
    """
    if len(manifest.inputs) != 1:
        names = ", ".join(port.name for port in manifest.inputs[:4])
        raise InvalidMedia(
            f"camera feeds one picture, chain {manifest.name} takes {len(manifest.inputs)} inputs "
            f"({names}): use edgechain infer"
        )
    taken = manifest.edges[manifest.input_edges[0]].tensor
    given = [manifest.edges[at].tensor for at in manifest.output_edges]
    # A picture's input is checked first: an audio model's output also looks like classes.
    preparation_for(taken, fit=Fit.STRETCH, floats=SYMMETRIC)
    known = labels or labels_of(manifest.labels or ())
    decoder = decoder_for(given, known, input_size=(taken.shape[2], taken.shape[1]))
    floats = UNIT if decoder.fit is Fit.LETTERBOX else SYMMETRIC
    return Sight(
        input_port=manifest.inputs[0].name,
        output_ports=tuple(port.name for port in manifest.outputs),
        preparation=preparation_for(taken, fit=decoder.fit, floats=floats),
        decoder=decoder,
        threshold=decoder.default_threshold if threshold is None else threshold,
    )
