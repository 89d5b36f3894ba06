"""A partition file, or a plan, and the model it is for say how to cut."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.files.text import read_text
from edgechain.model.actors import Actor
from edgechain.model.chain import Plan
from edgechain.model.source import Model
from edgechain.spec.document import parse
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition
from edgechain.spec.partition_file import PartitionFile, PartitionStage, parse_operators
from edgechain.spec.plan_file import PlanFile, PlannedStage, parse_plan

MAX_SOURCE_BYTES = 1 << 20
"""An actor's source; more is not written by hand."""


def read_plan(path: Path, graph: OpGraph) -> Plan:
    """Read a partition file.

    An actor ``module:Class`` with ``module.py`` beside the file takes that source along. Raises
    ``InvalidDocument`` with the place, ``CannotCut`` with the operator.
    """
    written = parse(PartitionFile, read_text(path), file=str(path))
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

    Raises ``InvalidDocument`` with the place, or where it was made for another model or packs what
    does not cross, and ``CannotCut`` with the operator.
    """
    written = parse_plan(read_text(path), file=str(path), model_sha256=model.sha256)
    _check_names(written, path)
    groups = [_operators(stage, at, graph, path) for at, stage in enumerate(written.stages)]
    names = tuple(stage.name for stage in written.stages)
    partition = Partition(graph, tuple(groups))
    _check_packed(written, partition, path)
    return Plan(partition, names, packed=written.packed)


def _check_packed(written: PlanFile, partition: Partition, path: Path) -> None:
    graph = partition.graph
    between = {graph.tensors[index].name for index in partition.crossing}
    for number, name in enumerate(written.packed):
        if name not in between:
            reason = f"{name!r} is no tensor that only stages hand to each other in this cut"
            raise InvalidDocument(reason, file=str(path), key=f"packed.{number}")


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
