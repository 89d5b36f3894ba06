"""What ended a node, in one error that its user can read."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from edgechain.errors import EdgechainError, NodeFailed

_LOG = logging.getLogger(__name__)


def verdict(error: BaseException) -> BaseException:
    """The cause inside nested groups that says most: one of ours, or our word for a foreign one."""
    causes = list(_causes(error))
    ours = [cause for cause in causes if isinstance(cause, EdgechainError)]
    if ours:
        return ours[0]
    foreign = causes[0]
    if not isinstance(foreign, Exception):
        return foreign
    _LOG.debug("what ended it", exc_info=foreign)
    return NodeFailed(f"it ended by {type(foreign).__name__}: {foreign}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error
