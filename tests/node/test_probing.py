"""Links between nodes of one fleet: measured for clients, by nodes, under their own names."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edgechain.errors import (
    EdgechainError,
    NotMeasured,
    PeerRefused,
    ProtocolError,
    Unauthorized,
    UnknownNode,
)
from edgechain.node.probing import LinkProber, Work
from edgechain.security.authority import Authority
from edgechain.security.identity import Identity
from edgechain.spec.message import Role
from edgechain.spec.probing import Probed, ProbeOrder
from edgechain.transport import probe_call
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.grpc_options import PROBE
from edgechain.transport.probe_call import COSTS, fetch_probe, measure_link
from edgechain.transport.probe_costs import Meter
from edgechain.transport.questions import ask
from tests.ports import free_ports
from tests.security.members import fleet, made
from tests.transport.ports import opened
from tests.transport.test_link import LOOPBACK, Answerer
from tests.transport.test_secure import Fleet

pytestmark = pytest.mark.may_block  # identities are made and read

SECONDS = 0.1


@pytest.fixture
def ours(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, fleet(tmp_path))


def node(
    identity: Identity, *knows: str, prober: LinkProber | None = None, old: bool = False
) -> AbstractAsyncContextManager[str]:
    """A node that has heard of others at these addresses; its address."""
    own = prober or LinkProber(identity.party.name, lambda _: knows, identity)
    return opened(Answerer().accept, identity, prober=None if old else own)


async def nowhere() -> str:
    """An address where nobody listens."""
    (port,) = await asyncio.to_thread(free_ports, 1)
    return f"{LOOPBACK}:{port}"


async def probed(source: str, target: str, security: Any, name: str = "pi-b") -> Probed:
    """What the node at ``source`` (pi-a) measures of its link to the one at ``target``."""
    order = ProbeOrder(node=name, addresses=(target,), seconds=SECONDS)
    return await fetch_probe(source, "pi-a", order, security=security)


async def refusal(kind: type[EdgechainError], source: str, target: str, *words: Any) -> str:
    with pytest.raises(kind) as error:
        await probed(source, target, *words)
    assert "\n" not in str(error.value)
    return str(error.value)


async def test_a_link_is_measured_by_the_node_at_its_end(ours: Fleet) -> None:
    async with node(ours.a) as a, node(ours.b) as b:
        start = time.monotonic()
        found = await probed(a, b, ours.laptop)
        assert time.monotonic() - start < 5
    assert 10 < found.mbit < 1e6
    assert 0.01 < found.round_trip_ms < 1000


async def test_addresses_that_lead_nowhere_are_passed_over(ours: Fleet) -> None:
    async with node(ours.b) as b, node(ours.a, await nowhere()) as a:
        assert (await probed(a, b, ours.laptop)).mbit > 10
        said = await refusal(NotMeasured, a, await nowhere(), ours.laptop)
        assert "pi-b does not answer at" in said


async def test_who_is_at_the_address_must_be_the_node_that_is_meant(ours: Fleet) -> None:
    async with node(ours.a) as a, node(ours.b) as b:
        said = await refusal(NotMeasured, a, b, ours.laptop, "pi-c")
        assert f"node pi-b answers at {b}, not pi-c" in said
        said = await refusal(Unauthorized, b, a, ours.laptop, "pi-a")
        assert f"node pi-b answers at {b}, not pi-a" in said


async def test_only_clients_have_links_measured_and_only_nodes_measure(ours: Fleet) -> None:
    async with node(ours.a) as a, node(ours.b) as b:
        assert "node pi-b cannot ask for this" in await refusal(Unauthorized, a, b, ours.b)
        with pytest.raises(Unauthorized, match="client laptop cannot ask for this, a node can"):
            await measure_link(a, "pi-a", SECONDS, ours.laptop, lambda: None)


async def test_strangers_are_not_measured_and_measure_nothing(ours: Fleet, tmp_path: Path) -> None:
    other = Authority.new("other")
    stranger = made(tmp_path / "x", other, Role.NODE, "pi-b")
    client = made(tmp_path / "y", other, Role.CLIENT, "laptop")
    async with node(ours.a) as a, node(stranger) as b:
        assert "it belongs to another fleet" in await refusal(NotMeasured, a, b, ours.laptop)
        assert "it belongs to another fleet" in await refusal(Unauthorized, a, b, client)


async def test_one_at_a_time_on_either_side(ours: Fleet) -> None:
    probers = [LinkProber(i.party.name, lambda _: (), i) for i in (ours.a, ours.b)]
    async with AsyncExitStack() as stack:
        identities = zip((ours.a, ours.b), probers, strict=True)
        a, b = [await stack.enter_async_context(node(i, prober=p)) for i, p in identities]
        for prober, said in (
            (probers[0], "pi-a measures a link already"),
            (probers[1], "pi-b: pi-b measures a link already"),
        ):
            with prober.alone():
                assert await refusal(NotMeasured, a, b, ours.laptop) == said
        assert (await probed(a, b, ours.laptop)).mbit > 10


async def test_older_nodes_are_named(ours: Fleet) -> None:
    async with node(ours.a) as a, node(ours.b, old=True) as b:
        said = await refusal(NotMeasured, a, b, ours.laptop)
        assert said.startswith("pi-b runs a version of edgechain that cannot do this")
        order = ProbeOrder(node="pi-a", addresses=(a,), seconds=SECONDS)
        with pytest.raises(PeerRefused, match="pi-b runs a version"):
            await fetch_probe(b, "pi-b", order, security=ours.laptop)
    with pytest.raises(UnknownNode, match=r"pi-a at .*: the node does not answer"):
        await probed(a, b, ours.laptop)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"node": "pi-b", "addresses": ["h:1"], "seconds": 11.0}, "the order is none of ours"),
        ({"node": "pi-b", "addresses": ["here"], "seconds": 1.0}, "the order is none of ours"),
        ({"node": "pi-b", "addresses": [], "seconds": 1.0}, "the order is none of ours"),
        ({"node": "pi-a", "addresses": ["h:1"], "seconds": 1.0}, "pi-a has no link to itself"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    ours: Fleet, words: dict[str, Any], reason: str
) -> None:
    asked = pb.ProbeRequest(**words).SerializeToString()
    async with node(ours.a) as a:
        answer, _ = await ask(a, PROBE, asked, 5.0, ours.laptop)
    reply = pb.ProbeReply.FromString(answer)
    assert (reply.node, reply.problem, reply.mbit) == ("pi-a", reason, 0.0)


async def test_a_link_that_carries_nothing_in_time_is_said(
    ours: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_call, "MOST_SECONDS", 0.0)
    async with node(ours.a) as a, node(ours.b) as b:
        assert "pi-b does not answer in time" in await refusal(NotMeasured, a, b, ours.laptop)


# What it costs -----------------------------------------------------------------------------------


@asynccontextmanager
async def pair(ours: Fleet, a: LinkProber, b: LinkProber) -> AsyncIterator[tuple[str, str]]:
    """Two nodes with these probers; their addresses."""
    async with node(ours.a, prober=a) as one, node(ours.b, prober=b) as other:
        yield one, other


def prober(identity: Identity, work: Callable[[], Work] = Work) -> LinkProber:
    return LinkProber(identity.party.name, lambda _: (), identity, work)


def known(found: Probed) -> set[str]:
    """Which costs were told; those are sensible."""
    told = {name: cost for name in COSTS if (cost := getattr(found, name)) is not None}
    assert all(0.01 < cost < 1000 for cost in told.values()), told
    return set(told)


SENDERS, RECEIVERS = {"send_ms_per_mb", "message_ms"}, {"receive_ms_per_mb"}


async def test_each_end_says_what_its_processor_has_spent(ours: Fleet) -> None:
    async with pair(ours, prober(ours.a), prober(ours.b)) as (a, b):
        assert known(await probed(a, b, ours.laptop)) == SENDERS | RECEIVERS


def always_more() -> Callable[[], Work]:
    """The work of a node that takes something whenever it is looked at."""
    taken = iter(range(1_000_000))
    return lambda: Work(next(taken))


@pytest.mark.parametrize("work", [always_more(), lambda: Work(7, under_way=1)])
async def test_an_end_that_does_other_work_leaves_its_costs_out(
    ours: Fleet, work: Callable[[], Work]
) -> None:
    async with pair(ours, prober(ours.a, work), prober(ours.b)) as (a, b):
        assert known(await probed(a, b, ours.laptop)) == RECEIVERS
    async with pair(ours, prober(ours.a), prober(ours.b, work)) as (a, b):
        assert known(await probed(a, b, ours.laptop)) == SENDERS


async def test_work_that_is_long_done_is_not_in_the_way(ours: Fleet) -> None:
    async with pair(ours, prober(ours.a, lambda: Work(7)), prober(ours.b)) as (a, b):
        assert known(await probed(a, b, ours.laptop)) == SENDERS | RECEIVERS


async def test_a_clock_of_ticks_tells_nothing(ours: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_clock: int) -> float:
        raise OSError

    monkeypatch.setattr(time, "clock_gettime", refuse)
    async with pair(ours, prober(ours.a), prober(ours.b)) as (a, b):
        found = await probed(a, b, ours.laptop)
    assert found.mbit > 10
    assert known(found) == set()


class Liar(LinkProber):
    """Its processor has spent what it says here, one after the other, the last for good."""

    def __init__(self, identity: Identity, said: Sequence[float | None]):
        super().__init__(identity.party.name, lambda _: (), identity)
        self._said = said

    def meter(self) -> Meter:
        left = list(self._said)
        return lambda: left.pop(0) if len(left) > 1 else left[0]


WARMED = [0.5] * (probe_call.WARM_UP + probe_call.ROUND_TRIPS)
"""What is said while round trips are taken."""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([*WARMED, 0.4], "what its processor has spent grows less"),
        ([*WARMED, 1.8e13], "the link cannot be measured"),
    ],
)
async def test_costs_that_cannot_be_are_not_taken(
    ours: Fleet, said: list[float | None], reason: str
) -> None:
    async with pair(ours, prober(ours.a), Liar(ours.b, said)) as (a, b):
        assert reason in await refusal(NotMeasured, a, b, ours.laptop)


@pytest.mark.parametrize("said", [[None], [*WARMED, None], [*WARMED[:-1], None, 0.6], [0.0]])
async def test_an_end_that_says_nothing_of_its_costs_is_measured_without(
    ours: Fleet, said: list[float | None]
) -> None:
    """As an older one does, which does not know of them."""
    async with pair(ours, prober(ours.a), Liar(ours.b, said)) as (a, b):
        assert known(await probed(a, b, ours.laptop)) == SENDERS


class Oracle(LinkProber):
    """Has it that every link is like this."""

    def __init__(self, identity: Identity, found: Probed):
        super().__init__(identity.party.name, lambda _: (), identity)
        self._found = found

    async def probe(self, order: ProbeOrder) -> Probed:
        del order
        return self._found


@pytest.mark.parametrize(
    "found",
    [
        Probed(mbit=35, round_trip_ms=4),
        Probed(mbit=35, round_trip_ms=4, message_ms=0.0),
        Probed(mbit=35, round_trip_ms=4, send_ms_per_mb=6, receive_ms_per_mb=7.5, message_ms=0.4),
    ],
)
async def test_what_was_measured_comes_to_the_client_as_it_is(ours: Fleet, found: Probed) -> None:
    async with node(ours.a, prober=Oracle(ours.a, found)) as a:
        assert await probed(a, await nowhere(), ours.laptop) == found


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("cost", [math.nan, math.inf, -0.001, 1e10])
async def test_a_client_takes_no_cost_that_is_no_amount(
    ours: Fleet, name: str, cost: float
) -> None:
    false = Probed(mbit=35, round_trip_ms=4).model_copy(update={name: cost})
    async with node(ours.a, prober=Oracle(ours.a, false)) as a:
        said = await refusal(ProtocolError, a, await nowhere(), ours.laptop)
    assert said == "pi-a: its answer is not one of ours"
