"""Whose identity a client shows, from what its caller says and what this machine knows."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from edgechain.discovery.local import LocalChain
from edgechain.errors import InvalidIdentity
from edgechain.security.identity import Identity, load_identity
from edgechain.spec.message import Role

_LOG = logging.getLogger(__name__)

ENVIRONMENT = "EDGECHAIN_IDENTITY"

StrPath = str | os.PathLike[str]


def client_security(
    identity: StrPath | None, insecure: bool, local: LocalChain | None
) -> Identity | None:
    """The identity in the directory ``identity``, that of a chain of this machine, or the usual.

    The usual one is ``EDGECHAIN_IDENTITY``. None where ``insecure`` says that the chain runs
    without keys. Raises ``InvalidIdentity``: what is wrong, and what to do.
    """
    if insecure:
        if identity is not None:
            raise InvalidIdentity("an identity, or insecure: not both")
        _LOG.warning("INSECURE: nothing is encrypted, and whoever answers is believed")
        return None
    recorded = local.identity if local is not None else ""
    chosen = identity or recorded or os.environ.get(ENVIRONMENT)
    if not chosen:
        raise InvalidIdentity(_nothing(local))
    return _load(Path(chosen))


def _load(directory: Path) -> Identity:
    found = load_identity(directory)
    if found.party.role is not Role.CLIENT:
        reason = f"is that of {found.party}; a client has its own (`edgechain init` makes it)"
        raise InvalidIdentity(f"identity {directory} {reason}")
    return found


def _nothing(local: LocalChain | None) -> str:
    if local is not None:
        return f"chain {local.name!r} runs without keys (`up --insecure`); say insecure to use it"
    return (
        "who is asking? `edgechain init` makes an identity for this machine: give its directory "
        f"(identity, --identity, {ENVIRONMENT}), or say insecure where the nodes are"
    )
