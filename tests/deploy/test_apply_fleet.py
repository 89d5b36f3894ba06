"""`edgechain apply` moves the chain of flashed boards: real sshd, real nodes, a client that asks.

One fleet for all tests: each leaves it working, whatever it runs then.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgechain.deploy.fleet import Fleet, NextChain
from edgechain.deploy.orders import read_orders
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.zipped import agent
from edgechain.errors import EdgechainError
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.ids import Generation
from edgechain.spec.status import GenerationState
from tests.commands import Said
from tests.deploy.board import DIGITS, make_wheels, tree
from tests.deploy.breaking import replace_stage, truncated
from tests.deploy.fleet_boards import NAMES, FleetBoards, fleet_boards
from tests.deploy.test_over_ssh import alive_apart
from tests.ports import free_port

pytestmark = [
    pytest.mark.once,
    pytest.mark.sshd,
    pytest.mark.processes,
    pytest.mark.may_block,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("fleet-boards"),
]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetBoards]:
    folder = tmp_path_factory.mktemp("fleet")
    with fleet_boards(folder, make_wheels(folder / "packages")) as made:
        yield made


async def applied(fleet: FleetBoards, plan: Path, *more: str | Path, status: int = 0) -> Said:
    return await asyncio.to_thread(fleet.apply, plan, *more, status=status)


def outcomes(fleet: FleetBoards) -> list[str]:
    told = fleet.first("flash", *fleet.files, "--yes", "--json").json()["devices"]
    return [one["outcome"] for one in told]


async def test_there_and_back_while_a_client_asks(fleet: FleetBoards) -> None:
    """From two boards to three, to one, and to the first plan; nothing is started anew."""
    two = fleet.plan("two", ("head", 0, ["pi-a"]), ("tail", 60, ["pi-b"]))
    three = fleet.plan("three", ("p", 0, ["pi-c"]), ("q", 30, ["pi-a"]), ("r", 60, ["pi-b"]))
    one = fleet.plan("one", ("whole", 0, ["pi-c"]))
    pids = fleet.pids()
    seen = set()
    async with fleet.asked() as answers:
        for plan, placement in (
            (two, {"pi-a": ["head"], "pi-b": ["tail"], "pi-c": []}),
            (three, {"pi-a": ["q"], "pi-b": ["r"], "pi-c": ["p"]}),
            (one, {"pi-a": [], "pi-b": [], "pi-c": ["whole"]}),
            (two, {"pi-a": ["head"], "pi-b": ["tail"], "pi-c": []}),
        ):
            told = await applied(fleet, plan)
            assert "chain digits runs generation" in told.out
            await answers.more(6)
            assert await fleet.placement() == placement
            seen.add(await fleet.generation())
    answers.require_all_right()
    assert len(seen) == 3, "the first plan's chain is used again"
    assert fleet.pids() == pids
    assert await asyncio.to_thread(outcomes, fleet) == ["unchanged"] * 3
    text = fleet.file("pi-a").read_text()
    assert text.startswith("# the board pi-a\n")
    assert text.endswith("# and its end\n")
    assert "chain_name: digits" in text
    assert "stages: [head]" in text
    assert "already runs" in (await applied(fleet, two)).out


@dataclass(frozen=True)
class Ways:
    """Two plans, one of which runs at a time: a test moves to the other one."""

    plans: tuple[Path, Path]
    placements: tuple[dict[str, list[str]], dict[str, list[str]]]

    async def other(self, fleet: FleetBoards) -> int:
        """The number of the plan that does not run now."""
        return 1 if await fleet.placement() == self.placements[0] else 0


@pytest.fixture(scope="module")
def ways(fleet: FleetBoards) -> Ways:
    made = Ways(
        (
            fleet.plan("left", ("up", 0, ["pi-a"]), ("down", 40, ["pi-b"])),
            fleet.plan("right", ("up", 0, ["pi-b"]), ("down", 80, ["pi-c", "pi-a"])),
        ),
        (
            {"pi-a": ["up"], "pi-b": ["down"], "pi-c": []},
            {"pi-a": ["down"], "pi-b": ["up"], "pi-c": ["down"]},
        ),
    )
    fleet.apply(made.plans[0])
    return made


def texts(fleet: FleetBoards) -> list[bytes]:
    return [file.read_bytes() for file in fleet.files]


async def test_a_dry_run_changes_nothing_anywhere(fleet: FleetBoards, ways: Ways) -> None:
    before = alive_apart(tree(fleet.first.root.parent)), tree(fleet.first.project)
    number = await ways.other(fleet)
    words = fleet.words(ways.plans[number], "--dry-run")
    shown = await asyncio.to_thread(fleet.first, *words)
    assert "stands by no longer" in shown.out
    assert "10.000 ms now, 10.000 ms then" in shown.out
    told = (await asyncio.to_thread(fleet.first, *words, "--json")).json()
    assert told["applied"] is False
    assert {one["name"]: one["then"] for one in told["devices"]} == {
        name: stages for name, stages in ways.placements[number].items() if stages
    }
    assert (alive_apart(tree(fleet.first.root.parent)), tree(fleet.first.project)) == before


async def test_a_submodel_that_cannot_be_loaded_leaves_all_as_it_was(
    fleet: FleetBoards, ways: Ways
) -> None:
    plan = fleet.plan("bad", ("up", 0, ["pi-a"]), ("down", 60, ["pi-c"]))
    broken = fleet.first.project / "broken"
    await asyncio.to_thread(fleet.first, "split", DIGITS, "--plan", plan, "-o", broken)
    replace_stage(broken, 1, truncated((broken / "down.tflite").read_bytes()))
    before = fleet.currents(), fleet.pids(), texts(fleet), await fleet.generation()
    async with fleet.asked() as answers:
        said = await applied(fleet, plan, "--to", broken, status=1)
    answers.require_all_right()
    refusal = said.err.strip().splitlines()[-1]
    assert "pi-c: " in refusal
    assert "the chain runs as before" in refusal
    assert "Traceback" not in said.err
    after = fleet.currents(), fleet.pids(), texts(fleet), await fleet.generation()
    assert after == before
    assert await asyncio.to_thread(outcomes, fleet) == ["unchanged"] * 3


async def test_who_cannot_take_part_is_said_in_one_line(fleet: FleetBoards, ways: Ways) -> None:
    plan = ways.plans[await ways.other(fleet)]
    before = fleet.currents(), texts(fleet), await fleet.generation()

    async def refusal(*words: str | Path, status: int = 1) -> str:
        made = (*words, "--model", DIGITS, "--yes")
        said = await asyncio.to_thread(fleet.first, "apply", *made, status=status)
        return said.refusal() if status == 1 else said.err

    assert "is for a chain of" in await refusal(plan, fleet.files[0], "--chain", "x", status=2)
    wanted = fleet.plan("wanted", ("whole", 0, ["pi-c"]))
    assert "has stages for pi-c, and no file" in await refusal(wanted, *fleet.files[:2])
    fresh = fleet.first.write_config(
        "pi-d",
        port=free_port(),
        stages=[],
        flash={"target": f"{fleet.first.server.url}{fleet.first.root.parent}/pi-d"},
    )
    said = await refusal(plan, *fleet.files, fresh)
    assert f"pi-d: nothing was flashed to it yet; `edgechain flash {fresh}` first" in said
    text = fleet.file("pi-b").read_text()
    fleet.file("pi-b").write_text(text.replace("slots: 4", "slots: 5"))
    assert "pi-b.yaml says slots otherwise than it runs with" in await refusal(plan, *fleet.files)
    fleet.file("pi-b").write_text(text)
    silent = fleet.pids()["pi-c"]
    os.kill(silent, signal.SIGSTOP)
    try:
        assert "pi-c: its node does not answer at" in await refusal(plan, *fleet.files)
    finally:
        os.kill(silent, signal.SIGCONT)
    assert (fleet.currents(), texts(fleet), await fleet.generation()) == before


WAYS_TO_BREAK_OFF = (
    "killed",
    pytest.param("interrupted", marks=pytest.mark.fleet),
    pytest.param("cut off", marks=pytest.mark.fleet),
)


@pytest.mark.parametrize("how", WAYS_TO_BREAK_OFF)
async def test_broken_off_while_the_next_generation_loads(
    fleet: FleetBoards, ways: Ways, how: str
) -> None:
    """The chain answers as before, and the same command again goes on from there."""
    number, pids = await ways.other(fleet), fleet.pids()
    before, generation, files = fleet.currents(), await fleet.generation(), texts(fleet)
    words = fleet.words(ways.plans[number], "--yes")
    async with fleet.asked() as answers:
        moving = fleet.start(*words)
        while fleet.currents() == before:
            assert moving.poll() is None, moving.communicate()
            await asyncio.sleep(0.005)
        if how == "cut off":
            fleet.first.server.cut()
        else:
            moving.send_signal(signal.SIGINT if how == "interrupted" else signal.SIGKILL)
        said = await asyncio.to_thread(moving.communicate, timeout=60)
        assert moving.returncode == {"interrupted": 130, "killed": -9, "cut off": 1}[how], said
        await answers.more(6)
        assert await fleet.generation() == generation
        assert texts(fleet) == files
        if how == "interrupted":
            assert fleet.currents() == before
        await asyncio.to_thread(free, fleet)
        assert "runs generation" in (await applied(fleet, ways.plans[number])).out
        assert await fleet.placement() == ways.placements[number]
    answers.require_all_right()
    assert fleet.pids() == pids
    assert await asyncio.to_thread(outcomes, fleet) == ["unchanged"] * 3


def free(fleet: FleetBoards) -> None:
    """Wait until nobody holds a board any more."""
    while "being flashed by" in fleet.first("flash", *fleet.files, "--dry-run", status=None).err:
        pass


async def test_cut_off_when_one_board_was_told_and_others_were_not(
    fleet: FleetBoards, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds the new generation serves it to whoever asks; the same command goes on."""
    number, pids = await ways.other(fleet), fleet.pids()
    for name, value in fleet.first.environment().items():
        monkeypatch.setenv(name, value)
    orders = read_orders(fleet.files, None)
    boards = Fleet(orders, Agent(agent(), keep=True))
    directory = await asyncio.to_thread(cut, fleet, ways.plans[number])
    chain = NextChain(
        "digits",
        Generation(load_manifest(directory).generation),
        directory,
        {name: tuple(stages) for name, stages in ways.placements[number].items()},
    )
    async with fleet.asked() as answers:
        async with boards.moving(await boards.look(), chain, lambda *_: None) as (ground, _):
            await ground.prepare()
            while not all(one.state is GenerationState.READY for one in await ground.look()):
                pass
            await ground._devices[0].commit()
            fleet.first.server.cut()
            with pytest.raises(EdgechainError, match="the connection was lost"):
                await ground.commit()
        await answers.more(12)
        assert len({one.generation for one in (await fleet.statuses()).values()}) == 2
        words = ("--to", directory)
        assert "runs generation" in (await applied(fleet, ways.plans[number], *words)).out
        assert await fleet.placement() == ways.placements[number]
    answers.require_all_right()
    assert fleet.pids() == pids
    assert await asyncio.to_thread(outcomes, fleet) == ["unchanged"] * 3


async def test_a_worker_that_dies_after_a_move_is_replaced(fleet: FleetBoards, ways: Ways) -> None:
    """Where its submodel lay while the node moved is gone by then."""
    number, pids = await ways.other(fleet), fleet.pids()
    await applied(fleet, ways.plans[number])
    before = await fleet.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(60):
        while len(now := await fleet.workers()) < len(before) or now & before:
            pass
    assert fleet.pids() == pids
    async with fleet.asked() as answers:
        await answers.more(6)
    answers.require_all_right()


def cut(fleet: FleetBoards, plan: Path) -> Path:
    """The chain of a plan, cut by hand."""
    fleet.first("split", DIGITS, "--plan", plan, "-o", "by-hand")
    return fleet.first.project / "by-hand"


def test_going_back_by_hand_starts_what_ran_before_the_move(fleet: FleetBoards, ways: Ways) -> None:
    """Not the step on the way, which is gone."""
    kept = {name: (fleet.root(name) / "current").resolve() for name in NAMES}
    plan = fleet.plan("last", ("whole", 0, ["pi-a", "pi-b"]))
    fleet.apply(plan)
    pids = fleet.pids()
    fleet.first("rollback", *fleet.files)
    assert {name: (fleet.root(name) / "current").resolve() for name in NAMES} == kept
    assert all(fleet.pids()[name] != pids[name] for name in NAMES)
