"""Profile over loopback gRPC: a model goes, words come back, and who may not ask gets nothing."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

from edgechain.errors import (
    EdgechainError,
    InvalidModel,
    MissingDependency,
    NodeFailed,
    NotMeasured,
    PeerRefused,
    Unauthorized,
    UnknownNode,
)
from edgechain.security.authority import Authority
from edgechain.security.identity import Identity
from edgechain.spec.message import Role
from edgechain.spec.profiling import PIECE_BYTES, Declined, NoKind, Word, Working
from edgechain.transport import profile_desk
from edgechain.transport.grpc_options import PROFILE
from edgechain.transport.profile_call import ProfileAsker
from edgechain.transport.profile_words import decode_word, encode_order, encode_piece
from edgechain.transport.secure import open_channel
from tests.security.members import fleet, made
from tests.transport.ports import opened
from tests.transport.profiling import MODEL, Scales, order
from tests.transport.test_link import Answerer
from tests.transport.test_secure import Fleet

SECURED = pytest.mark.may_block  # identities are made and read


@pytest.fixture
def ours(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, fleet(tmp_path))


def weighing(
    scales: Scales | None, security: Identity | None = None
) -> AbstractAsyncContextManager[str]:
    """A node with these scales; its address."""
    return opened(Answerer().accept, security, profiler=scales)


def silent(working: Working) -> None:
    """Nobody listens."""


async def ask(address: str, security: Identity | None = None, name: str = "") -> tuple[str, str]:
    """Have the model weighed: by whom, and what is said."""
    node, said = await ProfileAsker(address, security, name).order(order(), MODEL, silent)
    return node, said.profile


async def refusal(
    kind: type[EdgechainError], address: str, security: Identity | None = None, name: str = ""
) -> str:
    """Why nothing is weighed."""
    with pytest.raises(kind) as error:
        await ask(address, security, name)
    assert "\n" not in str(error.value)
    return str(error.value)


async def conversation(address: str, *messages: bytes, ends: bool = True) -> list[Word]:
    """What a node answers to raw messages."""
    async with open_channel(address, None) as channel:
        call = channel.stream_stream(PROFILE)()
        with suppress(asyncio.InvalidStateError):
            for message in messages:
                await call.write(message)
            if ends:
                await call.done_writing()
        heard = []
        while isinstance(message := await call.read(), bytes):
            heard.append(decode_word(message))
        return heard


async def test_the_model_arrives_as_it_is_and_progress_is_told() -> None:
    scales, told = Scales(), list[Working]()
    async with weighing(scales) as address:
        node, said = await ProfileAsker(address, None).order(
            order(device="d", threads=3, interpreter="litert", seconds=0.5, nodes=False),
            MODEL,
            told.append,
        )
    assert (node, said.profile) == ("pi-a", '{"weight": 1}')
    assert b"".join(scales.pieces) == MODEL
    assert [len(piece) for piece in scales.pieces[:2]] == [PIECE_BYTES] * 2
    assert scales.orders == [
        order(device="d", threads=3, interpreter="litert", seconds=0.5, nodes=False)
    ]
    sending = [Working("sending", done, 3) for done in range(3)]
    assert [one for one in told if one.what == "sending"] == sending
    assert Working("weighing", 1, 2) in told


@SECURED
async def test_a_client_of_the_fleet_knows_who_answers(ours: Fleet) -> None:
    async with weighing(Scales(), ours.a) as address:
        assert await ask(address, ours.laptop) == ("pi-a", '{"weight": 1}')
        assert await ask(address, ours.laptop, "pi-a") == ("pi-a", '{"weight": 1}')
        said = await refusal(Unauthorized, address, ours.laptop, "pi-b")
        assert said == f"pi-b: node pi-a answers at {address}"


@SECURED
async def test_a_node_cannot_take_anothers_name(ours: Fleet) -> None:
    scales = Scales(name="pi-b")
    async with weighing(scales, ours.a) as address:
        said = await refusal(Unauthorized, address, ours.laptop, "pi-b")
        assert said == "pi-b: node pi-a says that it is pi-b"
    assert scales.pieces == []


@SECURED
async def test_strangers_and_nodes_get_nothing(ours: Fleet, tmp_path: Path) -> None:
    stranger = made(tmp_path / "x", Authority.new("other"), Role.CLIENT, "laptop")
    scales = Scales()
    async with weighing(scales, ours.a) as address:
        assert "it belongs to another fleet" in await refusal(Unauthorized, address, stranger)
        assert "may want to see a certificate" in await refusal(Unauthorized, address)
        said = await refusal(Unauthorized, address, ours.b)
        assert "node pi-b cannot ask for this, a client can" in said
        ours.directory.revoke(("laptop",))
        said = await refusal(Unauthorized, address, ours.laptop)
        assert "the certificate of client laptop was revoked" in said
    assert scales.orders == []


@SECURED
async def test_who_is_revoked_meanwhile_loses_the_measurement(ours: Fleet) -> None:
    scales = Scales(holds=True)
    async with weighing(scales, ours.a) as address:
        asking = asyncio.create_task(refusal(Unauthorized, address, ours.laptop))
        await scales.began.wait()
        ours.directory.revoke(("laptop",))
        await asyncio.wait_for(scales.ended.wait(), 60)
        assert "the certificate of client laptop was revoked" in await asking


async def test_an_older_node_is_named_so() -> None:
    async with weighing(None) as address:
        said = await refusal(PeerRefused, address)
        assert said.startswith(f"{address} runs a version of edgechain that cannot do this")


async def test_nobody_is_there() -> None:
    async with weighing(None) as address:
        pass
    assert await refusal(UnknownNode, address, name="pi-a") == (
        "pi-a does not answer: connection refused"
    )


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (NoKind.BUSY, NotMeasured),
        (NoKind.TOO_LARGE, NotMeasured),
        (NoKind.MODEL, InvalidModel),
        (NoKind.DEPENDENCY, MissingDependency),
        (NoKind.FAILED, NodeFailed),
        (NoKind.STOPPING, NodeFailed),
    ],
)
async def test_a_refusal_is_its_error(kind: NoKind, error: type[EdgechainError]) -> None:
    scales = Scales(refuses=NotMeasured(kind, "so\nit\x1b[2Jis"))
    async with weighing(scales) as address:
        assert await refusal(error, address, name="pi-a") == "pi-a: so?it?[2Jis"
    assert scales.pieces == []


@pytest.mark.parametrize(
    ("messages", "kind", "reason"),
    [
        ((), NoKind.DAMAGED, "the order is missing"),
        ((b"\xff\xff",), NoKind.MALFORMED, "the first message is no order"),
        ((encode_piece(b"x"),), NoKind.MALFORMED, "the order's model"),
        ((encode_order(order()),), NoKind.DAMAGED, "from byte 0 of 2560000 is missing"),
        ((encode_order(order()), encode_piece(b"x")), NoKind.DAMAGED, "from byte 1 of 2560000"),
        ((encode_order(order()), encode_piece(b"")), NoKind.MALFORMED, "a piece has 0 bytes"),
        (
            (encode_order(order()), encode_piece(bytes(PIECE_BYTES + 1))),
            NoKind.MALFORMED,
            "a piece has 1048577 bytes",
        ),
        (
            (encode_order(order(b"four")), encode_piece(b"fives")),
            NoKind.DAMAGED,
            "more of the model came than was announced",
        ),
    ],
)
async def test_who_breaks_the_rules_is_told(
    messages: tuple[bytes, ...], kind: NoKind, reason: str
) -> None:
    scales = Scales()
    async with weighing(scales) as address:
        last = (await conversation(address, *messages))[-1]
        assert isinstance(last, Declined)
        assert last.kind is kind
        assert reason in last.reason
        assert not scales.began.is_set()


async def test_who_says_nothing_more_does_not_hold_others_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(profile_desk, "PIECE_SECONDS", 0.05)
    async with weighing(Scales()) as address:
        heard = await conversation(address, encode_order(order()), ends=False)
        assert heard[-1] == Declined(
            NoKind.DAMAGED, "the model from byte 0 of 2560000 did not come in time"
        )


async def test_who_hangs_up_ends_the_measurement() -> None:
    scales = Scales(holds=True)
    async with weighing(scales) as address:
        asking = asyncio.create_task(ask(address))
        await scales.began.wait()
        asking.cancel()
        await asyncio.wait_for(scales.ended.wait(), 60)
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_node_that_goes_meanwhile_is_lost() -> None:
    scales = Scales(holds=True)
    server = weighing(scales)
    address = await server.__aenter__()
    asking: asyncio.Task[Any] = asyncio.create_task(refusal(NodeFailed, address, name="pi-a"))
    await scales.began.wait()
    await server.__aexit__(None, None, None)
    assert (await asking).startswith("pi-a was lost while it measured")
