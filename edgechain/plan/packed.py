"""What becomes of a placement when outputs cross packed, as a problem like any other.

Packed bytes are fewer on the link, in the air, and for the processors that send and receive them.
Besides, a sender packs every byte of the output once for each device that it goes to, and every
such device unpacks it: that is work of who makes the output, and of who there reads it first. An
output crosses packed to all devices or to none, and never within a device.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from edgechain.spec.plan import Copy, Placement, Share
from edgechain.spec.problem import Problem, Unit


def may_pack(problem: Problem) -> bool:
    """Whether there is an output that gets smaller, and a link whose both ends can pack."""
    smaller = any(is_smaller(unit) for unit in problem.units)
    names = {board.name: board for board in problem.boards}
    return smaller and any(
        names[wire.source].pack_seconds is not None
        and names[wire.target].unpack_seconds is not None
        for wire in problem.wires or ()
    )


def is_smaller(unit: Unit) -> bool:
    """Whether packing its output is of any use."""
    return unit.packed_bytes is not None and unit.packed_bytes < unit.output_bytes


def without_packing(problem: Problem) -> Problem:
    """The same where everything crosses as it is."""
    if all(unit.packed_bytes is None for unit in problem.units):
        return problem
    units = tuple(replace(unit, packed_bytes=None) for unit in problem.units)
    return replace(problem, units=units)


def packable(problem: Problem, shares: Sequence[Share]) -> tuple[int, ...]:
    """Units whose output leaves its device and might do so packed, by their places, ascending."""
    boards, crossing = problem.boards, _first_readers(problem, shares)
    home = {unit: share for share in shares for unit in share.units}
    there = {share.board: share.boards for share in shares}
    return tuple(
        unit
        for unit, readers in sorted(crossing.items())
        if is_smaller(problem.units[unit])
        and all(boards[board].pack_seconds is not None for board in home[unit].boards)
        and all(boards[b].unpack_seconds is not None for to in readers for b in there[to])
    )


def as_it_runs(problem: Problem, shares: Sequence[Share], packed: Collection[int]) -> Problem:
    """The problem in which these units' outputs are as they cross, and packing is work.

    Devices that cannot pack cannot run who would have to. It is made for these stages only: others
    would have other work.
    """
    if not packed:
        return problem
    units, crossing = list(problem.units), _first_readers(problem, shares)
    pack = {board.name: board.pack_seconds for board in problem.boards}
    unpack = {board.name: board.unpack_seconds for board in problem.boards}
    for place in packed:
        unit, readers = problem.units[place], crossing.get(place, {})
        if unit.packed_bytes is None or not readers:
            continue
        size, smaller = unit.output_bytes, unit.packed_bytes
        longer = _longer(units[place], pack, size * len(readers))
        units[place] = replace(longer, output_bytes=smaller, packed_bytes=None)
        for reader in readers.values():
            units[reader] = _longer(units[reader], unpack, size)
    return replace(problem, units=tuple(units))


def running(problem: Problem, found: Placement) -> tuple[Problem, tuple[Share, ...]]:
    """A placement as it runs: the problem, and its stages with all of their work."""
    made = as_it_runs(problem, found.shares, found.packed)
    return made, with_work(made, found.shares)


def with_work(problem: Problem, shares: Iterable[Share]) -> tuple[Share, ...]:
    """The same stages with the work that they are in this problem."""

    def seconds(board: int, share: Share) -> float:
        return math.fsum(problem.seconds[board][unit] for unit in share.units)

    return tuple(
        replace(
            share,
            seconds=seconds(share.board, share),
            copies=tuple(Copy(copy.board, seconds(copy.board, share)) for copy in share.copies),
        )
        for share in shares
    )


def _longer(unit: Unit, seconds: Mapping[str, float | None], size: int) -> Unit:
    """The unit with work for so many bytes, only where they can be worked on."""
    more = {name: each * size for name, each in seconds.items() if each is not None}
    work = {name: taken + more[name] for name, taken in unit.seconds.items() if name in more}
    return replace(unit, seconds=work)


def _first_readers(problem: Problem, shares: Sequence[Share]) -> dict[int, dict[int, int]]:
    """For every unit whose output leaves its device: who reads it first on every other one."""
    stage = {unit: place for place, share in enumerate(shares) for unit in share.units}
    found: dict[int, dict[int, int]] = {}
    for unit, readers in enumerate(problem.readers):
        for reader in sorted(readers, key=lambda reader: (stage[reader], reader)):
            board = shares[stage[reader]].board
            if board != shares[stage[unit]].board:
                found.setdefault(unit, {}).setdefault(board, reader)
    return found
