"""Who is let in, who is refused and why, and what a node says of itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from edgechain.node.greeter import Greeter
from edgechain.node.settings import ChainShare
from edgechain.spec.ids import Generation
from edgechain.spec.message import (
    WIRE_VERSION,
    Control,
    Hello,
    RefusalKind,
    Refused,
    Role,
    Welcome,
)
from tests.node.doubles import MANIFEST
from tests.runtime.keys import client, hop

if TYPE_CHECKING:
    from edgechain.node.generations import Generations
    from edgechain.transport.stream import PeerStream

HERE = hop("here", 7)
SHARE = ChainShare(Path("chain"), MANIFEST, ("head",))
OTHER = Generation("ab" * 32)
COMING = Generation("cd" * 32)
PEER = Hello(Role.NODE, "peer", "ns", "chain", SHARE.generation)
CLIENT = Hello(Role.CLIENT, "eye", "ns", "chain", None, client(), 1, 4)


@dataclass
class Stream:
    """Notes what it carries."""

    said: list[Control] = field(default_factory=list)

    def send(self, control: Control) -> None:
        self.said.append(control)

    async def refuse(self, refused: Refused) -> None:
        self.said.append(refused)


@dataclass
class Running:
    """A generation that notes whom it serves."""

    share: ChainShare = SHARE
    generation: Generation = SHARE.generation
    served: list[Hello] = field(default_factory=list)

    async def serve(self, stream: Stream, hello: Hello) -> None:
        assert isinstance(stream.said[-1], Welcome), "it comes first"
        self.served.append(hello)


@dataclass
class OneRuns:
    """One generation serves, and one is being loaded."""

    current: Running = field(default_factory=Running)

    def pick(self, generation: Generation | None) -> Running | None:
        return self.current if generation in (None, self.current.generation) else None

    def is_loading(self, generation: Generation | None) -> bool:
        return generation == COMING


@dataclass
class Door:
    """A greeter, and whether its node is about to stop."""

    stops: bool = False
    generations: OneRuns = field(default_factory=OneRuns)

    def __post_init__(self) -> None:
        generations = cast("Generations", self.generations)
        self.greeter = Greeter(HERE, "ns", "chain", generations, None, lambda: self.stops)

    async def answer(self, hello: Hello) -> Control:
        stream = Stream()
        await self.greeter.accept(cast("PeerStream", stream), hello)
        (answer,) = stream.said
        return answer


@pytest.fixture
def refusals(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, "edgechain.node.greeter"):
        yield caplog


@pytest.mark.parametrize("hello", [PEER, CLIENT])
async def test_who_belongs_here_is_welcome_and_served(hello: Hello) -> None:
    door = Door()
    wanted = Welcome(HERE, "ns", "chain", SHARE.generation, ("head",))
    assert await door.answer(hello) == wanted
    assert door.generations.current.served == [hello]


@pytest.mark.parametrize(
    ("odd", "kind", "reason"),
    [
        ({"version": 1}, RefusalKind.VERSION, f"wire version {WIRE_VERSION}, you 1"),
        ({"namespace": "away"}, RefusalKind.NAMESPACE, "namespace 'ns'"),
        ({"chain": "other"}, RefusalKind.CHAIN, "chain 'chain'"),
        ({"generation": OTHER}, RefusalKind.GENERATION, SHARE.generation[:12]),
        ({"generation": OTHER, "chain": "other"}, RefusalKind.CHAIN, "chain 'chain'"),
    ],
)
async def test_who_does_not_is_told_why(
    odd: dict[str, object], kind: RefusalKind, reason: str, refusals: pytest.LogCaptureFixture
) -> None:
    door = Door()
    answer = await door.answer(replace(PEER, **odd))  # type: ignore[arg-type]
    assert isinstance(answer, Refused)
    assert answer.kind is kind
    assert reason in answer.reason
    assert door.generations.current.served == []
    assert [record.levelno for record in refusals.records] == [logging.WARNING]


async def test_who_is_only_too_early_is_no_reason_to_warn(
    refusals: pytest.LogCaptureFixture,
) -> None:
    answer = await Door().answer(replace(PEER, generation=COMING))
    assert isinstance(answer, Refused)
    assert answer.kind is RefusalKind.GENERATION
    assert [record.levelno for record in refusals.records] == [logging.DEBUG]


async def test_a_node_that_stops_lets_nodes_in_and_no_clients() -> None:
    door = Door(stops=True)
    answer = await door.answer(CLIENT)
    assert isinstance(answer, Refused)
    assert answer.kind is RefusalKind.DRAINING
    assert isinstance(await door.answer(PEER), Welcome)


def test_what_it_says_of_itself() -> None:
    greeter = Door().greeter
    assert greeter.hello(SHARE) == Hello(Role.NODE, "here", "ns", "chain", SHARE.generation)
    hint = greeter.hint()
    assert (hint.name, hint.namespace, hint.chain, hint.incarnation) == ("here", "ns", "chain", 7)
    assert (hint.generation, hint.version) == (SHARE.generation[:16], WIRE_VERSION)
    assert hint.addresses == ()
