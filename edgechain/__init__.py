"""edgechain: one neural network across a few Raspberry Pis.

From a ``.tflite`` to a running chain::

    $ edgechain split model.tflite -o chain --stages 3     # submodels + chain.yaml, proved equal
    $ edgechain up chain --detach                          # every stage on a node of its own
    $ edgechain camera photos/ --chain chain --save out    # frames in, boxes drawn

and from Python::

    import edgechain

    async with edgechain.connect("chain") as chain:
        result = await chain.infer({"image": image})       # one request
        print(result["detections"])
        async for result in chain.stream(frames):          # many, several under way at a time
            print(result.index, result.latency)
        print(chain.statistics())                          # what became of every request

``chain.stream(camera, newest=True)`` is for live sources: a frame that waits gives way to the next.

Every request ends exactly once: with a ``Result`` or with one ``RequestError``, no later than
its deadline, whatever dies meanwhile. On devices, ``edgechain node CONFIG`` runs a node.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from edgechain._version import __version__
from edgechain.errors import EdgechainError, RequestError

if TYPE_CHECKING:
    from edgechain.client.chain import Chain
    from edgechain.client.connect import connect
    from edgechain.client.results import Result
    from edgechain.spec.chain import ChainManifest

__all__ = [
    "Chain",
    "ChainManifest",
    "EdgechainError",
    "RequestError",
    "Result",
    "__version__",
    "connect",
]

_HOMES = {
    "Chain": "edgechain.client.chain",
    "ChainManifest": "edgechain.spec.chain",
    "Result": "edgechain.client.results",
    "connect": "edgechain.client.connect",
}


def __getattr__(name: str) -> Any:
    """Load the client only when it is used: a node imports this package too."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edgechain' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
