"""The asking side of Profile: a model goes to a node, and its profile comes back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from edgechain.errors import (
    EdgechainError,
    InvalidModel,
    MissingDependency,
    NodeFailed,
    NotMeasured,
    ProtocolError,
    Unauthorized,
    UnknownNode,
)
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.profiling import (
    PIECE_BYTES,
    Accepted,
    Declined,
    Finished,
    NoKind,
    ProfileOrder,
    Working,
)
from edgechain.transport.grpc_options import PROFILE
from edgechain.transport.profile_words import decode_word, encode_order, encode_piece
from edgechain.transport.questions import CHALLENGE, call_failure, said, shown_in, too_old
from edgechain.transport.secure import CHALLENGE_BYTES, open_channel

ANSWER_SECONDS = 10.0
"""For the first word, connecting included."""

Tell = Callable[[Working], None]

_ERRORS: dict[NoKind, type[EdgechainError]] = {
    NoKind.MODEL: InvalidModel,
    NoKind.DEPENDENCY: MissingDependency,
    NoKind.FAILED: NodeFailed,
    NoKind.STOPPING: NodeFailed,
}


class ProfileAsker:
    """Asks the node at one address. With ``name`` it has to be that node."""

    def __init__(self, address: str, security: LinkSecurity | None, name: str = ""):
        self._address = address
        self._security = security
        self._name = name
        self._who = name or address
        self._accepted = False

    async def order(self, order: ProfileOrder, content: bytes, tell: Tell) -> tuple[str, Finished]:
        """Have a model measured; which node has done it, and the profile as it says it.

        ``tell`` hears how far it is. Raises ``UnknownNode``, ``Unauthorized``, ``NodeFailed`` for a
        node that is lost meanwhile, and what the node says against it: ``InvalidModel``,
        ``MissingDependency``, or another ``PeerRefused``. Cancelled, it leaves nothing there.
        """
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        async with open_channel(self._address, self._security) as channel:
            call = channel.stream_stream(PROFILE)(metadata=((CHALLENGE, challenge),))
            try:
                node = await self._introduce(call, order, challenge)
                return node, await self._follow(call, content, tell)
            except grpc.RpcError as error:
                raise self._failure(error) from error
            except Unauthorized as error:
                raise Unauthorized(f"{self._who}: {error}") from error
            finally:
                call.cancel()

    async def _introduce(self, call: Any, order: ProfileOrder, challenge: bytes) -> str:
        """Which node takes the order, proved where there are keys."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await _write(call, encode_order(order))
                first = await self._read(call)
                shown = shown_in(await call.initial_metadata())
        except TimeoutError:
            raise UnknownNode(f"{self._who} does not answer") from None
        party = self._security.check_answer(first, challenge, shown) if self._security else None
        word = self._understood(first)
        if not isinstance(word, Accepted):
            raise ProtocolError(f"{self._who} begins with something else than its name")
        if party is not None and party.name != word.node:
            raise Unauthorized(f"{party} says that it is {word.node}")
        if self._name and word.node != self._name:
            raise Unauthorized(f"node {word.node} answers at {self._address}")
        self._accepted = True
        return word.node

    async def _follow(self, call: Any, content: bytes, tell: Tell) -> Finished:
        sending = asyncio.create_task(_send(call, content, tell), name=f"model to {self._who}")
        try:
            while True:
                match self._understood(await self._read(call)):
                    case Working() as working:
                        tell(working)
                    case Finished() as finished:
                        return finished
                    case Accepted():
                        raise ProtocolError(f"{self._who} accepts twice")
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _read(self, call: Any) -> bytes:
        message = await call.read()
        if not isinstance(message, bytes):
            raise NodeFailed(f"{self._who} has ended it without a word")
        return message

    def _understood(self, message: bytes) -> Accepted | Working | Finished:
        """What the node says. Raises the error that a refusal is."""
        try:
            word = decode_word(message)
        except ProtocolError as error:
            raise ProtocolError(f"{self._who}: {error}") from error
        if not isinstance(word, Declined):
            return word
        reason = f"{self._who}: {word.reason}"
        if word.kind in _ERRORS:
            raise _ERRORS[word.kind](reason)
        raise NotMeasured(word.kind, reason)

    def _failure(self, error: Exception) -> Exception:
        """What it means that gRPC ended the call."""
        if old := too_old(self._who, error):
            return old
        found = call_failure(self._who, error, self._security)
        if isinstance(found, Unauthorized):
            return found
        if self._accepted:
            return NodeFailed(f"{self._who} was lost while it measured: {said(error)}")
        return UnknownNode(f"{self._who} does not answer: {said(error)}")


async def _send(call: Any, content: bytes, tell: Tell) -> None:
    """The model, piece by piece; whether that still makes sense is heard by who reads."""
    total = -(-len(content) // PIECE_BYTES)
    for number in range(total):
        tell(Working("sending", number, total))
        start = number * PIECE_BYTES
        if not await _write(call, encode_piece(content[start : start + PIECE_BYTES])):
            return
    await call.done_writing()


async def _write(call: Any, message: bytes) -> bool:
    """Whether it could be written; if not, what is read next says why."""
    try:
        await call.write(message)
    except (grpc.RpcError, asyncio.InvalidStateError):
        return False
    return True
