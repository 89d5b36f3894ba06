"""The asking side of Echo, a node's, and of Probe, a client's: how good a link is."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from pydantic import ValidationError

from edgechain.errors import NotMeasured, ProtocolError, Unauthorized, Unavailable, UnknownNode
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.probing import MOST_BYTES, MOST_SECONDS, Probed, ProbeOrder
from edgechain.spec.profiling import NoKind
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import clean
from edgechain.transport.grpc_options import ECHO, PROBE
from edgechain.transport.probe_costs import Meter, Moment, per_megabyte, per_message, spent
from edgechain.transport.questions import CHALLENGE, ask, call_failure, said, shown_in, too_old
from edgechain.transport.secure import CHALLENGE_BYTES, open_channel

CONNECT_SECONDS = 5.0
ROUND_TRIPS, WARM_UP = 21, 3
UNDER_WAY = 4
"""Messages of which nothing was heard yet; gRPC takes 4 MB before it waits."""

LARGE = bytes(pb.EchoRequest(data=bytes((1 << 20) - 8)).SerializeToString())
"""What an ordinary chunk of a tensor has: 1 MiB."""

MBIT = 1e6 / 8
COSTS = ("send_ms_per_mb", "receive_ms_per_mb", "message_ms")
"""What a reply, like ``Probed``, may lack."""

PATIENCE_SECONDS = 3 * MOST_SECONDS
"""A client's, for a node that tries several addresses first."""


# A node and another one --------------------------------------------------------------------------


async def measure_link(
    address: str, name: str, seconds: float, security: LinkSecurity | None, meter: Meter
) -> Probed:
    """The link from here to the node ``name`` at ``address``; ``meter`` is this process's.

    Raises ``UnknownNode``, ``Unauthorized`` for somebody else there, ``NotMeasured`` or
    ``ProtocolError``.
    """
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    async with open_channel(address, security) as channel:
        call = channel.stream_stream(ECHO)(metadata=((CHALLENGE, challenge),))
        try:
            await _introduced(call, address, name, challenge, security)
            return await _measured(_Echo(call, meter), seconds)
        except TimeoutError:
            raise NotMeasured(NoKind.FAILED, f"{name} does not answer in time") from None
        except (grpc.RpcError, asyncio.InvalidStateError) as error:
            raise _failure(address, name, error, security) from error
        finally:
            call.cancel()


async def _introduced(
    call: Any, address: str, name: str, challenge: bytes, security: LinkSecurity | None
) -> None:
    """Hear who answers; it has to be the node of this name."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            first = await call.read()
            shown = shown_in(await call.initial_metadata())
    except TimeoutError:
        raise UnknownNode(f"{name} does not answer at {address}") from None
    if not isinstance(first, bytes):
        raise ProtocolError(f"{name} has ended it without a word")
    party = security.check_answer(first, challenge, shown) if security else None
    reply = _reply(first)
    if reply.problem:
        raise NotMeasured(NoKind.BUSY, f"{name}: {clean(reply.problem)}")
    if reply.node != name or (party is not None and party.name != name):
        raise Unauthorized(f"{party or clean(reply.node)} answers at {address}, not {name}")


def _reply(message: bytes) -> pb.EchoReply:
    try:
        reply: pb.EchoReply = pb.EchoReply.FromString(message)
    except DecodeError as error:
        raise ProtocolError("its echo is not one of ours") from error
    return reply


def _failure(address: str, name: str, error: Exception, security: LinkSecurity | None) -> Exception:
    if old := too_old(name, error):
        return old
    found = call_failure(address, error, security)
    if isinstance(found, Unauthorized):
        return found
    return UnknownNode(f"{name} does not answer at {address}: {said(error)}")


@dataclass
class _Echo:
    """A stream whose other end says of every message how many bytes have come.

    And ``there``, what its processor has spent by then, where it can.
    """

    call: Any
    meter: Meter
    sent: int = 0
    received: int = 0
    there: float | None = None
    heard: list[tuple[float, int]] = field(default_factory=list)
    """When, and how many bytes there were by then."""

    async def _hear(self) -> bool:
        """Whether there is more to hear."""
        message = await self.call.read()
        if not isinstance(message, bytes):
            return False
        reply = _reply(message)
        if reply.received > self.sent:
            raise ProtocolError("more has come there than went from here")
        self.received = reply.received
        self.there = reply.processor_us / 1e6 if reply.HasField("processor_us") else None
        self.heard.append((time.monotonic(), reply.received))
        return True

    async def _say(self, message: bytes) -> None:
        self.sent += len(message)
        await self.call.write(message)

    def now(self) -> Moment:
        """How far both ends are; of the other one, when it was last heard."""
        return Moment(self.sent, self.received, self.meter(), self.there)

    async def round_trip(self) -> tuple[float, float | None]:
        """Seconds until a small message is answered, the median, and ``Probed.message_ms``."""
        small = bytes(pb.EchoRequest(data=b"?").SerializeToString())
        taken, costs = [], []
        for _ in range(WARM_UP + ROUND_TRIPS):
            before, start = self.meter(), time.monotonic()
            await self._say(small)
            if not await self._hear():
                raise ProtocolError("it has ended it without a word")
            taken.append(time.monotonic() - start)
            costs.append(spent(before, self.meter()))
        return statistics.median(taken[WARM_UP:]), per_message(costs[WARM_UP:])

    async def bandwidth(self, seconds: float) -> float:
        """Bytes a second between the first and the last message that is known to have come."""
        self.heard.clear()
        begin, before = time.monotonic(), self.sent
        room = asyncio.Semaphore(UNDER_WAY)
        writing = asyncio.create_task(self._flood(begin + seconds, room))
        try:
            async with asyncio.timeout(MOST_SECONDS):
                while await self._hear():
                    room.release()
        except TimeoutError:
            pass  # on a link that is so slow what has come says enough
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        if not self.heard:
            raise NotMeasured(NoKind.FAILED, f"nothing has arrived within {MOST_SECONDS:.0f} s")
        first = self.heard[0] if len(self.heard) > 1 else (begin, before)
        last = self.heard[-1]
        return (last[1] - first[1]) / (last[0] - first[0])

    async def _flood(self, end: float, room: asyncio.Semaphore) -> None:
        while time.monotonic() < end and self.sent < MOST_BYTES:
            await room.acquire()
            await self._say(LARGE)
        await self.call.done_writing()


async def _measured(echo: _Echo, seconds: float) -> Probed:
    async with asyncio.timeout(MOST_SECONDS):
        round_trip, message_ms = await echo.round_trip()
    start = echo.now()
    bandwidth = await echo.bandwidth(seconds)
    send, receive = per_megabyte(start, echo.now())
    try:
        return Probed(
            mbit=round(bandwidth / MBIT, 3),
            round_trip_ms=round(round_trip * 1000, 3),
            send_ms_per_mb=send,
            receive_ms_per_mb=receive,
            message_ms=message_ms,
        )
    except ValidationError as error:
        raise NotMeasured(NoKind.FAILED, "the link cannot be measured") from error


# A client and a node -----------------------------------------------------------------------------


async def fetch_probe(
    address: str, name: str, order: ProbeOrder, *, security: LinkSecurity | None
) -> Probed:
    """Have the node ``name`` measure a link.

    Raises ``UnknownNode``, ``Unauthorized``, ``NotMeasured`` with what the node says, or another
    ``ProtocolError``.
    """
    request = pb.ProbeRequest(node=order.node, addresses=order.addresses, seconds=order.seconds)
    asked = request.SerializeToString()
    try:
        answer, party = await ask(address, PROBE, asked, PATIENCE_SECONDS, security)
    except Unavailable as error:
        unknown = UnknownNode(f"{name} at {address}: {error.reason}")
        raise too_old(name, error.__cause__) or unknown from error
    if party is not None and party.name != name:
        raise Unauthorized(f"{party} answers at {address}, not {name}")
    try:
        reply = pb.ProbeReply.FromString(answer)
        if reply.problem:
            raise NotMeasured(NoKind.FAILED, clean(reply.problem))
        costs = {name: getattr(reply, name) for name in COSTS if reply.HasField(name)}
        return Probed(mbit=reply.mbit, round_trip_ms=reply.round_trip_ms, **costs)
    except (DecodeError, ValidationError) as error:
        raise ProtocolError(f"{name}: its answer is not one of ours") from error
