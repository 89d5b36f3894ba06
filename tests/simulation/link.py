"""Our outgoing stream to one machine, opened again whenever it is lost: ``transport.link.Link``.

It keeps the real one's pauses. Whoever is told of its life is a handler of the real link's kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from edgechain.errors import PeerRefused
from edgechain.spec.message import Chunk, Control, Hello, RefusalKind, Refused, Welcome
from tests.simulation.network import Network
from tests.simulation.stream import SimStream, connect
from tests.simulation.world import Event, Process

if TYPE_CHECKING:
    from edgechain.transport.stream import PeerStream, StreamHandler

CONNECT_SECONDS = 3.0
BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0)
REFUSED_SECONDS = 2.0
SOON_SECONDS = 0.2
"""After a refusal that will not last: the peer is about to run our generation."""

USELESS_SECONDS = 30.0


class LinkEars(Protocol):
    """Who hears of a link's life and of what comes in on it: ``transport.link.LinkHandler``."""

    def on_up(self, link: SimLink, stream: SimStream, welcome: Welcome) -> None:
        """The peer said Welcome. Raises ``PeerRefused`` to have nothing to do with it."""

    def on_down(self, link: SimLink, reason: str) -> None:
        """The stream ended."""

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        """A piece of a tensor arrived."""

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Anything else arrived."""


class SimLinks:
    """The links of one owner, as ``transport.links.Links``: machines are their own addresses."""

    def __init__(self, network: Network, process: Process, hello: Hello, ears: object):
        self._network = network
        self._process = process
        self._hello = hello
        self._ears = cast("LinkEars", ears)
        self._links: dict[str, SimLink] = {}

    def reach(self, label: str, addresses: tuple[str, ...], *, name: str = "") -> None:
        """Link to a machine, or try again now."""
        link = self._links.get(label)
        if link is None:
            link = SimLink(self._network, self._process, addresses[0], self._hello, self._ears)
            self._links[label] = link
        link.dial()

    @property
    def all(self) -> tuple[SimLink, ...]:
        """Every link."""
        return tuple(self._links.values())

    async def close(self, reason: str) -> None:
        """Say goodbye on every link."""
        for link in self._links.values():
            link.close(reason)


class SimLink:
    """Keeps a stream to a machine open until closed."""

    def __init__(
        self,
        network: Network,
        process: Process,
        there: str,
        hello: Hello,
        ears: LinkEars,
    ):
        self.network = network
        self.process = process
        self.address = there
        self.welcome: Welcome | None = None
        self._hello = hello
        self._ears = ears
        self._stream: SimStream | None = None
        self._up = False
        self._closing = False
        self._failures = 0
        self._pause = 0.0
        self._timer: Event | None = None

    def dial(self) -> None:
        """Try to open a stream, now."""
        if self._closing or self._stream is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        stream = connect(self.network, self.process, self.address, self._hello)
        if stream is None:
            dark = self.address in self.network.dark
            self._again(CONNECT_SECONDS if dark else self._backoff())
            return
        self._stream = stream
        stream.opener = self
        self._timer = self.process.call_later(CONNECT_SECONDS, self._give_up, stream)

    def _give_up(self, stream: SimStream) -> None:
        if stream is self._stream and not self._up:
            stream.lose("no answer")

    def on_answer(self, stream: SimStream, answer: Welcome | Refused) -> None:
        """The peer said Welcome, or no."""
        if stream is not self._stream:
            return
        if isinstance(answer, Refused):
            soon = answer.kind is RefusalKind.GENERATION
            self._pause = SOON_SECONDS if soon else REFUSED_SECONDS
            stream.lose("refused")
        elif not self._up:
            self._welcomed(stream, answer)

    def _welcomed(self, stream: SimStream, welcome: Welcome) -> None:
        self.welcome = welcome
        try:
            self._ears.on_up(self, stream, welcome)
        except PeerRefused:
            self._pause = USELESS_SECONDS
            stream.lose("of no use")
            return
        self._up = True
        self._failures = 0
        if self._timer is not None:
            self._timer.cancel()
        stream.handler = cast("StreamHandler", self._ears)

    def on_end(self, stream: SimStream, reason: str) -> None:
        """The stream is over."""
        if stream is not self._stream:
            return
        self._stream = None
        if self._up:
            self._up = False
            self._ears.on_down(self, reason)
        pause, self._pause = self._pause, 0.0
        self._again(pause or self._backoff())

    def _backoff(self) -> float:
        self._failures += 1
        return BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS)) - 1]

    def _again(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._closing:
            self._timer = self.process.call_later(seconds, self.dial)

    def close(self, reason: str) -> None:
        """Say goodbye and do not come back."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None:
            self._stream.close(reason)

    @property
    def is_up(self) -> bool:
        """Whether a stream is open and welcome."""
        return self._up
