"""Chains whose nodes live on boards of their own, and a client on another board.

A client has to be in its board's namespace before its process has any thread, so it gets a process
of its own (``boarded_client``). What that says, and its result, are lines of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chain.bridges import Board
from tests.faults import crippled
from tests.faults.hash_chain import HashChain
from tests.faults.running import RunningChain, running
from tests.faults.suite import Report

NODE = "tests.faults.boarded_node"
CLIENT = "tests.faults.boarded_client"

WITHOUT = {
    "heartbeat": crippled.without_heartbeat,
    "patience": crippled.without_patience,
    "retries": crippled.without_retries,
    "timer": crippled.without_deadline_timer,
}
"""What a control may take away, from the client and from every node."""

Job = Mapping[str, Any]


def place(folder: Path, chain: HashChain, boards: Sequence[Board]) -> dict[str, Board]:
    """Which node is on which board: as many replicas of every stage as there are boards for."""
    replicas = len(boards) // len(chain.stages)
    names = [f"{stage}-{number}" for number in range(1, replicas + 1) for stage in chain.stages]
    at = dict(zip(names, boards, strict=True))
    for name, board in at.items():
        (folder / f"{name}.netns").write_text(board.namespace)
    return at


def running_on(
    at: Mapping[str, Board], chain: HashChain, folder: Path, *, slots: int = 8
) -> AbstractAsyncContextManager[RunningChain]:
    """The nodes on their boards, as ``running`` does it on loopback."""
    hosts = {name: board.address for name, board in at.items()}
    replicas = len(at) // len(chain.stages)
    return running(chain, folder, replicas=replicas, slots=slots, module=NODE, hosts=hosts)


class Failed(Exception):
    """A job did not come to its end."""


def ask_client(boards: Sequence[Board], job: Job, report: Report) -> dict[str, Any]:
    """Give a job to a client on the last of the boards; its result. Raises ``Failed``."""
    words = [sys.executable, "-m", CLIENT]
    words.append(json.dumps({**job, "boards": [asdict(board) for board in boards]}))
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                if "result" in said:
                    return dict(said["result"])
                _pass_on(said, report)
        finally:
            if process.poll() is None:
                process.terminate()
    raise Failed(f"the client ended with status {process.returncode}")


def _pass_on(said: dict[str, Any], report: Report) -> None:
    if "say" in said:
        report.say(said["say"])
    else:
        report.progress(*said["progress"])


class Told(Report):
    """The report of a process that is asked for something."""

    def say(self, text: str) -> None:
        """One line."""
        tell(say=text)

    def progress(self, done: int, total: int) -> None:
        """How far it is."""
        tell(progress=[done, total])


def tell(**said: Any) -> None:
    """Say something to who asked."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def boards_of(job: Job) -> list[Board]:
    """The boards of a job; the last one is where we are."""
    return [Board(**board) for board in job["boards"]]
