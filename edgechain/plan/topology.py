"""Device files and profiles become the devices and links of a placement problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.errors import CannotPlace
from edgechain.plan.boards import BOARDS, estimated_seconds
from edgechain.plan.node_costs import with_client
from edgechain.plan.units import ModelProblem, model_problem
from edgechain.spec.graph import OpGraph
from edgechain.spec.problem import Board, Wire
from edgechain.spec.profile import DeviceProfile
from edgechain.spec.topology import DeviceConfig

MB = 1e6
BITS = 8


@dataclass(frozen=True)
class Device:
    """A device by name: its file's words, its threads, and its profile of this very model."""

    name: str
    config: DeviceConfig
    threads: int = 4
    profile: DeviceProfile | None = None

    @property
    def is_measured(self) -> bool:
        """Whether its times were measured on it, and not estimated."""
        return self.profile is not None and not self.profile.scaled_from


def problem_on(graph: OpGraph, devices: Sequence[Device]) -> ModelProblem:
    """Where to place ``graph``. Raises ``CannotPlace`` naming what a device's file got wrong.

    What the client's tensors cost the processors that receive and send them is in the problem; how
    long the links to the client take is not.
    """
    if twice := {d.name for d in devices if [e.name for e in devices].count(d.name) > 1}:
        raise CannotPlace(f"two device files are called {min(twice)}")
    boards = [_board(device) for device in devices]
    seconds = {
        board.name: with_client(
            graph, _seconds(graph, device), send=board.send_seconds, receive=board.receive_seconds
        )
        for device, board in zip(devices, boards, strict=True)
    }
    wires = [_wire(a, b) for a in devices for b in devices if a is not b]
    return model_problem(graph, seconds, boards, wires)


def _seconds(graph: OpGraph, device: Device) -> tuple[float, ...]:
    if device.profile is not None:
        if len(device.profile.operator_ms) != len(graph.operators):
            given, wanted = len(device.profile.operator_ms), len(graph.operators)
            raise CannotPlace(
                f"{device.name}: its profile has {given} operators, the model {wanted}; "
                "measure it again with edgechain profile"
            )
        seconds = tuple(ms / 1000 for ms in device.profile.operator_ms)
    else:
        board = BOARDS.get(device.config.board)
        if board is None:
            known = ", ".join(BOARDS)
            raise CannotPlace(
                f"{device.name}: nothing is known of board {device.config.board!r}; measure it "
                f"with edgechain profile, or name one of {known}"
            )
        seconds = estimated_seconds(graph, board, device.threads)
    cannot = set(device.config.cannot)
    return tuple(
        math.inf if op.kind in cannot else taken
        for op, taken in zip(graph.operators, seconds, strict=True)
    )


def _board(device: Device) -> Board:
    named, memory = BOARDS.get(device.config.board), device.config.memory_mb
    if memory is None and named is not None:
        memory = named.memory_mb
    size = None if memory is None else int(memory * MB)
    if device.profile is not None:
        found = device.profile
        per_byte = found.send_ms_per_mb / 1000 / MB, found.receive_ms_per_mb / 1000 / MB
        return Board(device.name, size, found.stage_ms / 1000, *per_byte)
    if named is None:
        return Board(device.name, size)
    byte = named.ms_per_mb / 1000 / MB
    return Board(device.name, size, named.stage_ms / 1000, byte, byte)


def _wire(source: Device, target: Device) -> Wire:
    """The slower end decides; on one medium everything crosses it twice."""
    special = source.config.links.get(target.name)
    if special is not None:
        return _carrying(source, target, special.mbit, special.ms)
    here, there = source.config.network, target.config.network
    shared = here.medium is not None and here.medium == there.medium
    mbit = min(here.mbit, there.mbit) / (2 if shared else 1)
    return _carrying(source, target, mbit, max(here.ms, there.ms))


def _carrying(source: Device, target: Device, mbit: float, ms: float) -> Wire:
    return Wire(source.name, target.name, mbit * MB / BITS, ms / 1000)
