"""Who has the wrong identity gets nothing, and the log says why; who has the right one gets in."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from edgechain.spec.message import Role
from tests.faults.hash_chain import LINE, HashChain, write_chain
from tests.faults.knocking import answering, believing_both, knock, linked, node_process, said
from tests.faults.strangers import ASKED, Brazen, Fleet, Stranger
from tests.faults.suite import Report, Row, Suite, control, in_a_folder, times

TRIES = 20
MOST_REVOKED = 2.5
"""Seconds in which a revocation is noticed; a node looks twice a second."""

TRUSTING = "tests.faults.trusting_node"


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    tries = times(TRIES, scale, 2)
    fleet = Fleet(folder / "fleet")
    chain = write_chain(fleet.folder / "chain", LINE)
    report.say("members")
    rows = await _members(folder / "members", fleet, chain, tries)
    rows.append(await _revoked(folder / "revoked", fleet, chain))
    strangers = fleet.strangers()
    report.say("strangers knock at a node")
    rows += await _knocks(folder / "knocks", fleet, chain, strangers, tries)
    report.say("a node knocks at strangers")
    rows += await _calls(folder / "calls", fleet, chain, strangers)
    report.say("controls")
    rows += await _believed(folder / "believed", fleet, chain, strangers)
    rows += await _called(folder / "called", fleet, chain, strangers)
    return rows


async def _members(folder: Path, fleet: Fleet, chain: HashChain, tries: int) -> list[Row]:
    """The right identity passes: otherwise nothing that follows says anything."""
    rows = []
    root = fleet.member(ASKED).credentials.authority
    async with node_process(folder, fleet) as node:
        for role, name in ((Role.NODE, "pi-c"), (Role.CLIENT, "laptop")):
            member = Stranger("", Brazen(fleet.member(name), root), role, name)
            ways = sum([await knock(node.address, member, chain) for _ in range(tries)])
            wanted = f"{3 * tries} of {3 * tries} let in"
            rows.append(Row(f"the right {role}", wanted, f"{ways} let in", ways == 3 * tries))
    return rows


async def _revoked(folder: Path, fleet: Fleet, chain: HashChain) -> Row:
    """Somebody who is revoked while it is connected; it is nobody that is needed later."""
    fleet.directory.provide(Role.NODE, "pi-x")
    root = fleet.member(ASKED).credentials.authority
    doomed = Brazen(fleet.member("pi-x"), root)
    async with (
        node_process(folder, fleet) as node,
        linked(node.address, doomed, Role.NODE, "pi-x", chain) as (_, owner),
    ):
        await owner.is_in.wait()
        fleet.directory.revoke(("pi-x",))
        start = time.monotonic()
        await owner.is_out.wait()
        seconds = time.monotonic() - start
        logged = await said(node, "pi-x was revoked: its stream ends")
    figure = f"stream gone in {MOST_REVOKED} s, logged"
    good = seconds <= MOST_REVOKED and logged
    measured = f"{seconds:.2f} s{_logged(logged)}"
    return Row("revoked while connected", figure, measured, good, is_timed=True)


async def _knocks(
    folder: Path, fleet: Fleet, chain: HashChain, strangers: list[Stranger], tries: int
) -> list[Row]:
    rows = []
    async with node_process(folder, fleet) as node:
        for who in strangers:
            ways = sum([await knock(node.address, who, chain) for _ in range(tries)])
            logged = await said(node, who.knocking)
            asked = tries * (1 if who.is_member else 3)
            figure = f"0 of {asked} let in, reason logged"
            measured = f"{ways} let in{_logged(logged)}"
            rows.append(Row(f"{who.kind}: knocks", figure, measured, not ways and logged))
    return rows


async def _calls(
    folder: Path, fleet: Fleet, chain: HashChain, strangers: list[Stranger]
) -> list[Row]:
    servers = [who for who in strangers if who.answering]
    rows = []
    async with (
        answering(servers, chain) as places,
        node_process(folder, fleet, peers=tuple(places.values())) as node,
    ):
        for who in servers:
            logged = await said(node, f"{places[who.kind]}: .*{who.answering}")
            linked = await said(node, f"linked to {who.name}", within=0.0)
            measured = f"{'linked' if linked else 'not linked'}{_logged(logged)}"
            good = logged and not linked
            rows.append(Row(f"{who.kind}: answers", "not linked, reason logged", measured, good))
    return rows


# Controls ----------------------------------------------------------------------------------------


async def _believed(
    folder: Path, fleet: Fleet, chain: HashChain, strangers: list[Stranger]
) -> list[Row]:
    """The same strangers at a node that asks for no proof; without TLS at one without keys."""
    rows = []
    async with (
        node_process(folder / "believes", fleet, module=TRUSTING) as believes,
        node_process(folder / "plain", fleet, identity=None, insecure=True) as insecure,
    ):
        for who in strangers:
            node = believes if who.security is not None else insecure
            ways = await knock(node.address, who, chain)
            test = f"{who.kind}: knocks where nobody asks"
            rows.append(control(test, "let in", f"{ways} ways in", ways > 0))
    return rows


async def _called(
    folder: Path, fleet: Fleet, chain: HashChain, strangers: list[Stranger]
) -> list[Row]:
    """Strangers that answer a node which believes every Welcome, and another authority as well.

    An expired certificate, one of a client, and no TLS at all are gRPC's to refuse.
    """
    kinds = ("another authority", "another's name", "revoked")
    servers = [who for who in strangers if who.kind in kinds]
    other = (fleet.folder / "strangers" / "foreign" / "authority.pem").read_bytes()
    identity = str(believing_both(folder / "identity", fleet, other))
    rows = []
    async with answering(servers, chain) as places:
        for number, who in enumerate(servers):
            place = (places[who.kind],)
            own = folder / str(number)
            config = {"peers": place, "identity": identity}
            async with node_process(own, fleet, module=TRUSTING, **config) as node:
                linked = await said(node, f"linked to {who.name}")
            measured = "linked" if linked else "not linked"
            test = f"{who.kind}: answers where nobody asks"
            rows.append(control(test, "linked", measured, linked))
    return rows


def _logged(logged: bool) -> str:
    return ", logged" if logged else ", not logged"


SUITE = Suite(
    "identity", "wrong identities: everybody who should not get in", partial(in_a_folder, _run)
)
