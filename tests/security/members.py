"""A fleet on disk, strangers from another one, and what they would say to each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from edgechain.security.authority import PEM, Authority, key_bytes
from edgechain.security.certificates import BEGINNING, identity_certificate, new_key
from edgechain.security.fleet import FleetDirectory
from edgechain.security.identity import Identity, load_identity, write_identity
from edgechain.spec.ids import Generation, Incarnation
from edgechain.spec.message import Hello, Hop, Role, Welcome

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CHALLENGE = bytes(range(32))


def fleet(directory: Path, nodes: tuple[str, ...] = ("pi-a", "pi-b")) -> FleetDirectory:
    """A fleet with these nodes and the client ``laptop``."""
    FleetDirectory.make(directory)
    found = FleetDirectory(directory)
    for name in nodes:
        found.provide(Role.NODE, name)
    found.provide(Role.CLIENT, "laptop")
    return found


def member(directory: Path, name: str) -> Identity:
    """One of its identities."""
    return load_identity(directory / "identities" / name)


def made(path: Path, authority: Authority, role: Role, name: str, when: datetime = NOW) -> Identity:
    """An identity of any authority, issued whenever."""
    write_identity(
        path, authority.issue(role, name, when), authority.certificate, authority.revoke(())
    )
    return load_identity(path, clock=lambda: when)


def expired(path: Path, authority: Authority, role: Role, name: str) -> Identity:
    """An identity whose time was over yesterday."""
    issued, key = authority.issue(role, name, NOW), new_key()
    root = x509.load_pem_x509_certificate(authority.certificate)
    until = datetime.now(UTC) - timedelta(days=1)
    late = identity_certificate(authority._key, root, key.public_key(), (role, name), until)
    issued = replace(issued, certificate=late.public_bytes(PEM), key=key_bytes(key))
    write_identity(path, issued, authority.certificate, authority.revoke(()))
    return load_identity(path, clock=lambda: BEGINNING)


def hello(caller: Identity, role: Role = Role.NODE) -> Hello:
    """What a caller says."""
    return Hello(role, caller.party.name, "ns", "chain", Generation("g"), challenge=CHALLENGE)


def noted(words: Hello, caller: Identity) -> Hello:
    """The same as the answerer has it: it knows whose certificate was shown."""
    return replace(words, caller=caller.party.fingerprint)


def welcome(node: str) -> Welcome:
    """What a node answers before it has signed."""
    return Welcome(Hop(node, Incarnation(7)), "ns", "chain", Generation("g"), ("stage0",))
