"""From a model on disk to a chain directory: cut, prove, write. Nothing unproved is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgechain.errors import InvalidModel
from edgechain.model.actors import Actor
from edgechain.model.directory import MANIFEST, check_target, write_directory
from edgechain.model.manifest import MAX_BATCH, manifest_of, parts_of, stage_names, whole_part
from edgechain.model.names import main_signature
from edgechain.model.proof import PROOF_RUNS, PROOF_SEED, Proof, prove
from edgechain.model.samples import is_open, open_beside_batch
from edgechain.model.source import Model
from edgechain.model.split import Cut, split
from edgechain.model.verify import OpenRunner
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import render
from edgechain.spec.partition import Partition
from edgechain.spec.progress import Progress, silent

Array = NDArray[Any]


@dataclass(frozen=True)
class SplitReport:
    """What was made. ``warnings`` are sentences for the user, empty mostly."""

    directory: Path
    manifest: ChainManifest
    cut: Cut
    proof: Proof
    sizes: Mapping[str, int]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """How to cut: the partition, names for its groups, and the Python actors around it.

    ``packed`` are the names of tensors between its groups that cross packed.
    """

    partition: Partition
    names: tuple[str, ...] | None = None
    actors: tuple[Actor, ...] = ()
    packed: tuple[str, ...] = ()


def make_chain(
    model: Model,
    plan: Plan,
    directory: Path,
    *,
    open_runner: OpenRunner,
    progress: Progress = silent,
    inputs: Sequence[Mapping[int, Array]] = (),
    name: str | None = None,
    max_batch: int = MAX_BATCH,
    runs: int = PROOF_RUNS,
    seed: int = PROOF_SEED,
    source: Path | None = None,
) -> SplitReport:
    """Cut ``model``, prove the parts equal to it, and write the chain to ``directory``.

    ``inputs`` are samples (tensor index to value) that are tried beside ``runs`` random ones;
    ``source`` is the model's own file, which is never replaced. Raises ``CannotCut``,
    ``NotEqual``, ``InvalidModel`` or ``InvalidChain``; then ``directory`` is as it was.
    """
    check_target(directory, keep=source)
    cut = split(model, plan.partition, progress)
    labelled = stage_names(cut, plan.names)
    parts = parts_of(cut, labelled)
    proof = prove(
        model,
        whole_part(cut),
        parts,
        cut.names,
        open_runner=open_runner,
        given=inputs,
        runs=runs,
        seed=seed,
        progress=progress,
    )
    proof.comparison.require_equal()
    manifest = manifest_of(
        cut,
        proof.comparison.shapes,
        names=plan.names,
        actors=plan.actors,
        packed=plan.packed,
        chain=name,
        max_batch=max_batch,
    )
    files = {f"{part.name}.tflite": part.content for part in parts}
    files |= {a.file: a.source for a in plan.actors if a.file and a.source is not None}
    files[MANIFEST] = render(manifest).encode()
    write_directory(directory, files)
    sizes = {part.name: len(part.content) for part in parts}
    warnings = (*proof.warnings, *_warnings(cut, inputs))
    return SplitReport(directory, manifest, cut, proof, sizes, warnings)


def _warnings(cut: Cut, inputs: Sequence[object]) -> tuple[str, ...]:
    tree, found = cut.model.tree, []
    if tree.signatureDefs:
        kept = main_signature(tree)
        dropped = [s for s in tree.signatureDefs if s is not kept]
        if dropped:
            found.append(f"{len(dropped)} further signatures of the model are not in the chain")
    if is_open(cut.model) and open_beside_batch(cut.model) and not inputs:
        found.append(
            "the model leaves more than the batch open: give --input with the largest input you "
            "will send, it bounds what the chain takes"
        )
    return tuple(found)


def require_cut(manifest: ChainManifest, model: Model) -> None:
    """Raise ``InvalidModel`` unless the chain says it was cut from exactly this model."""
    if manifest.model is None:
        raise InvalidModel(f"chain {manifest.name!r} was not cut from a model; nothing to compare")
    if manifest.model.sha256 != model.sha256:
        raise InvalidModel(
            f"chain {manifest.name!r} was cut from {manifest.model.file} with sha256 "
            f"{manifest.model.sha256[:12]}, {model.file} is {model.sha256[:12]}; "
            "give that model or cut this one"
        )
