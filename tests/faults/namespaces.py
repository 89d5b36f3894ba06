"""Network namespaces from the inside: this thread, and what it starts, may live in one."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.suite import Skipped
from tests.watch.needs import no_namespaces

_CLONE_NEWNET = 0x40000000
"""Linux's sched.h."""

_NAMES = Path("/run/netns")
"""Where ``ip netns`` keeps them."""


def need_namespaces() -> None:
    """Raises ``Skipped`` where this machine has none for us."""
    reason = no_namespaces()
    if reason:
        raise Skipped(reason)


def enter(name: str) -> None:
    """Go into a namespace; best before any thread was started."""
    _set(_NAMES / name)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Be in a namespace for a while: sockets and devices that are opened there stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _set(_NAMES / name)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def _set(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        _setns(handle)
    finally:
        os.close(handle)


def _setns(handle: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
