"""What a device was measured to need for a model: ``edgechain profile`` writes it, ``plan`` reads.

device: pi-a
model: {file: detect.tflite, sha256: 61e2...}
interpreter: litert
threads: 4
operator_ms: [0.81, 0.36, ...]
stage_ms: 0.35
send_ms_per_mb: 0.9
receive_ms_per_mb: 1.1
loopback: {send_ms_per_mb: 0.4, receive_ms_per_mb: 0.6, message_ms: 0.2}
packing: {pack_ms_per_mb: 14.0, unpack_ms_per_mb: 4.5, shares: {conv_1: 0.62, conv_2: 0.81}}
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from edgechain.spec.chain import ModelSource
from edgechain.spec.printable import check_printable
from edgechain.spec.tensor import Frozen

Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
TensorName = Annotated[str, Field(max_length=1024), AfterValidator(check_printable)]
PackedShare = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

MOST_SHARES = 1000
"""Tensors whose share is kept: so a profile stays below what a node may say in one word."""


class Packing(Frozen):
    """What it takes to make boundary tensors smaller, and how small they get.

    Milliseconds of the processor are for a megabyte (10**6 bytes) that is not packed. ``shares``
    are bytes that cross packed per byte of the tensor, by the tensor's name, of those tensors that
    were measured.
    """

    pack_ms_per_mb: Milliseconds
    unpack_ms_per_mb: Milliseconds
    shares: dict[TensorName, PackedShare] = Field(default_factory=dict, max_length=MOST_SHARES)


class LinkCosts(Frozen):
    """What a link alone costs processors, in milliseconds, as ``spec.probing.Probed`` says it."""

    send_ms_per_mb: Milliseconds
    receive_ms_per_mb: Milliseconds
    message_ms: Milliseconds


class DeviceProfile(Frozen):
    """Measured on the device itself, with the interpreter and the threads that its node uses.

    ``operator_ms`` adds up to one run of the whole model. ``stage_ms`` is what the processor
    spends on every request of a stage besides: the node's own work, and the worker's around the
    interpreter. ``send_ms_per_mb`` and ``receive_ms_per_mb`` are for a megabyte (10**6 bytes) that
    leaves for or comes from another node or the client. So a node is busy with a request for the
    sum of its operators, ``stage_ms``, and its bytes. Where nodes were not measured ``stage_ms`` is
    only the price of one call of the interpreter.

    Nodes are measured side by side on the device, so bytes went over loopback, where no network
    card is in the way. ``loopback`` says how much of ``stage_ms`` and of the bytes' price that was:
    what a link to another device costs more comes on top.
    """

    device: str = Field(min_length=1, max_length=256)
    model: ModelSource
    interpreter: str = Field(max_length=64)
    threads: int = Field(ge=1, le=64)
    operator_ms: tuple[Milliseconds, ...] = Field(min_length=1, max_length=100_000)
    stage_ms: Milliseconds = 0.0
    send_ms_per_mb: Milliseconds = 0.0
    receive_ms_per_mb: Milliseconds = 0.0
    loopback: LinkCosts | None = None
    """Absent where it was not measured, or the model has one part only."""
    packing: Packing | None = None
    """Absent where it was not measured: then nothing is packed there."""
    scaled_from: str = ""
    """Not measured but taken from another device, and which; empty where it was measured."""

    @property
    def over_loopback(self) -> LinkCosts:
        """Where it was not measured everything that stages and bytes cost."""
        return self.loopback or LinkCosts(
            send_ms_per_mb=self.send_ms_per_mb,
            receive_ms_per_mb=self.receive_ms_per_mb,
            message_ms=self.stage_ms,
        )
