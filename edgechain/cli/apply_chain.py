"""Where the chain of a plan comes from: it runs already, was cut before, or is cut now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.model.chain import make_chain
from edgechain.model.directory import MANIFEST, write_directory
from edgechain.model.graph import graph_of
from edgechain.model.hand_made import read_planned
from edgechain.model.source import Model, read_model
from edgechain.plan.change import assigned
from edgechain.runtime.chain_files import MANIFEST_FILE, load_manifest, read_stage_file
from edgechain.runtime.isolation import IsolatedInterpreter
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import render
from edgechain.spec.ids import NodeName, StageName, as_name
from edgechain.spec.moving import Assignment, RunningChain
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.progress import Progress

Cut = Callable[[Progress], Path]

PLAN_FILE = "plan.yaml"
"""In a chain's directory: the plan that devices run it after. No device gets it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chain that a plan is for. ``get`` makes it where it is not there yet.

    ``words`` say where it comes from.
    """

    words: str
    get: Cut


def choose(
    file: Path, plan: PlanFile, chain: RunningChain, to: Path | None, model: Path | None
) -> Chosen:
    """Where the chain comes from; nothing is made yet.

    Raises ``InvalidDocument`` or ``InvalidModel`` where no chain can be cut after the plan.
    """
    if to is not None and (to / MANIFEST_FILE).is_file():
        _require_cut_after(file, plan, load_manifest(to))
        return Chosen(f"those in {to}", lambda _: _told_apart(to, plan, chain))
    if to is None and model is None:
        running, before = chain.directory, _cut_for(plan, chain)
        if before is not None:
            return Chosen("those that were cut for it before", lambda _: before)
        if running is not None and _is_cut_after(plan, running):
            return Chosen("those that run now", lambda _: _told_apart(running, plan, chain))
    out = to if to is not None else _own_directory(chain, _digest(plan))
    if (out / MANIFEST_FILE).is_file() and _is_cut_after(plan, out):
        return Chosen("those that were cut for it before", lambda _: out)
    whole = _find_model(file, plan, model)
    read_planned(file, whole, graph_of(whole))
    words = f"cut from {whole.file} into {out}"
    return Chosen(words, lambda p: _told_apart(_cut(file, whole, out, p), plan, chain))


def devices_in(plan: PlanFile, directory: Path) -> dict[NodeName, tuple[StageName, ...]]:
    """Every device's stages of the chain in a directory. Raises ``InvalidDocument``."""
    manifest = load_manifest(directory)
    try:
        return assigned(plan.devices(manifest))
    except ValueError as error:
        raise InvalidDocument(str(error), file=str(directory / MANIFEST_FILE)) from error


def _require_cut_after(file: Path, plan: PlanFile, manifest: ChainManifest) -> None:
    try:
        plan.devices(manifest)
    except ValueError as error:
        raise InvalidDocument(str(error), file=str(file)) from error
    if manifest.model is not None and manifest.model.sha256 != plan.model.sha256:
        reason = f"is for another model than chain {manifest.name!r} was cut from"
        raise InvalidDocument(reason, file=str(file), key="model")


def _is_cut_after(plan: PlanFile, directory: Path) -> bool:
    manifest = load_manifest(directory)
    try:
        plan.devices(manifest)
    except ValueError:
        return False
    return manifest.model is None or manifest.model.sha256 == plan.model.sha256


def _cut_for(plan: PlanFile, chain: RunningChain) -> Path | None:
    """The chain that ran after this very plan before, and does not now."""
    text = render(plan)
    for path in sorted(chain.cuts.glob(f"*/{PLAN_FILE}")):
        directory = path.parent
        same = path.read_text(encoding="utf-8", errors="replace") == text
        if same and (directory / MANIFEST_FILE).is_file() and _is_cut_after(plan, directory):
            return None if load_manifest(directory).generation == chain.generation else directory
    return None


def _find_model(file: Path, plan: PlanFile, said: Path | None) -> Model:
    """The plan's model: where it is said to be, beside the plan, or here."""
    name = plan.model.file
    places = [said] if said is not None else [file.parent / name, Path(name)]
    found = next((place for place in places if place.is_file()), None)
    if found is None and said is None:
        reason = f"its model {name} is neither beside it nor here; say with --model where it is"
        raise InvalidDocument(reason, file=str(file), key="model")
    return read_model(found or places[0])


def _own_directory(chain: RunningChain, digest: str) -> Path:
    """A name of its own for every plan: a generation never has two placements."""
    return chain.cuts / as_name(f"{chain.name[:50]}-{digest}")


def _digest(plan: PlanFile, since: str = "") -> str:
    return hashlib.sha256((render(plan) + since).encode()).hexdigest()[:8]


def _cut(file: Path, whole: Model, out: Path, progress: Progress) -> Path:
    """Cut, proved equal to the whole."""
    plan = read_planned(file, whole, graph_of(whole))
    with IsolatedInterpreter() as interpreter:
        make_chain(
            whole,
            plan,
            out,
            open_runner=interpreter.open,
            progress=progress,
            name=as_name(out.resolve().name),
        )
    return out


def _told_apart(directory: Path, plan: PlanFile, chain: RunningChain) -> Path:
    """The chain under a generation of its own, where the running one is placed otherwise.

    Nodes and clients know a generation's stages by where they are: the same submodels on other
    devices are another generation, with another name in its manifest.
    """
    manifest = load_manifest(directory)
    here = placed(chain.assignment) == placed(devices_in(plan, directory))
    if manifest.generation != chain.generation or here:
        return directory
    out = _own_directory(chain, _digest(plan, chain.generation))
    fields = {name: getattr(manifest, name) for name in ChainManifest.model_fields}
    del fields["format"], fields["generation"]
    renamed = ChainManifest.sealed(**fields | {"name": as_name(out.name)})
    files = {s.file: read_stage_file(directory, s) for s in manifest.stages if s.file}
    write_directory(out, files | {MANIFEST: render(renamed).encode()})
    return out


def placed(stages: Assignment) -> dict[NodeName, frozenset[StageName]]:
    """Which stages are where, in no order; who stands by is left out."""
    return {name: frozenset(of) for name, of in stages.items() if of}
