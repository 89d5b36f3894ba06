"""A node's configuration, with the generation to be ready beside the one it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from edgechain.errors import EdgechainError
from edgechain.node.settings import NodeSettings, load_settings, settle
from edgechain.spec.config import NodeConfig
from tests.chain import chains


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two chains of the same stages and one of other names."""
    for name, chain, stages in (
        ("old", "c", ("one", "two")),
        ("new", "c", ("one", "two")),
        ("renamed", "c", ("front", "back")),
        ("other", "d", ("one", "two")),
    ):
        factor = 2 if name == "old" else 3
        front = chains.actor(stages[0], "Affine", "x", "a", factor=factor)
        back = chains.actor(stages[1], "Affine", "a", "y")
        chains.write(tmp_path / name, chains.connected(chain, front, back))
    return tmp_path


def settled(place: Path, **more: object) -> NodeSettings:
    fields = {"name": "n", "chain": "old", "stages": ["one"], "insecure": True} | more
    return settle(NodeConfig.model_validate(fields), base=place, file="node.yaml")


def test_nothing_is_next() -> None:
    with pytest.raises(ValidationError, match="next_stages without next"):
        NodeConfig(name="n", chain="old", next_stages=("one",), insecure=True)


def test_what_is_next_has_stages_of_its_own_or_the_same(place: Path) -> None:
    same = settled(place, next="new")
    assert same.next is not None
    assert same.next.generation != same.current.generation
    assert (same.next.stages, same.next.successors) == (("one",), frozenset({"two"}))
    renamed = settled(place, next="renamed", next_stages=["front"])
    assert renamed.next is not None
    assert (renamed.next.stages, renamed.problem) == (("front",), "")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"next": "nowhere"}, "there is no such directory"),
        ({"next": "renamed"}, "the chain has no stage 'one'; it has front, back"),
        ({"next": "other"}, "next is chain 'd'"),
    ],
)
def test_what_is_wrong_with_the_next_is_no_reason_not_to_run(
    place: Path, more: dict[str, object], problem: str
) -> None:
    found = settled(place, **more)
    assert found.next is None
    assert problem in found.problem
    assert found.current.stages == ("one",)


def test_a_chain_of_another_name_may_be_next_where_the_name_is_fixed(place: Path) -> None:
    found = settled(place, next="other", chain_name="shop")
    assert (found.problem, found.chain_name) == ("", "shop")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[one]", "['${first}x']", "4:1: stages: the chain has no stage 'onex'; it has one, two"),
        ("\ninsecure: true", "", " identity: is missing; `edgechain init` makes one"),
        ("port: 0", "port: ${second}", "6:7: port: there is no substitution 'second'"),
        ("port: 0", "port: !secret one", "6:1: port: is no place for a secret"),
        ("port: 0", "flash: {target: x}", "6:9: flash.target: should be ssh://"),
    ],
)
def test_a_mistake_in_a_file_has_its_place(place: Path, old: str, new: str, said: str) -> None:
    text = (
        "substitutions: {first: one}\nname: n\nchain: old\nstages: [one]\ninsecure: true\n"
        "port: 0\nwifi: {password: !secret there is none here}\n"
    )
    (place / "n.yaml").write_text(text)
    assert load_settings(place / "n.yaml").config.wifi is None
    (place / "n.yaml").write_text(text.replace(old, new))
    with pytest.raises(EdgechainError) as caught:
        load_settings(place / "n.yaml")
    assert str(caught.value).startswith(f"{place}/n.yaml:{said}")


def test_a_node_that_stands_by_has_no_stage_and_needs_nobody(place: Path) -> None:
    found = settled(place, stages=[], next="new", next_stages=["two"])
    assert (found.current.stages, found.current.successors) == ((), frozenset())
    assert found.next is not None
    assert found.next.stages == ("two",)
    leaving = settled(place, next="new", next_stages=[])
    assert leaving.next is not None
    assert (leaving.next.stages, leaving.problem) == ((), "")
