"""Devices and the links between them, as the planner needs them: part of a device's file.

device:
board: pi-4
memory_mb: 3500
profiles: [detect.pi-a.yaml]
network: {mbit: 940, ms: 0.3}
links: {pi-b: {mbit: 35, ms: 4}}
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgechain.spec.ids import Name
from edgechain.spec.tensor import Frozen

Mbit = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class NetworkConfig(Frozen):
    """What a device reaches others with.

    ``mbit`` is what goes through it in one direction, in millions of bits a second; ``ms`` how long
    a small message takes to another device beside it. Devices on one ``medium`` (a Wi-Fi network,
    by any name) share it: what one sends to another there crosses the air twice.
    """

    mbit: Mbit = 940.0
    ms: float = Field(default=0.3, ge=0, le=60_000, allow_inf_nan=False)
    medium: Name | None = None


class DeviceConfig(Frozen):
    """What a device is, for ``edgechain plan``.

    ``profiles`` are files that ``edgechain profile`` wrote on it, relative to this file; for a
    model without one the times of the named ``board`` are estimated. ``memory_mb`` is what a
    submodel may take, the board's own if absent. ``links`` overrides ``network`` towards single
    devices. What is on a device that ``cannot`` run some kinds of operators stays elsewhere.
    """

    board: str = Field(default="pi-4", min_length=1, max_length=64)
    memory_mb: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    profiles: tuple[str, ...] = ()
    network: NetworkConfig = NetworkConfig()
    links: dict[Name, NetworkConfig] = Field(default_factory=dict)
    cannot: tuple[str, ...] = ()
