from __future__ import annotations

from typing import Any

import pytest

from edgechain.errors import InvalidChain
from edgechain.model.actors import Actor
from edgechain.model.manifest import manifest_of
from edgechain.spec.chain import ChainManifest
from edgechain.spec.partition_file import PartitionStage
from tests.model.chains import cut, prove_cut
from tests.model.made import row

PHOTO = {"name": "photo", "dtype": "uint8", "shape": [2, 2]}
INPUT = {"name": "input", "dtype": "float32", "shape": [1, 4]}
OUTPUT = {"name": "t2", "dtype": "float32", "shape": [1, 4]}
BEST = {"name": "best", "dtype": "int64", "shape": [1]}


def actor(name: str, inputs: list[Any], outputs: list[Any], source: bytes | None = None) -> Actor:
    written = {"name": name, "actor": f"{name}:Do", "inputs": inputs, "outputs": outputs}
    return Actor(PartitionStage.model_validate(written), source)


def chain(*actors: Actor, signed: bool = False) -> ChainManifest:
    made = row(3)
    if signed:
        made.sign("serve", {"x": 0}, {"y": 5})
    whole = cut(made.model(), [0], [1, 2])
    return manifest_of(whole, prove_cut(whole).comparison.shapes, actors=actors)


def test_an_actor_before_the_model_takes_over_its_input() -> None:
    manifest = chain(actor("brighten", [PHOTO], [INPUT], b"class Do: ..."))
    assert [stage.name for stage in manifest.stages] == ["brighten", "stage0", "stage1"]
    assert [port.name for port in manifest.inputs] == ["photo"]
    assert manifest.stages[0].file == "brighten.py"
    ways = {edge.tensor.name: (edge.source, edge.targets) for edge in manifest.edges}
    assert ways["input"] == ("brighten", ("stage0",))


def test_an_actor_behind_the_model_takes_its_output() -> None:
    manifest = chain(actor("best", [OUTPUT], [BEST]))
    assert [stage.name for stage in manifest.stages] == ["stage0", "stage1", "best"]
    assert [port.name for port in manifest.outputs] == ["best"]
    assert manifest.stages[2].file is None


def test_both_ends_and_an_actor_behind_an_actor() -> None:
    told = {"name": "told", "dtype": "int64", "shape": [1]}
    manifest = chain(
        actor("tell", [BEST], [told]),
        actor("best", [OUTPUT, PHOTO], [BEST]),
        actor("pre", [PHOTO], [INPUT]),
    )
    assert [stage.name for stage in manifest.stages] == ["pre", "stage0", "stage1", "best", "tell"]
    assert [port.name for port in manifest.inputs] == ["photo"]
    assert [port.name for port in manifest.outputs] == ["told"]


def test_signature_names_are_understood() -> None:
    manifest = chain(
        actor("pre", [PHOTO], [{**INPUT, "name": "x"}]),
        actor("best", [{**OUTPUT, "name": "y"}], [BEST]),
        signed=True,
    )
    assert manifest.stages[0].outputs == ("input",)
    assert manifest.stages[3].inputs == ("t2",)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (actor("a", [PHOTO], [{**INPUT, "dtype": "int8"}]), "says tensor 'input' is int8"),
        (actor("a", [PHOTO], [{**INPUT, "shape": [4]}]), r"\[4\], but it is float32 \[1, 4\]"),
        (actor("a", [{**INPUT, "name": "t0"}], [BEST]), "'t0', which stays inside"),
        (actor("a", [PHOTO], [OUTPUT]), "'t2', which the model computes itself"),
        (actor("stage0", [PHOTO], [INPUT]), "stage0"),
        (actor("a", [OUTPUT], [INPUT]), "circle"),
    ],
)
def test_what_does_not_fit_is_named(wrong: Actor, said: str) -> None:
    with pytest.raises(InvalidChain, match=said):
        chain(wrong)
