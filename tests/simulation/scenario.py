"""What a seed stands for: a chain, its nodes, its clients, and what will go wrong when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.simulation.network import Hostility

PATIENT_SECONDS = 300.0
"""Enough for a chain of one slot and slow ways to answer everything that it is asked."""


class Fault(StrEnum):
    """Something that goes wrong, or is done to the chain while it works."""

    KILL = "kill"
    POWER = "power"
    STOP = "stop"
    CUT = "cut"
    CUT_ONE_WAY = "cut one way"
    ISOLATE = "isolate"
    SLOW = "slow"
    SWAP = "swap"
    SWAP_BACK = "swap back"
    DRAIN = "drain"
    CLIENT_LEAVES = "client leaves"
    CLIENT_DIES = "client dies"
    CLIENT_COMES = "client comes"
    CLIENT_STOPS = "client stops"
    CLIENT_RESTARTS = "client restarts"
    CLIENT_LOOPS = "client crash loop"
    BURST = "burst"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Mishap:
    """A fault, when it begins, how long it lasts, and which of the candidates it hits."""

    at: float
    fault: Fault
    seconds: float
    pick: int


class Kind(StrEnum):
    """How much goes wrong."""

    QUIET = "quiet"
    """Nothing: every request has to be answered."""
    GENTLE = "gentle"
    """One fault, of which replicas spare the clients everything: likewise."""
    ROUGH = "rough"
    """Anything, and more at a time than any promise of answers would hold for."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that is decided before the first event."""

    seed: int
    kind: Kind
    nodes: int
    stages: int
    replicas: int
    slots: int
    clients: int
    twins: bool
    """Whether clients have one id, as copies of one device would: sessions tell them apart."""
    liars: int
    """Clients that do not keep to their leases."""
    want: int
    requests: int
    seconds: float
    budgets: tuple[float, ...]
    newest: float
    deadly: float
    broken: float
    lost: float
    hung: float
    hostility: Hostility
    chunk_bytes: int
    slowest: float
    mishaps: tuple[Mishap, ...]


SPANS = {
    Fault.KILL: (0.1, 3.0),
    Fault.POWER: (0.5, 4.0),
    Fault.STOP: (0.05, 5.0),
    Fault.CUT: (0.05, 5.0),
    Fault.CUT_ONE_WAY: (0.05, 5.0),
    Fault.ISOLATE: (0.05, 5.0),
    Fault.SLOW: (0.5, 3.0),
    Fault.DRAIN: (0.1, 1.0),
    Fault.CLIENT_STOPS: (0.05, 4.0),
    Fault.CLIENT_RESTARTS: (0.0, 1.0),
}
"""Seconds that a fault lasts; a swap, a burst and a client that leaves are over at once."""


SPARED = (Fault.KILL, Fault.POWER, Fault.STOP, Fault.ISOLATE, Fault.SLOW, Fault.SWAP, Fault.DRAIN)
"""What a client need not notice where every stage has two replicas."""


def scenario(seed: int) -> Scenario:
    """The scenario of a seed."""
    random = Random(f"scenario {seed}")
    kind = random.choice((Kind.QUIET, Kind.GENTLE, Kind.GENTLE, *4 * (Kind.ROUGH,)))
    rough = kind is Kind.ROUGH
    hostile = rough and random.random() < 0.5
    troubled = rough and random.random() < 0.5
    seconds = random.uniform(2.0, 6.0)
    slots = random.choice((1, 2, 2, 3, 4, 8))
    clients = random.choice((1, 1, 2, 3))
    return Scenario(
        seed=seed,
        kind=kind,
        nodes=random.choice((1, 2, 3, 3, 4, 5, 6))
        if kind is not Kind.GENTLE
        else random.randint(2, 5),
        stages=random.choice((1, 2, 3, 3, 4, 5, 6, 8)),
        replicas=random.choice((1, 2, 2, 3))
        if kind is not Kind.GENTLE
        else random.choice((2, 2, 3)),
        slots=slots,
        clients=clients if rough and random.random() < 0.2 else min(clients, slots),
        twins=random.random() < 0.25,
        liars=int(not hostile and slots > clients and random.random() < 0.15),
        want=random.choice((1, 4, 8, 8)),
        requests=random.randint(80, 240),
        seconds=seconds,
        budgets=random.choice(((10.0,), (3.0, 10.0), (0.05, 0.5, 5.0)))
        if rough
        else (PATIENT_SECONDS,),
        newest=random.choice((0.0, 0.0, 0.3)),
        deadly=0.02 if troubled else 0.0,
        broken=0.02 if troubled else 0.0,
        lost=random.choice((0.0, 0.01, 0.05)) if troubled else 0.0,
        hung=random.choice((0.0, 0.005)) if troubled else 0.0,
        hostility=_hostility(random) if hostile else Hostility(),
        chunk_bytes=random.choice((32, 4096)) if hostile else 32,
        slowest=random.choice((0.001, 0.01, 0.05)),
        mishaps=_mishaps(random, seconds, kind),
    )


def _hostility(random: Random) -> Hostility:
    return Hostility(
        loss=random.choice((0.0, 0.005, 0.05)),
        double=random.choice((0.0, 0.02, 0.1)),
        late=random.choice((0.0, 0.05, 0.2)),
        late_seconds=random.choice((0.05, 0.5, 2.0)),
    )


def _mishaps(random: Random, seconds: float, kind: Kind) -> tuple[Mishap, ...]:
    if kind is Kind.QUIET:
        return ()
    if kind is Kind.GENTLE:
        return (_mishap(random, list(SPARED), seconds),)
    count = random.choice((0, 1, 2, 3, 4, 6, 9))
    favourites = random.sample(list(Fault), 4)  # some seeds are about few kinds of faults
    pool = favourites if random.random() < 0.5 else list(Fault)
    return tuple(sorted((_mishap(random, pool, seconds) for _ in range(count)), key=_when))


def _mishap(random: Random, pool: list[Fault], seconds: float) -> Mishap:
    fault = random.choice(pool)
    least, most = SPANS.get(fault, (0.0, 0.0))
    at = random.uniform(0.0 if fault is Fault.CLIENT_LOOPS else 0.3, seconds)
    if fault is Fault.CLIENT_LOOPS and random.random() < 0.7:
        at = random.uniform(0.0, 0.3)  # its first requests are still under way
    return Mishap(at, fault, random.uniform(least, most), random.getrandbits(30))


def _when(mishap: Mishap) -> float:
    return mishap.at
