"""The best placement where outputs may cross packed, beside a bound for every way to pack.

Those who solve know nothing of packing. They are given the problem as it stands, problems in which
packing is easier than it is, and one in which everything that a slow link carries is packed and
paid for. What they find is judged as it would run (``plan.packed``), each with the outputs packed
for which that is better, and the best is taken: it is never worse than without packing.

The bound is that of problems that are no harder, whatever is packed. Let s be an output's packed
bytes per byte, and m the least s of all.

- Links between devices that can pack are faster by 1/m, and a device pays for a byte what it pays
  at least, packed or not: no link, medium or device is busier than in truth. For a small latency a
  link is left as it is where packing for it takes the two processors longer than it saves, even
  with m: without it no way through the devices gets longer.
- Every output is as small as packed, and packing costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from edgechain.errors import CannotPlace
from edgechain.plan.copies import Staffed
from edgechain.plan.packed import (
    as_it_runs,
    is_smaller,
    may_pack,
    packable,
    with_work,
    without_packing,
)
from edgechain.plan.schedule import staged_score
from edgechain.plan.score import crossing_bytes, name_of, owner_of
from edgechain.spec.plan import SAME, Placement, Score, Share
from edgechain.spec.problem import Board, Objective, Problem, Wire

Solver = Callable[[Problem], Placement]
"""The best placement that it finds for a problem in which nothing is said of packing, and a bound
for all of those."""

EVERY_CHOICE = 5
"""Of so many outputs every choice is looked at; of more only those that lie near none and all."""

_LEAST_SHARE = 1e-9


def place_packed(problem: Problem, objective: Objective, solve: Solver) -> Placement:
    """The best that was found, packed where that is better. Raises what ``solve`` raises."""
    best = solve(without_packing(problem))
    if not may_pack(problem):
        return best
    bound, single, tried = 0.0, 0.0, [best]
    for easier in _easier(problem, objective):
        if (found := _if_any(solve, easier)) is not None:
            bound = max(bound, found.lower_bound)
            single = max(single, found.single_bound or 0.0)
            tried.append(found)
        if best.score.value(objective) <= bound * SAME:
            return _beside(best, bound, single)
    tried += [found for one in priced(problem) if (found := _if_any(solve, one)) is not None]
    return _beside(best_of(problem, best, tried), bound, single)


def best_of(problem: Problem, best: Placement, others: Sequence[Placement]) -> Placement:
    """The best of these as they would run, each with what is best packed; the first if equal.

    ``best`` is one of ``problem``, the others may be of one that is like it.
    """
    for other in others:
        found = with_best_packing(problem, other)
        if found.score.value(best.objective) * SAME < best.score.value(best.objective):
            best = found
    return best


def with_best_packing(problem: Problem, found: Placement) -> Placement:
    """The same stages with the outputs packed that make it best, of equal choices the fewest."""
    packed: tuple[int, ...] = ()
    score = scored(problem, found.shares)
    for choice in _choices(problem, found):
        other = scored(problem, found.shares, choice)
        if other.value(found.objective) * SAME < score.value(found.objective):
            score, packed = other, choice
    return replace(found, score=score, packed=packed)


def scored(problem: Problem, shares: Sequence[Share], packed: Sequence[int] = ()) -> Score:
    """What stages come to with these outputs packed; raises ``CannotPlace`` as any score does."""
    runs = as_it_runs(problem, shares, packed)
    if any(share.copies for share in shares):
        teams = {share.board: share.boards for share in shares}
        found = Staffed(runs, owner_of(shares), teams).score()
    else:
        found = staged_score(runs, with_work(runs, shares))
    return _said(problem, runs, shares, found) if packed else found


def priced(problem: Problem) -> Iterator[Problem]:
    """One in which everything is packed where that saves time, and devices pay for it, if any is.

    All outputs are smaller, so links on which packing saves nothing are slower by as much. What a
    byte costs a device is that of an output of the usual share.
    """
    share = _usual_share(problem)
    boards = {board.name: board for board in problem.boards}
    wires = problem.wires or ()
    slow = {wire for wire in wires if _saves(wire, boards[wire.source], boards[wire.target], share)}
    if slow:
        yield replace(
            _all_smaller(problem),
            boards=tuple(_paying(board, share) for board in problem.boards),
            wires=tuple(wire if wire in slow else _faster(wire, 1 / share) for wire in wires),
        )


def _easier(problem: Problem, objective: Objective) -> Iterator[Problem]:
    """Problems that no way to pack this one is easier than."""
    shares = [_share(u.packed_bytes, u.output_bytes) for u in problem.units if u.output_bytes]
    least = min(shares)
    boards = {board.name: board for board in problem.boards}
    wires = tuple(
        _faster(wire, least)
        if _is_faster(wire, boards[wire.source], boards[wire.target], least, objective)
        else wire
        for wire in problem.wires or ()
    )
    cheap = tuple(_at_least(board, least) for board in problem.boards)
    yield replace(problem, boards=cheap, wires=wires)
    if max(shares) > least:
        yield _all_smaller(problem)


def _is_faster(
    wire: Wire, source: Board, target: Board, share: float, objective: Objective
) -> bool:
    """Whether packing might make a way over that link shorter, or let it carry more."""
    if source.pack_seconds is None or target.unpack_seconds is None:
        return False
    gained = 1 - share
    takes_longer = (
        source.pack_seconds >= source.send_seconds * gained
        and target.unpack_seconds >= target.receive_seconds * gained
        and not _saves(wire, source, target, share)
    )
    return objective is Objective.THROUGHPUT or not takes_longer


def _saves(wire: Wire, source: Board, target: Board, share: float) -> bool:
    """Whether a byte that crosses packed is there sooner."""
    if source.pack_seconds is None or target.unpack_seconds is None:
        return False
    crossing = 1 / wire.bytes_per_second + source.send_seconds + target.receive_seconds
    return (1 - share) * crossing > source.pack_seconds + target.unpack_seconds


def _at_least(board: Board, share: float) -> Board:
    """What it pays for a byte, packed or not."""
    send, receive = board.send_seconds, board.receive_seconds
    if board.pack_seconds is not None:
        send = min(send, send * share + board.pack_seconds)
    if board.unpack_seconds is not None:
        receive = min(receive, receive * share + board.unpack_seconds)
    return replace(board, send_seconds=send, receive_seconds=receive)


def _paying(board: Board, share: float) -> Board:
    """What it pays for a byte that crosses packed, with the packing of all that it stands for."""
    pack, unpack = board.pack_seconds or 0.0, board.unpack_seconds or 0.0
    return replace(
        board,
        send_seconds=board.send_seconds + pack / share,
        receive_seconds=board.receive_seconds + unpack / share,
    )


def _all_smaller(problem: Problem) -> Problem:
    units = (
        replace(unit, output_bytes=unit.packed_bytes or 0, packed_bytes=None)
        if is_smaller(unit)
        else unit
        for unit in problem.units
    )
    return replace(problem, units=tuple(units))


def _faster(wire: Wire, share: float) -> Wire:
    return replace(wire, bytes_per_second=wire.bytes_per_second / share)


def _usual_share(problem: Problem) -> float:
    smaller = [unit for unit in problem.units if is_smaller(unit)]
    packed = sum(unit.packed_bytes or 0 for unit in smaller)
    return _share(packed, sum(unit.output_bytes for unit in smaller))


def _share(packed: int | None, size: int) -> float:
    return 1.0 if packed is None else max(packed / size, _LEAST_SHARE)


def _choices(problem: Problem, found: Placement) -> Iterator[tuple[int, ...]]:
    """What may be packed together, few outputs first."""
    able = packable(problem, found.shares)
    if len(able) <= EVERY_CHOICE:
        for count in range(1, len(able) + 1):
            yield from combinations(able, count)
        return
    yield from (_grown(problem, found, able), _shed(problem, found, able))


def _grown(problem: Problem, found: Placement, able: Sequence[int]) -> tuple[int, ...]:
    """From none on: each that makes it better, what saves most first."""
    kept: tuple[int, ...] = ()
    least = _value(problem, found, kept)
    for unit in sorted(able, key=lambda unit: -_saved(problem, unit)):
        more = tuple(sorted((*kept, unit)))
        if (value := _value(problem, found, more)) * SAME < least:
            kept, least = more, value
    return kept


def _shed(problem: Problem, found: Placement, able: Sequence[int]) -> tuple[int, ...]:
    """From all on: none without which it is as good, what saves least first."""
    kept = tuple(able)
    least = _value(problem, found, kept)
    for unit in sorted(able, key=lambda unit: _saved(problem, unit)):
        fewer = tuple(one for one in kept if one != unit)
        if (value := _value(problem, found, fewer)) <= least * SAME:
            kept, least = fewer, min(value, least)
    return kept


def _value(problem: Problem, found: Placement, packed: Sequence[int]) -> float:
    return scored(problem, found.shares, packed).value(found.objective)


def _saved(problem: Problem, unit: int) -> int:
    return problem.units[unit].output_bytes - (problem.units[unit].packed_bytes or 0)


def _if_any(solve: Solver, problem: Problem) -> Placement | None:
    try:
        return solve(without_packing(problem))
    except CannotPlace:
        return None


def _beside(found: Placement, bound: float, single: float) -> Placement:
    """Beside these bounds, of which the second is for one stage on each device."""
    return found.beside(bound, None if found.single_bound is None else single)


def _said(problem: Problem, runs: Problem, shares: Sequence[Share], found: Score) -> Score:
    """With how small the bytes of the link are that the period comes from, if it is one."""
    owner = owner_of(shares)
    smaller = crossing_bytes(runs, owner)
    for ends, size in crossing_bytes(problem, owner).items():
        link = " to ".join(name_of(problem, place) for place in ends)
        if smaller[ends] < size and found.limits == f"link {link}":
            return replace(found, limits=f"{found.limits}, packed to {smaller[ends] / size:.2f}")
    return found
