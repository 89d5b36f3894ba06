"""Device files and profiles become the devices and links of a placement problem."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from edgechain.errors import CannotPlace
from edgechain.plan.boards import BOARDS, NamedBoard, estimated_seconds
from edgechain.plan.packed_tensors import packed_shares, with_packed_bytes
from edgechain.plan.pins import Pin, check_known, pinned
from edgechain.plan.units import ModelProblem, model_problem
from edgechain.spec.graph import OpGraph
from edgechain.spec.links import LinksFile
from edgechain.spec.problem import Board, Wire
from edgechain.spec.profile import DeviceProfile, Packing
from edgechain.spec.topology import DeviceConfig, NetworkConfig

MB = 1e6
BITS = 8


@dataclass(frozen=True)
class Device:
    """A device by name: its file's words and threads, and the profile of this very model in use.

    ``others`` are profiles with other numbers of threads, which could be in use as well.
    ``factors`` say by operator how many times as long as all of that it takes now; empty: once.
    """

    name: str
    config: DeviceConfig
    threads: int = 4
    profile: DeviceProfile | None = None
    others: tuple[DeviceProfile, ...] = ()
    factors: tuple[float, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether its times were measured on it, and not estimated."""
        return self.profile is not None and not self.profile.scaled_from

    @property
    def used_threads(self) -> int:
        """The threads that its times are for."""
        return self.threads if self.profile is None else self.profile.threads

    @property
    def packing(self) -> Packing | None:
        """What packing takes there, whatever its threads: one of them packs."""
        every = [one for one in (self.profile, *self.others) if one is not None]
        known = [one for one in every if one.packing is not None]
        return min(known, key=lambda one: one.threads).packing if known else None

    @property
    def variants(self) -> tuple[Device, ...]:
        """The same with every profile in use, this one first."""
        if self.profile is None:
            return (self,)
        every = (self.profile, *self.others)
        return tuple(
            replace(self, profile=one, others=tuple(p for p in every if p is not one))
            for one in every
        )

    def with_threads(self, threads: int | None) -> Device:
        """The same with the profile for so many threads, or as it is where there is none."""
        return next((v for v in self.variants if v.used_threads == threads), self)


def with_links(devices: Sequence[Device], measured: LinksFile) -> list[Device]:
    """The devices with links as they were measured; the others stay as their files say."""
    return [_linked(device, measured.links.get(device.name, {})) for device in devices]


def _linked(device: Device, links: Mapping[str, NetworkConfig]) -> Device:
    config = device.config.model_copy(update={"links": {**device.config.links, **links}})
    return replace(device, config=config)


def with_pins(devices: Sequence[Device], pins: Sequence[Pin]) -> list[Device]:
    """The devices, and more is pinned to them. Raises ``CannotPlace`` for one that is unknown."""
    check_known(pins, {device.name for device in devices})
    return [_pinned(d, [pin.what for pin in pins if pin.board == d.name]) for d in devices]


def _pinned(device: Device, what: Sequence[str]) -> Device:
    config = device.config.model_copy(update={"pinned": (*device.config.pinned, *what)})
    return replace(device, config=config)


def problem_on(graph: OpGraph, devices: Sequence[Device]) -> ModelProblem:
    """Where to place ``graph``. Raises ``CannotPlace`` naming what a device's file got wrong.

    The client is taken to reach every device as quickly as the device's network lets it.
    """
    if twice := {d.name for d in devices if [e.name for e in devices].count(d.name) > 1}:
        raise CannotPlace(f"two device files are called {min(twice)}")
    boards = [_board(device, devices) for device in devices]
    seconds = {device.name: operator_seconds(graph, device) for device in devices}
    wires = [_wire(a, b) for a in devices for b in devices if a is not b]
    made = model_problem(graph, seconds, boards, wires)
    made = with_packed_bytes(made, shares_on(graph, devices))
    pins = [Pin(what, device.name) for device in devices for what in device.config.pinned]
    problem = replace(made.problem, several_stages=True)
    return replace(made, problem=pinned(problem, pins, made.units_of))


def shares_on(graph: OpGraph, devices: Sequence[Device]) -> dict[int, float]:
    """By tensor how small it gets when it is packed, as far as the devices know it."""
    every = (device.packing for device in devices)
    return packed_shares(graph, [packing for packing in every if packing is not None])


def operator_seconds(graph: OpGraph, device: Device) -> tuple[float, ...]:
    """What every operator takes on it, infinite where it cannot run one. Raises ``CannotPlace``."""
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
    cannot, factors = set(device.config.cannot), device.factors or (1.0,) * len(seconds)
    return tuple(
        math.inf if op.kind in cannot else taken * factor
        for op, taken, factor in zip(graph.operators, seconds, factors, strict=True)
    )


def _board(device: Device, devices: Sequence[Device]) -> Board:
    named, memory = BOARDS.get(device.config.board), device.config.memory_mb
    if memory is None and named is not None:
        memory = named.memory_mb
    size = None if memory is None else int(memory * MB)
    network, packing = device.config.network, device.packing
    return Board(
        device.name,
        size,
        *_costs(device, named, _on_links(device, devices)),
        client_bytes_per_second=network.mbit * MB / BITS,
        client_seconds=network.ms / 1000,
        medium=network.medium,
        pack_seconds=None if packing is None else packing.pack_ms_per_mb / 1000 / MB,
        unpack_seconds=None if packing is None else packing.unpack_ms_per_mb / 1000 / MB,
    )


class _OnLinks(NamedTuple):
    """What a device's processor spends as its links say, in milliseconds; ``None``: they do not."""

    message: float | None
    send: float | None
    receive: float | None


def _on_links(device: Device, devices: Sequence[Device]) -> _OnLinks:
    """The mean over the ways to and from the other devices, each of the same weight.

    Where a link says nothing, and for the client where there are no other devices, it is what the
    device's ``network`` says, if that says anything.
    """
    own, others = device.config.network, [one for one in devices if one.name != device.name]
    away = [device.config.links.get(other.name, own) for other in others] or [own]
    here = [other.config.links.get(device.name, own) for other in others] or [own]
    return _OnLinks(
        _mean((link.message_ms for link in away), own.message_ms),
        _mean((link.send_ms_per_mb for link in away), own.send_ms_per_mb),
        _mean((link.receive_ms_per_mb for link in here), own.receive_ms_per_mb),
    )


def _mean(figures: Iterable[float | None], otherwise: float | None) -> float | None:
    """Of those that are known, ``otherwise`` in place of the others; nothing if none is."""
    each = (otherwise if figure is None else figure for figure in figures)
    known = [figure for figure in each if figure is not None]
    return statistics.fmean(known) if known else None


def _costs(device: Device, named: NamedBoard | None, links: _OnLinks) -> tuple[float, float, float]:
    """Seconds for a stage's request, and for a byte that is sent and one that is received.

    A profile's were measured over loopback, where no network card is in the way: what links cost
    more than a link did there comes on top. Where the profile does not say what that was, it is
    taken to be everything. Instead of an estimate what links say of bytes counts in any case. A
    stage's request costs no less than a small message and its answer.
    """
    own, there = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    if (found := device.profile) is not None:
        own = found.stage_ms, found.send_ms_per_mb, found.receive_ms_per_mb
        loop = found.over_loopback
        there = loop.message_ms, loop.send_ms_per_mb, loop.receive_ms_per_mb
    elif named is not None:
        own = there = (
            named.stage_ms,
            named.ms_per_mb if links.send is None else 0.0,
            named.ms_per_mb if links.receive is None else 0.0,
        )
    stage, send, receive = (
        cost + max(0.0, (link or 0.0) - loopback)
        for cost, link, loopback in zip(own, links, there, strict=True)
    )
    return stage / 1000, send / 1000 / MB, receive / 1000 / MB


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
