"""The proof every cut goes through: random inputs, and real ones when there are any.

Some models take only inputs that mean something (indexes into a table, lengths). When such a
model itself refuses random inputs the proof rests on the given ones, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgechain.errors import InvalidChain, InvalidModel
from edgechain.model.graph import graph_of, written_counts
from edgechain.model.samples import random_samples
from edgechain.model.schema import is_custom, operator_kind
from edgechain.model.source import Model
from edgechain.model.split import check_ports
from edgechain.model.verify import Comparison, OpenRunner, Part, RunFailed, compare
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.progress import Progress, silent

Array = NDArray[Any]

PROOF_RUNS = 4
"""One for each range of random floats."""

PROOF_SEED = 2024


@dataclass(frozen=True)
class Proof:
    """A comparison, how many of its runs were random and how many given, and remarks."""

    comparison: Comparison
    random_runs: int
    given_runs: int
    warnings: tuple[str, ...] = ()


def prove(
    model: Model,
    whole: Part,
    parts: Sequence[Part],
    names: Mapping[int, str],
    *,
    open_runner: OpenRunner,
    given: Sequence[Mapping[int, Array]] = (),
    runs: int = PROOF_RUNS,
    seed: int = PROOF_SEED,
    progress: Progress = silent,
) -> Proof:
    """Compare parts and whole on ``runs`` random samples and on those ``given``.

    ``names`` are the tensors' names in the parts. Raises ``InvalidModel`` when the interpreter
    refuses the model; unequal parts are said in the result, not raised.
    """
    random = random_samples(model, count=runs, seed=seed)
    counts = {names[t]: names[count] for t, count in written_counts(graph_of(model)).items()}

    def run(samples: Sequence[Mapping[int, Array]]) -> Comparison:
        named = [{names[i]: value for i, value in sample.items()} for sample in samples]
        return compare(whole, parts, named, open_runner, progress, counts)

    try:
        comparison = run([*random, *given])
    except RunFailed as error:
        _require_known_operators(model, error)
        if error.part is not whole:
            raise
        if not given:
            reason = f"{error}; if it cannot take random inputs, give real ones with --input"
            raise InvalidModel(reason) from error
        comparison = run(given)
        warning = f"the model does not take random inputs, proved on the given ones only ({error})"
        return Proof(comparison, 0, len(given), (warning, *_remarks(comparison)))
    return Proof(comparison, len(random), len(given), _remarks(comparison))


def _require_known_operators(model: Model, error: InvalidModel) -> None:
    """Say it plainly when the interpreter failed because it lacks a custom operator."""
    if "custom op" not in str(error) and "Select TensorFlow" not in str(error):
        return
    for graph in model.tree.subgraphs:
        for index, operator in enumerate(graph.operators):
            code = model.tree.operatorCodes[operator.opcodeIndex]
            if is_custom(code) and operator_kind(code) in str(error):
                raise InvalidModel(
                    f"{model.file}: operator {index} ({operator_kind(code)}) is a custom operator "
                    "that this interpreter does not have; convert the model without it"
                ) from error


def _remarks(comparison: Comparison) -> tuple[str, ...]:
    if not comparison.undefined:
        return ()
    remark = (
        f"{comparison.undefined} elements behind the count of detections were not compared: "
        "TFLite_Detection_PostProcess does not write them"
    )
    return (remark,)


def verify(
    manifest: ChainManifest,
    files: Mapping[str, bytes],
    model: Model,
    *,
    open_runner: OpenRunner,
    given: Sequence[Mapping[int, Array]] = (),
    runs: int = PROOF_RUNS,
    seed: int = PROOF_SEED,
    progress: Progress = silent,
) -> Proof:
    """Prove an existing chain equal to the model it was cut from.

    ``files`` holds the submodels' bytes by stage name; Python actors are left out, the proof
    covers the model's part. Raises ``InvalidChain`` when the stages do not cover the model.
    """
    graph = graph_of(model)
    check_ports(graph)
    names = {index: tensor.name for index, tensor in graph.tensors.items()}
    whole = Part(
        "whole",
        model.content,
        tuple(names[index] for index in graph.inputs),
        tuple(names[index] for index in graph.outputs),
    )
    parts = [
        Part(stage.name, files[stage.name], stage.inputs, stage.outputs)
        for stage in _in_order(manifest, whole.inputs)
    ]
    made = {name for part in parts for name in part.outputs}
    for name in whole.outputs:
        if name not in made:
            raise InvalidChain(f"no stage of chain {manifest.name!r} computes output {name!r}")
    return prove(
        model,
        whole,
        parts,
        names,
        open_runner=open_runner,
        given=given,
        runs=runs,
        seed=seed,
        progress=progress,
    )


def _in_order(manifest: ChainManifest, fed: Sequence[str]) -> list[Stage]:
    """The submodels, each behind those it needs; the manifest may list them in any order."""
    waiting = [stage for stage in manifest.stages if stage.actor is None]
    known, placed = set(fed), []
    while waiting:
        ready = next((stage for stage in waiting if known.issuperset(stage.inputs)), None)
        if ready is None:
            tensor = min(set(waiting[0].inputs) - known)
            raise InvalidChain(
                f"stage {waiting[0].name!r} takes {tensor!r}, which is not the model's"
            )
        waiting.remove(ready)
        placed.append(ready)
        known.update(ready.outputs)
    return placed
