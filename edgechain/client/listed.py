"""Nodes that DNS lists, for a client: whom to ask, as often as it asks."""

from __future__ import annotations

import logging
import os

from pydantic import ValidationError

from edgechain.client.find import Place
from edgechain.errors import EdgechainError
from edgechain.spec.dns import DnsConfig
from edgechain.spec.document import first_mistake

_LOG = logging.getLogger(__name__)

ENVIRONMENT = "EDGECHAIN_DNS"
"""The service to ask DNS for where nobody says otherwise: ``SERVICE`` or ``SERVICE@SERVER``."""


def dns_service(word: str | None) -> DnsConfig | None:
    """The service to ask for: ``word``, else what the environment says, if it says anything.

    Raises ``EdgechainError`` for what is none.
    """
    chosen = os.environ.get(ENVIRONMENT, "") if word is None else word
    if not chosen:
        return None
    try:
        return DnsConfig.from_word(chosen)
    except ValidationError as error:
        _, reason = first_mistake(error)
        source = ENVIRONMENT if word is None else "dns"
        raise EdgechainError(f"{source}: {chosen!r}: {reason}") from error


class ListedPlaces:
    """What DNS lists. Raises ``MissingDependency`` where dnspython is not installed.

    While DNS does not answer, what it said before goes on to hold.
    """

    def __init__(self, what: DnsConfig, namespace: str, chain: str = ""):
        from edgechain.discovery.srv import SrvRegistry  # noqa: PLC0415 - an optional package

        self._registry = SrvRegistry(what, namespace, chain)
        self._known: tuple[Place, ...] = ()

    async def __call__(self) -> tuple[Place, ...]:
        """Where nodes are said to be now."""
        try:
            found = await self._registry.look()
        except EdgechainError as error:
            _LOG.warning("%s", error)
            return self._known
        self._known = tuple(Place(a, one.name) for one in found for a in one.addresses)
        return self._known
