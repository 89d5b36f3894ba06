"""Client sessions on this node: their streams, in and out."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from edgechain.runtime.slots import Tenant, tenant_of
from edgechain.spec.ids import Generation, RequestKey
from edgechain.spec.message import (
    Cancel,
    Chunk,
    Control,
    Hello,
    Leased,
    RefusalKind,
    Refused,
    Superseded,
    TensorSend,
)
from edgechain.transport.stream import PeerStream

_LOG = logging.getLogger(__name__)


class Desk(Protocol):
    """Who deals with what clients say: the exchange."""

    @property
    def draining(self) -> bool:
        """Whether nobody is let in any more."""

    def join(self, tenant: Tenant, want: int) -> bool:
        """A session asks for slots."""

    def confirm(self, tenant: Tenant, number: int) -> None:
        """A session confirms a lease."""

    def leave(self, tenant: Tenant) -> None:
        """A session is gone."""

    def take(self, chunk: Chunk) -> None:
        """A chunk arrived."""

    def cancel(self, key: RequestKey) -> None:
        """A session takes an attempt back."""


class ClientSessions:
    """Streams by client session. The exchange speaks to clients through it, and hears them.

    ``vacant`` is set while there is no session.
    """

    def __init__(self) -> None:
        self._streams: dict[Tenant, PeerStream] = {}
        self._desk: Desk | None = None
        self._superseded: Superseded | None = None
        self.vacant = asyncio.Event()
        self.vacant.set()

    def attach(self, desk: Desk) -> None:
        """Say who deals with what clients say."""
        self._desk = desk

    async def serve(self, stream: PeerStream, hello: Hello) -> None:
        """Own a client's stream from its Welcome (already queued) to its end."""
        desk = self._require_desk()
        tenant = (hello.client, hello.session) if hello.client else None
        if tenant is None:
            await stream.refuse(Refused(RefusalKind.MALFORMED, "the session has no id"))
            return
        if tenant in self._streams:  # lost on its side, and not yet noticed on ours
            reason = "an earlier stream of this session has not ended yet"
            await stream.refuse(Refused(RefusalKind.BUSY, reason))
            return
        self._streams[tenant] = stream
        self.vacant.clear()
        try:
            if not desk.join(tenant, hello.want_slots):
                await stream.refuse(_no_room(desk))
                return
            _LOG.info("client %s joins", stream.peer)
            if self._superseded is not None:
                stream.send(self._superseded)
            await stream.run(_SessionHandler(tenant, desk))
            _LOG.info("client %s leaves", stream.peer)
        finally:
            del self._streams[tenant]
            desk.leave(tenant)
            if not self._streams:
                self.vacant.set()

    def supersede(self, generation: Generation) -> None:
        """Tell every session, and whoever still joins, which generation serves from now on."""
        self._superseded = Superseded(generation)
        for stream in self._streams.values():
            stream.send(self._superseded)

    def tell(self, tenant: Tenant, control: Control) -> None:
        """Tell a session something; a session that is gone hears nothing."""
        stream = self._streams.get(tenant)
        if stream is not None:
            stream.send(control)

    def send_tensor(self, tenant: Tenant, send: TensorSend) -> None:
        """Send a result tensor to a session."""
        stream = self._streams.get(tenant)
        if stream is None:
            send.done(False)
        else:
            stream.send_tensor(send)

    def forget(self, key: RequestKey) -> None:
        """Give up what waits to be sent for an attempt that has ended."""
        stream = self._streams.get(tenant_of(key))
        if stream is not None:
            stream.forget(key)

    def _require_desk(self) -> Desk:
        if self._desk is None:
            raise RuntimeError("attach() comes first")
        return self._desk


def _no_room(desk: Desk) -> Refused:
    if desk.draining:
        return Refused(RefusalKind.DRAINING, "this node is about to stop")
    reason = "as many clients as slots are connected; raise `slots` or end one"
    return Refused(RefusalKind.BUSY, reason)


class _SessionHandler:
    """Passes what one client says to the desk; a client speaks only for itself."""

    def __init__(self, tenant: Tenant, desk: Desk):
        self._tenant = tenant
        self._desk = desk

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        if self._owns(chunk.key, stream):
            self._desk.take(chunk)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        if isinstance(control, Leased):
            self._desk.confirm(self._tenant, control.number)
        elif isinstance(control, Cancel) and self._owns(control.key, stream):
            self._desk.cancel(control.key)

    def _owns(self, key: RequestKey, stream: PeerStream) -> bool:
        if tenant_of(key) == self._tenant:
            return True
        _LOG.warning("client %s speaks for another one; ignored", stream.peer)
        return False
