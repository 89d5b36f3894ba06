"""Small problems of every kind, the same ones for the same seeds.

Rows and nets of 2 to 7 units on 1 to 4 devices: unlike or equal, with and without memory, with
links that are free, slow, one-way or missing, with units that some device cannot run, with devices
that pay for a stage and its bytes, with a client that is not free to reach; amounts that are often
equal, and often nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from hypothesis import strategies as st

from edgechain.spec.problem import Board, Problem, Unit, Wire

MOST_OWNERS = 4100
"""Ways to deal units to devices that are tried for an ordinary problem; a few have four times."""

Reads = Sequence[Sequence[int]]
Amount = Callable[[], float]


def seeded(seed: int) -> Problem:
    """The small problem of a seed."""
    return made(Random(f"problem {seed}"), name=f"seed {seed}")


def longer_row(seed: int) -> Problem:
    """A row of 10 to 24 units on 2 to 5 devices, with whatever a small problem has."""
    random = Random(f"longer row {seed}")
    shape = row(random, random.randint(10, 24))
    boards, name = random.randint(2, 5), f"longer row, seed {seed}"
    return shaped(random, shape, boards, name, beyond=0.0)


def larger_net(seed: int) -> Problem:
    """A net of 8 to 12 units on 2 devices, or of 8 on 3."""
    random = Random(f"larger net {seed}")
    boards = random.choice((2, 2, 3))
    count = random.randint(8, 12) if boards == 2 else 8
    shape = random.choice((shortcuts, fork, net))(random, count)
    return shaped(random, shape, boards, f"larger net, seed {seed}")


def few_units(seed: int) -> Problem:
    """A problem of 2 to 4 units on 2 to 4 devices: every way to copy stages can be tried."""
    random = Random(f"few units {seed}")
    shape = random.choice(SHAPES)(random, random.randint(2, 4))
    return shaped(random, shape, random.choice((2, 3, 3, 4)), f"few units, seed {seed}")


def that_may_pack(seed: int) -> Problem:
    """A problem of 2 to 4 units on 2 or 3 devices with links, where most outputs may shrink.

    In most of them two units cannot be on the same device.
    """
    random = Random(f"that may pack {seed}")
    shape = random.choice(SHAPES)(random, random.randint(2, 4))
    plain = shaped(random, shape, random.choice((2, 2, 3)), f"that may pack, seed {seed}")
    names = [board.name for board in plain.boards]
    wires = plain.wires or tuple(
        Wire(a, b, random.choice((1.0, 4.0, 40.0))) for a in names for b in names if a != b
    )
    costs = random.choice(((0.0,), (0.01, 0.02), (0.05, 0.2), (None, 0.01), (1.0, 0.01)))
    boards = tuple(
        replace(board, pack_seconds=random.choice(costs), unpack_seconds=random.choice(costs))
        for board in plain.boards
    )
    shares = random.choice(((0.5,), (0.3, 0.6, 0.9), (None, 0.5), (0.0, 1.0, 0.7)))
    units = [_shrinking(unit, random.choice(shares)) for unit in plain.units]
    if random.random() < 0.7:
        for place, name in ((0, names[0]), (-1, names[1])):
            units[place] = replace(units[place], seconds={name: random.choice((0.5, 1.0, 3.0))})
    return replace(plain, units=tuple(units), boards=boards, wires=wires)


def _shrinking(unit: Unit, share: float | None) -> Unit:
    packed = None if share is None else int(share * unit.output_bytes)
    return replace(unit, packed_bytes=packed)


def problems() -> st.SearchStrategy[Problem]:
    """The same problems, drawn so that a failing one shrinks."""
    return st.randoms(use_true_random=False).map(made)


def planted_net(seed: int, boards: int, each: int) -> Problem:
    """A net whose best period is 1: so many neighbours for each device make it busy for just that.

    Faster devices have more work, so that nothing is left to gain; little crosses between the
    groups that were planted, and much inside them.
    """
    random = Random(f"planted net {seed}")
    speed = {f"d{place}": random.uniform(1, 4) for place in range(boards)}
    reads = [_planted_reads(random, place, each) for place in range(boards * each)]
    crossing = {r for at, before in enumerate(reads) for r in before if r // each < at // each}
    work = [part for factor in speed.values() for part in _parts(random, factor, each)]
    units = tuple(
        Unit(
            f"u{at}",
            tuple(f"u{read}" for read in reads[at]),
            {name: work[at] / factor for name, factor in speed.items()},
            output_bytes=random.randint(1, 10) if at in crossing else random.randint(100, 1000),
        )
        for at in range(boards * each)
    )
    wires = [Wire(a, b, random.uniform(200, 400), 0.01) for a in speed for b in speed if a != b]
    return Problem(units, tuple(map(Board, speed)), tuple(wires), name=f"planted net, seed {seed}")


def _parts(random: Random, whole: float, count: int) -> list[float]:
    parts = [random.expovariate(1) for _ in range(count)]
    return [whole * part / sum(parts) for part in parts]


def _planted_reads(random: Random, place: int, each: int) -> list[int]:
    """Its own group's before it, and now and then any before it."""
    first = place - place % each
    reads = set(random.sample(range(first, place), min(place - first, random.choice((1, 1, 2)))))
    if place and (place == first or random.random() < 0.15):
        reads.add(random.randrange(place))
    return sorted(reads)


def made(random: Random, name: str = "invented") -> Problem:
    """A problem in which everything is drawn."""
    count, boards = _size(random)
    return shaped(random, random.choice(SHAPES)(random, count), boards, name)


def shaped(random: Random, reads: Reads, boards: int, name: str, *, beyond: float = 0.3) -> Problem:
    """A problem of this shape in which everything else is drawn.

    With a chance of ``beyond`` links share media, and every unit of a problem that has a client
    may have to do with it: what is beyond the textbook.
    """
    names = [f"d{place}" for place in range(boards)]
    units = _units(random, reads, names)
    made_boards = _boards(random, names, units)
    if random.random() < beyond:
        made_boards = _on_media(random, made_boards)
    if random.random() < 0.3:
        everywhere = random.random() < beyond
        units, made_boards = _with_client(random, units, made_boards, everywhere)
    if random.random() < 0.2:
        random.shuffle(units)
    return Problem(tuple(units), made_boards, _wires(random, names, units), name=name)


def _size(random: Random) -> tuple[int, int]:
    boards, count = random.choice((1, 2, 2, 3, 3, 4)), random.randint(2, 7)
    most = MOST_OWNERS * (4 if random.random() < 0.05 else 1)
    while boards**count > most:
        count -= 1
    return count, boards


def row(random: Random, count: int) -> Reads:
    """Every unit reads the one before it."""
    return [[place - 1] if place else [] for place in range(count)]


def shortcuts(random: Random, count: int) -> Reads:
    """A row in which some read an earlier one as well."""
    reads = [list(before) for before in row(random, count)]
    for place in range(2, count):
        if random.random() < 0.4:
            reads[place].append(random.randrange(place))
    return reads


def fork(random: Random, count: int) -> Reads:
    """Branches that part at the first unit and meet at the last one."""
    branches = random.randint(2, 3)
    ends = [0] * branches
    reads: list[list[int]] = [[]]
    for place in range(1, count - 1):
        branch = random.randrange(branches)
        reads.append([ends[branch]])
        ends[branch] = place
    return [*reads, sorted(set(ends))] if count > 1 else reads


def net(random: Random, count: int) -> Reads:
    """Anything without a circle: many beginnings, many ends, pieces on their own."""
    return [
        random.sample(range(place), min(place, random.choice((0, 1, 1, 2, 3))))
        for place in range(count)
    ]


COSTS = ((0.0, 0.0, 0.0),) * 4 + ((0.5, 0.0, 0.0), (0.3, 0.05, 0.1), (0.0, 0.4, 0.0))
"""Seconds of a stage, of a byte sent and of one received; a device has each of them or not."""

SHAPES = (row, row, row, shortcuts, fork, net)


def _units(random: Random, reads: Reads, names: Sequence[str]) -> list[Unit]:
    work, size = _amount(random, 0.1), _amount(random, 0.2)
    speed = dict.fromkeys(names, 1.0)
    alike = random.random() < 0.5  # one device is as much faster for every unit
    if random.random() < 0.8:
        speed = {name: random.choice((0.5, 1.0, 1.0, 2.0, 3.0)) for name in names}
    missing = random.choice((0.0, 0.0, 0.1, 0.3))
    working = random.choice((0, 0, 4, 8))
    return [
        Unit(
            f"u{place}",
            tuple(f"u{read}" for read in before) * (2 if random.random() < 0.1 else 1),
            _seconds(random, speed, work, missing, alike),
            int(4 * size()),
            int(8 * size()),
            working_bytes=int(working * size()),
        )
        for place, before in enumerate(reads)
    ]


def _seconds(
    random: Random, speed: Mapping[str, float], work: Amount, missing: float, alike: bool
) -> Mapping[str, float]:
    base = work()
    return {
        name: (base if alike else work()) / factor
        for name, factor in speed.items()
        if random.random() >= missing
    }


def _amount(random: Random, none: float) -> Amount:
    """Small whole numbers that often tie, or any; nothing for a share of ``none``."""
    whole = random.random() < 0.5

    def draw() -> float:
        if random.random() < none:
            return 0.0
        return float(random.randint(1, 4)) if whole else random.uniform(0.1, 4.0)

    return draw


def _boards(random: Random, names: Sequence[str], units: Sequence[Unit]) -> tuple[Board, ...]:
    """Without a limit, with a generous one, or with one that only some placements keep."""
    total = sum(unit.memory_bytes for unit in units) + max(unit.working_bytes for unit in units)
    room = random.choice((None, None, 1.0, 0.7, 0.45))
    stage, send, receive = random.choice(COSTS)
    return tuple(
        Board(
            name,
            _memory(random, room, total),
            stage_seconds=random.choice((0.0, stage)),
            send_seconds=random.choice((0.0, send)),
            receive_seconds=random.choice((0.0, receive)),
        )
        for name in names
    )


def _with_client(
    random: Random, units: Sequence[Unit], boards: Sequence[Board], everywhere: bool
) -> tuple[list[Unit], tuple[Board, ...]]:
    """The first unit hears from a client and the last one answers, or any may do both."""
    size, ends = _amount(random, 0.3), (0, len(units) - 1)
    talking = [
        replace(
            unit,
            request_bytes=int(8 * size()) if everywhere or place == ends[0] else 0,
            result_bytes=int(8 * size()) if everywhere or place == ends[1] else 0,
        )
        for place, unit in enumerate(units)
    ]
    rates, delays = random.choice(((1.0, 4.0), (4.0, 100.0))), random.choice(((0.0,), (0.25, 3.0)))
    reached = (
        replace(
            board,
            client_bytes_per_second=random.choice(rates),
            client_seconds=random.choice(delays),
        )
        for board in boards
    )
    return talking, tuple(reached)


def _on_media(random: Random, boards: Sequence[Board]) -> tuple[Board, ...]:
    media = random.choice((("air",), ("air", None), ("air", "water", None)))
    return tuple(replace(board, medium=random.choice(media)) for board in boards)


def _memory(random: Random, room: float | None, total: int) -> int | None:
    if room is None or random.random() < 0.1:
        return None
    return int(random.uniform(0, 2) * room * total)


def _wires(random: Random, names: Sequence[str], units: Sequence[Unit]) -> tuple[Wire, ...] | None:
    kind = random.choice(("free", "all", "all", "some", "one way"))
    if kind == "free":
        return None
    present = random.choice((0.5, 0.8)) if kind == "some" else 1.0
    rates = random.choice(((1.0, 2.0, 4.0), (8.0, 8.0, 40.0), (4.0, 100.0, 1000.0)))
    delays = random.choice(((0.0,), (0.0, 0.5, 1.0), (0.25, 3.0)))
    pairs = [(a, b) for a in names for b in names if a != b]
    if kind == "one way":
        order = random.sample(names, len(names))
        pairs = [(a, b) for a, b in pairs if order.index(a) < order.index(b)]
    return tuple(
        Wire(a, b, random.choice(rates), random.choice(delays))
        for a, b in pairs
        if random.random() < present
    )
