"""What streams in virtual time promise: order, and how they end; the simulator stands on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import Incarnation
from edgechain.spec.message import Cancel, Chunk, Control, Hello, Hop, Role, TensorSend, Welcome
from tests.runtime.keys import GENERATION, key
from tests.simulation.network import SILENCE_SECONDS, Hostility, Network
from tests.simulation.stream import WINDOW, SimStream, connect
from tests.simulation.world import Process, World

HELLO = Hello(Role.CLIENT, "c", "ns", "chain", GENERATION)
WELCOME = Welcome(Hop("n", Incarnation(1)), "ns", "chain", GENERATION, ())


@dataclass
class Ears:
    """Notes what is heard, and when a stream ends."""

    world: World
    heard: list[Control | Chunk] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    streams: list[SimStream] = field(default_factory=list)
    done: list[bool] = field(default_factory=list)

    def on_chunk(self, stream: object, chunk: Chunk) -> None:
        self.heard.append(chunk)

    def on_control(self, stream: object, control: Control) -> None:
        self.heard.append(control)

    def on_answer(self, stream: SimStream, answer: object) -> None:
        stream.handler = self

    def on_end(self, stream: SimStream, reason: str) -> None:
        self.ended.append(self.world.now())


class Pair:
    """A client that has a stream to a node."""

    def __init__(self, hostility: Hostility | None = None) -> None:
        self.world = World(1)
        self.network = Network(self.world, hostility or Hostility())
        self.process = Process(self.world, "n")
        self.client = Process(self.world, "c")
        self.node, self.caller = Ears(self.world), Ears(self.world)
        self.network.listeners["n"] = self
        stream = connect(self.network, self.client, "n", HELLO)
        assert stream is not None
        stream.opener = self.caller
        self.stream = stream
        self.world.run(1.0)

    def accept(self, stream: SimStream, hello: Hello) -> None:
        stream.handler = stream.opener = self.node
        stream.send(WELCOME)

    def say(self, count: int) -> None:
        for number in range(count):
            self.stream.send(Cancel(key(number)))

    def send(self, size: int) -> None:
        payload = memoryview(bytes(n % 256 for n in range(size)))
        deadline = Deadline.after(self.world.now(), 60.0)
        send = TensorSend(key(0), 0, (size,), (), deadline, payload, self.caller.done.append)
        self.stream.send_tensor(send)


def test_an_honest_way_keeps_order_and_control_overtakes() -> None:
    pair = Pair()
    pair.send(100)
    pair.say(3)
    pair.world.run(2.0)
    kinds = [type(heard).__name__ for heard in pair.node.heard]
    assert kinds == ["Cancel"] * 3 + ["Chunk"] * 4
    data = b"".join(bytes(c.data) for c in pair.node.heard if isinstance(c, Chunk))
    assert data == bytes(range(100))
    assert pair.caller.done == [True]


def test_a_cut_that_heals_soon_only_delays() -> None:
    pair = Pair()
    pair.network.sever("c", "n")
    pair.say(3)
    pair.world.run(1.0 + SILENCE_SECONDS[0] / 2)
    assert not pair.node.heard
    pair.network.heal("c", "n")
    pair.world.run(10.0)
    assert pair.node.heard == [Cancel(key(number)) for number in range(3)]
    assert not pair.node.ended + pair.caller.ended


def test_a_cut_is_noticed_on_both_sides_in_time_and_what_waits_is_given_up() -> None:
    pair = Pair()
    pair.network.stop(pair.process)
    pair.send(32 * 2 * WINDOW)
    pair.world.run(2.5)
    assert not pair.caller.done  # the pipe is full: the writer waits for who does not read
    pair.network.sever("c", "n")
    pair.process.go_on()
    pair.world.run(10.0)
    least, most = SILENCE_SECONDS
    assert [1.0 + least <= at <= 2.5 + most for at in pair.node.ended + pair.caller.ended] == [
        True
    ] * 2
    assert pair.caller.done == [False]


@pytest.mark.parametrize("power", [False, True])
def test_a_dead_process_is_noticed_at_once_and_a_dark_machine_by_its_silence(power: bool) -> None:
    pair = Pair()
    pair.network.kill(pair.process, power=power)
    pair.world.run(10.0)
    (ended,) = pair.caller.ended
    assert (ended > 1.0 + SILENCE_SECONDS[0]) == power
    assert not pair.node.ended


def test_a_stopped_process_hears_everything_when_it_goes_on() -> None:
    pair = Pair()
    pair.network.stop(pair.process)
    pair.say(WINDOW)
    pair.world.run(2.0)
    assert not pair.node.heard
    pair.process.go_on()
    pair.world.run(3.0)
    assert len(pair.node.heard) == WINDOW


def test_a_hostile_way_loses_doubles_and_reorders() -> None:
    pair = Pair(Hostility(loss=0.2, double=0.2, late=0.2, late_seconds=1.0))
    pair.say(200)
    pair.world.run(10.0)
    numbers = [one.key.sequence for one in pair.node.heard if isinstance(one, Cancel)]
    assert len(set(numbers)) < 200
    assert len(numbers) > len(set(numbers))
    assert numbers != sorted(numbers)
