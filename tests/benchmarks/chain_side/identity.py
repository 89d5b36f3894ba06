"""A stage that does nothing, and the chain around it: what a node costs without a model."""

from __future__ import annotations

from pathlib import Path

from edgechain.runtime.chain_files import MANIFEST_FILE
from edgechain.spec.chain import ChainManifest, Edge, Port, Stage
from edgechain.spec.document import render
from edgechain.spec.tensor import DType, TensorSpec

SOURCE = '''"""Gives what it takes."""


class Identity:
    def __call__(self, value):
        return value
'''


def write_identity(directory: Path, size: int) -> None:
    """A chain of one Python actor that takes and gives ``size`` bytes."""
    stage = Stage(name="same", inputs=("given",), outputs=("taken",), actor="identity:Identity")
    given, taken = (
        TensorSpec(name=name, dtype=DType.UINT8, shape=(size,)) for name in ("given", "taken")
    )
    manifest = ChainManifest.sealed(
        name="identity",
        inputs=(Port(tensor="given", name="given"),),
        outputs=(Port(tensor="taken", name="taken"),),
        stages=(stage,),
        edges=(
            Edge(tensor=given, targets=("same",)),
            Edge(tensor=taken, source="same", to_client=True),
        ),
    )
    directory.mkdir()
    directory.joinpath("identity.py").write_text(SOURCE, encoding="utf-8")
    directory.joinpath(MANIFEST_FILE).write_text(render(manifest), encoding="utf-8")
