"""The answering side of Profile: who may ask, a model that arrives in pieces, and words back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from edgechain.errors import NotMeasured, ProtocolError, Unauthorized
from edgechain.spec.identity import LinkSecurity, Party
from edgechain.spec.message import Role
from edgechain.spec.profiling import (
    Accepted,
    Declined,
    Finished,
    NoKind,
    ProfileOrder,
    Word,
    Working,
)
from edgechain.transport.profile_words import decode_order, decode_piece, encode_word
from edgechain.transport.questions import prove_first
from edgechain.transport.secure import caller_as, watched
from edgechain.transport.stream import Duplex

_LOG = logging.getLogger(__name__)

PIECE_SECONDS = 30.0
"""A piece takes eight on a link of 1 Mbit/s; who says nothing for so long holds others up."""


class Measurement(Protocol):
    """One order that was taken."""

    async def take(self, piece: bytes) -> None:
        """Add the next bytes of the model. Raises ``NotMeasured``."""

    async def measure(self, tell: Callable[[Working], Awaitable[None]]) -> Finished:
        """Measure what has come. Raises ``NotMeasured``."""


class Profiler(Protocol):
    """What a node measures with."""

    @property
    def name(self) -> str:
        """The node's name."""

    def begin(self, order: ProfileOrder) -> AbstractAsyncContextManager[Measurement]:
        """Take an order; nothing of it is left afterwards. Entering raises ``NotMeasured``."""


async def answer_profile(
    context: Any, duplex: Duplex, security: LinkSecurity | None, profiler: Profiler
) -> None:
    """Do what a caller orders. Raises ``Unauthorized``, also when it is revoked meanwhile.

    A handler that is cancelled ends without a status, so a revocation does not cancel it.
    """
    party = caller_as(Role.CLIENT, context, security)
    try:
        async with asyncio.timeout(None) as membership:
            with watched(security, party, lambda: membership.reschedule(0.0)):
                await _ProfileCall(context, duplex, security, party).answer(profiler)
    except TimeoutError:
        raise Unauthorized(f"the certificate of {party} was revoked") from None


class _ProfileCall:
    """One caller's stream, from its order to our last word."""

    def __init__(
        self, context: Any, duplex: Duplex, security: LinkSecurity | None, party: Party | None
    ):
        self._context = context
        self._duplex = duplex
        self._security = security
        self._party = party
        self._is_first = True

    async def answer(self, profiler: Profiler) -> None:
        """Do what is ordered. Raises ``Unauthorized`` for an order without a challenge."""
        try:
            last: Word = await self._obey(profiler)
        except NotMeasured as error:
            last = Declined(NoKind(error.kind), error.reason)
        except ProtocolError as error:
            last = Declined(NoKind.MALFORMED, str(error))
        except ConnectionError:
            return
        if isinstance(last, Declined):
            _LOG.warning("measured nothing for %s: %s", self._caller, last.reason)
        try:
            await self._say(last)
        except ConnectionError:
            return

    async def _obey(self, profiler: Profiler) -> Finished:
        order = decode_order(await self._next("the order"))
        async with profiler.begin(order) as measurement:
            _LOG.info("%s has %s measured", self._caller, order.model)
            await self._say(Accepted(profiler.name))
            await self._receive(order.size, measurement)
            return await measurement.measure(self._say)

    async def _receive(self, size: int, measurement: Measurement) -> None:
        received = 0
        while received < size:
            piece = decode_piece(await self._next(f"the model from byte {received} of {size}"))
            received += len(piece)
            if received > size:
                raise NotMeasured(NoKind.DAMAGED, "more of the model came than was announced")
            await measurement.take(piece)

    async def _next(self, what: str) -> bytes:
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                message = await self._duplex.read()
        except TimeoutError:
            raise NotMeasured(NoKind.DAMAGED, f"{what} did not come in time") from None
        if message is None:
            raise NotMeasured(NoKind.DAMAGED, f"{what} is missing")
        return message

    async def _say(self, word: Word) -> None:
        message = encode_word(word)
        if self._is_first and self._security is not None and self._party is not None:
            await prove_first(self._context, self._security, message, self._party)
        self._is_first = False
        await self._duplex.write(message)

    @property
    def _caller(self) -> str:
        return str(self._party or self._context.peer())
