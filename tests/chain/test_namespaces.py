"""Nodes in three network namespaces on a bridge find each other and run a real model."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgechain.client.archives import read_npz, write_npz
from edgechain.runtime.chain_files import load_manifest
from edgechain.security.identity import write_throwaway
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import render
from tests.chain.bridges import Board, bridge
from tests.chain.test_real_models import Arrays, answers, cut, invented
from tests.commands import same_bits

pytestmark = [pytest.mark.once, pytest.mark.netns, pytest.mark.models, pytest.mark.processes]

STAGES = 3
QUESTIONS = 6
PORT = 50551
NAME = "across"
WITHIN = 60.0


@pytest.fixture
def chain(models: Path, tmp_path: Path) -> Path:
    cut(models / "detect.tflite", tmp_path / "chain", STAGES)
    return tmp_path / "chain"


@contextmanager
def running(
    boards: tuple[Board, ...], chain: Path, stages: list[str], *, static: bool
) -> Iterator[None]:
    """A node on every board; ended by Ctrl-C, and cleanly."""
    names = tuple(f"board-{number}" for number in range(STAGES))
    write_throwaway(chain.parent / "identities", NAME, names, "hub")
    configs = [write_config(boards, number, chain, stages, static) for number in range(STAGES)]
    nodes = [
        board.start(
            [sys.executable, "-m", "edgechain", "node", str(path)], path.with_suffix(".log")
        )
        for board, path in zip(boards, configs, strict=True)
    ]
    try:
        yield
    finally:
        for node in nodes:
            node.send_signal(signal.SIGINT)
        ends = [wait(node) for node in nodes]
    assert ends == [0] * STAGES, [path.with_suffix(".log").read_text() for path in configs]


def wait(node: subprocess.Popen[bytes]) -> int:
    try:
        return node.wait(WITHIN)
    except subprocess.TimeoutExpired:
        node.kill()
        return node.wait()


def write_config(
    boards: tuple[Board, ...], number: int, chain: Path, stages: list[str], static: bool
) -> Path:
    others = tuple(f"{board.address}:{PORT}" for board in boards if board is not boards[number])
    config = NodeConfig(
        name=f"board-{number}",
        identity=f"identities/board-{number}",
        chain=str(chain),
        chain_name=NAME,
        stages=(stages[number],),
        port=PORT,
        interfaces=(boards[number].nic,),
        discovery="static" if static else "mdns",
        peers=others if static else (),
        threads=1,
    )
    path = chain.parent / f"board-{number}.yaml"
    path.write_text(render(config))
    return path


@pytest.mark.parametrize(
    ("static", "asker"),
    [(False, -1), (False, 0), (True, -1)],
    ids=["mdns, from a fourth board", "mdns, from a node's board", "static peers"],
)
def test_three_boards_answer_like_the_whole_model(
    models: Path,
    tmp_path: Path,
    chain: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    static: bool,
    asker: int,
) -> None:
    manifest = load_manifest(chain)
    asked: list[Arrays] = [invented(manifest, seed) for seed in range(QUESTIONS)]
    for number, inputs in enumerate(asked):
        write_npz(tmp_path / f"x{number}.npz", inputs)
    stages = [stage.name for stage in manifest.stages]
    with bridge(STAGES) as (*boards, hub):
        client = (*boards, hub)[asker]
        peers = [f"{board.address}:{PORT}" for board in boards] if static else []
        words = [sys.executable, "-m", "tests.chain.ask_chain", NAME, str(tmp_path), *peers]
        monkeypatch.setenv("EDGECHAIN_IDENTITY", str(tmp_path / "identities" / "hub"))
        with running(tuple(boards), chain, stages, static=static):
            client.run(words, tmp_path / "client.log", WITHIN)
    found = [read_npz(tmp_path / f"y{number}.npz") for number in range(QUESTIONS)]
    for got, wanted in zip(found, answers(models / "detect.tflite", manifest, asked), strict=True):
        assert same_bits(got, wanted)
