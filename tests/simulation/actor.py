"""A stage's actor and its worker process in virtual time, around the real ``StageQueue`` and
``Restarts``.

As ``runtime.actor`` does it: one run at a time, a worker that is lost
takes its attempt with it and is replaced, and a stage that keeps losing workers rests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from edgechain.node.forwarder import Memory
from edgechain.runtime.restarts import Restarts
from edgechain.runtime.slots import Attempt
from edgechain.runtime.stage_queue import StageQueue
from edgechain.runtime.worker_wire import Lost, Outcome, Ran, Resting
from edgechain.spec.ids import StageName
from tests.simulation.graphs import Graph
from tests.simulation.world import Process

HUNG_SECONDS, LOOK_SECONDS = 1.0, 0.25
"""A run is judged hung after this, as soon as nobody waits for it any more."""

RESTART_SECONDS = (0.02, 0.1)

Report = Callable[[Attempt, StageName, Outcome | Resting], None]


@dataclass
class Trouble:
    """What goes wrong with workers: shares of runs, and contents that no worker survives."""

    lost: float = 0.0
    hung: float = 0.0
    deadly: set[bytes] = field(default_factory=set)
    broken: set[bytes] = field(default_factory=set)
    wrong: Callable[[str], None] = print
    """Told what must never be."""

    def calm(self) -> None:
        """Nothing but contents goes wrong from now on."""
        self.lost = self.hung = 0.0


class SimActor:
    """Runs one stage on one node. ``daemon`` may be stopped while ``workers`` go on."""

    queue_type = StageQueue

    def __init__(
        self,
        graph: Graph,
        stage: StageName,
        slots: int,
        memory: Memory,
        daemon: Process,
        workers: Process,
        trouble: Trouble,
        report: Report,
    ):
        names = graph.manifest.stage[stage].inputs
        self._graph = graph
        self._stage = stage
        self._wanted = tuple(graph.manifest.tensor_index[name] for name in names)
        self._outputs = tuple(
            graph.manifest.tensor_index[name] for name in graph.manifest.stage[stage].outputs
        )
        self.queue = self.queue_type(self._wanted, slots)
        self._memory = memory
        self._daemon = daemon
        self._workers = workers
        self._trouble = trouble
        self._report = report
        self._random: Random = daemon.world.random
        self.seconds = self._random.choice((0.001, 0.005, 0.02))
        self.slowness = 1.0
        self._busy = False
        self._awake = False
        self._restarts = Restarts()
        self._ran: set[tuple[str, int, int, int]] = set()

    def deliver(self, attempt: Attempt, tensor: int) -> None:
        """One of the stage's inputs lies in the attempt's slot."""
        if self.queue.deliver(attempt, tensor):
            self._wake()

    def forget(self, attempt: Attempt) -> None:
        """The attempt has ended."""
        self.queue.forget(attempt)

    def _wake(self, seconds: float = 1e-5) -> None:
        if not self._awake and not self._busy:
            self._awake = True
            self._daemon.call_later(seconds, self._turn)

    def _turn(self) -> None:
        self._awake = False
        if self._busy:
            return
        attempt = self.queue.take(self._daemon.now())
        if attempt is None:
            return
        if self._restarts.rest(self._daemon.now()):
            attempt.to_run.discard(self._stage)
            self._report(attempt, self._stage, Resting("it rests"))
            self._wake()
            return
        self._begin(attempt)

    def _begin(self, attempt: Attempt) -> None:
        attempt.to_run.discard(self._stage)
        attempt.running.add(self._stage)
        self._busy = True
        self._judge(attempt)
        self._daemon.world.say("runs", self._daemon, self._stage, attempt.key)
        seconds = self.seconds * self.slowness * self._random.uniform(0.5, 1.5)
        shapes = tuple(attempt.shapes[tensor] for tensor in self._wanted)
        chance = self._random.random()
        if chance < self._trouble.lost:
            self._daemon.call_later(seconds, self._finish, attempt, Lost("killed"))
        elif chance < self._trouble.lost + self._trouble.hung:
            self._daemon.call_later(HUNG_SECONDS, self._look_at, attempt)
        else:
            early = self._random.random() < 0.5
            values = self._read(attempt.slot, shapes) if early else None
            world = self._daemon.world
            world.at(seconds, self._workers, None, self._compute, attempt, shapes, values)

    def _judge(self, attempt: Attempt) -> None:
        """A stage runs for who still waits, and once for each attempt."""
        key = attempt.key
        plain = (key.client, key.session, key.sequence, key.attempt)
        if attempt.ended or attempt.deadline.has_passed(self._daemon.now()):
            self._trouble.wrong(f"{self._stage} runs for {key}, which is over")
        if plain in self._ran:
            self._trouble.wrong(f"{self._stage} runs for {key} again")
        self._ran.add(plain)

    def _read(self, slot: int, shapes: tuple[tuple[int, ...], ...]) -> list[bytes]:
        """A worker reads its inputs where its daemon said they are, whosesoever they are now."""
        sizes = (_size(shape) for shape in shapes)
        return [
            bytes(self._memory.region(slot, tensor, size))
            for tensor, size in zip(self._wanted, sizes, strict=True)
        ]

    def _look_at(self, attempt: Attempt) -> None:
        """It hangs; it is ended as soon as nobody waits for it."""
        if attempt.ended or attempt.deadline.has_passed(self._daemon.now()):
            self._finish(attempt, Lost("hung"))
        else:
            self._daemon.call_later(LOOK_SECONDS, self._look_at, attempt)

    def _compute(
        self, attempt: Attempt, shapes: tuple[tuple[int, ...], ...], values: list[bytes] | None
    ) -> None:
        """The worker is done: it leaves its outputs in the slot and says so to its daemon."""
        values = values or self._read(attempt.slot, shapes)
        outcome: Outcome
        if not self._trouble.deadly.isdisjoint(values):
            outcome = Lost("this input ended it")
        elif not self._trouble.broken.isdisjoint(values):
            outcome = "it does not like this input"
        else:
            made = self._graph.run(self._stage, values, attempt.key.attempt)
            for tensor, (_, content) in zip(self._outputs, made, strict=True):
                self._memory.region(attempt.slot, tensor, len(content))[:] = content
            outcome = Ran(1, tuple(shape for shape, _ in made))
        self._daemon.call_later(0.0, self._finish, attempt, outcome)

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        attempt.running.discard(self._stage)
        self._report(attempt, self._stage, outcome)
        self._busy = False
        if isinstance(outcome, Lost):
            self._restarts.lost(self._daemon.now())
            self._wake(self._random.uniform(*RESTART_SECONDS))
            return
        if isinstance(outcome, Ran):
            self._restarts.ran()
        self._wake()


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
