"""Requests on their way: admitted when slots allow, tried again where that helps, ended once.

``Submitter`` is synchronous: it reacts to what its caller, the nodes and its timers say, and tells
``on_end`` how each request ended. Nothing in it waits, and it has no clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgechain.client.absence import Absence
from edgechain.client.alarms import Alarms
from edgechain.client.attempts import Attempts
from edgechain.client.inputs import refit
from edgechain.client.request import Attempt, OnEnd, Request, Timers
from edgechain.client.results import Result
from edgechain.client.retries import MAX_ATTEMPTS, RetryTokens
from edgechain.client.session import Session
from edgechain.client.tally import ChainStatistics, Tally
from edgechain.client.verdicts import judge, nobody_runs, suspects
from edgechain.client.waiting import WaitingRoom
from edgechain.errors import (
    Cancelled,
    DeadlineExceeded,
    Dropped,
    GenerationChanged,
    InvalidInput,
    Overloaded,
    ProtocolError,
    RequestError,
    StageError,
    Unavailable,
)
from edgechain.spec.deadline import MAX_BUDGET_SECONDS, Deadline
from edgechain.spec.ids import StageName
from edgechain.spec.message import Chunk, Failure, Hop, Released

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgechain.runtime.clock import Clock

    Array = NDArray[Any]

MAX_PENDING = 4096
"""Requests that wait for a slot; more are refused as ``Overloaded`` at once."""

NEWEST_UNDER_WAY = 4
"""Frames of a live source that keep a chain of three or four stages busy; more would only age."""


class Submitter:
    """Takes requests and ends every one of them exactly once: a result or one error.

    ``on_end`` is called no later than the deadline's timer. A request is sent at most three
    times, and all together at most 1.2 times as often as there are requests, plus 32.
    """

    def __init__(self, session: Session, *, clock: Clock, timers: Timers):
        self._clock = clock
        self._alarms = alarms = Alarms(timers, clock)
        self._attempts = Attempts(session, self, clock, alarms)
        self._sequence = 0
        self._open: dict[int, Request] = {}
        self._waiting = WaitingRoom()
        self._tokens = RetryTokens()
        self._tally = Tally()
        self._absence = Absence(alarms, self._end_waiting)
        self._closed: RequestError | None = None
        self._pumping = self._pump_again = False

    @property
    def session(self) -> Session:
        """Where new requests go."""
        return self._attempts.session

    # Callers ---------------------------------------------------------------------------------

    def open(
        self,
        values: Mapping[int, Array],
        budget: float,
        on_end: OnEnd,
        *,
        index: int | None = None,
        newest: bool = False,
        window: int = NEWEST_UNDER_WAY,
    ) -> Request:
        """Take a request: arrays by the edges of the current session's manifest.

        Its result is numbered ``index``, or counted with all others of this connection.

        With ``newest`` at most ``window`` such requests are under way and one waits: the next one
        takes its place, and it ends as ``Dropped``.
        """
        now = self._clock.now()
        request = Request(
            sequence=self._sequence,
            manifest=self.session.manifest,
            values=values,
            deadline=Deadline.after(now, budget),
            born=now,
            on_end=on_end,
            index=self._sequence if index is None else index,
            newest=window if newest else 0,
        )
        self._sequence += 1
        self._open[request.sequence] = request
        self._tally.submitted()
        refusal = self._refusal(budget)
        if refusal is not None:
            self._end(request, refusal)
        else:
            self._accept(request, budget)
        return request

    def _refusal(self, budget: float) -> RequestError | None:
        if self._closed is not None:
            return self._closed
        if not budget <= MAX_BUDGET_SECONDS:
            return InvalidInput(
                f"a deadline is at most {MAX_BUDGET_SECONDS:g} s away, not {budget}"
            )
        if self._absence.stage is not None:
            return nobody_runs(self._absence.stage)
        if len(self._waiting) >= MAX_PENDING:
            return Overloaded(f"{MAX_PENDING} requests wait for a slot already")
        return None

    def _accept(self, request: Request, budget: float) -> None:
        self._tokens.earn()
        request.expiry = self._alarms.call_later(budget, self._expire, request)
        older = self._waiting.add(request)
        if older is not None:
            self._end(older, Dropped("a newer frame took its place before it was admitted"))
        self._judge()
        self.pump()

    def refuse(self, error: RequestError) -> None:
        """Count a request that its caller was told to be impossible before it came here."""
        self._tally.submitted()
        self._tally.failed(error)

    def cancel(self, request: Request) -> None:
        """Its caller takes a request back; nothing happens if it has ended."""
        if not request.ended:
            self._end(request, Cancelled("its caller took the request back"))
            self.pump()

    # Admission -------------------------------------------------------------------------------

    def pump(self) -> None:
        """Admit what can be admitted, oldest first, and confirm leases that now hold."""
        self._pump_again = True
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._pump_again:
                self._pump_again = False
                self._waiting.offer(self._admit)
        finally:
            self._pumping = False
        self._attempts.confirm()

    def _admit(self, request: Request) -> bool:
        again = request.attempts > 0
        attempt = self._attempts.begin(request)
        if attempt is None:
            return False
        self._waiting.take(request)
        if again:
            self._tally.retried()
        self._attempts.send(attempt)
        return True

    # What nodes say --------------------------------------------------------------------------

    def node_up(self, session: Session, hop: Hop, stages: Iterable[StageName]) -> None:
        """A node said Welcome."""
        session.node_up(hop, stages)
        self._judge()

    def on_lease(self, session: Session, hop: Hop, slots: int, number: int) -> None:
        """A node leases us slots."""
        session.routes.set_lease(hop, slots, number)
        session.confirm()
        self.pump()

    def node_lost(self, session: Session, hop: Hop, reason: str) -> None:
        """A node is gone; what it had is lost."""
        for attempt in session.node_down(hop):
            error = Unavailable(self._attempts.stage(attempt, hop), f"{hop.node}: {reason}")
            self._fail(attempt, error, hop)
        self._judge()
        self.pump()

    def on_chunk(self, chunk: Chunk) -> None:
        """A piece of a result; those of attempts that are over are not looked at."""
        attempt = self._attempts.get(chunk.key)
        if attempt is None:
            return
        attempt.heard = self._clock.now()
        try:
            complete = attempt.collector.add(chunk)
        except ProtocolError as error:
            self._fail(attempt, StageError("result", str(error)), final=True)
            return
        if complete:
            self._answered(attempt)

    def on_failure(self, hop: Hop, failure: Failure) -> None:
        """A node gave an attempt up."""
        attempt = self._attempts.get(failure.key)
        if attempt is None or hop not in attempt.route:
            return
        error, final = judge(attempt.request, failure)
        route = self._attempts.session_of(attempt).stages_on(attempt.route)
        self._fail(attempt, error, *suspects(failure, hop, route), final=final)

    def on_released(self, hop: Hop, released: Released) -> None:
        """Slots are free again."""
        self._attempts.release(hop, released)
        self.pump()

    # Further attempts ------------------------------------------------------------------------

    def _fail(
        self, attempt: Attempt, error: RequestError, *suspects: Hop, final: bool = False
    ) -> None:
        """An attempt came to nothing: try again where that may help, or end the request.

        When it may not be tried again, its first failure is what its caller hears.
        """
        if self._attempts.get(attempt.key) is not attempt:
            return
        request = attempt.request
        request.cause = request.cause or error
        self._attempts.suspect(attempt, *suspects)
        if final:
            self._end(request, error)
        elif self._may_retry(request):
            self._retry(attempt)
        else:
            self._end(request, request.cause)
        self.pump()

    def on_unsent(self, attempt: Attempt, hop: Hop) -> None:
        """A node's stream is gone, which nobody may have told yet."""
        stage = self._attempts.stage(attempt, hop)
        self._fail(attempt, Unavailable(stage, "its node went away"), hop)

    def on_silent(self, attempt: Attempt, hop: Hop, seconds: float) -> bool:
        """A silent attempt is given up where there may be another one, and waited for else."""
        request = attempt.request
        if not self._may_retry(request):
            return False
        stage = self._attempts.stage(attempt, hop)
        request.cause = request.cause or Unavailable(stage, f"silent for {seconds:.1f} s")
        self._attempts.suspect(attempt, hop)
        self._retry(attempt)
        self.pump()
        return True

    def _may_retry(self, request: Request) -> bool:
        """Whether there may be one more attempt, which is paid for then."""
        return request.attempts < MAX_ATTEMPTS and self._tokens.take()

    def _retry(self, attempt: Attempt) -> None:
        """Whoever still holds a slot is told to forget the old attempt, then there is a new one."""
        request = attempt.request
        self._attempts.drop(attempt)
        self._waiting.add_again(request)
        if self._absence.stage is not None:
            self._end(request, nobody_runs(self._absence.stage))
        else:
            self._fit(request)

    # Ends ------------------------------------------------------------------------------------

    def _answered(self, attempt: Attempt) -> None:
        request = attempt.request
        self._attempts.answered(attempt)
        result = Result(
            request.index,
            self._clock.now() - request.born,
            attempt.collector.outputs(),
            generation=attempt.key.generation,
            attempts=request.attempts,
        )
        self._end(request, result)
        self.pump()

    def _expire(self, request: Request) -> None:
        missing = self.session.routes.missing()
        if request.attempt is None and missing:
            self._end(request, nobody_runs(missing[0]))
        else:
            where = "waiting for a slot" if request.attempt is None else "being worked on"
            tried = f" again, after {request.cause}" if request.cause is not None else ""
            error = DeadlineExceeded(f"no answer by the deadline; it was {where}{tried}")
            error.__cause__ = request.cause
            self._end(request, error)
        self.pump()

    def _end(self, request: Request, outcome: Result | RequestError) -> None:
        """The one place where a request ends."""
        if request.ended:
            return
        request.ended = True
        del self._open[request.sequence]
        if self._waiting.ended(request):
            self._tokens.give_back()
        if request.expiry is not None:
            request.expiry.cancel()
        if request.attempt is not None:
            self._attempts.drop(request.attempt)
        if isinstance(outcome, Result):
            self._tally.answered()
        else:
            self._tally.failed(outcome)
        request.on_end(outcome)

    def _end_waiting(self, stage: StageName) -> None:
        """Nobody has run a stage for too long: what waits for it will not be served."""
        for request in tuple(self._waiting):
            self._end(request, nobody_runs(stage))

    # Generations -----------------------------------------------------------------------------

    def adopt(self, session: Session, when_left: Callable[[], None] = lambda: None) -> None:
        """From now on everything that is not under way belongs to this session.

        What is under way ends where it began; ``when_left`` is called once, when nothing is under
        way any more in the session that was current until now.
        """
        self._attempts.adopt(session, when_left)
        for request in tuple(self._waiting):
            self._fit(request)
        self._judge()
        self.pump()

    def _fit(self, request: Request) -> None:
        """Make a waiting request one of the current generation, or end it."""
        manifest = self.session.manifest
        if request.manifest.generation == manifest.generation:
            return
        try:
            request.values = refit(request.values, request.manifest, manifest)
            request.manifest = manifest
        except InvalidInput as error:
            reason = f"the chain was replaced, and its new generation takes other inputs: {error}"
            self._end(request, GenerationChanged(reason))

    def _judge(self) -> None:
        if self._closed is None:
            self._absence.judge(self.session.routes.missing())

    # The end ---------------------------------------------------------------------------------

    def close(self, error: RequestError) -> None:
        """End everything that is open, and whatever is opened later, with an error."""
        self._closed = error
        for request in tuple(self._open.values()):
            self._end(request, error)
        self._absence.stop()
        self._attempts.close()
        self._alarms.stop()

    # How things stand ------------------------------------------------------------------------

    @property
    def open_requests(self) -> int:
        """Requests that have not ended."""
        return len(self._open)

    def statistics(self) -> ChainStatistics:
        """What became of every request so far."""
        return self._tally.statistics(self.open_requests)
