"""The answering side of Probe and Echo: a link is measured for a client, by one node on another."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

from pydantic import ValidationError

from edgechain.errors import EdgechainError, NotMeasured
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.message import Role
from edgechain.spec.probing import MOST_BYTES, MOST_SECONDS, Probed, ProbeOrder
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import clean
from edgechain.transport.probe_costs import Meter
from edgechain.transport.questions import prove_first
from edgechain.transport.secure import caller_as
from edgechain.transport.stream import Duplex

_LOG = logging.getLogger(__name__)

ECHO_SECONDS = 2 * MOST_SECONDS
"""Whoever measures is done by then."""


class Prober(Protocol):
    """What a node measures links with."""

    @property
    def name(self) -> str:
        """The node's name."""

    def alone(self) -> AbstractContextManager[None]:
        """While this lasts nothing else is measured here. Raises ``NotMeasured``."""

    def meter(self) -> Meter:
        """What the node's process spends of the processor from now on."""

    async def probe(self, order: ProbeOrder) -> Probed:
        """Measure a link. Raises what is in the way."""


async def answer_probe(request: pb.ProbeRequest, prober: Prober) -> bytes:
    """Do what is ordered; the reply."""
    reply = pb.ProbeReply(node=prober.name)
    try:
        order = ProbeOrder(
            node=request.node, addresses=tuple(request.addresses), seconds=request.seconds
        )
        found = await prober.probe(order)
        for field, value in found.model_dump(exclude_none=True).items():
            setattr(reply, field, value)
    except ValidationError:
        reply.problem = "the order is none of ours"
    except EdgechainError as error:
        _LOG.warning("measured no link for a client: %s", error)
        reply.problem = clean(str(error))
    return bytes(reply.SerializeToString())


async def answer_echo(
    context: Any, duplex: Duplex, security: LinkSecurity | None, prober: Prober
) -> None:
    """Say of every message how much has come, for as long as anybody may measure.

    Raises ``Unauthorized``.
    """
    party = caller_as(Role.NODE, context, security)

    async def introduce(reply: pb.EchoReply) -> None:
        first = bytes(reply.SerializeToString())
        if security is not None and party is not None:
            await prove_first(context, security, first, party)
        await duplex.write(first)

    with suppress(TimeoutError, ConnectionError):
        try:
            with prober.alone():
                await introduce(pb.EchoReply(node=prober.name))
                async with asyncio.timeout(ECHO_SECONDS):
                    await _count(duplex, prober.meter())
        except NotMeasured as error:
            await introduce(pb.EchoReply(problem=clean(str(error))))


async def _count(duplex: Duplex, meter: Meter) -> None:
    received = 0
    while (message := await duplex.read()) is not None and received <= MOST_BYTES:
        received += len(message)
        reply = pb.EchoReply(received=received)
        if (seconds := meter()) is not None:
            reply.processor_us = int(seconds * 1e6)
        await duplex.write(reply.SerializeToString())
