"""A node's configuration, with the generation to be ready beside the one it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from edgechain.node.settings import NodeSettings, settle
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
