"""The one gRPC port of a node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import grpc
import grpc.aio

from edgechain.errors import AddressInUse, ProtocolError, Unauthorized
from edgechain.spec.identity import LinkSecurity, Party
from edgechain.spec.message import Hello, RefusalKind, Refused, Role
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import decode
from edgechain.transport.grpc_options import SERVER_OPTIONS, SERVICE
from edgechain.transport.probe_desk import Prober, answer_echo, answer_probe
from edgechain.transport.profile_desk import Profiler, answer_profile
from edgechain.transport.questions import signed_answer
from edgechain.transport.secure import add_port, caller_as, caller_of, contradiction, noted, watched
from edgechain.transport.stream import Duplex, Monotonic, PeerStream

_LOG = logging.getLogger(__name__)

HELLO_SECONDS = 5.0
"""A stream whose first frame takes longer is not one of ours, or its link carries nothing."""

UNREAD_SECONDS = 1.0
"""How long the other side of a stream that we have ended may take to end it too. What it says
until then is read and thrown away: of a call whose messages nobody read gRPC 1.85 keeps 20 kB for
good (`python -m tests.faults --only wire`, the node's memory)."""

MAX_CALLS = 512
"""Streams and questions at a time: twice what the largest chain (256 stages) and as many clients
as slots (64) need. What is more is turned away before it costs anything."""

Desk = TypeVar("Desk", Profiler, Prober)
Acceptor = Callable[[PeerStream, Hello], Awaitable[None]]


class _ServerDuplex:
    """The answering side of a gRPC stream."""

    def __init__(self, context: Any):
        self._context = context

    async def read(self) -> bytes | None:
        try:
            frame = await self._context.read()
        except grpc.aio.BaseError:
            return None
        return frame if isinstance(frame, bytes) else None

    async def write(self, frame: bytes) -> None:
        try:
            await self._context.write(frame)
        except (grpc.RpcError, grpc.aio.BaseError, asyncio.InvalidStateError) as error:
            raise ConnectionError(str(error) or "the stream is gone") from error

    async def finish(self) -> None:
        """The answering side ends a stream by returning from its handler."""

    def abort(self) -> None:
        """A stream ends with its handler, which a reader that sees nothing does not hold up."""


class NodeServer:
    """Accepts streams and questions. ``accept`` owns a stream from its Hello to its end.

    ``status`` and ``manifest`` give the text that is answered to those calls, ``profiler`` measures
    models and ``prober`` links for clients. With ``security`` only members of the fleet get that
    far; who is revoked later loses its streams.
    """

    def __init__(
        self,
        accept: Acceptor,
        *,
        status: Callable[[], str],
        manifest: Callable[[], str],
        now: Monotonic,
        security: LinkSecurity | None,
        profiler: Profiler | None = None,
        prober: Prober | None = None,
    ):
        self._security = security
        self._accept = accept
        self._status = status
        self._manifest = manifest
        self._profiler = profiler
        self._prober = prober
        self._now = now
        self._server: Any = None

    async def start(self, host: str, port: int) -> int:
        """Open the port (0: any free one) and return its number. Raises ``AddressInUse``."""
        self._server = grpc.aio.server(options=SERVER_OPTIONS, maximum_concurrent_rpcs=MAX_CALLS)
        self._server.add_generic_rpc_handlers((self._handlers(),))
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = add_port(self._server, address, self._security)
        except RuntimeError as error:
            raise AddressInUse(
                f"cannot listen on {address}: it is taken, or no address of this machine"
            ) from error
        await self._server.start()
        return int(bound)

    async def stop(self, grace: float = 0.0) -> None:
        """Close the port and every stream; may be called twice."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace)

    def _handlers(self) -> Any:
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        handlers = {
            "Link": stream(self._link),
            "Status": unary(self._answer_status, pb.StatusRequest.FromString),
            "Manifest": unary(self._answer_manifest, pb.ManifestRequest.FromString),
        }
        if self._profiler is not None:
            handlers["Profile"] = stream(partial(self._converse, answer_profile, self._profiler))
        if self._prober is not None:
            handlers["Probe"] = unary(
                partial(self._probe, self._prober), pb.ProbeRequest.FromString
            )
            handlers["Echo"] = stream(partial(self._converse, answer_echo, self._prober))
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def _link(self, _frames: Any, context: Any) -> None:
        duplex = _ServerDuplex(context)
        hello = await self._first_frame(duplex, context.peer())
        if hello is None:
            await _read_away(duplex)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the first frame must be Hello")
            return
        party = self._proven(context, hello)
        if isinstance(party, Refused):
            _LOG.warning("refused %s: %s", context.peer(), party.reason)
            await PeerStream(duplex, "", self._now).refuse(party)
            await _read_away(duplex)
            return
        if party is not None:
            hello = noted(hello, party)
        stream = PeerStream(duplex, hello.name or "unnamed", self._now)
        with watched(self._security, party, _end_of(stream)):
            await self._accept(stream, hello)
        await _read_away(duplex)

    async def _converse(
        self,
        answer: Callable[[Any, Duplex, LinkSecurity | None, Desk], Awaitable[None]],
        desk: Desk,
        _messages: Any,
        context: Any,
    ) -> None:
        """What ``answer`` says on a stream; nothing to who may not ask."""
        duplex = _ServerDuplex(context)
        try:
            await answer(context, duplex, self._security, desk)
        except Unauthorized as error:
            await _read_away(duplex)
            await self._forbid(context, error)
        await _read_away(duplex)

    async def _probe(self, prober: Prober, request: Any, context: Any) -> bytes:
        try:
            caller_as(Role.CLIENT, context, self._security)
            words = await answer_probe(request, prober)
            return signed_answer(context, self._security, words)
        except Unauthorized as error:
            await self._forbid(context, error)
            raise

    def _proven(self, context: Any, hello: Hello) -> Party | Refused | None:
        """Who calls, if it is who it says; nobody in particular in a fleet without keys."""
        if self._security is None:
            return None
        try:
            party = caller_of(context, self._security)
        except Unauthorized as error:
            return Refused(RefusalKind.IDENTITY, str(error))
        return contradiction(hello, party) or party

    async def _first_frame(self, duplex: _ServerDuplex, peer: str) -> Hello | None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                frame = await duplex.read()
            message = decode(frame or b"")
        except (TimeoutError, ProtocolError) as error:
            _LOG.warning("%s: no Hello: %s", peer, error or "it said nothing")
            return None
        return message if isinstance(message, Hello) else None

    async def _answer_status(self, _request: Any, context: Any) -> bytes:
        return await self._answer(context, pb.StatusReply(json=self._status()))

    async def _answer_manifest(self, _request: Any, context: Any) -> bytes:
        return await self._answer(context, pb.ManifestReply(yaml=self._manifest()))

    async def _answer(self, context: Any, reply: Any) -> bytes:
        try:
            return signed_answer(context, self._security, reply.SerializeToString())
        except Unauthorized as error:
            await self._forbid(context, error)
            raise

    async def _forbid(self, context: Any, error: Unauthorized) -> None:
        _LOG.warning("refused %s: %s", context.peer(), error)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))


async def _read_away(duplex: _ServerDuplex) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(UNREAD_SECONDS):
            while await duplex.read() is not None:
                pass


def _end_of(stream: PeerStream) -> Callable[[], None]:
    """What ends the handler that is running now, and with it its stream."""
    task = asyncio.current_task()

    def end() -> None:
        _LOG.warning("%s was revoked: its stream ends", stream.peer)
        if task is not None:
            task.cancel()

    return end
