"""What `up` makes of long names, many processors and ports that do not exist."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edgechain.discovery.peers import NAMESPACE_VARIABLE, default_namespace
from edgechain.errors import AddressInUse, EdgechainError
from edgechain.node.daemon import watch_lifeline
from edgechain.node.local import LocalChainRunner, LocalOptions
from edgechain.spec.ids import is_name
from tests.chain.chains import five_stages, write

LONG = "n" * 61 + "-e"


@pytest.fixture
def five(tmp_path: Path) -> Path:
    return write(tmp_path / "five", five_stages())


def runner(directory: Path, name: str | None = None, **options: int) -> LocalChainRunner:
    chosen = LocalOptions(namespace="ns", **options)  # type: ignore[arg-type]
    return LocalChainRunner(directory, name, chosen, detach=False, progress=lambda *_: None)


@pytest.fixture
def refused(five: Path) -> LocalChainRunner:
    return runner(five, port=65533)


@pytest.mark.parametrize("name", [LONG, "n" * 57, "short"])
def test_every_node_has_a_name_of_its_own(five: Path, name: str) -> None:
    started = runner(five, name)
    configs = [started._config(place) for place in started._places]
    names = {config.name for config in configs}
    assert len(names) == 5
    assert all(map(is_name, names))


def test_a_machine_with_many_processors(five: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1024)
    started = runner(five)
    assert started._config(started._places[0]).threads == 64


async def test_ports_beyond_the_last_one(refused: LocalChainRunner) -> None:
    with pytest.raises(AddressInUse, match="65535"):
        await refused.__aenter__()


def test_a_namespace_that_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMESPACE_VARIABLE, "my home")
    with pytest.raises(EdgechainError, match=NAMESPACE_VARIABLE):
        default_namespace()


async def test_the_end_of_a_lifeline_is_heard_once() -> None:
    """A pipe at its end stays readable: a reader left on it would keep the loop spinning."""
    ours, theirs = os.pipe()
    heard: list[int] = []
    watch_lifeline(ours, lambda: heard.append(1))
    os.close(theirs)
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert heard == [1]
    os.close(ours)
