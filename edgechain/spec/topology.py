"""Devices and the links between them, as the planner needs them: part of a device's file.

device:
board: pi-4
memory_mb: 3500
profiles: [detect.pi-a.yaml]
network: {mbit: 940, ms: 0.3}
links: {pi-b: {mbit: 35, ms: 4, send_ms_per_mb: 6.2, receive_ms_per_mb: 7.5}}
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgechain.spec.ids import Name
from edgechain.spec.profile import Milliseconds
from edgechain.spec.tensor import Frozen

Mbit = Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)]


class NetworkConfig(Frozen):
    """What a device reaches others with."""

    mbit: Mbit = 940.0
    """What goes through it in one direction, in millions of bits a second."""
    ms: float = Field(default=0.3, ge=0, le=60_000, allow_inf_nan=False)
    """How long a small message takes to another device beside it, in milliseconds."""
    medium: Name | None = None
    """A Wi-Fi network, by any name: devices on one medium share it, and what one sends to another
    there crosses the air twice."""
    send_ms_per_mb: Milliseconds | None = None
    """What the processor of the device that sends spends on a megabyte (10**6 bytes)."""
    receive_ms_per_mb: Milliseconds | None = None
    """What the processor of the device that receives spends on a megabyte: of a link the one at its
    far end."""
    message_ms: Milliseconds | None = None
    """What the processor of the device that sends spends on a small message and its answer."""


class DeviceConfig(Frozen):
    """What a device is, for ``edgechain plan``."""

    board: str = Field(default="pi-4", min_length=1, max_length=64)
    """Which board it is (pi-4, pi-5, pi-zero-2w ...): for a model without a profile its times are
    estimated."""
    memory_mb: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    """What a submodel may take, in millions of bytes; the board's own if absent."""
    profiles: tuple[str, ...] = ()
    """Files that `edgechain profile` wrote on it, relative to this file."""
    network: NetworkConfig = NetworkConfig()
    """What it reaches others with."""
    links: dict[Name, NetworkConfig] = Field(default_factory=dict)
    """By a device's name: what is different on the way to that one."""
    cannot: tuple[str, ...] = ()
    """Kinds of operators that it cannot run: they stay elsewhere."""
    pinned: tuple[str, ...] = ()
    """What stays on it: input (what reads the camera's frames), output, a tensor's name, or
    operators as 0-30."""
