"""Every stage runs once on made-up inputs, in real workers; what fails is named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from edgechain.errors import NodeFailed
from edgechain.runtime import actor
from edgechain.runtime.clock import SystemClock
from edgechain.runtime.self_test import SelfTest, chosen_shape, element, in_order
from edgechain.runtime.supervisor import Supervisor
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.tensor import DType, TensorSpec
from tests.chain import chains


async def tried(folder: Path, manifest: ChainManifest, stages: tuple[str, ...] = ()) -> None:
    """Write the chain and run the self-test of a node with these stages, or all."""
    chains.write(folder, manifest)
    names = stages or tuple(stage.name for stage in manifest.stages)
    supervisor = Supervisor(
        manifest, folder, names, slots=2, threads=1, interpreter="auto", clock=SystemClock()
    )
    async with supervisor:
        await SelfTest(manifest, supervisor).run()
        assert all(actor.statistics().ran == 0 for actor in supervisor.actors.values())


@pytest.mark.processes
@pytest.mark.may_block
class TestInWorkers:
    async def test_a_fork_and_a_join(self, tmp_path: Path) -> None:
        await tried(tmp_path, chains.five_stages())

    async def test_some_stages_of_a_chain(self, tmp_path: Path) -> None:
        await tried(tmp_path, chains.five_stages(), ("right", "tail"))

    async def test_a_stage_that_takes_ones_and_no_zeros(self, tmp_path: Path) -> None:
        await tried(tmp_path, mood(raises=0))

    async def test_a_stage_that_takes_neither(self, tmp_path: Path) -> None:
        calm = chains.actor("calm", "Affine", "x", "a", factor=0, offset=13)
        last = chains.actor("mood", "Moody", "a", "y", raises=13)
        with pytest.raises(NodeFailed) as raised:
            await tried(tmp_path, chains.connected("c", last, calm))
        expected = "stage mood: the self-test failed: ValueError: 13 is not to my liking"
        assert str(raised.value).startswith(expected)

    async def test_what_a_stage_gives_is_what_the_next_one_gets(self, tmp_path: Path) -> None:
        """Of zeros the first one makes 16, which the second one does not like; of ones 17."""
        first = chains.actor("first", "Affine", "x", "a", offset=16)
        await tried(tmp_path, chains.connected("c", first, mood_stage("a", raises=16)))

    async def test_a_stage_that_never_answers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(actor, "TRIAL_SECONDS", 0.5)
        pipes = {name: str(tmp_path / name) for name in ("entered", "permits")}
        for path in pipes.values():
            os.mkfifo(path)  # which nobody opens at the other end
        gate = chains.actor("gate", "Gate", "x", "y", stops_at=0, **pipes)
        with pytest.raises(NodeFailed, match=r"stage gate: its worker hung: no answer for 0\.\d s"):
            await tried(tmp_path, chains.connected("c", gate))

    async def test_a_node_without_stages(self, tmp_path: Path) -> None:
        supervisor = Supervisor(
            mood(), tmp_path, (), slots=1, threads=1, interpreter="auto", clock=SystemClock()
        )
        async with supervisor:
            await SelfTest(mood(), supervisor).run()

    async def test_an_open_dimension(self, tmp_path: Path) -> None:
        spec = TensorSpec(name="x", dtype=DType.INT64, shape=(-1, 4), bound_bytes=1024)
        total = TensorSpec(name="y", dtype=DType.INT64, shape=(-1, 1), bound_bytes=1024)
        batch = chains.actor("batch", "Batch", "x", "y")
        await tried(tmp_path, chains.connected("c", batch, specs={"x": spec, "y": total}))


def mood_stage(takes: str, **dislikes: int) -> Stage:
    return chains.actor("mood", "Moody", takes, "y", **dislikes)


def mood(**dislikes: int) -> ChainManifest:
    return chains.connected("c", mood_stage("x", **dislikes))


def test_the_order_is_that_of_the_tensors() -> None:
    manifest = chains.five_stages()
    names = [stage.name for stage in in_order(manifest, {"tail", "meet", "right", "head"})]
    assert sorted(names) == ["head", "meet", "right", "tail"]
    assert names.index("head") < names.index("right") < names.index("meet") < names.index("tail")


@pytest.mark.parametrize("dtype", list(DType))
@pytest.mark.parametrize("number", [0, 1])
def test_an_element_is_what_numpy_makes_of_the_number(dtype: DType, number: int) -> None:
    expected = np.array(number).astype(dtype.numpy).tobytes()
    assert element(dtype, number) == expected
    assert len(expected) == dtype.itemsize


def spec(*shape: int, bound: int | None = None) -> TensorSpec:
    return TensorSpec(name="t", dtype=DType.FLOAT32, shape=shape, bound_bytes=bound)


def test_shapes() -> None:
    assert chosen_shape(spec(2, 3), 32) == (2, 3)
    assert chosen_shape(spec(), 32) == ()
    assert chosen_shape(spec(-1, 8, bound=4096), 32) == (1, 8)
    assert chosen_shape(spec(-1, -1, 2, bound=4096), 32) == (1, 32, 2)
    assert chosen_shape(spec(1, -1, bound=64), 32) == (1, 1)
