"""The attempts under way in every session, how long they may be silent, and what they leave behind.

Synchronous, like all that it serves; it knows nothing of requests that wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from edgechain.client.request import Attempt, Request, Timer, Timers
from edgechain.client.retries import LEAST_PATIENCE_SECONDS, Patience
from edgechain.client.session import RECLAIM_SECONDS, Session
from edgechain.spec.ids import RequestKey, StageName
from edgechain.spec.message import Hop, Released

if TYPE_CHECKING:
    from edgechain.runtime.clock import Clock

TICK_SECONDS = 0.001
"""Timers may be so early."""


class Judge(Protocol):
    """Who decides what becomes of an attempt that does not get on."""

    def on_unsent(self, attempt: Attempt, hop: Hop) -> None:
        """An input could not be handed to a node's stream."""

    def on_silent(self, attempt: Attempt, hop: Hop, seconds: float) -> bool:
        """Nothing was heard of it for too long, last from ``hop``; whether it was given up."""


class Attempts:
    """Begins, finds and ends attempts, each in its session.

    Slots of attempts that have ended are asked for until they are back. A session that was
    replaced is left when nothing is under way in it any more.
    """

    def __init__(self, session: Session, judge: Judge, clock: Clock, timers: Timers):
        self.session = session
        self._judge = judge
        self._clock = clock
        self._timers = timers
        self._sessions = {session.number: session}
        self._when_left: dict[int, Callable[[], None]] = {}
        self._patience = Patience()
        self._reminder: Timer | None = None
        self._closed = False

    # Their life ------------------------------------------------------------------------------

    def begin(self, request: Request) -> Attempt | None:
        """Pin a route in the current session, or ``None`` when that is not possible now."""
        attempt = self.session.begin(request, self._clock.now())
        if attempt is not None:
            request.attempts += 1
            request.attempt = attempt
            self._listen(attempt)
        return attempt

    def send(self, attempt: Attempt) -> None:
        """Send its inputs."""
        self.session.send(attempt, self._on_sent)

    def _on_sent(self, attempt: Attempt, hop: Hop, whole: bool) -> None:
        if not whole and not attempt.request.deadline.has_passed(self._clock.now()):
            self._judge.on_unsent(attempt, hop)

    def _listen(self, attempt: Attempt) -> None:
        """Tell when it is silent for much longer than others took; again while it goes on."""
        patience = self._patience.seconds()
        silent = self._clock.now() - attempt.heard
        left = (patience or LEAST_PATIENCE_SECONDS) - silent
        if patience is not None and left < TICK_SECONDS:
            if self._judge.on_silent(attempt, self._waited_for(attempt), silent):
                return
            left = LEAST_PATIENCE_SECONDS
        seconds = left if left >= TICK_SECONDS else LEAST_PATIENCE_SECONDS
        attempt.patience = self._timers.call_later(seconds, self._listen, attempt)

    def _waited_for(self, attempt: Attempt) -> Hop:
        """The first node of its route that has not given its slot back."""
        holders = self.session_of(attempt).routes.holders(attempt.key)
        return next((hop for hop in attempt.route if hop in holders), attempt.route[0])

    def suspect(self, attempt: Attempt, *hops: Hop) -> None:
        """These nodes may be at fault for what became of it, the first one most.

        Another attempt avoids them; of a node that could not be reached and one that could not
        reach it, rather the first.
        """
        attempt.request.avoid.update((*hops[:1], *hops))
        routes, now = self.session_of(attempt).routes, self._clock.now()
        for hop in hops:
            routes.failed(hop, now)

    def answered(self, attempt: Attempt) -> None:
        """It has its result."""
        session = self.session_of(attempt)
        self._patience.answered(self._clock.now() - attempt.began)
        session.answered(attempt)
        self._detach(attempt, session)

    def drop(self, attempt: Attempt) -> None:
        """End it without a result; whoever still holds a slot for it is told."""
        session = self.session_of(attempt)
        session.give_up(attempt, self._clock.now())
        self._remind_later()
        self._detach(attempt, session)

    def _detach(self, attempt: Attempt, session: Session) -> None:
        attempt.request.attempt = None
        if attempt.patience is not None:
            attempt.patience.cancel()
        self._leave(session)

    # Slots -----------------------------------------------------------------------------------

    def release(self, hop: Hop, released: Released) -> None:
        """A node gave slots back."""
        now = self._clock.now()
        for key, held in zip(released.keys, released.held, strict=True):
            session = self._sessions.get(key.session)
            if session is not None:
                session.release(hop, key, held, now)

    def confirm(self) -> None:
        """Answer the leases that now hold true."""
        for session in self._sessions.values():
            session.confirm()

    def _remind_later(self) -> None:
        if self._reminder is None and not self._closed:
            self._reminder = self._timers.call_later(RECLAIM_SECONDS, self._remind)

    def _remind(self) -> None:
        """Ask for slots back that should have come back by themselves."""
        self._reminder = None
        now = self._clock.now()
        outstanding = [session.reclaim(now) for session in self._sessions.values()]
        if any(outstanding):
            self._remind_later()

    # Sessions --------------------------------------------------------------------------------

    def adopt(self, session: Session, when_left: Callable[[], None]) -> None:
        """Begin attempts in this session from now on."""
        former, self.session = self.session, session
        self._sessions[session.number] = session
        self._when_left[former.number] = when_left
        self._leave(former)

    def _leave(self, session: Session) -> None:
        if session.number in self._when_left and not session.under_way:
            del self._sessions[session.number]
            self._when_left.pop(session.number)()

    def close(self) -> None:
        """Ask for nothing any more; may be called twice."""
        self._closed = True
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    # How things stand ------------------------------------------------------------------------

    def get(self, key: RequestKey) -> Attempt | None:
        """The attempt under way of this key."""
        session = self._sessions.get(key.session)
        return session.get(key) if session is not None else None

    def session_of(self, attempt: Attempt) -> Session:
        """Where an attempt that is under way belongs."""
        return self._sessions[attempt.key.session]

    def stage(self, attempt: Attempt, hop: Hop) -> StageName:
        """A stage that its route runs on a node, to name in an error."""
        return self.session_of(attempt).stages_of(attempt.route, hop)[0]
