"""A real sshd, flashed again and again: what it runs answers, and what is not well goes back.

One board for all tests, because its environment takes the longest: each leaves it running the
chain, and well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.board import DIGITS, NAME, ON_A_BOARD, Board, one_device, tree
from tests.deploy.breaking import garbage, replace_stage, truncated

pytestmark = ON_A_BOARD

SMALL = 40_000
"""Bytes of a flash that changes a few lines: frames, and the listing with its wheels twice."""

STAGES_OF_THREE = ("stage0.tflite", "stage1.tflite", "stage2.tflite")
ALIVE = ("log", "pid")
"""What the running node writes in the board's root."""


def kinds(told: dict[str, list[dict[str, object]]]) -> list[object]:
    return [step["kind"] for step in told["steps"]]


def test_a_dry_run_before_anything_is_there_makes_nothing(flashed: Board) -> None:
    assert flashed.story["before"] == flashed.story["after the dry run"] == {}
    assert "environment  a new one of" in flashed.story["shown"]
    assert "chain/stage1.tflite" in flashed.story["shown"]


async def test_the_first_flash_brings_everything_and_it_answers(flashed: Board) -> None:
    told = flashed.story["first"]
    assert told["outcome"] == "flashed"
    assert told["service"] == "process"
    assert told["bytes_sent"] > told["bytes"] > 50_000_000
    assert told["kept"] == 0
    assert "environment" in kinds(told)
    assert (flashed.root / "identity" / "identity.key").stat().st_mode & 0o777 == 0o600
    assert not (flashed.project / "identities" / NAME).exists()
    assert await flashed.answers()


async def test_a_config_change_sends_the_config(flashed: Board) -> None:
    flashed.write_config()
    flashed.flash()
    before = flashed.current
    flashed.write_config(slots=3)
    told = flashed.flash()
    assert told["outcome"] == "flashed"
    assert told["bytes"] == (flashed.root / "current" / "node.yaml").stat().st_size
    assert told["bytes_sent"] < SMALL
    assert kinds(told) == ["send", "certify", "install", "switch", "start", "good"]
    assert {"- slots: 4", "+ slots: 3"} <= set(told["difference"]["config"])
    assert told["generation"] == flashed.current != before
    assert await flashed.answers()


async def test_another_cut_sends_its_submodels(flashed: Board, cut_otherwise: Path) -> None:
    shutil.rmtree(cut_otherwise)
    flashed("split", DIGITS, "-o", "digits", "--stages", "3")
    told = flashed.flash()
    files = told["difference"]["files"]
    assert files["added"] == ["chain/stage2.tflite"]
    assert "chain/chain.yaml" in files["changed"]
    files_of_it = [cut_otherwise / name for name in ("chain.yaml", *STAGES_OF_THREE)]
    assert told["bytes"] <= sum(path.stat().st_size for path in files_of_it) + 1_000
    assert told["bytes_sent"] < told["bytes"] + SMALL
    assert await flashed.answers()


async def test_what_runs_already_is_left_alone(flashed: Board) -> None:
    flashed.flash()
    before = flashed.current
    told = flashed.flash()
    assert (told["outcome"], told["steps"], flashed.current) == ("unchanged", [], before)


def test_who_is_out_of_the_fleet_is_told_to_a_device_that_runs_what_it_should(
    flashed: Board,
) -> None:
    flashed.flash()
    before = flashed.current
    flashed("init", ".", "lost", "--client", "laptop")
    flashed("revoke", ".", "lost")
    told = flashed.flash()
    assert (kinds(told), flashed.current) == (["certify"], before)
    lists = [flashed.root / "identity" / "revoked.crl", flashed.project / "fleet" / "revoked.crl"]
    assert lists[0].read_bytes() == lists[1].read_bytes()
    assert flashed.flash()["outcome"] == "unchanged"


async def test_a_dry_run_changes_nothing(flashed: Board) -> None:
    flashed.write_config(slots=7)
    before = alive_apart(tree(flashed.root.parent))
    told = one_device(flashed("flash", flashed.config, "--dry-run", "--json"))
    assert told["outcome"] == "shown"
    assert "+ slots: 7" in told["difference"]["config"]
    assert alive_apart(tree(flashed.root.parent)) == before
    assert await flashed.answers()


def alive_apart(found: dict[str, str]) -> dict[str, str]:
    return {path: what for path, what in found.items() if Path(path).name not in ALIVE}


@pytest.mark.parametrize("spoil", [truncated, garbage])
async def test_a_broken_model_goes_back_by_itself(
    flashed: Board, cut_otherwise: Path, spoil: Callable[[bytes], bytes]
) -> None:
    flashed.flash()
    before = flashed.current
    replace_stage(cut_otherwise, 1, spoil((cut_otherwise / "stage1.tflite").read_bytes()))
    said = flashed("flash", flashed.config, "--yes", status=1)
    refusal = said.err.strip().splitlines()[-1]
    assert "the new generation is not well" in refusal
    assert f"{before} runs again" in refusal
    assert "stage1" in refusal
    assert f"{NAME} | " in said.out, "the journal's end"
    assert "Traceback" not in said.out + said.err
    assert flashed.current == before == (flashed.root / "good").read_text().strip()
    assert await flashed.answers()
