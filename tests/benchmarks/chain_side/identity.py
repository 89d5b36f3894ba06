"""Stages that do nothing, and the chain around them: what nodes cost without a model."""

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


def write_identity(directory: Path, size: int, stages: int = 1) -> None:
    """A chain of Python actors, one after the other, that take and give ``size`` bytes."""
    tensors = ["given", *(f"between-{n}" for n in range(1, stages)), "taken"]
    names = [f"same-{n}" for n in range(stages)]
    specs = [TensorSpec(name=name, dtype=DType.UINT8, shape=(size,)) for name in tensors]
    manifest = ChainManifest.sealed(
        name="identity",
        inputs=(Port(tensor="given", name="given"),),
        outputs=(Port(tensor="taken", name="taken"),),
        stages=tuple(
            Stage(name=name, inputs=(takes,), outputs=(gives,), actor="identity:Identity")
            for name, takes, gives in zip(names, tensors, tensors[1:], strict=False)
        ),
        edges=tuple(
            Edge(
                tensor=spec,
                source=names[place - 1] if place else None,
                targets=(names[place],) if place < stages else (),
                to_client=place == stages,
            )
            for place, spec in enumerate(specs)
        ),
    )
    directory.mkdir()
    directory.joinpath("identity.py").write_text(SOURCE, encoding="utf-8")
    directory.joinpath(MANIFEST_FILE).write_text(render(manifest), encoding="utf-8")
