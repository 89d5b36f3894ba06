"""What people do with boards besides flashing one: watch, go back, flash several, be asked."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edgechain.deploy.device.process_service import ProcessService
from tests.deploy.board import ON_A_BOARD, Board
from tests.ports import free_port

pytestmark = ON_A_BOARD


Process = subprocess.Popen[str]


async def test_going_back_by_hand_and_reading_the_journal(flashed: Board) -> None:
    flashed.write_config(slots=20)
    flashed.flash()
    old = flashed.current
    flashed.write_config(slots=21)
    flashed.flash()
    assert f"runs {old} again, and is well" in flashed("rollback", flashed.config).out
    assert flashed.current == old
    assert await flashed.answers()
    lines = flashed("logs", flashed.config, "--lines", "5").out.splitlines()
    assert 0 < len(lines) <= 5
    assert flashed.flash()["outcome"] == "flashed"
    assert await flashed.answers()


async def test_a_board_that_lost_its_key_gets_a_new_certificate_when_that_is_said(
    flashed: Board,
) -> None:
    before = (flashed.root / "identity" / "identity.pem").read_bytes()
    shutil.rmtree(flashed.root / "identity")
    said = await asyncio.to_thread(flashed, "flash", flashed.config, "--yes", status=1)
    assert "--new-key" in said.err
    assert (await asyncio.to_thread(flashed.flash, "--new-key"))["outcome"] == "flashed"
    assert (flashed.root / "identity" / "identity.pem").read_bytes() != before
    assert await flashed.answers()


def test_run_flashes_and_follows_the_journal_until_ctrl_c(flashed: Board) -> None:
    flashed.write_config(slots=22)
    with started(flashed, "run", str(flashed.config), "--yes", "--lines", "1") as following:
        said = following.stdout
        assert said is not None
        wait_for("runs stage0", said)
        assert "slots: 22" in (flashed.root / "current" / "node.yaml").read_text()
        asyncio.run(flashed.ask())
        wait_for("joins", said)
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130


def test_somebody_at_a_terminal_is_asked(flashed: Board) -> None:
    flashed.flash()
    before = flashed.current
    flashed.write_config(slots=23)
    assert answered(flashed, "n") == 1
    assert flashed.current == before
    assert answered(flashed, "y") == 0
    assert flashed.current != before


@contextmanager
def started(running: Board, *words: str, stdin: int = subprocess.DEVNULL) -> Iterator[Process]:
    """A command that goes on; it is ended at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "edgechain", *words],
        env=running.environment(),
        cwd=running.project,
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(word: str, said: IO[str]) -> None:
    heard: list[str] = []
    while not heard or word not in heard[-1]:
        heard.append(said.readline())
        assert heard[-1], f"it ended, and said {heard}"


def answered(running: Board, answer: str) -> int:
    """The exit status of a flash that is asked for at a terminal, and answered."""
    ours, theirs = pty.openpty()
    try:
        with started(running, "flash", str(running.config), stdin=theirs) as process:
            assert process.stdout is not None
            wait_for("of files to send", process.stdout)
            os.write(ours, f"{answer}\n".encode())
            process.stdout.read()
            return process.wait(60)
    finally:
        os.close(ours)
        os.close(theirs)


async def test_two_boards_run_a_chain_and_one_that_is_off_holds_up_nobody(
    flashed: Board, tmp_path: Path
) -> None:
    other, port = "pi-b", free_port()
    addresses = [f"127.0.0.1:{flashed.port}", f"127.0.0.1:{port}"]
    root = flashed.root.parent / other
    flashed.write_config(stages=["stage0"], peers=addresses[1:])
    target = {"target": f"{flashed.server.url}{root}"}
    files = [
        flashed.config,
        flashed.write_config(
            other, port=port, stages=["stage1"], peers=addresses[:1], flash=target
        ),
        flashed.write_config("pi-off", flash={"target": f"ssh://pi@127.0.0.1:{free_port()}"}),
    ]
    try:
        said = await asyncio.to_thread(flashed, "flash", *files, "--yes", "--json", status=1)
        assert [told["outcome"] for told in said.json()["devices"]] == [
            *("flashed", "flashed", "failed")
        ]
        assert "cannot be reached" in said.err
        assert sorted(path.name for path in (root / "current" / "chain").iterdir()) == [
            *("chain.yaml", "stage1.tflite")
        ]
        assert await flashed.answers(addresses)
    finally:
        ProcessService(root).stop()
        flashed.write_config()
    assert (await asyncio.to_thread(flashed.flash))["outcome"] == "flashed"


def test_the_journal_is_followed_until_ctrl_c(flashed: Board) -> None:
    with started(flashed, "logs", str(flashed.config), "-f", "--lines", "1") as following:
        said = following.stdout
        assert said is not None
        assert said.readline()
        asyncio.run(flashed.ask())
        wait_for("joins", said)
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 130
