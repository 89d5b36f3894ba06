"""One fleet for all nodes and clients of this test process; nothing of it outlives the process."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from edgechain.security.authority import Authority, today
from edgechain.security.identity import write_identity
from edgechain.spec.message import Role


@cache
def _fleet() -> tuple[Authority, tempfile.TemporaryDirectory[str]]:
    return Authority.new("tests"), tempfile.TemporaryDirectory(prefix="edgechain-fleet-")


@cache
def node_identity(name: str) -> Path:
    """The identity of the node of this name."""
    return _identity(Role.NODE, name)


@cache
def client_identity(name: str = "client") -> Path:
    """A client's identity."""
    return _identity(Role.CLIENT, name)


def _identity(role: Role, name: str) -> Path:
    authority, folder = _fleet()
    path = Path(folder.name) / f"{role}-{name}"
    issued = authority.issue(role, name, today())
    write_identity(path, issued, authority.certificate, authority.revoke(()))
    return path
