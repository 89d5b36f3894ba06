"""One side of a stream between two processes, as ``transport.stream.PeerStream`` promises it.

Two lanes: control overtakes tensors, between the chunks of one tensor too. One writer, who copies
a chunk when it is written and no earlier, and waits when the other side does not read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edgechain.spec.ids import RequestKey
from edgechain.spec.message import (
    Beat,
    Bye,
    Chunk,
    Control,
    Hello,
    Lease,
    Leased,
    Refused,
    Released,
    Superseded,
    TensorSend,
    Welcome,
)
from tests.simulation.network import Network
from tests.simulation.world import Process

if TYPE_CHECKING:
    from edgechain.transport.stream import StreamHandler

WINDOW = 8
"""Messages that a pipe takes while the other side does not read."""

ACKNOWLEDGED = 0.05
"""Seconds until the other side says what has arrived."""

PASSING = 0.1
"""Seconds that a ``Released`` waits for something it may go with."""

TOGETHER = 4
"""Whole small tensors that are written at a time, at most."""


class Eof:
    """The other side has closed the stream."""

    def __str__(self) -> str:
        return "EOF"


Frame = Control | Chunk | Eof
SURE = (Hello, Welcome, Refused, Bye, Eof)
"""A stream's birth and death; these a hostile way delivers too."""

OF_ITS_STREAM = (Lease, Leased, Superseded, Beat)
"""They name no session: whoever hears them takes them for those of the session that its stream
began with. No transport lets them out of another one."""


class Opener(Protocol):
    """Who opened a stream and hears how that went."""

    def on_answer(self, stream: SimStream, answer: Welcome | Refused) -> None:
        """The other side answered the Hello."""

    def on_end(self, stream: SimStream, reason: str) -> None:
        """The stream is over."""


@dataclass(slots=True)
class _Outgoing:
    send: TensorSend
    offset: int = 0


class _Pause:
    """Waits until somebody goes on with the coroutine by hand."""

    def __await__(self) -> Generator[None, str, str]:
        return (yield None)


class SimStream:
    """What sessions and links hold in place of a ``PeerStream``."""

    twin: SimStream

    def __init__(self, network: Network, process: Process, there: str):
        self.number = network.number()
        self.network = network
        self.process = process
        self.peer = there
        self.reason = ""
        self.way = network.way(process.machine, there)
        self.open = True
        self.handler: StreamHandler | None = None
        self.opener: Opener | None = None
        self.serving: Callable[[str], None] | None = None
        self._control: deque[Frame] = deque()
        self._noted: list[Frame] = []
        self._tensors: deque[_Outgoing] = deque()
        self._ticking = False
        self._blocked = False
        self._in_air: deque[list[Frame]] = deque()
        self._last_arrival = 0.0
        self._unheard: deque[TensorSend] = deque()
        """Tensors that were written and of which we have not heard that they arrived."""
        self._heard = self._arrived = 0
        network.streams.add(self)

    # What PeerStream promises ----------------------------------------------------------------

    def send(self, control: Control) -> None:
        """Queue a control message; what is said in passing waits for another, but not for long."""
        if not self.open:
            return
        if isinstance(control, Released):
            if not self._noted:
                self.network.world.at(PASSING, self.process, self, self._mention)
            self._noted.append(control)
            return
        if isinstance(control, Bye):
            self._mention()
        self._control.append(control)
        self._kick()

    def _mention(self) -> None:
        if self._noted and self.open:
            self._kick()
        self._control.extend(self._noted)
        self._noted.clear()

    def send_tensor(self, send: TensorSend) -> None:
        """Queue a tensor; ``done`` is called exactly once."""
        if not self.open:
            send.done(False)
            return
        self._tensors.append(_Outgoing(send))
        self._kick()

    def forget(self, key: RequestKey) -> None:
        """Give up what is queued of an attempt, and the rest of what is being written."""
        over = [item for item in self._tensors if item.send.key == key]
        if over:
            self._tensors = deque(item for item in self._tensors if item.send.key != key)
            for item in over:
                item.send.done(False)

    def close(self, reason: str = "") -> None:
        """Say goodbye after what is queued."""
        self.send(Bye(reason))

    def hang_up(self) -> None:
        """End the stream when what is queued was written."""
        if self.open:
            self._mention()
            self._control.append(Eof())
            self._kick()

    def abort(self) -> None:
        """End the stream at once."""
        self.lose("aborted")

    async def refuse(self, refused: Refused) -> None:
        """Answer a Hello with no."""
        self.send(refused)

    def run(self, handler: StreamHandler) -> Awaitable[str]:
        """Carry messages to a handler until the end."""
        self.handler = handler
        return self._wait()

    async def _wait(self) -> str:
        return await _Pause() if self.open else self.reason

    # Out -------------------------------------------------------------------------------------

    def _kick(self, seconds: float = 2e-5) -> None:
        if not self._ticking and not self._blocked:
            self._ticking = True
            self.network.world.at(seconds, self.process, self, self._tick)

    def _tick(self) -> None:
        """The writer's turn: what is said, and a piece of what is sent."""
        self._ticking = False
        if not self.open:
            return
        if len(self._in_air) >= WINDOW and self.way.hostility.honest:
            self._blocked = True
            return
        if self._control and not isinstance(self._control[-1], Bye | Eof):
            self._mention()
        frames, self._control = list(self._control), deque[Frame]()
        written: list[tuple[TensorSend, bool]] = []
        for _ in range(TOGETHER):
            if self._tensors and not self._write_chunk(frames, written):
                break
        if frames:
            self._transmit(frames)
        for send, whole in written:
            send.done(whole)
        self._await_word([send for send, whole in written if whole])
        if frames and isinstance(frames[-1], Eof):
            self.lose("we hung up")
        if self._tensors or self._control:
            self._kick(self.way.pace)

    def _await_word(self, sends: list[TensorSend]) -> None:
        """The other side says soon what has arrived; of a hostile way it can say nothing sure."""
        if self.way.hostility.honest:
            self._unheard.extend(sends)

    def _write_chunk(self, frames: list[Frame], written: list[tuple[TensorSend, bool]]) -> bool:
        """Write one chunk; whether another may be written with it."""
        item = self._tensors[0]
        send, offset = item.send, item.offset
        budget = send.deadline.budget(self.process.now())
        if not budget:
            self._tensors.popleft()
            written.append((send, False))
            return True
        total = len(send.payload)
        item.offset = end = min(offset + self.network.chunk_bytes, total)
        first = offset == 0
        frames.append(
            Chunk(
                send.key,
                send.tensor,
                offset,
                total,
                budget,
                send.shape if first else (),
                send.route if first else (),
                memoryview(bytes(send.payload[offset:end])),
            )
        )
        if end < total:
            return False
        self._tensors.popleft()
        written.append((send, True))
        return True

    def _transmit(self, frames: list[Frame]) -> None:
        world, way = self.network.world, self.way
        if not way.hostility.honest:
            frames = [frame for frame in frames if isinstance(frame, SURE) or self._risk(frame)]
            if not frames:
                return
        self._in_air.append(frames)
        seconds = way.delay + way.jitter * world.random.random()
        self._last_arrival = max(self._last_arrival, world.now() + seconds)
        self.arrive_in(self._last_arrival - world.now())

    def _risk(self, frame: Frame) -> bool:
        """Give a message to a hostile way: nobody knows whether, when and how often it comes."""
        world, way, twin = self.network.world, self.way, self.twin
        if world.random.random() < way.hostility.loss:
            world.say("lost", self, frame)
            return False
        for _ in range(1 + (world.random.random() < way.hostility.double)):
            seconds = way.delay + way.jitter * world.random.random()
            if world.random.random() < way.hostility.late:
                seconds += world.random.uniform(0, way.hostility.late_seconds)
            world.at(seconds, twin.process, frame, self._stray, frame)
        return False

    def arrive_in(self, seconds: float) -> None:
        """The next frames of the pipe reach the other side so much later."""
        self.network.world.at(seconds, self.twin.process, self.twin, self._arrive)

    # In --------------------------------------------------------------------------------------

    def _arrive(self) -> None:
        """The next messages reach the other side, unless the way is cut."""
        if self.way.severed:
            self.way.holds.append(self)
        elif self._in_air:
            frames = self._in_air.popleft()
            if self._blocked and len(self._in_air) < WINDOW:
                self._blocked = False
                self._kick()
            for frame in frames:
                self.twin.hear(frame)
            self.twin.owe_beat(sum(isinstance(f, Chunk) and _ends(f) for f in frames))

    def owe_beat(self, tensors: int) -> None:
        """So many tensors have arrived, which the other side hears soon."""
        if tensors and self.open:
            self._arrived += tensors
            self.network.world.at(ACKNOWLEDGED, self.process, self, self._beat, self._arrived)

    def _beat(self, arrived: int) -> None:
        if self.open and not isinstance(self._control[-1] if self._control else None, Bye | Eof):
            self._control.append(Beat(arrived))
            self._kick()

    def _hear_beat(self, arrived: int) -> None:
        while self._unheard and self._heard < arrived:
            self._heard += 1
            self._unheard.popleft()

    def _stray(self, frame: Frame) -> None:
        """A message of a hostile way comes out, whatever became of its stream.

        What says nothing of whom it is for does not come out of another stream than its own.
        """
        if not self.way.severed:
            (self.twin if isinstance(frame, OF_ITS_STREAM) else self.twin.successor()).hear(frame)

    def successor(self) -> SimStream:
        """The stream between the same two lives that is open now, if this one is not."""
        if self.open:
            return self
        for stream in reversed(self.network.ordered()):
            same = stream.process is self.process and stream.twin.process is self.twin.process
            if same and stream.open:
                return stream
        return self

    def hear(self, frame: Frame) -> None:
        """A message for this process."""
        if not self.open:
            return
        self.network.world.say("hears", self, frame)
        if isinstance(frame, Eof):
            self.lose("the connection was lost")
        elif isinstance(frame, Bye):
            self.lose(frame.reason or "it said goodbye")
        elif isinstance(frame, Hello):
            listener = self.network.listener(self.process.machine)
            if listener is not None:
                listener.accept(self, frame)
        elif isinstance(frame, Welcome | Refused):
            if self.opener is not None:
                self.opener.on_answer(self, frame)
        elif isinstance(frame, Beat):
            self._hear_beat(frame.received)
        elif self.handler is not None:
            self._pass_on(self.handler, frame)

    def _pass_on(self, handler: StreamHandler, frame: Control | Chunk) -> None:
        if isinstance(frame, Chunk):
            handler.on_chunk(self, frame)  # type: ignore[arg-type]
        else:
            handler.on_control(self, frame)  # type: ignore[arg-type]

    # Ends ------------------------------------------------------------------------------------

    def lose(self, reason: str) -> None:
        """The stream is over for this side: what is queued is given up and its owner told."""
        if not self.open:
            return
        self.network.world.say("stream ends", self, reason)
        self._transmit([Eof()])
        self._bury(reason)
        while self._tensors:
            self._tensors.popleft().send.done(False)
        while self._unheard:
            self._unheard.popleft().lost()
        if self.opener is not None:
            self.opener.on_end(self, reason)
        if self.serving is not None:
            self.serving(reason)

    def perish(self, *, says_so: bool) -> None:
        """This side's process is dead: nobody here is told, and the other side perhaps."""
        if says_so:
            if self.network.world.random.random() < 0.5:  # a reset overtakes what was written
                self._in_air.clear()
            self._transmit([Eof()])
        self._bury("dead")
        self._tensors.clear()
        self._unheard.clear()

    def _bury(self, reason: str) -> None:
        self.open = False
        self.reason = reason
        self._control.clear()
        self._noted.clear()
        self.network.streams.discard(self)

    @property
    def queued(self) -> int:
        """What waits to be written."""
        return len(self._control) + len(self._noted) + len(self._tensors)

    def __str__(self) -> str:
        return f"{self.process}>{self.peer}#{self.number}"


def _ends(chunk: Chunk) -> bool:
    return chunk.offset + len(chunk.data) == chunk.total


def connect(network: Network, process: Process, there: str, hello: Hello) -> SimStream | None:
    """Open a stream and say Hello; ``None`` when nobody listens there and the machine says so."""
    listener = network.listener(there)
    if listener is None:
        return None
    here = SimStream(network, process, there)
    answering = SimStream(network, listener.process, process.machine)
    here.twin, answering.twin = answering, here
    here._control.append(hello)
    here._kick()
    return here
