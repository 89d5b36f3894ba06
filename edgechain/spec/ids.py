"""Names and identities. Every id is a type of its own, checked where text becomes an id."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, NamedTuple, NewType

from pydantic import Field

NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"
"""One DNS label's length (RFC 1035, 63 octets) and letters that are safe in a file name."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A chain, node or stage name as written by people."""

NodeName = str
StageName = str
ChainName = str

Generation = NewType("Generation", str)
"""SHA-256 of a manifest, 64 hexadecimal digits."""

Incarnation = NewType("Incarnation", int)
"""One life of a node process, 63 random bits; a restarted node is another one."""

ClientId = NewType("ClientId", str)
"""One client, 32 hexadecimal digits."""


def is_name(text: str) -> bool:
    """Whether ``text`` may name a chain, node or stage."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def as_name(text: str) -> str:
    """The nearest valid name to ``text``, for names made from file names."""
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.")
    return kept or "unnamed"


def new_incarnation() -> Incarnation:
    """A fresh incarnation for a starting node."""
    return Incarnation(secrets.randbits(63))


def new_client_id() -> ClientId:
    """A fresh identity for a client session's owner."""
    return ClientId(secrets.token_hex(16))


class RequestKey(NamedTuple):
    """What makes one attempt of one request unlike every other, for ever.

    A tuple, because every table of every node is looked up by it. ``session`` is a nonce of the
    client's life (63 random bits), ``sequence`` counts its requests from 0 and ``attempt`` their
    tries from 1. Python integers; nothing wraps around.
    """

    generation: Generation
    client: ClientId
    session: int
    sequence: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.client[:8]}/{self.sequence}.{self.attempt}"
