"""Links and questions over mutual TLS: members get in under their own names, strangers do not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from edgechain.errors import Unauthorized, Unavailable
from edgechain.security.authority import Authority
from edgechain.security.fleet import FleetDirectory
from edgechain.security.identity import Identity
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import new_client_id
from edgechain.spec.message import Hello, Role
from edgechain.transport.link import Link, LinkState
from edgechain.transport.questions import fetch_manifest, fetch_status
from tests.runtime.keys import GENERATION, hop
from tests.security.members import expired, fleet, made, member
from tests.transport.ports import opened
from tests.transport.test_link import WELCOME, Answerer, Owner, running, until

pytestmark = pytest.mark.may_block  # identities are made and read


@dataclass
class Secured(Answerer):
    """An answerer that signs what it says."""

    security: LinkSecurity | None = None

    async def accept(self, stream: Any, hello: Hello) -> None:
        if self.security is not None:
            self.answer = self.security.sign_welcome(
                replace(WELCOME, hop=hop(self.security.party.name)), hello
            )
        await super().accept(stream, hello)


@dataclass
class Fleet:
    """A fleet on disk, with two nodes and a client."""

    folder: Path
    directory: FleetDirectory
    a: Identity = field(init=False)
    b: Identity = field(init=False)
    laptop: Identity = field(init=False)

    def __post_init__(self) -> None:
        self.a, self.b, self.laptop = (member(self.folder, n) for n in ("pi-a", "pi-b", "laptop"))


@pytest.fixture
def ours(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, fleet(tmp_path))


@asynccontextmanager
async def serving(
    security: LinkSecurity | None, answerer: Answerer | None = None
) -> AsyncIterator[tuple[Answerer, str]]:
    """A node of this identity, and its address."""
    answerer = answerer or Secured(security=security)
    async with opened(answerer.accept, security) as address:
        yield answerer, address


def link_to(
    address: str,
    owner: Owner,
    security: Any,
    *,
    to: str = "",
    says: str = "",
    role: Role | None = None,
) -> Link:
    """A link of this identity; ``says`` and ``role`` are what it claims to be instead."""
    party = security.party if security else None
    claimed = role or (party.role if party else Role.NODE)
    name = says or (party.name if party else "nobody")
    client = new_client_id() if claimed is Role.CLIENT else None
    hello = Hello(claimed, name, "ns", "chain", GENERATION, client)
    return Link((address,), hello, owner, time.monotonic, name=to, security=security)


async def refusal(address: str, security: Any, **words: Any) -> str:
    """Why a stream is refused; no frame has passed."""
    owner = Owner()
    async with running(link_to(address, owner, security, **words)) as link:
        await until(lambda: bool(link.last_error))
        assert link.is_strange, link.last_error
        assert link.state in (LinkState.REFUSED, LinkState.DOWN)
    assert (owner.ups, owner.controls, owner.chunks) == ([], [], [])
    return link.last_error


async def unanswered(address: str, security: Identity | None) -> str:
    """Why a question is not answered."""
    with pytest.raises(Unauthorized) as refused:
        await fetch_manifest(address, security=security)
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_members_get_in_under_their_own_names(ours: Fleet) -> None:
    node, client = Owner(), Owner()
    async with (
        serving(ours.a) as (answerer, address),
        running(link_to(address, node, ours.b, to="pi-a")),
        running(link_to(address, client, ours.laptop, to="pi-a")),
    ):
        await until(lambda: bool(node.ups) and bool(client.ups))
        assert {hello.name for hello in answerer.hellos} == {"pi-b", "laptop (laptop)"}
        assert {stream.peer for stream in answerer.streams} == {"pi-b", "laptop (laptop)"}


async def test_questions_are_answered_and_the_answers_signed(ours: Fleet) -> None:
    async with serving(ours.a) as (_, address):
        assert await fetch_status(address, security=ours.laptop) == "fine"
        assert await fetch_manifest(address, security=ours.b) == "a: 1"
    with pytest.raises(Unavailable, match="connection refused"):
        await fetch_status(address, 1.0, security=ours.laptop)


async def test_who_shows_nothing_gets_nothing(ours: Fleet) -> None:
    async with serving(ours.a) as (answerer, address):
        assert "it may want to see a certificate" in await refusal(address, None)
        assert "it may want to see a certificate" in await unanswered(address, None)
    assert answerer.hellos == []


async def test_another_authority_is_refused_on_both_sides(ours: Fleet, tmp_path: Path) -> None:
    stranger = made(tmp_path / "x", Authority.new("other"), Role.NODE, "pi-b")
    async with serving(ours.a) as (answerer, address):
        assert "it belongs to another fleet" in await refusal(address, stranger)
        assert "it belongs to another fleet" in await unanswered(address, stranger)
    assert answerer.hellos == []


@dataclass
class Believing:
    """An identity that believes another authority on the wire, as a liar would."""

    identity: Identity
    authority: bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.identity, name)

    @property
    def credentials(self) -> Any:
        return replace(self.identity.credentials, authority=self.authority)


async def test_who_believes_us_is_not_believed_for_that(ours: Fleet, tmp_path: Path) -> None:
    other = made(tmp_path / "x", Authority.new("other"), Role.NODE, "pi-b")
    stranger: Any = Believing(other, ours.a.credentials.authority)
    async with serving(ours.a) as (answerer, address):
        assert "does not take our certificate" in await refusal(address, stranger)
        assert "does not take our certificate" in await unanswered(address, stranger)
    assert answerer.hellos == []


async def test_a_member_whose_time_is_over(ours: Fleet, tmp_path: Path) -> None:
    late = expired(tmp_path / "x", ours.directory._authority, Role.NODE, "pi-b")
    async with serving(ours.a) as (answerer, address):
        assert "does not take our certificate" in await refusal(address, late)
    assert answerer.hellos == []
    async with serving(late) as (_, address):
        assert "its certificate has expired" in await refusal(address, ours.b)
        assert "its certificate has expired" in await unanswered(address, ours.laptop)


async def test_a_caller_with_another_name_or_role(
    ours: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(ours.a) as (answerer, address):
        for identity, claim, reason in (
            (ours.b, {"says": "pi-c"}, "node pi-b cannot speak as pi-c"),
            (ours.laptop, {"role": Role.NODE}, "client laptop cannot speak as a node"),
            (ours.b, {"role": Role.CLIENT}, "node pi-b cannot speak as a client"),
        ):
            assert f"it refused us: {reason}" in await refusal(address, identity, **claim)
            assert reason in caplog.text
    assert answerer.hellos == []


@dataclass
class Liar(Secured):
    """A node that says it is another one."""

    async def accept(self, stream: Any, hello: Hello) -> None:
        assert self.security is not None
        self.answer = self.security.sign_welcome(WELCOME, hello)
        await Answerer.accept(self, stream, hello)


async def test_an_answerer_with_another_name(ours: Fleet) -> None:
    async with serving(ours.a, Liar(security=ours.a)) as (_, address):
        said = await refusal(address, ours.b)
        assert "node pi-a says that it is answerer" in said
        assert "node pi-a says that it is answerer" in await refusal(address, ours.b, to="answerer")


async def test_an_answerer_that_proves_nothing(ours: Fleet) -> None:
    async with serving(ours.a, Answerer()) as (_, address):
        assert "does not prove who it is" in await refusal(address, ours.b)


async def test_a_client_cannot_answer(ours: Fleet) -> None:
    async with serving(ours.laptop) as (answerer, address):
        assert "its certificate is a client's" in await refusal(address, ours.b)
        assert "its certificate is a client's" in await unanswered(address, ours.b)
    assert answerer.hellos == []


async def test_a_node_without_keys_is_not_taken_for_one_of_ours(ours: Fleet) -> None:
    async with serving(None) as (answerer, address):
        assert "it was started insecure" in await refusal(address, ours.b)
        assert "it was started insecure" in await unanswered(address, ours.laptop)
    assert answerer.hellos == []


async def test_who_is_revoked_gets_nothing(ours: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    ours.directory.revoke(("pi-b", "laptop"))
    async with serving(ours.a) as (answerer, address):
        assert "certificate of node pi-b was revoked" in await refusal(address, ours.b)
        assert "certificate of client laptop was revoked" in await unanswered(address, ours.laptop)
    assert answerer.hellos == []
    assert caplog.text.count("was revoked") == 2
    async with serving(ours.b) as (_, address):
        assert "certificate of node pi-b was revoked" in await refusal(address, ours.a)
        assert "certificate of node pi-b was revoked" in await unanswered(address, ours.a)


async def test_who_is_revoked_while_connected_loses_its_stream(ours: Fleet) -> None:
    caller, asked = Owner(), Owner()
    async with (
        serving(ours.a) as (_, here),
        serving(ours.b) as (_, there),
        running(link_to(here, caller, ours.b)) as inbound,
        running(link_to(there, asked, ours.a)) as outbound,
    ):
        await until(lambda: bool(caller.ups) and bool(asked.ups))
        ours.directory.revoke(("pi-b",))
        await until(lambda: bool(caller.downs) and bool(asked.downs))
        await until(lambda: inbound.is_strange and outbound.is_strange)
        assert "was revoked" in inbound.last_error
        assert "was revoked" in outbound.last_error
        assert len(caller.ups) == len(asked.ups) == 1
