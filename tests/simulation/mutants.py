"""Our own code, broken on purpose in one place at a time: the simulator must notice every one.

A mutant is a name, what it takes away, and the attributes it replaces while it is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from edgechain.client.attempts import Attempts
from edgechain.client.request import Attempt as Try
from edgechain.client.retries import RetryTokens
from edgechain.client.routes import NodeView, RouteTable
from edgechain.client.session import Session
from edgechain.client.submit import Submitter
from edgechain.errors import PeerRefused
from edgechain.node.exchange import Exchange
from edgechain.node.forwarder import Forwarder
from edgechain.node.peers import PeerLinks
from edgechain.runtime.join import Join
from edgechain.runtime.leases import LeaseBook
from edgechain.runtime.router import Router
from edgechain.runtime.slots import Attempt, SlotTable, Tombstones
from edgechain.runtime.stage_queue import StageQueue
from edgechain.spec.ids import RequestKey
from edgechain.spec.message import Hop, Route, TensorSend
from tests.simulation.client import SimFleet
from tests.simulation.node import SimNode

Change = tuple[Any, str, Any]
"""What is replaced in whom, and by what."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """``breaks`` says which part of the promise's machinery is missing."""

    breaks: str
    changes: Callable[[], tuple[Change, ...]]


MUTANTS: dict[str, Mutant] = {}


def _mutant(name: str, breaks: str) -> Callable[[Callable[[], tuple[Change, ...]]], None]:
    def register(changes: Callable[[], tuple[Change, ...]]) -> None:
        MUTANTS[name] = Mutant(breaks, changes)

    return register


@contextmanager
def applied(name: str | None) -> Iterator[None]:
    """Our code with one fault; without a name, as it is."""
    changes = MUTANTS[name].changes() if name else ()
    before = [(owner, what, vars(owner).get(what)) for owner, what, _ in changes]
    try:
        for owner, what, fault in changes:
            setattr(owner, what, fault)
        yield
    finally:
        for owner, what, whole in before:
            if whole is None:  # it was its base's
                delattr(owner, what)
            else:
                setattr(owner, what, whole)


# Keys ----------------------------------------------------------------------------------------


def _weak_key(*parts: str) -> tuple[Change, ...]:
    def same(self: RequestKey, other: object) -> bool:
        return all(getattr(self, part) == getattr(other, part, None) for part in parts)

    def code(self: RequestKey) -> int:
        return hash(tuple(getattr(self, part) for part in parts))

    return (RequestKey, "__eq__", same), (RequestKey, "__hash__", code)


@_mutant("key without attempt", "a second try is taken for the first")
def _key_without_attempt() -> tuple[Change, ...]:
    return _weak_key("generation", "client", "session", "sequence")


@_mutant("key without session", "a client's next life is taken for its last")
def _key_without_session() -> tuple[Change, ...]:
    return _weak_key("generation", "client", "sequence", "attempt")


@_mutant("retry under the same key", "attempts are not counted, and nothing is cancelled between")
def _retry_under_the_same_key() -> tuple[Change, ...]:
    begin = Session.begin

    def begin_again(self: Session, request: Any, now: float) -> Try | None:
        attempts, request.attempts = request.attempts, 0
        try:
            return begin(self, request, now)
        finally:
            request.attempts = attempts

    def give_up(self: Session, attempt: Try, now: float) -> None:
        self._live.pop(attempt.key, None)
        for hop in self.routes.holders(attempt.key):
            self.routes.release(hop, attempt.key)

    return (Session, "begin", begin_again), (Session, "give_up", give_up)


# Nodes: what comes in ------------------------------------------------------------------------


@_mutant("no dedup of chunks", "a tensor that comes twice is delivered twice")
def _no_dedup() -> tuple[Change, ...]:
    place = Forwarder.place

    def place_again(self: Forwarder, attempt: Attempt, chunk: Any) -> str | None:
        attempt.shapes.pop(chunk.tensor, None)
        return place(self, attempt, chunk)

    return ((Forwarder, "place", place_again),)


@_mutant("no tombstones", "what is over begins again when something of it comes late")
def _no_tombstones() -> tuple[Change, ...]:
    return ((Tombstones, "__contains__", lambda self, key: False),)


@_mutant("no generation check", "the port and the exchange take any generation's chunks")
def _no_generation_check() -> tuple[Change, ...]:
    accept, refusal = SimNode.accept, Exchange._refusal

    def accept_any(self: SimNode, stream: Any, hello: Any) -> None:
        known = self.current if hello.generation in self.generations else None
        accept(self, stream, _with(hello, generation=known or hello.generation))

    def refusal_of_any(self: Exchange, chunk: Any) -> Any:
        key = _with(chunk.key, generation=self._manifest.generation)
        return refusal(self, _with(chunk, key=key))

    return (SimNode, "accept", accept_any), (Exchange, "_refusal", refusal_of_any)


@_mutant("lease not enforced", "a client that takes more than its lease gets it")
def _lease_not_enforced() -> tuple[Change, ...]:
    return ((LeaseBook, "lease", lambda self, tenant: self._capacity),)


@_mutant("join completes early", "a stage runs when all inputs but one are there")
def _join_early() -> tuple[Change, ...]:
    add = Join.add

    def add_early(self: Join, key: RequestKey, tensor: int) -> bool:
        whole = add(self, key, tensor)
        if not whole and len(self._missing.get(key, ())) == 1:
            del self._missing[key]
            return True
        return whole

    return ((Join, "add", add_early),)


@_mutant("expired work still runs", "stages run for attempts that nobody waits for")
def _expired_work() -> tuple[Change, ...]:
    take = StageQueue.take

    def take_any(self: StageQueue, now: float) -> Attempt | None:
        return take(self, float("-inf"))

    return ((StageQueue, "take", take_any),)


# Nodes: slots --------------------------------------------------------------------------------


@_mutant("slot freed while a stage runs", "the next attempt's bytes lie where a worker works")
def _freed_while_running() -> tuple[Change, ...]:
    def idle(self: Attempt) -> bool:
        return not self.sending and (self.ended or not self.to_run)

    return ((Attempt, "idle", property(idle)),)


@_mutant("slot freed while it is sent", "the next attempt's bytes are sent as this one's")
def _freed_while_sending() -> tuple[Change, ...]:
    def idle(self: Attempt) -> bool:
        return not self.running and (self.ended or not self.to_run)

    return ((Attempt, "idle", property(idle)),)


@_mutant("slot never expires", "an attempt whose budget is spent keeps its slot")
def _never_expires() -> tuple[Change, ...]:
    return ((SlotTable, "expired", lambda self, now: []),)


@_mutant("released twice frees two", "a slot is given to two attempts at a time")
def _released_twice() -> tuple[Change, ...]:
    def release(self: SlotTable, attempt: Attempt) -> bool:
        if not attempt.idle:
            return False
        self._attempts.pop(attempt.key, None)
        self._free.append(attempt.slot)
        self.bury(attempt.key)
        return True

    return ((SlotTable, "release", release),)


@_mutant("lease taken back at once", "what a client still holds is leased to another one")
def _lease_taken_back() -> tuple[Change, ...]:
    changes = LeaseBook.changes

    def changes_at_once(self: LeaseBook, withheld: int = 0) -> list[Any]:
        news = changes(self, withheld)
        for tenant, slots, _ in news:
            self._shares[tenant].given = slots
        return news + (changes(self, withheld) if news else [])

    return ((LeaseBook, "changes", changes_at_once),)


@_mutant("a liar is believed", "what a client says it gave back is leased though it works there")
def _liar_believed() -> tuple[Change, ...]:
    confirm = LeaseBook.confirm

    def confirm_blindly(self: LeaseBook, tenant: Any, number: int, held: int = 0) -> None:
        confirm(self, tenant, number)

    return ((LeaseBook, "confirm", confirm_blindly),)


@_mutant("orphans' slots leased", "slots that still work for a lost client are promised to others")
def _orphans_leased() -> tuple[Change, ...]:
    return ((SlotTable, "orphans", property(lambda self: 0)),)


@_mutant("lease not told again", "a lost word about a lease is lost for ever")
def _lease_not_told_again() -> tuple[Change, ...]:
    return ((LeaseBook, "unconfirmed", lambda self: []),)


@_mutant("cancel of an unknown key is not answered", "a client waits for a slot that is long free")
def _cancel_not_answered() -> tuple[Change, ...]:
    cancel = Exchange.cancel

    def cancel_known(self: Exchange, key: RequestKey) -> None:
        if self._slots.get(key) is not None:
            cancel(self, key)

    return ((Exchange, "cancel", cancel_known),)


# Routes --------------------------------------------------------------------------------------


@_mutant("route not pinned", "each input of an attempt takes a route of its own")
def _route_not_pinned() -> tuple[Change, ...]:
    send_tensor = SimFleet.send_tensor

    def send_anywhere(self: SimFleet, hop: Hop, send: TensorSend) -> None:
        send.route = _other_route(self.session.routes, send.route, send.tensor)
        send_tensor(self, hop, send)

    return ((SimFleet, "send_tensor", send_anywhere),)


@_mutant("hops choose the replica", "a stage's outputs go to replicas that the client did not pin")
def _hops_choose() -> tuple[Change, ...]:
    destinations = Router.destinations

    def destinations_elsewhere(self: Router, route: Route, tensor: int) -> Any:
        found = destinations(self, route, tensor)
        seen = self.__dict__.setdefault("seen", {})
        seen.update((hop.node, hop) for hop in route)
        others = tuple(sorted(seen.values(), key=str))
        remote = tuple((others[tensor % len(others)], stage) for _, stage in found.remote)
        return type(found)(found.local, remote, found.to_client)

    return ((Router, "destinations", destinations_elsewhere),)


@_mutant("client ignores its lease", "more is begun on a node than it leased")
def _client_ignores_lease() -> tuple[Change, ...]:
    return ((NodeView, "free", property(lambda self: 4 * self.lease + 1 - len(self.held))),)


@_mutant("other replicas of our stages not linked", "a route that leaves a node and could stay")
def _replicas_not_linked() -> tuple[Change, ...]:
    on_up = PeerLinks.on_up

    def on_up_if_needed(self: PeerLinks, link: Any, stream: Any, welcome: Any) -> None:
        if self._wanted.isdisjoint(welcome.stages):
            raise PeerRefused("none of its stages is needed")
        on_up(self, link, stream, welcome)

    return ((PeerLinks, "on_up", on_up_if_needed),)


# The client ----------------------------------------------------------------------------------


@_mutant("no deadline at the client", "a request ends when a node says so, or never")
def _no_deadline() -> tuple[Change, ...]:
    return ((Submitter, "_expire", _nothing),)


@_mutant("chunk of an old attempt accepted", "a result is put together from several attempts")
def _old_chunks() -> tuple[Change, ...]:
    def get_any(self: Attempts, key: RequestKey) -> Try | None:
        live = (try_ for session in self._sessions.values() for try_ in session._live.values())
        return next((try_ for try_ in live if try_.key.sequence == key.sequence), None)

    return ((Attempts, "get", get_any),)


@_mutant("slots freed by a piece of a result", "what other nodes still hold is taken again")
def _freed_by_a_piece() -> tuple[Change, ...]:
    on_chunk = Submitter.on_chunk

    def free_and_take(self: Submitter, chunk: Any) -> None:
        attempt = self._attempts.get(chunk.key)
        if attempt is not None:
            for hop in dict.fromkeys(attempt.route):
                self._attempts.session_of(attempt).routes.release(hop, chunk.key)
        on_chunk(self, chunk)
        self.pump()

    return ((Submitter, "on_chunk", free_and_take),)


@_mutant("no retry", "one node that dies costs its clients their requests")
def _no_retry() -> tuple[Change, ...]:
    return ((RetryTokens, "take", lambda self: False),)


@_mutant("retries without a budget", "a chain in trouble gets more load than it had")
def _no_retry_budget() -> tuple[Change, ...]:
    return ((RetryTokens, "take", lambda self: True),)


@_mutant("slots are not asked back", "a lost Released costs a slot for ever")
def _not_asked_back() -> tuple[Change, ...]:
    return ((Session, "reclaim", lambda self, now: False),)


def _nothing(*_: object) -> None:
    pass


def _with(thing: Any, **changed: Any) -> Any:
    return thing._replace(**changed) if hasattr(thing, "_replace") else replace(thing, **changed)


def _other_route(routes: RouteTable, route: Route, tensor: int) -> Route:
    """Another replica for every other stage, where there is one."""
    nodes = routes.nodes()
    other = []
    for position, (stage, hop) in enumerate(zip(routes._stages, route, strict=True)):
        replicas = [node.hop for node in nodes if stage in node.stages]
        other.append(replicas[(position + tensor) % len(replicas)] if replicas else hop)
    return tuple(other)
