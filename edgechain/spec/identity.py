"""Who somebody is in a fleet, and what rooms that do not know each other say about it.

A fleet has one authority. It gives every node and every client a key and a certificate, which
together are an *identity*. Keys are in nobody's ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from edgechain.spec.message import Hello, Role, Welcome

NODE_HOST = "node.edgechain"
"""The name that every node's certificate holds, for TLS; which node it is, its Welcome proves."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who has proved to belong to the fleet.

    ``fingerprint`` is the SHA-256 of the certificate that proved it, ``serial`` its number.
    """

    role: Role
    name: str
    fingerprint: bytes = field(repr=False)
    serial: int = field(repr=False)

    def __str__(self) -> str:
        return f"{self.role} {self.name}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What TLS needs, in PEM: whom to believe, and what to show."""

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """A certificate (DER) and a signature made with its key."""

    certificate: bytes = b""
    signature: bytes = field(default=b"", repr=False)


class LinkSecurity(Protocol):
    """One identity at work: what transport asks of it. It raises ``Unauthorized`` to say no."""

    @property
    def party(self) -> Party:
        """Who we are."""

    @property
    def credentials(self) -> Credentials:
        """What TLS needs."""

    def admit(self, certificate: bytes) -> Party:
        """Who has shown this certificate (PEM) in a handshake, unless it was revoked."""

    def sign_welcome(self, welcome: Welcome, hello: Hello) -> Welcome:
        """The answer to ``hello``, with the proof of who gives it."""

    def check_welcome(self, welcome: Welcome, hello: Hello) -> Party:
        """Who has answered our ``hello``: a node of the fleet with the name that it says."""

    def sign_answer(self, answer: bytes, challenge: bytes, caller: Party) -> Proof:
        """The proof of who gives ``answer`` to the question of ``caller``."""

    def check_answer(self, answer: bytes, challenge: bytes, shown: Proof) -> Party:
        """Who has answered our question: a node of the fleet."""

    def still_member(self, party: Party) -> bool:
        """Whether somebody who was found good has not been revoked since."""
