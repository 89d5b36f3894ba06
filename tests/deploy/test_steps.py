"""From what a device has to the steps: in order, with bytes, and with nothing secret."""

from __future__ import annotations

import json

import pytest

from edgechain.deploy.difference import Changes, Part, Parts, compare, parts_of
from edgechain.deploy.steps import Present, StepKind, steps_to

OLD = Parts(
    files={
        "node.yaml": Part("a" * 64, 40),
        "chain/chain.yaml": Part("b" * 64, 500),
        "chain/stage0.tflite": Part("c" * 64, 9_000),
    },
    wheels={"numpy.whl": Part("d" * 64, 70_000), "ours.whl": Part("e" * 64, 3_000)},
    config="name: pi-a\nthreads: 4\nslots: 4\n",
)
RUNNING = Present("000001-aa", "000001-aa", OLD, certified=True)


def with_file(parts: Parts, path: str, part: Part, config: str | None = None) -> Parts:
    return Parts(
        {**parts.files, path: part}, parts.wheels, parts.config if config is None else config
    )


def kinds(present: Present, wanted: Parts, missing: set[str]) -> list[StepKind]:
    return [step.kind for step in steps_to(present, wanted, frozenset(missing)).steps]


def test_an_empty_device_gets_everything_in_order() -> None:
    found = steps_to(Present(), OLD, frozenset(OLD.blobs))
    assert [step.kind for step in found.steps] == [
        *[StepKind.SEND] * 5,
        StepKind.ENVIRONMENT,
        StepKind.CERTIFY,
        StepKind.INSTALL,
        StepKind.SWITCH,
        StepKind.START,
        StepKind.GOOD,
    ]
    assert found.bytes == 40 + 500 + 9_000 + 70_000 + 3_000
    assert [step.words for step in found.steps[:2]] == ["numpy.whl", "ours.whl"]
    assert set(found.blobs) == set(OLD.blobs)
    assert found.kept == 0
    assert found.difference.config == ("+ name: pi-a", "+ threads: 4", "+ slots: 4")


def test_a_config_change_sends_the_config_and_keeps_the_environment() -> None:
    new = with_file(OLD, "node.yaml", Part("f" * 64, 41), OLD.config.replace("4\n", "2\n", 1))
    found = steps_to(RUNNING, new, frozenset({"f" * 64}))
    assert found.bytes == 41
    assert found.kept == 4
    assert StepKind.ENVIRONMENT not in [step.kind for step in found.steps]
    assert found.difference.config == ("  name: pi-a", "- threads: 4", "+ threads: 2", "  slots: 4")
    assert not found.difference.files.any


def test_a_model_change_names_what_comes_goes_and_stays() -> None:
    new = Parts(
        {
            "node.yaml": OLD.files["node.yaml"],
            "chain/chain.yaml": Part("0" * 64, 501),
            "chain/stage1.tflite": Part("1" * 64, 8_000),
        },
        OLD.wheels,
        OLD.config,
    )
    difference = compare(OLD, new)
    assert difference.files == Changes(
        added=("chain/stage1.tflite",),
        removed=("chain/stage0.tflite",),
        changed=("chain/chain.yaml",),
    )
    assert difference.config == ()
    assert difference.wheels.kept == ("numpy.whl", "ours.whl")


def test_other_wheels_are_another_environment() -> None:
    new = Parts(OLD.files, {**OLD.wheels, "ours.whl": Part("9" * 64, 3_001)}, OLD.config)
    assert StepKind.ENVIRONMENT in kinds(RUNNING, new, {"9" * 64})


def test_what_runs_already_and_is_healthy_needs_nothing() -> None:
    assert kinds(RUNNING, OLD, set()) == []


def test_who_is_out_of_the_fleet_is_told_without_another_generation() -> None:
    present = Present("000001-aa", "000001-aa", OLD, certified=True, informed=False)
    found = steps_to(present, OLD, frozenset())
    assert [step.kind for step in found.steps] == [StepKind.CERTIFY]
    assert not found.changes_what_runs


@pytest.mark.parametrize(
    "present",
    [
        Present("000002-bb", "000001-aa", OLD, certified=True),
        Present("000001-aa", "000001-aa", OLD, certified=False),
        Present("000001-aa", "000001-aa", None, certified=True),
    ],
    ids=["never found good", "without a certificate", "says nothing we understand"],
)
def test_what_is_not_known_to_be_well_is_flashed_again(present: Present) -> None:
    assert StepKind.SWITCH in kinds(present, OLD, set())


def test_a_blob_that_two_files_share_is_sent_once() -> None:
    twice = with_file(OLD, "chain/again.tflite", OLD.files["chain/stage0.tflite"])
    found = steps_to(Present(), twice, frozenset({"c" * 64}))
    assert found.blobs == ("c" * 64,)
    assert found.bytes == 9_000


def test_a_line_of_control_characters_moves_no_cursor() -> None:
    lines = compare(Parts(config="a: \x1b[2Jx\n"), Parts(config="a: y\n")).config
    assert "\x1b" not in "".join(lines)


def test_lines_like_the_heads_of_a_difference_are_lines() -> None:
    lines = compare(Parts(config="-- a\n"), Parts(config="++ b\n")).config
    assert lines == ("- -- a", "+ ++ b")


@pytest.mark.parametrize("listing", ["", "[]", "{}", '{"files": 1, "wheels": []}', "nonsense"])
def test_a_listing_that_is_none_is_nothing(listing: str) -> None:
    assert parts_of(listing, "") is None


def test_a_listing_is_read() -> None:
    listing = {
        "files": [{"path": "node.yaml", "sha256": "a" * 64, "size": 3, "private": False}],
        "wheels": [{"name": "numpy.whl", "sha256": "d" * 64, "size": 4}],
    }
    assert parts_of(json.dumps(listing), "x") == Parts(
        {"node.yaml": Part("a" * 64, 3)}, {"numpy.whl": Part("d" * 64, 4)}, "x"
    )
