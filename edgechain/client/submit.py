"""Requests on their way: admitted when slots allow, ended exactly once.

``Submitter`` is synchronous at heart: it reacts to what nodes say and to its timers, and each
waiting caller holds one future.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edgechain.client.results import Collector, Result
from edgechain.client.routes import RouteTable
from edgechain.errors import (
    DeadlineExceeded,
    GenerationChanged,
    InvalidInput,
    Overloaded,
    ProtocolError,
    RequestError,
    StageError,
    Unavailable,
)
from edgechain.spec.chain import ChainManifest
from edgechain.spec.deadline import MAX_BUDGET_SECONDS, Deadline
from edgechain.spec.ids import ClientId, Generation, RequestKey, StageName
from edgechain.spec.message import (
    Cancel,
    Chunk,
    Control,
    Failure,
    FailureKind,
    Hop,
    Leased,
    Route,
    TensorSend,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgechain.runtime.clock import Clock

    Array = NDArray[Any]

MAX_PENDING = 4096
"""Requests that wait for a slot; more are refused as ``Overloaded`` at once."""


class Nodes(Protocol):
    """The way to the chain's nodes."""

    def tell(self, hop: Hop, control: Control) -> None:
        """Say something to a node; a node that is gone hears nothing."""

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        """Send an input; ``done`` tells."""


@dataclass(slots=True, eq=False)
class Request:
    """One caller's request until its end."""

    key: RequestKey
    values: Mapping[int, Array]
    deadline: Deadline
    born: float
    future: asyncio.Future[Result]
    collector: Collector
    timer: asyncio.TimerHandle | None = None


class Submitter:
    """Takes requests and ends every one of them: a result or one error, by its deadline."""

    def __init__(
        self,
        manifest: ChainManifest,
        client: ClientId,
        session: int,
        routes: RouteTable,
        nodes: Nodes,
        clock: Clock,
    ):
        self._manifest = manifest
        self._client = client
        self._session = session
        self._routes = routes
        self._nodes = nodes
        self._clock = clock
        self._sequence = 0
        self._waiting: deque[Request] = deque()
        self._open: dict[RequestKey, Request] = {}
        self._closed: RequestError | None = None

    async def submit(self, values: Mapping[int, Array], budget: float) -> Result:
        """Send inputs (arrays by edge) and wait for the end. Raises ``RequestError``."""
        request = self._accept(values, budget)
        self.pump()
        try:
            return await request.future
        finally:
            self._forget(request)

    def _accept(self, values: Mapping[int, Array], budget: float) -> Request:
        if self._closed is not None:
            raise self._closed
        if not budget <= MAX_BUDGET_SECONDS:
            raise InvalidInput(f"a deadline is at most {MAX_BUDGET_SECONDS:g} s away, not {budget}")
        if len(self._waiting) >= MAX_PENDING:
            raise Overloaded(f"{MAX_PENDING} requests wait for a slot already")
        loop, now = asyncio.get_running_loop(), self._clock.now()
        key = RequestKey(
            Generation(self._manifest.generation), self._client, self._session, self._sequence, 1
        )
        self._sequence += 1
        request = Request(
            key,
            values,
            Deadline.after(now, budget),
            now,
            loop.create_future(),
            Collector(self._manifest),
        )
        request.timer = loop.call_later(budget, self._expire, request)
        self._waiting.append(request)
        self._open[key] = request
        return request

    def pump(self) -> None:
        """Admit what can be admitted, oldest first, and confirm leases that now hold."""
        while self._waiting:
            request = self._waiting[0]
            if request.future.done():
                self._waiting.popleft()
                continue
            route = self._routes.admit(request.key)
            if route is None:
                break
            self._waiting.popleft()
            self._send(request, route)
        for hop, slots, number in self._routes.confirmable():
            self._nodes.tell(hop, Leased(slots, number))

    def _send(self, request: Request, route: Route) -> None:
        position = {stage.name: index for index, stage in enumerate(self._manifest.stages)}
        for edge_index, value in request.values.items():
            edge = self._manifest.edges[edge_index]
            if edge.to_client:
                request.collector.give(edge_index, value)
            hops = dict.fromkeys(route[position[stage]] for stage in edge.targets)
            for hop in hops:
                payload = value.reshape(-1).view(np.uint8).data
                self._nodes.send_tensor(
                    hop,
                    TensorSend(
                        request.key,
                        edge_index,
                        value.shape,
                        route,
                        request.deadline,
                        payload,
                        partial(self._input_sent, request, edge.targets[0]),
                    ),
                )

    def _input_sent(self, request: Request, stage: StageName, whole: bool) -> None:
        if not whole and not request.deadline.has_passed(self._clock.now()):
            self._fail(request, Unavailable(stage, "its node went away"))

    # What nodes say --------------------------------------------------------------------------

    def on_chunk(self, chunk: Chunk) -> None:
        """A piece of a result."""
        request = self._open.get(chunk.key)
        if request is None or request.future.done():
            return
        try:
            complete = request.collector.add(chunk)
        except ProtocolError as error:
            self._fail(request, StageError("result", str(error)))
            return
        if complete:
            latency = self._clock.now() - request.born
            outputs = request.collector.outputs()
            request.future.set_result(Result(request.key.sequence, latency, outputs))

    def on_failure(self, failure: Failure) -> None:
        """A node gave an attempt up."""
        request = self._open.get(failure.key)
        if request is not None:
            self._fail(request, _as_error(failure))

    def on_released(self, hop: Hop, keys: tuple[RequestKey, ...]) -> None:
        """Slots are free again."""
        for key in keys:
            self._routes.release(hop, key)
        self.pump()

    def node_lost(self, hop: Hop, reason: str) -> None:
        """A node is gone; what it had is lost."""
        for key in self._routes.node_down(hop):
            request = self._open.get(key)
            if request is not None:
                self._fail(request, Unavailable(self._any_stage(hop), f"{hop.node}: {reason}"))

    def fail_unroutable(self) -> None:
        """A stage has had no node for too long: what waits for it will not be served."""
        missing = self._routes.missing()
        if missing:
            for request in list(self._waiting):
                self._fail(request, Unavailable(missing[0], "no live node runs it"))

    # Ends ------------------------------------------------------------------------------------

    def close(self, error: RequestError) -> None:
        """End everything that is open, and whatever is submitted later, with an error."""
        self._closed = error
        for request in list(self._open.values()):
            self._fail(request, error)

    def _expire(self, request: Request) -> None:
        waited = request in self._waiting
        where = "waiting for a slot" if waited else "being worked on"
        missing = self._routes.missing()
        if waited and missing:
            self._fail(request, Unavailable(missing[0], "no live node runs it"))
        else:
            self._fail(request, DeadlineExceeded(f"no answer by the deadline; it was {where}"))

    def _fail(self, request: Request, error: RequestError) -> None:
        if not request.future.done():
            request.future.set_exception(error)

    def _forget(self, request: Request) -> None:
        """After the end, whichever: free what is still held for it."""
        if request.timer is not None:
            request.timer.cancel()
        self._open.pop(request.key, None)
        if request in self._waiting:
            self._waiting.remove(request)
        succeeded = request.future.done() and not (
            request.future.cancelled() or request.future.exception()
        )
        if not succeeded:
            for hop in self._routes.holders(request.key):
                self._nodes.tell(hop, Cancel(request.key))

    def _any_stage(self, hop: Hop) -> StageName:
        missing = self._routes.missing()
        return missing[0] if missing else f"on {hop.node}"

    @property
    def open_requests(self) -> int:
        """Requests that have not ended."""
        return len(self._open)


def _as_error(failure: Failure) -> RequestError:
    match failure.kind:
        case FailureKind.STAGE_ERROR | FailureKind.WORKER_LOST:
            return StageError(failure.stage, failure.reason)
        case FailureKind.UNAVAILABLE:
            return Unavailable(failure.stage, failure.reason)
        case FailureKind.OVERLOADED:
            return Overloaded(f"stage {failure.stage}: {failure.reason}")
        case FailureKind.INVALID_INPUT:
            return InvalidInput(f"stage {failure.stage}: {failure.reason}")
        case FailureKind.GENERATION_CHANGED:
            return GenerationChanged(f"stage {failure.stage}: {failure.reason}")
        case FailureKind.DEADLINE_EXCEEDED:
            return DeadlineExceeded(f"stage {failure.stage}: {failure.reason}")
