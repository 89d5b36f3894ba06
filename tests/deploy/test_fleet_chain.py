"""Which chain a fleet runs, from what its devices say; also in the middle of a move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgechain.deploy.difference import Parts
from edgechain.deploy.fleet_chain import require_all, running_chain
from edgechain.deploy.fleet_member import FleetMember, address_of_node
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.address import (
    CardAddress,
    DirectoryAddress,
    SshAddress,
    Target,
)
from edgechain.deploy.targets.answers import DeviceState
from edgechain.errors import FlashFailed, InvalidDocument
from edgechain.spec.config import NodeConfig
from edgechain.spec.status import GenerationState as State
from edgechain.spec.status import GenerationStatus, NodeStatus, StageStatus
from tests.chain import chains

OLD, NEW = "a" * 64, "b" * 64
HERE = DirectoryAddress(Path("/device"))


def order(name: str, folder: Path = Path(), target: Target = HERE, **config: Any) -> Order:
    keys = {"name": name, "chain": "../digits"} | config
    file = folder / "device_configs" / f"{name}.yaml"
    return Order(NodeConfig.model_validate(keys), file, target)


def member(
    name: str,
    stages: tuple[str, ...],
    current: str = OLD,
    *others: tuple[str, State],
    folder: Path = Path(),
    chain: str = "digits",
    **config: Any,
) -> FleetMember:
    made = order(name, folder, **config)
    generations = ((current, State.CURRENT), *others)
    status = NodeStatus(
        name=name,
        namespace="default",
        chain=chain,
        generation=current,
        incarnation=1,
        version="1",
        interpreter="litert",
        pid=1,
        uptime_seconds=1.0,
        resident_bytes=1,
        slots=1,
        slots_in_use=0,
        clients=0,
        stages=tuple(
            StageStatus(
                name=stage,
                pid=1,
                ran=0,
                failed=0,
                waiting=0,
                mean_ms=0.0,
                max_ms=0.0,
                resident_bytes=1,
            )
            for stage in stages
        ),
        links=(),
        generations=tuple(GenerationStatus(generation=g, state=s) for g, s in generations),
    )
    state = DeviceState(
        protocol=1, python="3.11", machine="x86_64", hostname="h", root="/", free_bytes=0
    )
    return FleetMember(made, state, Parts(), made.config, status)


def test_the_generation_that_all_run_and_who_stands_by_with_another() -> None:
    found = running_chain([member("a", ("x",)), member("b", ("y", "z")), member("c", (), NEW)])
    assert (found.name, found.generation) == ("digits", OLD)
    assert found.assignment == {"a": ("x",), "b": ("y", "z"), "c": ()}


def test_who_stood_by_and_was_not_told_yet_has_the_stages_it_is_to_have() -> None:
    told = member("a", ("x",), NEW, (OLD, State.RETIRING))
    c = member("c", (), OLD, (NEW, State.READY), next="../next", next_stages=("y",))
    b = member("b", ("y",), OLD, (NEW, State.READY), next="../next", next_stages=())
    found = running_chain([told, b, c])
    assert (found.generation, found.assignment) == (NEW, {"a": ("x",), "b": (), "c": ("y",)})


def test_where_its_directory_is(tmp_path: Path) -> None:
    manifest = chains.connected("digits", chains.actor("one", "Affine", "x", "y"))
    chains.write(tmp_path / "digits-1a2b", manifest)
    members = [member("a", ("one",), manifest.generation, folder=tmp_path)]
    found = running_chain(members)
    assert (found.directory, found.cuts) == (tmp_path / "digits-1a2b", tmp_path)
    assert running_chain([member("a", ("one",), folder=tmp_path)]).directory is None
    (tmp_path / "far").mkdir()
    elsewhere = chains.write(tmp_path / "far" / "away", manifest)
    (tmp_path / "digits-1a2b" / "chain.yaml").unlink()
    assert running_chain(members, elsewhere).directory == elsewhere


def test_a_move_that_was_broken_off_half_told_is_to_the_new_one() -> None:
    told = member("a", ("x",), NEW, (OLD, State.RETIRING))
    not_told = member(
        "b", ("y",), OLD, (NEW, State.READY), chain="digits", next="../next", next_stages=("z",)
    )
    found = running_chain([told, not_told])
    assert (found.generation, found.assignment) == (NEW, {"a": ("x",), "b": ("z",)})


def test_one_that_was_broken_off_before_anybody_was_told_is_where_it_was() -> None:
    loading = [member(name, (name,), OLD, (NEW, State.READY)) for name in ("a", "b")]
    assert running_chain(loading).generation == OLD


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (
            [member("a", ("x",)), member("b", ("y",), chain="c")],
            "several chains .b is of c, a is of digits",
        ),
        ([member("a", ("x",)), member("b", ("y",), NEW)], "not run the same generation"),
        ([member("a", ()), member("b", ())], "all of these devices stand by"),
    ],
)
def test_what_is_no_chain(members: list[FleetMember], reason: str) -> None:
    with pytest.raises(FlashFailed, match=reason):
        running_chain(members)


def test_every_device_of_a_plan_has_a_file() -> None:
    require_all(["a"], [order("a"), order("b")], Path("p.plan"))
    with pytest.raises(FlashFailed, match=r"p\.plan has stages for c, d, and no file is named for"):
        require_all(["a", "c", "d"], [order("a")], Path("p.plan"))


@pytest.mark.parametrize(
    ("target", "config", "address"),
    [
        (HERE, {}, "127.0.0.1:50551"),
        (SshAddress("pi.local", "pi", 2222), {"port": 7}, "pi.local:7"),
        (SshAddress("fe80::1%eth0"), {}, "[fe80::1%eth0]:50551"),
        (SshAddress("pi.local"), {"host": "10.0.0.7"}, "10.0.0.7:50551"),
        (SshAddress("pi.local"), {"host": "::", "discovery": "static"}, "pi.local:50551"),
    ],
)
def test_where_a_node_is_asked(target: Target, config: dict[str, Any], address: str) -> None:
    assert address_of_node(order("a", target=target, **config)) == address


@pytest.mark.parametrize(
    ("target", "config", "reason"),
    [
        (HERE, {"port": 0}, "nobody knows where its node is"),
        (CardAddress(Path("/media")), {}, "is an SD card"),
    ],
)
def test_where_nobody_can(target: Target, config: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidDocument, match=reason):
        address_of_node(order("a", target=target, **config))
