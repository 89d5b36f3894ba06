"""Wall clocks that jump, and a board that boots in 1970; its timers stay true, as Linux's do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgechain.spec.message import Role
from tests.faults.clocked_node import library
from tests.faults.hash_chain import LINE, write_chain
from tests.faults.knocking import knock, node_process
from tests.faults.ledger import Account, Ledger
from tests.faults.load import Asker, answered, loaded
from tests.faults.running import RunningChain, running
from tests.faults.strangers import ASKED, Brazen, Fleet, Stranger
from tests.faults.suite import Report, Row, Skipped, Suite, control, in_a_folder, times

ROUNDS = 5
JUMPS = {
    "+1": 1,
    "-1": -1,
    "+3600": 3600,
    "-3600": -3600,
    "+1d": 86400,
    "-1d": -86400,
    "+365d": 365 * 86400,
    "-365d": -365 * 86400,
    "+0": 0,
}
"""What libfaketime is told, and the seconds from the true time that it means."""

CONTROL_ROUNDS = 3
"""A jump harms what is under way on that very node; on a busy machine that may be nothing."""

ANSWERS = 20
"""After each jump."""

WITHIN = 10.0
DEADLINE = 10.0
"""A busy machine is slow, not wrong; what a jump lets expire fails at once, or after all this."""
IN_FLIGHT = 8
WIDTH = 2_000_000
"""Bytes of a tensor: so large that requests are under way at every jump."""

BOOT = "@1970-01-01 00:00:05"
CLOCKED = "tests.faults.clocked_node"
FIRST, LAST = "first-1", "last-1"


def run(scale: float, report: Report) -> Sequence[Row]:
    """All of it."""
    if library() is None:
        raise Skipped("libfaketime is not here; Debian's package is called faketime")
    return in_a_folder(_run, scale, report)


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    rounds = times(ROUNDS, scale)
    report.say("a board that boots in 1970")
    rows = [_booted(await _jump(folder / "boot", [BOOT, "+0", BOOT, "+0"], LAST))]
    report.say(f"{len(JUMPS)} jumps, {rounds} times")
    rows.append(_jumped(await _jump(folder / "jumps", list(JUMPS) * rounds, FIRST)))
    report.say("controls")
    rows.append(await _young(folder / "young"))
    moved = await _jump(folder / "timers", list(JUMPS) * CONTROL_ROUNDS, FIRST, timers=True)
    figure = "errors, or no answers"
    seen = moved.account.failed > 0 or moved.stalls > 0
    rows.append(control("timers jump along", figure, str(moved), seen))
    return rows


# Jumps under load --------------------------------------------------------------------------------


@dataclass
class Jumped:
    """What came of a row of jumps."""

    jumps: int
    account: Account
    joined: int = 0
    """Jumps after which the node's log shows the new time, at a client that joins."""
    stalls: int = 0
    """Jumps after which too few answers came."""

    @property
    def is_good(self) -> bool:
        """Nothing failed, and everybody who came was let in."""
        failed = self.account.faults or self.account.failed or self.stalls
        return not failed and self.joined == self.jumps

    def __str__(self) -> str:
        return f"{self.account}, {self.stalls} stalls, {self.joined} of {self.jumps} joined"


async def _jump(folder: Path, clocks: list[str], whose: str, *, timers: bool = False) -> Jumped:
    """Load, while one node's clock shows one time after the other; the other node's is right.

    With ``timers``, which jump along, until they have done harm.
    """
    chain = write_chain(folder / "chain", LINE, width=WIDTH)
    for name in (FIRST, LAST):
        (folder / f"{name}.clock").write_text("+0")
        if timers:
            (folder / f"{name}.timers").touch()
    clock = folder / f"{whose}.clock"
    clock.write_text(clocks[0])
    ledger = Ledger(chain.answer)
    found = Jumped(len(clocks), ledger.account())
    async with running(chain, folder, module=CLOCKED) as live, live.connect() as client:
        asker = Asker(client, chain, ledger, deadline=DEADLINE)
        async with loaded(asker, in_flight=IN_FLIGHT):
            for shown in clocks:
                clock.write_text(shown)
                found.stalls += not await answered(ledger, ANSWERS, WITHIN)
                found.joined += timers or await _joins(live, whose, shown)
                if timers and (found.stalls or ledger.account().failed):
                    break  # it was seen
    found.account = ledger.account()
    return found


async def _joins(live: RunningChain, whose: str, shown: str) -> bool:
    """Whether a client that comes now is let in, at the time that the node is told it is."""
    before = time.time()
    async with live.connect() as client:
        await client.infer(live.chain.question(0), deadline=WITHIN)
    after = time.time()
    lines = live.nodes[whose].log.read_text().splitlines()
    stamp = next(line for line in reversed(lines) if line.endswith("joins"))[:23]
    noted = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S,%f").timestamp()  # noqa: DTZ007 - as logged
    if shown == BOOT:
        return noted < 86400.0
    return before - 0.5 < noted - JUMPS[shown] < after + 0.5


def _booted(found: Jumped) -> Row:
    figure = "joins and answers, also when its clock is set: 0 errors"
    return Row("a board boots in 1970", figure, str(found), found.is_good)


def _jumped(found: Jumped) -> Row:
    figure = "0 errors, 0 stalls, a client joins after each"
    return Row("jumps of a second to a year", figure, str(found), found.is_good)


# What a board in 1970 thinks of certificates ----------------------------------------------------


async def _young(folder: Path) -> Row:
    """A certificate as most authorities make them, good from today on: the control."""
    fleet = Fleet(folder / "fleet")
    chain = write_chain(fleet.folder / "chain", LINE)
    root = fleet.member(ASKED).credentials.authority
    ours = Stranger("", Brazen(fleet.member("pi-c"), root), Role.NODE, "pi-c")
    young = Stranger("", Brazen(fleet.young("pi-c"), root), Role.NODE, "pi-c")
    place = folder / "node"
    place.mkdir()
    (place / f"{ASKED}.clock").write_text(BOOT)
    async with node_process(place, fleet, module=CLOCKED) as node:
        ways = await knock(node.address, ours, chain), await knock(node.address, young, chain)
    test = "certificates from today on, in 1970"
    return control(test, "refused", f"{ways[1]} let in, {ways[0]} of ours", ways == (3, 0))


SUITE = Suite("clock", "wall clocks: jumps, and boards without one", run)
