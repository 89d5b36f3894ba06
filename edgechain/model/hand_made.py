"""A partition file, or a plan, and the model it is for say how to cut."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.model.actors import Actor
from edgechain.model.chain import Plan
from edgechain.model.source import Model
from edgechain.spec.document import MAX_DOCUMENT_BYTES, parse
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition
from edgechain.spec.partition_file import PartitionFile, PartitionStage, parse_operators
from edgechain.spec.plan_file import PlanFile, PlannedStage

MAX_SOURCE_BYTES = 1 << 20
"""An actor's source; more is not written by hand."""


def read_plan(path: Path, graph: OpGraph) -> Plan:
    """Read a partition file.

    An actor ``module:Class`` with ``module.py`` beside the file takes that source along. Raises
    ``InvalidDocument`` with the place, ``CannotCut`` with the operator.
    """
    written = parse(PartitionFile, _text(path), file=str(path))
    _check_names(written, path)
    names: list[str] = []
    groups: list[tuple[int, ...]] = []
    for number, stage in enumerate(written.stages):
        if stage.operators is not None:
            names.append(stage.name)
            groups.append(_operators(stage, number, graph, path))
    if not groups:
        raise InvalidDocument("no stage has operators of the model", file=str(path), key="stages")
    actors = tuple(_actor(stage, path) for stage in written.stages if stage.actor is not None)
    return Plan(Partition(graph, tuple(groups)), tuple(names), actors)


def read_planned(path: Path, model: Model, graph: OpGraph) -> Plan:
    """Read what ``edgechain plan`` wrote.

    Raises ``InvalidDocument`` with the place, or where it was made for another model, and
    ``CannotCut`` with the operator.
    """
    written = parse(PlanFile, _text(path), file=str(path))
    if written.model.sha256 != model.sha256:
        reason = f"is for another model ({written.model.file}, {written.model.sha256[:12]})"
        raise InvalidDocument(reason, file=str(path), key="model")
    _check_names(written, path)
    groups = [_operators(stage, at, graph, path) for at, stage in enumerate(written.stages)]
    names = tuple(stage.name for stage in written.stages)
    return Plan(Partition(graph, tuple(groups)), names)


def _check_names(written: PartitionFile | PlanFile, path: Path) -> None:
    for name, count in Counter(stage.name for stage in written.stages).items():
        if count > 1:
            raise InvalidDocument(f"two stages are called {name!r}", file=str(path), key="stages")


def _operators(
    stage: PartitionStage | PlannedStage, number: int, graph: OpGraph, path: Path
) -> tuple[int, ...]:
    try:
        return parse_operators(str(stage.operators), len(graph.operators))
    except ValueError as error:
        key = f"stages.{number}.operators"
        raise InvalidDocument(str(error), file=str(path), key=key) from error


def _actor(stage: PartitionStage, path: Path) -> Actor:
    module = str(stage.actor).partition(":")[0]
    source = path.parent / f"{module}.py"
    if "." in module or not source.is_file():
        return Actor(stage)  # the device has it on its Python path
    if source.stat().st_size > MAX_SOURCE_BYTES:
        raise InvalidDocument(f"{source} is larger than an actor can be", file=str(path))
    return Actor(stage, source.read_bytes())


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise InvalidDocument("is too large to be one of our documents", file=str(path))
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidDocument("is not text in UTF-8", file=str(path)) from error
    except OSError as error:
        raise InvalidDocument(f"cannot be read: {error.strerror}", file=str(path)) from error
