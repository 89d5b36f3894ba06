"""What a device was measured to need for a model: ``edgechain profile`` writes it, ``plan`` reads.

device: pi-a
model: {file: detect.tflite, sha256: 61e2...}
interpreter: litert
threads: 4
operator_ms: [0.81, 0.36, ...]
stage_ms: 0.35
send_ms_per_mb: 0.9
receive_ms_per_mb: 1.1
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgechain.spec.chain import ModelSource
from edgechain.spec.tensor import Frozen

Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class DeviceProfile(Frozen):
    """Measured on the device itself, with the interpreter and the threads that its node uses.

    ``operator_ms`` adds up to one run of the whole model. ``stage_ms`` is what the processor
    spends on every request of a stage besides: the node's own work, and the worker's around the
    interpreter. ``send_ms_per_mb`` and ``receive_ms_per_mb`` are for a megabyte (10**6 bytes) that
    leaves for or comes from another node or the client. So a node is busy with a request for the
    sum of its operators, ``stage_ms``, and its bytes. Where nodes were not measured ``stage_ms`` is
    only the price of one call of the interpreter.
    """

    device: str = Field(min_length=1, max_length=256)
    model: ModelSource
    interpreter: str = Field(max_length=64)
    threads: int = Field(ge=1, le=64)
    operator_ms: tuple[Milliseconds, ...] = Field(min_length=1, max_length=100_000)
    stage_ms: Milliseconds = 0.0
    send_ms_per_mb: Milliseconds = 0.0
    receive_ms_per_mb: Milliseconds = 0.0
    scaled_from: str = ""
    """Not measured but taken from another device, and which; empty where it was measured."""
