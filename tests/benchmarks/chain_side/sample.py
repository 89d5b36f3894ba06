"""One seeded input for a chain, the same in every process, and what came out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.model.samples import random_array
from edgechain.spec.chain import ChainManifest

Array = NDArray[Any]
SEED = 7


def sample(manifest: ChainManifest) -> dict[str, Array]:
    """An array for every input of the chain, by tensor name; open dimensions are 1."""
    random = np.random.default_rng(SEED)
    specs = {edge.tensor.name: edge.tensor for edge in manifest.edges}
    return {
        port.tensor: random_array(
            specs[port.tensor].dtype, tuple(abs(n) for n in specs[port.tensor].shape), random
        )
        for port in manifest.inputs
    }


def fingerprint(outputs: Iterable[Array]) -> str:
    """A hash of all outputs to the last bit, whatever their order."""
    hashes = sorted(hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in outputs)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()
