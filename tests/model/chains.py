"""Cut and prove a model in one call, with the interpreter installed here."""

from __future__ import annotations

from collections.abc import Sequence

from edgechain.model.graph import graph_of
from edgechain.model.manifest import manifest_of, parts_of, stage_names, whole_part
from edgechain.model.proof import Proof, prove
from edgechain.model.source import Model, parse_model
from edgechain.model.split import Cut, split
from edgechain.runtime.interpreter import InterpreterKind, open_interpreter
from edgechain.spec.chain import ChainManifest
from edgechain.spec.partition import Partition


def cut(model: Model, *groups: Sequence[int]) -> Cut:
    """The model cut into these groups of operators."""
    return split(model, Partition(graph_of(model), tuple(map(tuple, groups))))


def prove_cut(made: Cut, kind: InterpreterKind = InterpreterKind.AUTO, runs: int = 2) -> Proof:
    """Compare the cut with its model on random inputs."""
    return prove(
        made.model,
        whole_part(made),
        parts_of(made, stage_names(made)),
        made.names,
        open_runner=lambda content: open_interpreter(content, kind=kind),
        runs=runs,
    )


def proved(made: Cut, kind: InterpreterKind = InterpreterKind.AUTO) -> ChainManifest:
    """The manifest of a cut that was proved equal to its model."""
    proof = prove_cut(made, kind)
    proof.comparison.require_equal()
    return manifest_of(made, proof.comparison.shapes)


def parts(made: Cut) -> list[Model]:
    """The submodels, read back."""
    return [parse_model(submodel.content) for submodel in made.submodels]


def tensor_names(model: Model) -> list[str]:
    """Names in the main subgraph, in order."""
    return [(tensor.name or b"").decode() for tensor in model.main.tensors]
