"""The slots' memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgechain.errors import NodeFailed
from edgechain.runtime.arena import Arena


def test_two_maps_of_one_arena_see_the_same_bytes() -> None:
    arena = Arena.create(4096)
    other = Arena(os.dup(arena.fileno), arena.size)
    arena.view[7] = 42
    assert other.view[7] == 42
    other.close()
    arena.close()
    arena.close()
    assert arena.fileno == -1


def test_a_size_that_cannot_be_is_one_line() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(NodeFailed, match="lower `slots`"):
        Arena.create(1 << 62)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_closing_while_somebody_looks_is_no_error() -> None:
    arena = Arena.create(64)
    looked_at = arena.view[0:8]
    arena.close()
    assert arena.fileno == -1
    looked_at[0] = 7
    assert looked_at[0] == 7
    looked_at.release()
