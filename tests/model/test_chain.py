from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as generated

from edgechain.errors import InvalidChain, InvalidModel, NotEqual
from edgechain.model.chain import Plan, make_chain, require_cut
from edgechain.model.graph import graph_of
from edgechain.model.proof import verify
from edgechain.model.source import Model
from edgechain.model.verify import Array
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.runtime.interpreter import Interpreter, open_interpreter
from edgechain.spec.partition import Partition
from tests.model.made import Made, diamond, row


def plan_for(model: Model, *groups: Sequence[int]) -> Plan:
    return Plan(Partition(graph_of(model), tuple(map(tuple, groups))))


def test_a_chain_on_disk_is_whole_and_proved(tmp_path: Path) -> None:
    model = diamond().model()
    plan = plan_for(model, [0], [1], [2], [3, 4])
    told: list[str] = []
    report = make_chain(
        model,
        plan,
        tmp_path / "chain",
        open_runner=open_interpreter,
        progress=lambda what, _done, _total: told.append(what),
    )
    manifest = load_manifest(tmp_path / "chain")
    assert manifest == report.manifest
    assert report.proof.comparison.runs == 4
    assert sorted(p.name for p in (tmp_path / "chain").iterdir()) == [
        "chain.yaml",
        *(f"stage{number}.tflite" for number in range(4)),
    ]
    assert set(told) == {"cutting", "proving equality"}
    files = {stage.name: read_stage_file(tmp_path / "chain", stage) for stage in manifest.stages}
    assert verify(manifest, files, model, open_runner=open_interpreter, runs=1).comparison.equal
    require_cut(manifest, model)
    with pytest.raises(InvalidModel, match="give that model or cut this one"):
        require_cut(manifest, row(2).model())


def test_tensors_cross_packed_as_planned(tmp_path: Path) -> None:
    """The submodels are the same, the generation is another."""
    model = diamond().model()
    plain = plan_for(model, [0], [1], [2], [3, 4])
    reports = {
        packed: make_chain(
            model,
            replace(plain, packed=packed),
            tmp_path / f"{len(packed)}",
            open_runner=open_interpreter,
            name="chain",
        )
        for packed in ((), ("c", "a"))
    }
    before, after = (report.manifest for report in reports.values())
    assert (before.packed, after.packed) == ((), ("a", "c"))
    assert before.stages == after.stages
    assert before.generation != after.generation
    assert load_manifest(tmp_path / "2") == after
    with pytest.raises(InvalidChain, match="'e' cannot cross packed"):
        make_chain(
            model, replace(plain, packed=("e",)), tmp_path / "e", open_runner=open_interpreter
        )
    assert not (tmp_path / "e").exists()


class Forgetful:
    """An interpreter that spoils the third model it opens."""

    def __init__(self) -> None:
        self.opened = 0

    def __call__(self, content: bytes) -> Interpreter:
        self.opened += 1
        return _Spoiled(content) if self.opened == 3 else open_interpreter(content)


class _Spoiled(Interpreter):
    def __init__(self, content: bytes) -> None:
        inner = open_interpreter(content)
        super().__init__(inner._engine, inner.kind)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        return [value + np.float32(1) for value in super().run(inputs)]


def test_unequal_parts_are_never_written(tmp_path: Path) -> None:
    model = row(3).model()
    with pytest.raises(NotEqual, match="run 0, output 't2'"):
        make_chain(model, plan_for(model, [0], [1, 2]), tmp_path / "chain", open_runner=Forgetful())
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_taken_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    opened = Forgetful()
    model = row(2).model()
    with pytest.raises(InvalidChain):
        make_chain(model, plan_for(model, [0], [1]), tmp_path, open_runner=opened)
    assert opened.opened == 0


def picky() -> Made:
    """GATHER whose indexes pass through an operator that samples do not look through."""
    made = Made()
    main = made.graph()
    ids = main.input("ids", (1, 3), "int32")
    one = main.tensor("one", data=np.array([5], np.int32))
    more = main.tensor("more", (1, 3), "int32")
    main.operator("ADD", [ids, one], [more], generated.AddOptionsT())
    table = main.tensor("table", data=np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4))
    rows = main.tensor("rows", (1, 3, 4))
    main.operator("GATHER", [table, more], [rows], generated.GatherOptionsT())
    main.outputs.append(rows)
    return made


def test_a_model_that_refuses_random_inputs_is_proved_on_given_ones(tmp_path: Path) -> None:
    model = picky().model()
    plan = plan_for(model, [0], [1])
    with pytest.raises(InvalidModel, match="give real ones with --input"):
        make_chain(model, plan, tmp_path / "chain", open_runner=open_interpreter)
    given = [{0: np.array([[0, 1, 4]], np.int32)}]
    report = make_chain(model, plan, tmp_path / "chain", open_runner=open_interpreter, inputs=given)
    assert (report.proof.random_runs, report.proof.given_runs) == (0, 1)
    assert "does not take random inputs" in report.warnings[0]


def test_what_is_left_behind_is_said(tmp_path: Path) -> None:
    made = row(2)
    made.sign("serve", {"x": 0}, {"y": 3})
    made.sign("again", {"x": 0}, {"y": 3})
    model = made.model()
    report = make_chain(
        model, plan_for(model, [0], [1]), tmp_path / "chain", open_runner=open_interpreter
    )
    assert report.warnings == ("1 further signatures of the model are not in the chain",)
