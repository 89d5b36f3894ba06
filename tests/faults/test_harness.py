"""The chains of the fault suites: every answer is known, and a wrong one is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults.hash_chain import JOIN, LINE, Options, runs_in, slow, write_chain
from tests.faults.ledger import Ledger
from tests.faults.load import Asker, loaded
from tests.faults.running import running

pytestmark = [pytest.mark.faults, pytest.mark.processes, pytest.mark.xdist_group("faults")]


async def ask_through_a_kill(
    folder: Path, ways: Mapping[str, tuple[str, str]], options: Mapping[str, Options]
) -> Ledger:
    """Two replicas; a node of the last stage is killed, and started again, under load."""
    chain = write_chain(folder / "chain", ways, options=options)
    ledger = Ledger(chain.answer)
    async with (
        running(chain, folder, replicas=2) as live,
        live.connect() as client,
        loaded(Asker(client, chain, ledger, deadline=60.0), in_flight=4),
    ):
        node = live.replicas(chain.stages[-1])[0]
        assert await live.has_run(node, within=60.0)
        await node.kill()
        assert not node.is_running
        await live.restart(node)
        assert await live.has_run(node, within=60.0), "its next life works again"
    return ledger


def test_answers_are_right_also_around_a_kill(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    ledger = asyncio.run(ask_through_a_kill(tmp_path, JOIN, slow(JOIN, 0.002, runs)))
    account = ledger.account()
    assert account.faults == 0, f"{account}: {ledger.oddities}"
    assert account.right > 0
    written = {(run.pid, run.count) for _, run in runs_in(runs)}
    told = {(run.pid, run.count) for end in ledger.ends for run in end.runs}
    assert told <= written, "an answer tells which runs made it, and the workers say the same"


def test_a_stage_that_mixes_answers_up_is_seen(tmp_path: Path) -> None:
    options: dict[str, Options] = {"first": {"mixes": True}}
    ledger = asyncio.run(ask_through_a_kill(tmp_path, LINE, options))
    assert ledger.account().mixed > 0
    assert "got the answer of" in ledger.oddities[0]
