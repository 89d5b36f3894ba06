"""Links that are cut, slow or terrible: between boards of their own, in network namespaces."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

from tests.chain.bridges import bridge
from tests.faults.boards import ask_client
from tests.faults.ledger import Account
from tests.faults.namespaces import need_namespaces
from tests.faults.suite import Report, Row, Suite, control, times
from tests.faults.terrible import terrible
from tests.faults.wires import Silence, keep_full, silence_network, stop_peer, wire

PARTITIONS = 100
REQUESTS = 10_000
SILENCES = 10
SLOW_MBIT, GOOD_MBIT = 5, 35
SLOW_SECONDS = 60.0
MOST_NOTICE, MOST_BACK = 2.5, 2.0
MOST_LATE = 1.0
"""Others are judged by a second of silence and a little; a busy machine is not so late."""

LOSS, DELAYS = 0.05, (0.01, 0.2)
LEAST_SHARE = 0.99
SEED = 11
BOARDS = 4
"""For two replicas of two stages; the client has one more."""

UNJUDGED_SECONDS = 6.0
"""How long links without a heartbeat and pings are left to notice."""

UNJUDGED_PART_SECONDS = 3.5
"""The same where gRPC's pings are on: they take four to six seconds."""

DEADLINE, SHORT_DEADLINE = 6.0, 1.5
"""The short one is over long before a partition of a control is."""


def run(scale: float, report: Report) -> Sequence[Row]:
    """All of it."""
    need_namespaces()
    with tempfile.TemporaryDirectory(prefix="edgechain-links-") as folder:
        return [
            *_slow(scale, report),
            *_silent(scale, report),
            *_parted(Path(folder), scale, report),
            *_terrible(Path(folder), scale, report),
        ]


def _slow(scale: float, report: Report) -> list[Row]:
    """A link that is only slow."""
    seconds = max(5.0, SLOW_SECONDS * min(scale, 1.0))
    report.say(f"three full streams on {SLOW_MBIT} Mbit/s for {seconds:.0f} s")
    test = f"saturated {SLOW_MBIT} Mbit/s, three streams, {seconds:.0f} s"
    full = keep_full(SLOW_MBIT, seconds)
    measured = f"{len(full.losses)} links given up, {full.mbit:.1f} Mbit/s of tensors"
    fine = not full.losses and full.mbit > SLOW_MBIT / 2
    careless = keep_full(SLOW_MBIT, max(seconds / 3, 20.0), ["window"], until_lost=True)
    lost = f"{len(careless.losses)} given up: {careless.losses[0] if careless.losses else ''}"
    return [
        Row(test, "never taken for dead", measured, fine),
        control(
            "no bound on what is under way",
            "taken for dead",
            lost,
            bool(careless.losses),
        ),
    ]


def _silent(scale: float, report: Report) -> list[Row]:
    """Peers that stop, and networks that carry nothing, in one direction at least."""
    count, dice = times(SILENCES, scale), Random(SEED)
    report.say(f"silence on {GOOD_MBIT} Mbit/s under load, seed {SEED}")
    found: dict[str, list[Silence]] = {"stopped": [], "nothing gets there": [], "or back": []}
    with wire(GOOD_MBIT) as it:
        it.feeder.waits_for("arrived", 3, 0.0, 30.0)
        for number in range(count):
            seconds = dice.uniform(3.0, 5.0)
            found["stopped"].append(stop_peer(it, seconds))
            found["nothing gets there"].append(silence_network(it, seconds, back=False))
            found["or back"].append(silence_network(it, seconds, back=True))
            report.progress(number + 1, count)
    with wire(GOOD_MBIT, ["heartbeat", "pings"]) as it:
        it.feeder.waits_for("arrived", 3, 0.0, 30.0)
        unjudged = stop_peer(it, UNJUDGED_SECONDS)
    return [
        *chain.from_iterable(
            _silence(f"{GOOD_MBIT} Mbit/s, full: {what}", all_) for what, all_ in found.items()
        ),
        _standstill(list(chain.from_iterable(found.values()))),
        control(
            "no heartbeat, and gRPC's own settings",
            f"not noticed in {UNJUDGED_SECONDS:g} s",
            "not noticed" if unjudged.noticed is None else f"after {unjudged.noticed:.2f} s",
            unjudged.noticed is None,
        ),
    ]


def _silence(test: str, found: Sequence[Silence]) -> list[Row]:
    noticed, linked, back = (
        [getattr(silence, name) for silence in found] for name in ("noticed", "linked", "back")
    )
    missing = sum(one is None for one in (*noticed, *linked, *back))
    longest, up, carried = (
        max((s for s in all_ if s is not None), default=0.0) for all_ in (noticed, linked, back)
    )
    test = f"{test}, {len(found)} times"
    return [
        Row(test, "noticed, and back again", f"{missing} not", not missing),
        Row(
            test,
            f"noticed within {MOST_NOTICE:g} s, back within {MOST_BACK:g} s",
            f"noticed {longest:.2f} s, linked {up:.2f} s, back {carried:.2f} s at most",
            not missing and longest <= MOST_NOTICE and max(up, carried) <= MOST_BACK,
            is_timed=True,
        ),
    ]


def _standstill(found: Sequence[Silence]) -> Row:
    late = max(silence.late for silence in found)
    measured = f"{late:.2f} s at most"
    figure = f"the event loop never stands still for {MOST_LATE:g} s"
    return Row(f"all {len(found)} of them", figure, measured, late < MOST_LATE)


def _account(result: dict[str, Any]) -> Account:
    return Account(**result["account"])


def _parted(folder: Path, scale: float, report: Report) -> list[Row]:
    """Boards that are cut off from the others."""
    count = times(PARTITIONS, scale, least=4)
    report.say(f"{count} partitions, seed {SEED}")
    test = f"{count} partitions, full and one-way"
    with bridge(BOARDS + 1) as (*boards, _hub):
        job = {"what": "part", "cuts": count, "seed": SEED, "deadline": DEADLINE}
        result = ask_client(boards, job | {"folder": str(folder / "part")}, report)
        report.say("controls")
        job |= {"cuts": [["mute", UNJUDGED_PART_SECONDS]], "deadline": SHORT_DEADLINE}
        job |= {"folder": str(folder / "blind"), "without": ["heartbeat", "retries", "timer"]}
        unjudged = ask_client(boards, job, report)
    for oddity in result["oddities"]:
        report.say(oddity)
    account, careless = _account(result), _account(unjudged)
    noticed = [part["noticed"] for part in result["parts"] if part["must_notice"]]
    backs = [part["back"] for part in result["parts"]]
    (blind,) = unjudged["parts"]
    return [
        Row(test, "ledger exact", f"{account}", account.faults == 0),
        *_at_most(test, "noticed by the client", noticed, MOST_NOTICE),
        *_at_most(test, "all linked again", backs, MOST_BACK),
        control(
            "no heartbeat",
            f"not noticed in {UNJUDGED_PART_SECONDS:g} s",
            "not noticed" if blind["noticed"] is None else f"after {blind['noticed']:.2f} s",
            blind["noticed"] is None,
        ),
        control(
            "no heartbeat, one attempt, no timer for deadlines",
            "requests end late",
            f"{careless}",
            careless.faults > 0,
        ),
    ]


def _at_most(test: str, what: str, found: Sequence[float | None], most: float) -> list[Row]:
    seconds = [one for one in found if one is not None]
    never, longest = len(found) - len(seconds), max(seconds, default=0.0)
    return [
        Row(test, what, f"{len(seconds)}, {never} never", not never),
        Row(
            test,
            f"{what} within {most:g} s",
            f"{longest:.2f} s at most",
            not never and longest <= most,
            is_timed=True,
        ),
    ]


def _terrible(folder: Path, scale: float, report: Report) -> list[Row]:
    """Loss, jitter and reordering on every packet between any two boards."""
    requests = times(REQUESTS, scale)
    report.say(f"{requests} requests over {LOSS:.0%} loss, seed {SEED}")
    low, high = (f"{delay * 1000:g}" for delay in DELAYS)
    test = f"{LOSS:.0%} loss, {low} to {high} ms jitter, reorder: {requests} requests"
    job = {"what": "ask", "requests": requests, "folder": str(folder / "ask")}
    with terrible(BOARDS + 1, seed=SEED, loss=LOSS, delays=DELAYS) as (boards, counts):
        result = ask_client(boards, job, report)
    report.say(f"{counts}; {result['streams']} streams lost, {_speed(result)}")
    for oddity in result["oddities"]:
        report.say(oddity)
    report.say("control")
    job |= {"requests": max(50, requests // 20), "folder": str(folder / "hasty")}
    job |= {"without": ["patience", "retries"]}
    with terrible(BOARDS + 1, seed=SEED, loss=LOSS, delays=DELAYS) as (boards, _):
        hasty = ask_client(boards, job, report)
    account, careless = _account(result), _account(hasty)
    return [
        Row(test, f"{LEAST_SHARE:.0%} results", _shares(result), account.share >= LEAST_SHARE),
        Row(test, "the rest typed, in time", f"{account}", account.faults == 0),
        control(
            "half a second of silence is death, one attempt",
            f"less than {LEAST_SHARE:.0%}",
            _shares(hasty),
            careless.share < LEAST_SHARE,
        ),
    ]


def _shares(result: dict[str, Any]) -> str:
    return f"{_account(result).share:.2%}, {result['streams']} streams lost"


def _speed(result: dict[str, Any]) -> str:
    return f"p50 {result['half']:.1f} s, longest {result['longest']:.1f} s"


SUITE = Suite("links", "links that are cut, slow or terrible, between boards of their own", run)
