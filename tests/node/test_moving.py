"""The steps of a move on a ground of the test's own: what is told to whom, and taken back when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from edgechain.errors import NodeFailed
from edgechain.node import moving
from edgechain.node.moving import Move
from edgechain.spec.ids import Generation, NodeName
from edgechain.spec.moving import Seen
from edgechain.spec.status import GenerationState
from tests.chain.nodes import until

NEW = Generation("b" * 64)


@dataclass
class Stage:
    """Nodes without processes: they become what they are told to be, one look later."""

    nodes: dict[NodeName, Seen]
    gone: frozenset[NodeName] = frozenset()
    """Who is to leave."""
    lost: frozenset[NodeName] = frozenset()
    """Who has to be started."""
    broken: str = ""
    stubborn: bool = False
    """Whether nodes keep the generation before."""
    steps: list[str] = field(default_factory=list)

    def names(self) -> frozenset[NodeName]:
        return frozenset(self.nodes)

    def missing(self) -> frozenset[NodeName]:
        return self.lost

    def leaving(self) -> frozenset[NodeName]:
        return self.gone & self.names()

    async def look(self) -> Sequence[Seen]:
        return list(self.nodes.values())

    def _become(self, state: GenerationState, others: int) -> None:
        self.nodes = {
            name: replace(seen, state=state, configurations=seen.configurations + 1, others=others)
            for name, seen in self.nodes.items()
        }

    async def prepare(self) -> None:
        self.steps.append("prepare")
        self.nodes |= {name: Seen(name, None, "", 0) for name in self.lost}
        self.lost = frozenset()
        self._become(GenerationState.READY, 1)
        if self.broken:
            seen = self.nodes[self.broken]
            self.nodes[self.broken] = replace(seen, state=GenerationState.FAILED, reason="no such")

    async def withdraw(self) -> None:
        self.steps.append("withdraw")

    async def commit(self) -> None:
        self.steps.append("commit")
        self._become(GenerationState.CURRENT, 1 if self.stubborn else 0)

    async def dismiss(self) -> None:
        self.steps.append("dismiss")
        self.nodes = {name: seen for name, seen in self.nodes.items() if name not in self.gone}


def ground(*names: str, state: GenerationState | None = None) -> Stage:
    return Stage({name: Seen(name, state, "", 3) for name in names})


async def moved(stage: Stage) -> bool:
    return await Move(stage, NEW, lambda *_: None).run()


async def test_everybody_is_ready_before_anybody_is_told() -> None:
    stage = ground("a", "b")
    stage.lost, stage.gone = frozenset({"c"}), frozenset({"a"})
    assert await moved(stage)
    assert stage.steps == ["prepare", "commit", "dismiss"]
    assert stage.names() == {"b", "c"}


async def test_one_that_cannot_takes_it_back_from_all() -> None:
    stage = ground("a", "b")
    stage.broken = "b"
    with pytest.raises(NodeFailed, match="b: no such; the chain runs as before"):
        await moved(stage)
    assert stage.steps == ["prepare", "withdraw"]


async def test_what_serves_everywhere_is_not_prepared_again() -> None:
    stage = ground("a", "b", state=GenerationState.CURRENT)
    assert not await moved(stage)
    assert stage.steps == ["commit", "dismiss"]


async def test_one_that_is_missing_is_reason_enough() -> None:
    stage = ground("a", state=GenerationState.CURRENT)
    stage.lost = frozenset({"b"})
    assert await moved(stage)
    assert stage.steps == ["prepare", "commit", "dismiss"]


async def test_nobody_is_ended_who_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "LEAVE_SECONDS", 0.2)
    stage = ground("a", "b")
    stage.gone, stage.stubborn = frozenset({"a"}), True
    with pytest.raises(NodeFailed, match="a still work"):
        await moved(stage)
    assert stage.steps == ["prepare", "commit"]


async def test_whoever_cancels_what_is_prepared_takes_it_back() -> None:
    class Slow(Stage):
        async def prepare(self) -> None:
            await super().prepare()
            self._become(GenerationState.LOADING, 1)

    stage = Slow(ground("a").nodes)
    task = asyncio.create_task(moved(stage))
    await until(lambda: bool(stage.steps), "it prepares")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.steps == ["prepare", "withdraw"]


async def test_who_has_not_read_its_configuration_yet_is_not_asked_how_it_is() -> None:
    """What it says is of the last time."""

    class Late(Stage):
        async def prepare(self) -> None:
            self.steps.append("prepare")
            self.nodes["a"] = replace(self.nodes["a"], state=GenerationState.FAILED)
            asyncio.get_running_loop().call_later(0.1, self._become, GenerationState.READY, 1)

    stage = Late(ground("a").nodes)
    assert await moved(stage)
    assert stage.steps == ["prepare", "commit", "dismiss"]
