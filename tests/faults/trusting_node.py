"""A node that asks nobody for proof, neither who calls nor who answers: a control.

    python -m tests.faults.trusting_node CONFIG ...

It speaks TLS, shows its certificate, and believes what it is told.
"""

from __future__ import annotations

import sys
from typing import Any

import grpc

from edgechain.node.__main__ import main
from edgechain.security.identity import Identity
from edgechain.spec.identity import LinkSecurity, Party
from edgechain.transport import server as answering


def believe_callers() -> None:
    """Ask for no certificate, and take every Hello at its word."""

    def add_port(server: Any, address: str, security: LinkSecurity | None) -> int:
        if security is None:
            raise RuntimeError("a node without keys trusts everybody by itself")
        shown = security.credentials
        return int(
            server.add_secure_port(
                address, grpc.ssl_server_credentials([(shown.key, shown.certificate)])
            )
        )

    def unproven(self: answering.NodeServer, context: Any, hello: Any) -> None:
        """Nobody in particular."""

    def answer(context: Any, security: LinkSecurity | None, words: bytes) -> bytes:
        return words

    answering.add_port = add_port  # type: ignore[attr-defined]
    answering.signed_answer = answer  # type: ignore[attr-defined]
    answering.NodeServer._proven = unproven  # type: ignore[method-assign]


def believe_answerers() -> None:
    """Take every Welcome at its word; TLS still asks for a certificate of an authority we know."""

    def anybody(self: Identity, welcome: Any, hello: Any) -> Party:
        return self.party

    Identity.check_welcome = anybody  # type: ignore[method-assign]


if __name__ == "__main__":
    believe_callers()
    believe_answerers()
    sys.exit(main())
