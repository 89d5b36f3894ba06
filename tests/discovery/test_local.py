"""Records of chains on this machine: true while their processes live, and no longer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgechain.discovery.local import (
    LocalChain,
    LocalNode,
    claim,
    find_chain,
    forget,
    process_started,
    record,
    running_chains,
    state_directory,
)
from edgechain.errors import ChainAlreadyRunning


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    assert process.stdin
    process.stdin.close()


def chain_of(pid: int, name: str = "c", started: int | None = None) -> LocalChain:
    since = process_started(pid) if started is None else started
    node = LocalNode(name="n", pid=pid, started=since, address="127.0.0.1:1", stages=("s",))
    return LocalChain(name=name, generation="0" * 64, directory="/", nodes=(node,))


def noted(chain: LocalChain) -> LocalChain:
    with claim(chain.name):
        record(chain)
    return chain


def test_a_record_lives_as_long_as_its_processes(
    sleeper: subprocess.Popen[bytes], state_dir: Path
) -> None:
    chain = noted(chain_of(sleeper.pid))
    assert running_chains() == (chain,)
    assert find_chain("c") == chain
    sleeper.kill()
    sleeper.wait()
    assert find_chain("c") is None
    assert not list(state_dir.glob("*")), "the record is gone with its processes"


def test_a_zombie_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    noted(chain_of(sleeper.pid))
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert process_started(sleeper.pid) == 0
    assert running_chains() == ()


def test_another_process_of_the_same_id_is_not_ours() -> None:
    noted(chain_of(os.getpid(), started=process_started(os.getpid()) - 1))
    assert running_chains() == ()


def test_a_process_that_never_was() -> None:
    noted(chain_of(2**22 + 1, started=0))
    assert running_chains() == ()


def test_one_living_node_keeps_a_chain(sleeper: subprocess.Popen[bytes]) -> None:
    both = chain_of(sleeper.pid)
    dead = chain_of(os.getpid(), started=1).nodes
    noted(both.model_copy(update={"nodes": dead + both.nodes}))
    assert find_chain("c") is not None


def test_a_name_is_claimed_once(sleeper: subprocess.Popen[bytes]) -> None:
    with (
        claim("c"),
        pytest.raises(ChainAlreadyRunning, match="'c' is being started or changed by another"),
        claim("c"),
    ):
        pytest.fail("it was claimed twice")
    noted(chain_of(sleeper.pid))
    with pytest.raises(ChainAlreadyRunning, match="`edgechain down c` ends it"), claim("c"):
        pytest.fail("it is running")
    with claim("other"):
        pass


def test_a_claim_that_fails_leaves_nothing(state_dir: Path) -> None:
    with pytest.raises(ZeroDivisionError), claim("c"):
        raise ZeroDivisionError
    forget("c")
    assert not list(state_dir.glob("*"))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "c"}', "\xff\xfe"])
def test_a_damaged_record_is_no_chain(state_dir: Path, content: str) -> None:
    (state_dir / "c.json").write_bytes(content.encode("latin-1"))
    assert running_chains() == ()


def test_where_records_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert state_directory() == Path(os.environ["EDGECHAIN_STATE_DIR"])
    monkeypatch.delenv("EDGECHAIN_STATE_DIR")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert state_directory() == tmp_path / "edgechain"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "absent"))
    assert state_directory().name.startswith("edgechain-")
