"""A submitter among nodes of a model: words take their time, get lost and come twice.

However the history goes, every request ends once and in time, attempts stay bounded, no slot is
used that is not leased, the account is exact, and when all is said nothing is left.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgechain.client.request import Request
from edgechain.client.results import Result
from edgechain.client.routes import RouteTable
from edgechain.client.session import RECLAIM_SECONDS, Session
from edgechain.client.submit import Submitter
from edgechain.errors import Cancelled, RequestError
from edgechain.runtime.clock import ManualClock
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import (
    Cancel,
    Control,
    Failure,
    FailureKind,
    Hop,
    Lease,
    Leased,
    Released,
    TensorSend,
)
from tests.client.doubles import CLIENT, MANIFEST, OUTPUTS, VALUES, ManualTimers, chunk
from tests.runtime.keys import freed, hop

STAGES = tuple(MANIFEST.stage)
NODES = {"one": STAGES, "two": STAGES, "half": STAGES[:2], "rest": STAGES[2:]}
BEGINNINGS = [("one",), ("one", "two"), ("half", "rest"), ("half", "rest", "two")]
LATE = 1e-6
FAILURES = st.sampled_from(FailureKind)
LONGEST = 12.0

Word = Lease | Released | Failure


@dataclass
class Node:
    """One life of a node: what it works on, and words on their way to it and from it.

    ``given`` are the slots that count as leased: fewer only once the client has confirmed it.
    """

    hop: Hop
    slots: int
    given: int
    number: int = 1
    works_on: set[RequestKey] = field(default_factory=set)
    over: set[RequestKey] = field(default_factory=set)
    inbox: deque[TensorSend | Control] = field(default_factory=deque)
    outbox: deque[Word] = field(default_factory=deque)

    def hear(self) -> None:
        """Take the next word, as an exchange does."""
        word = self.inbox.popleft()
        if isinstance(word, TensorSend):
            word.done(True)
            if word.key not in self.over:
                self.works_on.add(word.key)
                assert len(self.works_on) <= self.given, "a slot that was not leased"
        elif isinstance(word, Cancel):
            self.end(word.key)
        elif isinstance(word, Leased) and word.number == self.number:
            self.given = self.slots

    def lease(self, slots: int) -> None:
        """Offer so many from now on."""
        self.slots, self.given, self.number = slots, max(slots, self.given), self.number + 1
        self.outbox.append(Lease(slots, self.number))

    def end(self, key: RequestKey) -> None:
        """Nothing more happens for an attempt here: its slot is free."""
        self.works_on.discard(key)
        self.over.add(key)
        self.outbox.append(freed(key))

    def fail(self, key: RequestKey, kind: FailureKind) -> None:
        self.outbox.append(Failure(key, kind, STAGES[0], "as told"))
        self.end(key)


@dataclass
class Asked:
    """A request as its caller sees it."""

    request: Request | None
    latest: float
    newest: bool
    ends: list[Result | RequestError] = field(default_factory=list)
    ended: float = 0.0


class Submitting(RuleBasedStateMachine):
    """Requests, nodes and time in any order."""

    submitter_kind: ClassVar[type[Submitter]] = Submitter
    session_kind: ClassVar[type[Session]] = Session
    routes_kind: ClassVar[type[RouteTable]] = RouteTable

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(50.0)
        self.timers = ManualTimers(self.clock)
        self.session = self.new_session(1)
        self.asked = self.submitter_kind(self.session, clock=self.clock, timers=self.timers)
        self.nodes: dict[str, Node] = {}
        self.lives = 0
        self.requests: list[Asked] = []
        self.sent: set[RequestKey] = set()
        self.routes: dict[RequestKey, tuple[Hop, ...]] = {}

    def new_session(self, number: int) -> Session:
        session = self.session_kind(MANIFEST, CLIENT, number, self)
        session.routes = self.routes_kind(MANIFEST.stage)
        return session

    # The submitter's way to the nodes --------------------------------------------------------

    def tell(self, to: Hop, control: Control) -> None:
        node = self.nodes.get(to.node)
        if node is not None and node.hop == to:
            node.inbox.append(control)

    def send_tensor(self, to: Hop, send: TensorSend) -> None:
        self.check_admission(send, to)
        node = self.nodes.get(to.node)
        if node is not None and node.hop == to:
            node.inbox.append(send)
        else:
            send.done(False)

    def check_admission(self, send: TensorSend, to: Hop) -> None:
        """What is sent has a slot on every node of its route, within the lease."""
        if send.key not in self.sent:
            self.sent.add(send.key)
            self.routes[send.key] = send.route
        views = {view.hop: view for view in self.session.routes.nodes()}
        for at in set(send.route):
            assert send.key in views[at].held
            assert len(views[at].held) <= views[at].lease
            assert set(NODES[at.node]) >= {
                s for s, h in zip(STAGES, send.route, strict=True) if h == at
            }

    def forget(self, at: Hop, key: RequestKey) -> None:
        node = self.nodes.get(at.node)
        inbox = node.inbox if node is not None and node.hop == at else deque[Any]()
        over = [w for w in inbox if isinstance(w, TensorSend) and w.key == key]
        for word in over:
            inbox.remove(word)
        for word in over:
            word.done(False)

    # Callers ---------------------------------------------------------------------------------

    @rule(budget=st.sampled_from([0.2, 1.0, 10.0]), newest=st.booleans())
    def asks(self, budget: float, newest: bool) -> None:
        asked = Asked(None, self.clock.now() + budget, newest)
        self.requests.append(asked)

        def on_end(outcome: Result | RequestError) -> None:
            asked.ends.append(outcome)
            asked.ended = self.clock.now()

        asked.request = self.asked.open(VALUES, budget, on_end, newest=newest, window=2)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.requests))
        assert asked.request is not None
        self.asked.cancel(asked.request)
        assert len(asked.ends) == 1

    # Nodes -----------------------------------------------------------------------------------

    @initialize(names=st.sampled_from(BEGINNINGS), slots=st.integers(1, 2))
    def begins(self, names: tuple[str, ...], slots: int) -> None:
        for name in names:
            self.comes(name, slots)

    @rule(name=st.sampled_from(sorted(NODES)), slots=st.integers(1, 3))
    def comes(self, name: str, slots: int) -> None:
        if name not in self.nodes:
            self.lives += 1
            node = self.nodes[name] = Node(hop(name, self.lives), slots, slots)
            node.outbox.append(Lease(slots, 1))
            self.asked.node_up(self.session, node.hop, NODES[name])

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def goes(self, data: st.DataObject) -> None:
        node = self.nodes.pop(data.draw(st.sampled_from(sorted(self.nodes))))
        for word in list(node.inbox):
            if isinstance(word, TensorSend):
                word.done(False)
        self.asked.node_lost(self.session, node.hop, "gone")

    def some_node(self, data: st.DataObject) -> Node:
        return self.nodes[data.draw(st.sampled_from(sorted(self.nodes)))]

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), slots=st.integers(0, 3))
    def leases(self, data: st.DataObject, slots: int) -> None:
        self.some_node(data).lease(slots)

    @precondition(lambda self: any(node.works_on for node in self.nodes.values()))
    @rule(data=st.data(), kind=FAILURES)
    def fails(self, data: st.DataObject, kind: FailureKind) -> None:
        node, key = self.some_work(data)
        node.fail(key, kind)

    @precondition(lambda self: any(node.works_on for node in self.nodes.values()))
    @rule(data=st.data())
    def finishes(self, data: st.DataObject) -> None:
        node, key = self.some_work(data)
        node.end(key)

    @precondition(lambda self: any(node.works_on for node in self.nodes.values()))
    @rule(data=st.data())
    def answers(self, data: st.DataObject) -> None:
        """A whole result: every node of the route has done its part, and freed its slot."""
        _, key = self.some_work(data)
        for node in self.nodes.values():
            if node.hop in self.routes[key] and key not in node.over:
                while node.inbox:
                    node.hear()
                node.end(key)
        for tensor in OUTPUTS:
            self.asked.on_chunk(chunk(key, tensor))

    @rule(
        sequence=st.integers(0, 20), attempt=st.integers(1, 4), tensor=st.sampled_from(OUTPUTS[:-1])
    )
    def a_zombie_answers(self, sequence: int, attempt: int, tensor: int) -> None:
        """A piece of a result of an attempt that is over, of nothing at all, or of one under way.

        Of one under way never all of it: only the nodes of its route can make that.
        """
        key = RequestKey(self.key_of().generation, CLIENT, 1, sequence, attempt)
        self.asked.on_chunk(chunk(key, tensor))

    def key_of(self) -> Any:
        return RequestKey(MANIFEST.generation, CLIENT, 1, 0, 1)  # type: ignore[arg-type]

    def some_work(self, data: st.DataObject) -> tuple[Node, RequestKey]:
        busy = {name: node for name, node in sorted(self.nodes.items()) if node.works_on}
        node = busy[data.draw(st.sampled_from(sorted(busy)))]
        return node, data.draw(st.sampled_from(sorted(node.works_on, key=str)))

    # Words and time --------------------------------------------------------------------------

    @precondition(lambda self: any(node.inbox for node in self.nodes.values()))
    @rule(data=st.data())
    def hears(self, data: st.DataObject) -> None:
        node = self.some_node(data)
        while node.inbox:
            node.hear()

    @precondition(lambda self: any(node.outbox for node in self.nodes.values()))
    @rule(data=st.data(), twice=st.booleans())
    def says(self, data: st.DataObject, twice: bool) -> None:
        node = self.some_node(data)
        while node.outbox:
            word = node.outbox.popleft()
            for _ in range(1 + twice):
                self.pass_on(node, word)

    @precondition(lambda self: any(node.outbox for node in self.nodes.values()))
    @rule(data=st.data())
    def a_word_is_lost(self, data: st.DataObject) -> None:
        node = self.some_node(data)
        if node.outbox:
            node.outbox.popleft()

    def pass_on(self, node: Node, word: Word) -> None:
        match word:
            case Lease(slots, number):
                self.asked.on_lease(self.session, node.hop, slots, number)
            case Released():
                self.asked.on_released(node.hop, word)
            case Failure():
                self.asked.on_failure(node.hop, word)

    @rule(seconds=st.sampled_from([0.01, 0.3, 0.8, 1.5]))
    def time_passes(self, seconds: float) -> None:
        self.timers.advance(seconds)

    # What must hold --------------------------------------------------------------------------

    @invariant()
    def each_request_ends_once_and_in_time(self) -> None:
        now = self.clock.now()
        for asked in self.requests:
            assert len(asked.ends) <= 1
            assert asked.ends or now <= asked.latest + LATE
            assert not asked.ends or asked.ended <= asked.latest + LATE

    @invariant()
    def the_account_is_exact(self) -> None:
        told = self.asked.statistics()
        ends = [end for asked in self.requests for end in asked.ends]
        assert told.submitted == len(self.requests)
        assert told.open == len(self.requests) - len(ends)
        assert told.results == sum(isinstance(end, Result) for end in ends)
        assert told.submitted == told.results + told.failed + told.dropped + told.open
        assert told.retries == len(self.sent) - len({key.sequence for key in self.sent})

    @invariant()
    def attempts_are_bounded(self) -> None:
        assert len(self.sent) <= 1.2 * len(self.requests) + 32
        assert all(key.attempt <= 3 for key in self.sent)

    @invariant()
    def one_newest_waits(self) -> None:
        sent = {key.sequence for key in self.sent}
        waiting = [
            asked
            for number, asked in enumerate(self.requests)
            if asked.newest and not asked.ends and number not in sent
        ]
        assert len(waiting) <= 1

    @invariant()
    def what_is_held_was_sent(self) -> None:
        held = {key for view in self.session.routes.nodes() for key in view.held}
        assert held <= self.sent
        live = {key for key in self.sent if self.session.get(key) is not None}
        assert self.session.under_way == len(live) <= len(held) + len(self.sent)
        assert len(held - live) == self.session.outstanding

    def teardown(self) -> None:
        """Words come through again, and time passes: nothing is left, and whoever lives serves."""
        for _ in range(int(LONGEST / RECLAIM_SECONDS) + 2):
            for node in self.nodes.values():
                while node.inbox:
                    node.hear()
                while node.outbox:
                    self.pass_on(node, node.outbox.popleft())
            self.timers.advance(RECLAIM_SECONDS)
            self.each_request_ends_once_and_in_time()
        self.the_account_is_exact()
        assert self.asked.open_requests == self.session.under_way == 0
        assert self.session.outstanding == 0
        assert not any(view.held for view in self.session.routes.nodes())
        self.asked.close(Cancelled("closed"))
        assert self.timers.waiting == 0


class _Impatient(Submitter):
    """Tries again for ever."""

    def _may_retry(self, request: Request) -> bool:
        return True


class _Forgetful(Session):
    """Does not ask for slots that do not come back."""

    def reclaim(self, now: float) -> bool:
        return False


class _Partial(RouteTable):
    """Gives a slot back when any node does."""

    def release(self, hop: Hop, key: RequestKey) -> bool:
        return [super(_Partial, self).release(at, key) for at in self.holders(key)] != []


class _Deaf(Submitter):
    """Lets the deadline pass."""

    def _expire(self, request: Request) -> None:
        pass


class ImpatientSubmitting(Submitting):
    submitter_kind = _Impatient


class ForgetfulSubmitting(Submitting):
    session_kind = _Forgetful


class PartialSubmitting(Submitting):
    routes_kind = _Partial


class DeafSubmitting(Submitting):
    submitter_kind = _Deaf


BROKEN: dict[str, type[Submitting]] = {
    "a client that tries again for ever": ImpatientSubmitting,
    "a client that leaves slots where they are": ForgetfulSubmitting,
    "a client that frees a slot which another node holds": PartialSubmitting,
    "a client that forgets its deadlines": DeafSubmitting,
}
