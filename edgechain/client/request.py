"""One caller's request until its end, and one try to have it answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from edgechain.client.results import Collector, Result
from edgechain.errors import RequestError
from edgechain.spec.chain import ChainManifest
from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import Hop, Route

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

OnEnd = Callable[[Result | RequestError], None]
"""Told once how a request ended; may be told before ``open`` returns."""


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """It will not."""


class Timers(Protocol):
    """What an event loop offers."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call back in so many seconds."""


@dataclass(slots=True, eq=False)
class Attempt:
    """One try, under its own key. ``heard`` is when something was last heard of it."""

    key: RequestKey
    request: Request
    route: Route
    collector: Collector
    began: float
    heard: float
    patience: Timer | None = None


@dataclass(slots=True, eq=False)
class Request:
    """A request until its end; ``values`` are arrays by the edges of ``manifest``.

    ``index`` is its number for its caller, ``sequence`` for the nodes. ``newest`` is how many such
    requests may be under way at a time, 0 for one that waits its turn. ``attempts`` counts those
    that were sent, ``lost_workers`` those that cost a node its worker, ``cause`` is the first
    failure, and ``avoid`` says how much nodes are to blame for those there were.
    """

    sequence: int
    manifest: ChainManifest
    values: Mapping[int, Array]
    deadline: Deadline
    born: float
    on_end: OnEnd
    index: int = 0
    newest: int = 0
    attempts: int = 0
    lost_workers: int = 0
    cause: RequestError | None = None
    avoid: Counter[Hop] = field(default_factory=Counter)
    attempt: Attempt | None = None
    expiry: Timer | None = None
    ended: bool = False
