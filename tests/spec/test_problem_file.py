"""Problem files: the example that is promised, and every way to get one wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.errors import InvalidDocument
from edgechain.spec import problem_file
from edgechain.spec.problem import Board, Problem, Unit, Wire
from edgechain.spec.problem_file import parse_problem

GOOD = """{
  "units": [
    {"name": "a", "inputs": [], "work_ms": {"x": 1, "y": 2}, "memory_bytes": 5, "output_bytes": 7},
    {"name": "b", "inputs": ["a"], "work_ms": {"x": 3}}
  ],
  "devices": [
    {"name": "x", "memory_bytes": 100},
    {"name": "y"}
  ],
  "links": [
    {"from": "x", "to": "y", "bytes_per_second": 1e6, "seconds": 0.25}
  ]
}
"""


def read(text: str) -> Problem:
    return parse_problem(text, file="p.json")


def test_what_is_written_is_read() -> None:
    assert read(GOOD) == Problem(
        (
            Unit("a", (), {"x": 0.001, "y": 0.002}, 5, 7),
            Unit("b", ("a",), {"x": 0.003}),
        ),
        (Board("x", 100), Board("y")),
        (Wire("x", "y", 1e6, 0.25),),
    )


def test_the_example_in_the_docstring_is_one() -> None:
    example = (problem_file.__doc__ or "").partition("YAML.")[2].partition("\nA unit")[0]
    assert [board.name for board in read(example).boards] == ["pi-a", "pi-b"]


def test_without_links_sending_is_free_and_with_none_there_is_no_way() -> None:
    written = json.loads(GOOD)
    assert read(json.dumps({**written, "links": []})).wires == ()
    del written["links"]
    assert read(json.dumps(written)).wires is None


def test_yaml_will_do() -> None:
    text = "units: [{name: a, work_ms: {x: 1.5}}]\ndevices: [{name: x}]\n"
    assert read(text) == Problem((Unit("a", (), {"x": 0.0015}),), (Board("x"),))


BROKEN = {
    "a bracket that is missing": ('"x": 3}}', '"x": 3}', "5:3: is not YAML: "),
    "a bracket of the wrong kind": ('"links": [', '"links": {', "12:3: is not YAML: "),
    "a key that is nearly right": ('"units"', '"unit"', "2:3: unit: is no key that is known"),
    "a key nobody knows": ('"memory_bytes": 100', '"gpu": 1', "7:19: devices.0.gpu: is no key"),
    "a key in the wrong unit": ('"seconds": 0.25', '"ms": 9', "11:55: links.0.ms: is no key"),
    "no devices": ('"devices"', '"board"', "6:3: board: is no key that is known"),
    "no rate": ('"bytes_per_second": 1e6, ', "", "11:5: links.0.bytes_per_second: Field required"),
    "a name of no letters": ('"name": "b"', '"name": ""', "4:6: units.1.name: "),
    "a name that is a number": ('"name": "b"', '"name": 5', "4:6: units.1.name: "),
    "half a character": ('"name": "b"', '"name": "\\ud800"', "4:6: units.1.name: "),
    "a name of many letters": ('"name": "b"', f'"name": "{"b" * 257}"', "4:6: units.1.name: "),
    "one input without its list": ('["a"]', '"a"', "4:19: units.1.inputs: "),
    "work below nothing": ('"x": 3', '"x": -3', "4:48: units.1.work_ms.x: "),
    "work that is said twice": (
        '"x": 3',
        '"x": 3, "x": 4',
        "4:56: is not YAML: found duplicate key",
    ),
    "work in words": ('"x": 3', '"x": "three"', "4:48: units.1.work_ms.x: "),
    "work that is no number": ('"x": 3', '"x": NaN', "4:48: units.1.work_ms.x: "),
    "work without end": ('"x": 3', '"x": 1e999', "4:48: units.1.work_ms.x: "),
    "work that is nothing": ('"x": 3', '"x": null', "4:48: units.1.work_ms.x: "),
    "half a byte": ('"memory_bytes": 5', '"memory_bytes": 5.5', "3:62: units.0.memory_bytes: "),
    "memory below nothing": ('_bytes": 5', '_bytes": -1', "3:62: units.0.memory_bytes: "),
    "memory beyond counting": ('_bytes": 5', '_bytes": 1e30', "3:62: units.0.memory_bytes: "),
    "a number of 5,000 digits": ('_bytes": 5', f'_bytes": {"9" * 5000}', " is not YAML: "),
    "a link that carries nothing": ("1e6", "0", "11:30: links.0.bytes_per_second: "),
    "a link into the past": ("0.25", "-1", "11:55: links.0.seconds: "),
    "two units of one name": ('"name": "b"', '"name": "a"', "unit 'a' stands twice"),
    "two devices of one name": ('"name": "y"', '"name": "x"', "device 'x' stands twice"),
    "an input nobody makes": ('["a"]', '["z"]', "unit 'b' reads 'z', which no unit makes"),
    "a unit that reads itself": ('["a"]', '["b"]', "unit 'b' waits for itself"),
    "work on no device": ('"x": 3', '"z": 3', "unit 'b' has work for 'z', which is no device"),
    "a link to no device": ('"to": "y"', '"to": "q"', "a link names 'q', which is no device"),
    "a link to itself": ('"to": "y"', '"to": "x"', "a link leads from 'x' to itself"),
}
"""What is changed in the good file, and what is said of it."""


def refusal(text: str) -> str:
    with pytest.raises(InvalidDocument) as refused:
        read(text)
    check(refused.value)
    return str(refused.value)


def check(error: InvalidDocument) -> None:
    """It names the file in one line, without codes for a terminal."""
    assert str(error).startswith("p.json:")
    assert str(error).isprintable()


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_said_with_its_place(case: str) -> None:
    old, new, said = BROKEN[case]
    assert GOOD.count(old) >= 1
    assert said in refusal(GOOD.replace(old, new, 1))


NO_PROBLEM = {
    "nothing": "",
    "a list": "[]",
    "null": "null",
    "a number": "5",
    "a byte": "\x00",
    "no keys": "{}",
    "no units": '{"units": [], "devices": [{"name": "x"}]}',
    "no devices": '{"units": [{"name": "a", "work_ms": {}}], "devices": []}',
    "brackets": "[" * 700,
    "braces": "{" * 700,
    "lists in lists": '{"units": ' + "[0," * 700,
    "what holds itself": "units: &a [*a]",
    "a tag that runs code": "units: !!python/object/apply:os.getcwd []",
}


@pytest.mark.parametrize("case", NO_PROBLEM)
def test_what_is_no_problem_at_all_is_refused(case: str) -> None:
    refusal(NO_PROBLEM[case])


def test_too_many_units_are_refused() -> None:
    units = [{"name": f"u{at}", "work_ms": {}} for at in range(problem_file.MAX_UNITS + 1)]
    text = json.dumps({"units": units, "devices": [{"name": "x"}]})
    assert "units: Tuple should have at most 4096 items" in refusal(text)


@given(st.integers(0, len(GOOD)), st.integers(0, 20), st.text(max_size=5))
def test_anything_else_is_read_or_refused(start: int, length: int, inserted: str) -> None:
    text = GOOD[:start] + inserted + GOOD[start + length :]
    try:
        read(text)
    except InvalidDocument as error:
        check(error)
