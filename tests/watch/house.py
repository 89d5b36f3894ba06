"""Fixtures that fail a test which leaves something behind, or blocks the event loop.

They ask for each other from the outside in, so that what a test leaves is looked for after
its own fixtures are gone: tasks while the loop still lives, then threads, processes, blocks of
shared memory and sockets. ``test_house_watch.py`` shows each of them failing.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from blockbuster import blockbuster_ctx

from tests.watch import memory, processes, sockets

Found = TypeVar("Found", dict[str, str], set[str])

GRACE = 20.0
"""Seconds in which a thing that is already ending may end; on a starved machine it takes long."""

LOOPBACK = "127.0.0.1"

NOT_OURS = ("_poll_wrapper", "pytest_timeout", "pymp-", "execnet")
"""Threads of gRPC's poller (one a process, ends with the last channel), and of the test tools."""


@pytest.fixture(scope="session", autouse=True)
def session_tag(all_states: Path) -> Iterator[str]:
    """Mark every process of this session, keep mDNS on loopback, and end what outlives it."""
    tag = uuid.uuid4().hex
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(processes.TAG, tag)
        patch.setenv("EDGECHAIN_INTERFACES", LOOPBACK)
        patch.setenv("EDGECHAIN_STATE_DIR", str(all_states / "session"))
        patch.setenv("EDGECHAIN_NAMESPACE", f"test-{tag}")
        yield tag
    _fail_if_processes(processes.tagged(tag), "the session")


@pytest.fixture(scope="session")
def all_states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of every test's state folder."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(autouse=True)
def state_dir(session_tag: str, all_states: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own records of running chains, and its own namespace on the shared loopback."""
    folder = all_states / uuid.uuid4().hex
    folder.mkdir()
    monkeypatch.setenv("EDGECHAIN_STATE_DIR", str(folder))
    monkeypatch.setenv("EDGECHAIN_NAMESPACE", f"test-{folder.name}")
    return folder


@pytest.fixture(autouse=True)
def leaves_no_socket() -> Iterator[None]:
    """Fail a test that leaves a network socket open in this process."""
    before = sockets.held()
    yield
    left = _left_over(lambda: _new(sockets.held(), before))
    if left:
        pytest.fail(f"the test left {len(left)} sockets open: {'; '.join(left.values())}")


@pytest.fixture(autouse=True)
def leaves_no_shared_memory(leaves_no_socket: None) -> Iterator[None]:
    """Fail a test that leaves a block in /dev/shm which it holds, or which nobody holds."""
    before = memory.blocks()
    yield
    ours = {os.getpid()}
    left = _left_over(lambda: memory.ours_or_orphaned(memory.blocks() - before, ours))
    removed = sorted(name for name in left if memory.remove(name))
    if removed:
        pytest.fail(
            f"shared memory was left behind: {', '.join(removed)} "
            f"(where nobody held it, a test that ran at the same time may have left it)"
        )


@pytest.fixture(autouse=True)
def leaves_no_process(
    leaves_no_shared_memory: None, session_tag: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Fail a test that leaves a process, also a grandchild that detached itself; end it."""
    tag = f"{session_tag}/{uuid.uuid4().hex}"
    monkeypatch.setenv(processes.TAG, tag)
    before = processes.children()
    yield tag
    _fail_if_processes(processes.tagged(tag) | (processes.children() - before), "the test")


@pytest.fixture(autouse=True)
def leaves_no_thread(leaves_no_process: str) -> Iterator[None]:
    """Fail a test that leaves a thread."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in set(threading.enumerate()) - before if _outlives(thread)]
    if left:
        pytest.fail(f"the test left threads running: {', '.join(t.name for t in left)}")


@pytest.fixture(autouse=True)
def watched_loop(request: pytest.FixtureRequest, leaves_no_thread: None) -> None:
    """Watch the loop of a coroutine test; other tests have none."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("leaves_no_task")
        if request.node.get_closest_marker("may_block") is None:
            request.getfixturevalue("blocks_no_loop")


@pytest.fixture
async def leaves_no_task() -> AsyncIterator[None]:
    """Fail a coroutine test that leaves a task on its loop."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=GRACE)
    names = [f"{task.get_name()} in {_where(task)}" for task in left if not task.done()]
    if names:
        pytest.fail(f"the test left tasks running: {'; '.join(names)}")


@contextmanager
def no_blocking() -> Iterator[None]:
    """Make a call from edgechain that blocks a running loop raise ``BlockingError``.

    Save one: a look at the list of revocations, which is small and beside the key. Who was revoked
    is not let in between two looks of somebody else.
    """
    with blockbuster_ctx("edgechain") as buster:
        for function in buster.functions.values():
            function.can_block_in("edgechain/security/revocation.py", {"_stamp", "_read_again"})
        yield


@pytest.fixture
def blocks_no_loop() -> Iterator[None]:
    """Make a call from edgechain that blocks a running loop fail the test."""
    with no_blocking():
        yield


def _fail_if_processes(left: set[int], who: str) -> None:
    left = processes.wait_for_end(left, within=GRACE) if left else left
    if left:
        commands = "; ".join(f"{pid}: {processes.command_of(pid)}" for pid in sorted(left))
        processes.kill(left)
        pytest.fail(f"{who} left processes running: {commands}")


def _outlives(thread: threading.Thread) -> bool:
    if any(word in thread.name for word in NOT_OURS):
        return False
    thread.join(GRACE)
    return thread.is_alive()


def _new(after: dict[str, str], before: dict[str, str]) -> dict[str, str]:
    return {key: after[key] for key in after.keys() - before.keys()}


def _left_over(look: Callable[[], Found]) -> Found:
    """What is still there when the grace is over; garbage first loses what it holds."""
    found = look()
    if found:
        gc.collect()
    deadline = time.monotonic() + GRACE
    while (found := look()) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return found


def _where(task: asyncio.Task[object]) -> str:
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", repr(coroutine))
