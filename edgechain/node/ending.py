"""Ending a chain that another process started: what `edgechain down` does."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from edgechain.discovery.local import (
    LocalChain,
    forget,
    is_alive,
    process_started,
    running_chains,
)
from edgechain.errors import UnknownChain
from edgechain.node.children import STOP_SECONDS


def choose_running(name: str | None) -> LocalChain:
    """The chain of this name, or the only one. Raises ``UnknownChain``."""
    chains = running_chains()
    if name is not None:
        chains = tuple(chain for chain in chains if chain.name == name)
        if not chains:
            raise UnknownChain(f"no chain called {name!r} runs on this machine")
    if not chains:
        raise UnknownChain("no chain runs on this machine")
    if len(chains) > 1:
        names = ", ".join(chain.name for chain in chains)
        raise UnknownChain(f"several chains run on this machine; name one of: {names}")
    return chains[0]


def take_down(chain: LocalChain) -> None:
    """End a chain's nodes, and the `up` that watches over them; nothing of it stays."""
    owner = chain.owner_pid
    if owner is not None and process_started(owner) == chain.owner_started != 0:
        end_processes({owner: chain.owner_started})
    end_processes({node.pid: node.started for node in chain.nodes if is_alive(node)})
    forget(chain.name)


def end_processes(started: Mapping[int, int]) -> None:
    """Terminate processes (id to start time) and wait; kill what is still there then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        alive = [pid for pid, start in started.items() if process_started(pid) == start]
        handles = [handle for pid in alive if (handle := _signal(pid, number)) is not None]
        for handle in handles:
            handle.wait(STOP_SECONDS)
            handle.close()


class _ProcessHandle:
    """A process that is not our child, held so that its id cannot be another's."""

    def __init__(self, pid: int):
        self._fileno = os.pidfd_open(pid)

    def signal(self, number: signal.Signals) -> None:
        signal.pidfd_send_signal(self._fileno, number)

    def wait(self, seconds: float) -> bool:
        import select  # noqa: PLC0415 - only `down` waits for processes of others

        poll = select.poll()
        poll.register(self._fileno, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def close(self) -> None:
        os.close(self._fileno)


def _signal(pid: int, number: signal.Signals) -> _ProcessHandle | None:
    try:
        handle = _ProcessHandle(pid)
        handle.signal(number)
    except ProcessLookupError:
        return None
    return handle
