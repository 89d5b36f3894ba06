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
    identity: StrPath | None, insecure: bool, local: LocalChain | None, target: str = ""
) -> Identity | None:
    """The identity in the directory ``identity``, that of a chain of this machine, or the usual.

    ``target`` is what is looked for. The usual one is ``EDGECHAIN_IDENTITY``. None where
    ``insecure`` says that the chain runs without keys. Raises ``InvalidIdentity``: what is wrong,
    and what to do.
    """
    if insecure:
        if identity is not None:
            raise InvalidIdentity("an identity, or insecure: not both")
        _LOG.warning("INSECURE: nothing is encrypted, and whoever answers is believed")
        return None
    recorded = local.identity if local is not None else ""
    chosen = identity or recorded or os.environ.get(ENVIRONMENT)
    if not chosen:
        raise InvalidIdentity(_nothing(local, target))
    return _load(Path(chosen))


def _load(directory: Path) -> Identity:
    found = load_identity(directory)
    if found.party.role is not Role.CLIENT:
        reason = f"is that of {found.party}; a client has its own (`edgechain init` makes it)"
        raise InvalidIdentity(f"identity {directory} {reason}")
    return found


def _nothing(local: LocalChain | None, target: str) -> str:
    if local is not None:
        return f"chain {local.name!r} runs without keys (`up --insecure`); say insecure to use it"
    asked = f"{target!r} is no chain of this machine, and to ask others" if target else "to ask it"
    return (
        f"{asked} takes an identity (identity, --identity, {ENVIRONMENT}): `edgechain init` makes "
        "one; or say insecure where the nodes are"
    )
