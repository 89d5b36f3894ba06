"""Tensors that cross packed between real nodes: the same bits, and fewer bytes on the wire."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.chain import chains
from tests.chain.nodes import connected, nodes

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

WIDTH = 300_000
"""Elements: 2.4 MB, which is several chunks at any speed."""

QUESTIONS = (
    chains.question(7, WIDTH),
    np.zeros(WIDTH, np.int64),
    np.random.default_rng(7).integers(-(1 << 62), 1 << 62, WIDTH),
    chains.question(8, WIDTH),
)
"""What gets smaller, what almost vanishes, and noise, which goes as it is."""


def forked(folder: Path, packed: str) -> Path:
    """Two large tensors from one node to another, of which some cross packed."""
    stages = (
        chains.actor("head", "Fork", "x", "a b"),
        chains.actor("tail", "Affine", "a b", "y"),
    )
    specs = {name: chains.numbers(name, WIDTH) for name in "xaby"}
    manifest = chains.connected("forked", *stages, specs=specs, packed=packed)
    return chains.write(folder / f"packed-{len(packed)}", manifest)


async def asked(directory: Path, **placement: tuple[str, ...]) -> tuple[list[chains.Array], int]:
    """The answers, and what the first node has sent to other nodes."""
    async with nodes(directory, placement) as live, connected(live) as chain:
        answers = [(await chain.infer(question))["y"] for question in QUESTIONS]
        links = next(iter(live.values())).node.status().links
        return answers, sum(link.sent_bytes for link in links)


def check(answers: list[chains.Array]) -> None:
    for question, answer in zip(QUESTIONS, answers, strict=True):
        np.testing.assert_array_equal(answer, question * 3 + (question + 7))


async def test_fewer_bytes_bring_the_same_bits(tmp_path: Path) -> None:
    sent = {}
    for packed in ("", "a", "a b"):
        answers, sent[packed] = await asked(forked(tmp_path, packed), n1=("head",), n2=("tail",))
        check(answers)
    whole = 2 * sum(question.nbytes for question in QUESTIONS)
    assert whole < sent[""] < 1.02 * whole, "the control: nothing gets smaller by itself"
    assert sent["a"] < 0.9 * whole
    assert sent["a b"] < sent["a"] - 0.1 * whole


async def test_on_one_node_nothing_is_sent(tmp_path: Path) -> None:
    answers, sent = await asked(forked(tmp_path, "a b"), n1=("head", "tail"))
    check(answers)
    assert sent == 0
