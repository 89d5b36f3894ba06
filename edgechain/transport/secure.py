"""TLS as gRPC does it: channels and ports, who calls, and what a failed handshake means.

Both sides show a certificate and check that of the other against the fleet's authority. gRPC
tells the answerer whose certificate it saw and the caller nothing, so Welcome and answers carry a
proof (``spec.identity``). ``security`` is None in a fleet without keys: nothing is encrypted and
nobody proves anything.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import grpc
import grpc.aio

from edgechain.errors import Unauthorized
from edgechain.spec.identity import NODE_HOST, LinkSecurity, Party
from edgechain.spec.message import Hello, RefusalKind, Refused, Role
from edgechain.transport.grpc_options import CHANNEL_OPTIONS

CHALLENGE_BYTES = 32
LEAST_CHALLENGE_BYTES = 16

LOOK_SECONDS = 0.5
"""How soon a stream ends whose other side was revoked; a look is one ``stat``."""


def open_channel(address: str, security: LinkSecurity | None) -> Any:
    """A channel to a node."""
    _keep_grpc_running()
    if security is None:
        return grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
    shown = security.credentials
    credentials = grpc.ssl_channel_credentials(shown.authority, shown.key, shown.certificate)
    options = (*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", NODE_HOST))
    return grpc.aio.secure_channel(address, credentials, options=options)


@cache
def _keep_grpc_running() -> None:
    """Hold on to gRPC for as long as the process lives.

    With its last channel gRPC stops its own thread and waits for that inside the event loop: for
    as long as a lost peer's pings take, four seconds in which nothing else happens (`make faults
    ARGS="--only links"`). A client whose network is gone loses all channels at once.
    """
    grpc.aio.init_grpc_aio()


def add_port(server: Any, address: str, security: LinkSecurity | None) -> int:
    """Let a server listen; the port. Raises ``RuntimeError`` like gRPC."""
    if security is None:
        return int(server.add_insecure_port(address))
    shown = security.credentials
    credentials = grpc.ssl_server_credentials(
        [(shown.key, shown.certificate)],
        root_certificates=shown.authority,
        require_client_auth=True,
    )
    return int(server.add_secure_port(address, credentials))


def new_challenge(security: LinkSecurity | None) -> bytes:
    """What the answerer has to sign."""
    return b"" if security is None else secrets.token_bytes(CHALLENGE_BYTES)


# Who calls ---------------------------------------------------------------------------------------


def caller_of(context: Any, security: LinkSecurity) -> Party:
    """Whose certificate the caller has shown. Raises ``Unauthorized``."""
    shown = context.auth_context().get("x509_pem_cert", ())
    return security.admit(shown[0] if shown else b"")


def caller_as(role: Role, context: Any, security: LinkSecurity | None) -> Party | None:
    """Who calls, if it is a client (or a node); nobody in particular in a fleet without keys.

    Raises ``Unauthorized``, also for a member of the other role.
    """
    if security is None:
        return None
    party = caller_of(context, security)
    if party.role is not role:
        raise Unauthorized(f"{party} cannot ask for this, a {role} can")
    return party


def noted(hello: Hello, party: Party) -> Hello:
    """What the caller said, under the name that it has proved; for a client both are kept."""
    name = hello.name if hello.role is Role.NODE else f"{party.name} ({hello.name})"
    return replace(hello, name=name, caller=party.fingerprint)


def contradiction(hello: Hello, party: Party) -> Refused | None:
    """What the caller says of itself and has not proved."""
    if hello.role is not party.role:
        reason = f"{party} cannot speak as a {hello.role}"
    elif hello.role is Role.NODE and hello.name != party.name:
        reason = f"{party} cannot speak as {hello.name}"
    elif len(hello.challenge) < LEAST_CHALLENGE_BYTES:
        reason = "the challenge is too short to be one"
    else:
        return None
    return Refused(RefusalKind.IDENTITY, reason)


@contextmanager
def watched(
    security: LinkSecurity | None, party: Party | None, on_revoked: Callable[[], None]
) -> Iterator[None]:
    """While this lasts: ``on_revoked`` is called, once, when the other side is revoked."""
    if security is None or party is None:
        yield
        return
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        if security.still_member(party):
            timer = loop.call_later(LOOK_SECONDS, look)
        else:
            on_revoked()

    timer = loop.call_later(LOOK_SECONDS, look)
    try:
        yield
    finally:
        timer.cancel()


# What gRPC says of handshakes --------------------------------------------------------------------

_FOREIGN = "it belongs to another fleet: our authority has not signed its certificate"
_VERDICTS = {
    "unable to get local issuer certificate": _FOREIGN,
    "self signed certificate": _FOREIGN,
    "certificate has expired": "its certificate has expired, or our clock is wrong",
    "unsupported certificate purpose": "its certificate is a client's, not a node's",
    "Hostname Verification Check failed": "its certificate is not a node's",
    "WRONG_VERSION_NUMBER": "it speaks without TLS: it was started insecure",
}
_HUNG_UP = re.compile(r"failed to connect.*(Socket closed|Connection reset|Broken pipe)")
_REFUSES_US = "it hung up in the handshake: it does not take our certificate, and its log says why"
_WANTS_PROOF = "it hung up at once: it may want to see a certificate, and we show none"


def handshake_verdict(detail: str) -> str:
    """What gRPC's words about a failed call say of who answers; empty when it is about else."""
    for words, verdict in _VERDICTS.items():
        if words in detail:
            return verdict
    return "its certificate is not good" if "CERTIFICATE_VERIFY_FAILED" in detail else ""


def hang_up(detail: str, security: LinkSecurity | None) -> str:
    """Why the answerer may have hung up in the handshake; empty when it did not.

    What it thinks of us it does not say; it may as well have ended at that moment.
    """
    if not _HUNG_UP.search(detail):
        return ""
    return _WANTS_PROOF if security is None else _REFUSES_US
