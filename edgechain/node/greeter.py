"""What a node says of itself, and what it answers to whoever says Hello."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edgechain.discovery.peers import PeerHint
from edgechain.node.generations import Generations
from edgechain.node.settings import ChainShare
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.message import (
    WIRE_VERSION,
    Hello,
    Hop,
    RefusalKind,
    Refused,
    Role,
    Welcome,
)
from edgechain.transport.stream import PeerStream

_LOG = logging.getLogger(__name__)


class Greeter:
    """Speaks for one life of a node, ``here``, which runs one chain of a namespace.

    While it ``is_stopping`` no client is let in any more.
    """

    def __init__(
        self,
        here: Hop,
        namespace: str,
        chain: str,
        generations: Generations,
        security: LinkSecurity | None,
        is_stopping: Callable[[], bool],
    ):
        self._here = here
        self._namespace = namespace
        self._chain = chain
        self._generations = generations
        self._security = security
        self._is_stopping = is_stopping

    def hello(self, share: ChainShare) -> Hello:
        """What we say first on a link that belongs to a generation."""
        return Hello(
            role=Role.NODE,
            name=self._here.node,
            namespace=self._namespace,
            chain=self._chain,
            generation=share.generation,
        )

    def hint(self) -> PeerHint:
        """What discovery may announce, save where: that is for whoever announces it to say."""
        return PeerHint(
            name=self._here.node,
            namespace=self._namespace,
            chain=self._chain,
            generation=self._generations.current.generation[:16],
            incarnation=self._here.incarnation,
            addresses=(),
            version=WIRE_VERSION,
        )

    # Streams ---------------------------------------------------------------------------------

    async def accept(self, stream: PeerStream, hello: Hello) -> None:
        """Own a stream from its Hello to its end."""
        running = self._generations.pick(hello.generation)
        refused = self._refusal(hello)
        if running is None or refused is not None:
            refused = refused or self._other_generation()
            soon = self._generations.is_loading(hello.generation)
            level = logging.DEBUG if soon else logging.WARNING
            _LOG.log(level, "refused %s %s: %s", hello.role, hello.name, refused.reason)
            await stream.refuse(refused)
            return
        stream.send(self._welcome(running.share, hello))
        await running.serve(stream, hello)

    def _refusal(self, hello: Hello) -> Refused | None:
        if hello.role is Role.CLIENT and self._is_stopping():
            return Refused(RefusalKind.DRAINING, "this node is about to stop")
        if hello.version != WIRE_VERSION:
            reason = f"this node speaks wire version {WIRE_VERSION}, you {hello.version}"
            return Refused(RefusalKind.VERSION, reason)
        if hello.namespace != self._namespace:
            reason = f"this node is in namespace {self._namespace!r}"
            return Refused(RefusalKind.NAMESPACE, reason)
        if hello.chain != self._chain:
            reason = f"this node runs chain {self._chain!r}"
            return Refused(RefusalKind.CHAIN, reason)
        return None

    def _other_generation(self) -> Refused:
        current = self._generations.current.generation
        return Refused(RefusalKind.GENERATION, f"this node runs generation {current[:12]}")

    def _welcome(self, share: ChainShare, hello: Hello) -> Welcome:
        welcome = Welcome(
            hop=self._here,
            namespace=self._namespace,
            chain=self._chain,
            generation=share.generation,
            stages=share.stages,
        )
        return self._security.sign_welcome(welcome, hello) if self._security else welcome
