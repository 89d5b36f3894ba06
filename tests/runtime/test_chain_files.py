from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgechain.errors import InvalidChain, InvalidDocument
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.spec.chain import ChainManifest, Edge, Port, Stage
from edgechain.spec.document import render
from edgechain.spec.tensor import DType, TensorSpec

CONTENT = b"a submodel"


def manifest() -> ChainManifest:
    stage = Stage(
        name="only",
        inputs=("x",),
        outputs=("y",),
        file="only.tflite",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )
    x, y = (TensorSpec(name=name, dtype=DType.INT8, shape=(1, 2)) for name in "xy")
    return ChainManifest.sealed(
        name="tiny",
        inputs=(Port(tensor="x", name="x"),),
        outputs=(Port(tensor="y", name="y"),),
        stages=(stage,),
        edges=(Edge(tensor=x, targets=("only",)), Edge(tensor=y, source="only", to_client=True)),
    )


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    (tmp_path / "chain.yaml").write_text(render(manifest()))
    (tmp_path / "only.tflite").write_bytes(CONTENT)
    return tmp_path


def test_what_was_written_is_read(chain: Path) -> None:
    found = load_manifest(chain)
    assert found == manifest()
    assert read_stage_file(chain, found.stages[0]) == CONTENT


def test_no_chain_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidChain, match=r"there is no chain\.yaml"):
        load_manifest(tmp_path)
    with pytest.raises(InvalidChain, match="no such directory"):
        load_manifest(tmp_path / "none")


def test_an_edited_manifest_is_refused(chain: Path) -> None:
    path = chain / "chain.yaml"
    path.write_text(path.read_text().replace("[1, 2]", "[1, 3]", 1))
    with pytest.raises(InvalidDocument, match="changed after it was sealed"):
        load_manifest(chain)


def test_a_manifest_that_is_no_text_is_refused(chain: Path) -> None:
    (chain / "chain.yaml").write_bytes(b"\xff\x00\x1b")
    with pytest.raises(InvalidDocument):
        load_manifest(chain)


def test_another_file_and_a_missing_one_are_refused(chain: Path) -> None:
    stage = manifest().stages[0]
    (chain / "only.tflite").write_bytes(b"another")
    with pytest.raises(InvalidChain, match="stage 'only' was changed"):
        read_stage_file(chain, stage)
    (chain / "only.tflite").unlink()
    with pytest.raises(InvalidChain, match="stage 'only' is missing"):
        read_stage_file(chain, stage)


def test_a_stage_without_a_file_is_the_callers_mistake(chain: Path) -> None:
    actor = Stage(name="a", inputs=("x",), outputs=("y",), actor="m:C")
    with pytest.raises(ValueError, match="has no file"):
        read_stage_file(chain, actor)
