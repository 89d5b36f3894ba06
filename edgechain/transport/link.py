"""Our one outgoing connection to a peer, made again whenever it is lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from enum import StrEnum
from typing import Any, Protocol

import grpc
import grpc.aio

from edgechain.errors import PeerRefused, ProtocolError, Unauthorized
from edgechain.spec.identity import LinkSecurity, Party
from edgechain.spec.message import (
    WIRE_VERSION,
    Bye,
    Chunk,
    Control,
    Hello,
    RefusalKind,
    Refused,
    Welcome,
)
from edgechain.spec.status import LinkStatus
from edgechain.transport.codec import decode, encode_control
from edgechain.transport.grpc_options import LINK
from edgechain.transport.questions import said
from edgechain.transport.secure import (
    handshake_verdict,
    hang_up,
    new_challenge,
    open_channel,
    watched,
)
from edgechain.transport.stream import Monotonic, PeerStream, StreamHandler

_LOG = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
"""For a question to a node; its answer may be large."""

TRY_SECONDS = (1.0, 1.0, 2.2)
"""For a try to connect, in turns. A SYN that is lost is said again after 1 and 3 seconds, so the
long try may miss the moment a network is healed by 1.2; on a saturated link of 5 Mbit/s TCP, TLS
and Hello take longer than the short ones."""

BACKOFF_SECONDS = (0.1, 0.2, 0.3)
"""Between tries; the last one stays. With what a try may miss it is less than the two seconds after
which a healed network has to carry tensors again."""

REFUSED_SECONDS = 2.0
"""Before a peer that refused us is asked again: it may have been full, may still hold a stream of
ours that was lost, or may run another chain by then."""

GENERATION_SECONDS = 0.2
GENERATION_TRIES = 50
"""A peer that does not run our generation may be about to: it is asked often for ten seconds."""

IDLE_SECONDS = 30.0
"""Before a peer that was of no use is asked whether it runs something else now; where discovery
tells of its next life it is asked at once."""


class LinkState(StrEnum):
    """A link's life."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"
    REFUSED = "refused"
    IDLE = "idle"
    """The peer answers and is of no use to us."""
    CLOSED = "closed"


class LinkHandler(StreamHandler, Protocol):
    """Who is told about a link's life, and what comes in on it."""

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        """The peer said Welcome; frames can be sent from now on.

        Raises ``PeerRefused`` to have nothing to do with it for now.
        """

    def on_down(self, link: Link, reason: str) -> None:
        """The stream ended; nothing more comes from it. Another try may follow."""


class _CallDuplex:
    """The asking side of a gRPC stream."""

    def __init__(self, call: Any):
        self._call = call
        self.complaint = ""
        """What gRPC says of the end of a stream that was lost."""

    async def read(self) -> bytes | None:
        try:
            frame = await self._call.read()
        except grpc.RpcError as error:
            self.complaint = said(error)
            return None
        return frame if isinstance(frame, bytes) else None

    async def write(self, frame: bytes) -> None:
        try:
            await self._call.write(frame)
        except (grpc.RpcError, asyncio.InvalidStateError) as error:
            raise ConnectionError(said(error) or "the stream is gone") from error

    async def finish(self) -> None:
        try:
            await self._call.done_writing()
        except (grpc.RpcError, asyncio.InvalidStateError):
            return

    def abort(self) -> None:
        self._call.cancel()


class Link:
    """Keeps a stream to one address open until closed.

    ``run`` connects, says ``hello``, tells the handler, carries frames, and starts again after
    a loss, with the peer's next address if it has several. ``name`` is who must answer there
    (anyone if empty); with ``security`` it has to prove that. A peer that refuses us, or that
    ``on_up`` refuses, or that proves nothing, is asked again after a longer pause.
    """

    def __init__(
        self,
        addresses: tuple[str, ...],
        hello: Hello,
        handler: LinkHandler,
        now: Monotonic,
        *,
        security: LinkSecurity | None,
        name: str = "",
    ):
        self._security = security
        self._addresses = addresses
        self._name = name
        self._hello = hello
        self._handler = handler
        self._now = now
        self._state = LinkState.DOWN
        self._stream: PeerStream | None = None
        self._tries = self._failures = 0
        self._closing = self._resting = False
        self._refusal: RefusalKind | None = None
        self._retry = asyncio.Event()
        self.welcome: Welcome | None = None
        self.last_error = ""
        self.is_strange = False
        """Whether what went wrong last is that one side could not prove who it is."""

    @property
    def state(self) -> LinkState:
        """Where the link is in its life."""
        return self._state

    @property
    def address(self) -> str:
        """The address in use, or to be tried next."""
        return self._addresses[self._tries % len(self._addresses)]

    def retry(self, addresses: tuple[str, ...]) -> None:
        """Try again now: the peer was seen anew, at these addresses, the likeliest first."""
        if addresses:
            self._addresses = addresses
            self._resting = False
            self._retry.set()

    def rest(self) -> None:
        """The peer said goodbye to everybody: ask seldom, until ``retry``."""
        self._resting = True

    async def run(self) -> None:
        """Live until cancelled, or until the stream has ended after ``close``."""
        try:
            while not self._closing:
                await self._live_once()
                await self._wait_for_next_try()
        finally:
            self._enter(LinkState.CLOSED)

    async def _live_once(self) -> None:
        self._enter(LinkState.CONNECTING)
        self.is_strange = False
        channel = open_channel(self.address, self._security)
        try:
            duplex, welcome, party = await self._connect(channel)
            with watched(self._security, party, duplex.abort):
                await self._carry(duplex, welcome)
        except PeerRefused as error:
            self._fail(LinkState.REFUSED, str(error))
        except Unauthorized as error:
            self.is_strange = True
            self._fail(LinkState.REFUSED, f"{self.address}: {error}")
        except (ProtocolError, ConnectionError, TimeoutError) as error:
            self._fail(LinkState.DOWN, str(error) or f"{self.address} does not answer")
        except Exception as error:  # a mistake of ours costs the stream and not the link
            _LOG.exception("link %s", self.address)
            self._fail(LinkState.DOWN, f"{type(error).__name__}: {error}")
        finally:
            await channel.close(0)

    async def _connect(self, channel: Any) -> tuple[_CallDuplex, Welcome, Party | None]:
        hello = replace(self._hello, challenge=new_challenge(self._security))
        duplex = _CallDuplex(channel.stream_stream(LINK)())
        try:
            async with asyncio.timeout(self._try_seconds()):
                await duplex.write(encode_control(hello))
                frame = await duplex.read()
            if frame is None:
                raise ConnectionError(duplex.complaint)
            return duplex, *self._judge(decode(frame), hello)
        except ConnectionError as error:
            duplex.abort()
            raise self._no_stream(str(error)) from error
        except BaseException:
            duplex.abort()
            raise

    def _no_stream(self, detail: str) -> Exception:
        """What it means that gRPC could not open one."""
        if verdict := handshake_verdict(detail):
            return Unauthorized(verdict)
        reason = hang_up(detail, self._security)
        self.is_strange = bool(reason)
        return ConnectionError(f"{self.address}: {reason or detail or 'does not answer'}")

    def _judge(self, answer: Control | Chunk, hello: Hello) -> tuple[Welcome, Party | None]:
        """Who answers, if it is who we want."""
        if isinstance(answer, Refused):
            self._refusal = answer.kind
            if answer.kind is RefusalKind.IDENTITY:
                raise Unauthorized(f"it refused us: {answer.reason}")
            raise PeerRefused(f"{self.address} refused us: {answer.reason}")
        if not isinstance(answer, Welcome):
            raise ProtocolError(f"{self.address} did not say Welcome")
        if answer.version != WIRE_VERSION:
            raise PeerRefused(f"{self.address} speaks wire version {answer.version}")
        if self._name and answer.hop.node != self._name:
            raise ConnectionError(f"{self.address} is {answer.hop.node}, not {self._name}")
        party = self._security.check_welcome(answer, hello) if self._security else None
        return answer, party

    async def _carry(self, duplex: _CallDuplex, welcome: Welcome) -> None:
        self.welcome = welcome
        self._stream = stream = PeerStream(duplex, welcome.hop.node, self._now)
        try:
            self._handler.on_up(self, stream, welcome)
        except PeerRefused as error:
            duplex.abort()
            self._stream = None
            self._fail(LinkState.IDLE, str(error))
            return
        self._failures = 0
        self._enter(LinkState.UP)
        try:
            goodbye = await stream.run(self._handler)
        finally:
            duplex.abort()
            self._stream = None
        self._lose(LinkState.DOWN, stream.reason or _reason(goodbye))

    def _fail(self, state: LinkState, reason: str) -> None:
        """Nothing comes of this address for now: the next one is tried."""
        self._lose(state, reason)
        self._failures += 1
        self._tries += 1

    def _lose(self, state: LinkState, reason: str) -> None:
        if self.is_strange and reason != self.last_error:
            _LOG.info("no link to %s", reason)
        self.last_error = reason
        was_up = self._state is LinkState.UP
        self._enter(state)
        if was_up:
            self._handler.on_down(self, reason)

    async def _wait_for_next_try(self) -> None:
        try:
            async with asyncio.timeout(self._pause()):
                await self._retry.wait()
            self._tries = 0
        except TimeoutError:
            return
        finally:
            self._retry.clear()

    def _try_seconds(self) -> float:
        """How long this try may take; every address is given a long one now and then."""
        return TRY_SECONDS[self._failures // len(self._addresses) % len(TRY_SECONDS)]

    def _pause(self) -> float:
        if self._resting or self._state is LinkState.IDLE:
            return IDLE_SECONDS
        if self._state is LinkState.REFUSED:
            soon = self._refusal is RefusalKind.GENERATION and self._failures <= GENERATION_TRIES
            return GENERATION_SECONDS if soon else REFUSED_SECONDS
        return BACKOFF_SECONDS[min(max(0, self._failures - 1), len(BACKOFF_SECONDS) - 1)]

    def _enter(self, state: LinkState) -> None:
        if state is not self._state:
            _LOG.debug("link %s: %s -> %s", self.address, self._state, state)
        self._state = state

    def close(self, reason: str) -> None:
        """Say goodbye and do not come back."""
        self._closing = True
        self._retry.set()
        if self._stream is not None:
            self._stream.close(reason)

    def statistics(self) -> LinkStatus:
        """How the link is."""
        counts = self._stream.statistics() if self._stream else None
        trip = counts.round_trip if counts else None
        return LinkStatus(
            peer=self.welcome.hop.node if self.welcome else "",
            address=self.address,
            state=self._state,
            queued=counts.queued if counts else 0,
            sent_bytes=counts.sent_bytes if counts else 0,
            round_trip_ms=None if trip is None else trip * 1e3,
        )


def _reason(goodbye: Bye | None) -> str:
    if goodbye is None:
        return "the connection was lost"
    return goodbye.reason or "it said goodbye"
