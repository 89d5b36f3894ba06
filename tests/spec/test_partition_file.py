"""Hand-made partitions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edgechain.spec import partition_file
from edgechain.spec.document import parse
from edgechain.spec.partition_file import PartitionFile, parse_operators, render_operators

TENSOR = {"name": "t", "dtype": "uint8", "shape": [1, 2]}


def test_the_example_in_the_docstring_is_one() -> None:
    example = (partition_file.__doc__ or "").partition("FILE``.")[2].partition("\nAn actor")[0]
    made = parse(PartitionFile, example, file="cut.yaml")
    assert [stage.name for stage in made.stages] == ["brighten", "backbone", "left", "right"]
    assert made.stages[0].actor == "brighten:Brighten"
    assert made.stages[0].inputs[0].shape == (1, 300, 300, 3)


@pytest.mark.parametrize(
    ("text", "operators"),
    [
        ("0-3, 7", (0, 1, 2, 3, 7)),
        ("8-", (8, 9)),
        ("9", (9,)),
        (4, (4,)),
        (" 1 - 2 ,5", (1, 2, 5)),
        ("5-5", (5,)),
    ],
)
def test_ranges(text: str | int, operators: tuple[int, ...]) -> None:
    assert parse_operators(text, 10) == operators


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'' is not a range"),
        ("1,,2", "'' is not a range"),
        ("a-b", "'a-b' is not a range"),
        ("-3", "'-3' is not a range"),
        (-3, "'-3' is not a range"),
        ("1-2-3", "'1-2-3' is not a range"),
        ("10", "'10' is outside the model's operators 0-9"),
        ("8-10", "'8-10' is outside"),
        ("5-4", "'5-4' is outside"),
    ],
)
def test_what_is_no_range_is_quoted(text: str | int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_operators(text, 10)


@given(st.sets(st.integers(0, 60), min_size=1))
def test_writing_and_reading_are_inverse(operators: set[int]) -> None:
    wanted = tuple(sorted(operators))
    assert parse_operators(render_operators(wanted), 61) == wanted


@pytest.mark.parametrize(
    ("stage", "complaint"),
    [
        ({}, "needs either operators or an actor"),
        (
            {"operators": "0", "actor": "a:B", "inputs": [TENSOR], "outputs": [TENSOR]},
            "needs either operators or an actor",
        ),
        ({"operators": "0", "inputs": [TENSOR]}, "only an actor states inputs and outputs"),
        ({"operators": "0", "options": {"gain": 1}}, "only an actor states"),
        ({"actor": "a:B", "inputs": [TENSOR]}, "an actor states its inputs and outputs"),
        ({"actor": "a", "inputs": [TENSOR], "outputs": [TENSOR]}, "should match pattern"),
        ({"operators": "0", "colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_refused(stage: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PartitionFile.model_validate({"stages": [{"name": "s", **stage}]})


def test_a_partition_has_stages() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        PartitionFile.model_validate({"stages": []})
