"""Two boards on a link of so many Mbit/s, links between them that are kept full, and what befalls
them: nobody may take a slow link for a dead one, or a dead peer for a slow one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.chain.bridges import Board, bridge
from tests.faults.wire_end import TENSOR_BYTES

PORT = 5000
LINKS = 3
QUEUE = "400ms"
"""What waits in front of a slow link is thrown away beyond that, as in a home router."""

READY_SECONDS = 60.0
END_SECONDS = 30.0

Event = dict[str, Any]


class WireEnd:
    """One process of ``wire_end`` on a board, and everything it has said."""

    def __init__(self, board: Board, job: dict[str, Any]):
        words = ["ip", "netns", "exec", board.namespace, sys.executable]
        words += ["-m", "tests.faults.wire_end", json.dumps(job)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._events: list[Event] = []
        self._heard = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._heard:
                self._events.append(json.loads(line))
                self._heard.notify_all()

    def events(self, kind: str, since: float = 0.0) -> list[Event]:
        """What it has said of this kind."""
        with self._heard:
            return [e for e in self._events if e["event"] == kind and e["at"] >= since]

    def waits_for(self, kind: str, links: int, since: float, within: float) -> list[Event]:
        """The first of this kind of every link, or those that came in time."""
        end = time.monotonic() + within
        with self._heard:
            while len(found := self._firsts(kind, since)) < links:
                left = end - time.monotonic()
                if left <= 0 or self._process.poll() is not None:
                    break
                self._heard.wait(min(left, 1.0))
            return found

    def _firsts(self, kind: str, since: float) -> list[Event]:
        found: dict[str, Event] = {}
        for event in self._events:
            if event["event"] == kind and event["at"] >= since:
                found.setdefault(event.get("link", ""), event)
        return list(found.values())

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> None:
        """End it, also when it is stopped."""
        self.signal(signal.SIGCONT)
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@dataclass(frozen=True)
class Wire:
    """Both ends, and the boards they are on."""

    listener: WireEnd
    feeder: WireEnd
    there: Board
    here: Board


@contextmanager
def wire(mbit: float, without: Sequence[str] = ()) -> Iterator[Wire]:
    """Three full links from one board to another; yields when all have carried something."""
    with bridge(2) as (there, here, _hub):
        for board in (there, here):
            _shape(board, mbit)
        listener = WireEnd(there, {"listen": PORT, "without": without})
        try:
            listener.waits_for("listening", 1, 0.0, READY_SECONDS)
            job = {"call": f"{there.address}:{PORT}", "links": LINKS, "without": without}
            feeder = WireEnd(here, job)
            try:
                yield Wire(listener, feeder, there, here)
            finally:
                feeder.end()
        finally:
            listener.end()


def _shape(board: Board, mbit: float) -> None:
    words = ["tc", "qdisc", "add", "dev", board.nic, "root", "tbf"]
    words += ["rate", f"{mbit}mbit", "burst", "16kb", "latency", QUEUE]
    subprocess.run(["ip", "netns", "exec", board.namespace, *words], check=True)


@dataclass(frozen=True)
class Fullness:
    """What a link that was kept full for a while came to."""

    losses: tuple[str, ...]
    """Why links were given up, at either end."""
    mbit: float


def keep_full(
    mbit: float, seconds: float, without: Sequence[str] = (), *, until_lost: bool = False
) -> Fullness:
    """Keep three links over one slow wire full for so long, or until one is given up."""
    with wire(mbit, without) as it:
        it.feeder.waits_for("up", LINKS, 0.0, READY_SECONDS)
        start = time.monotonic()
        if until_lost:
            it.feeder.waits_for("down", 1, start, seconds)
        else:
            threading.Event().wait(seconds)
        seen = time.monotonic() - start
        losses = [e["reason"] for e in it.feeder.events("down", start)]
        losses += [e["reason"] or "gone" for e in it.listener.events("left", start)]
        arrived = it.feeder.events("arrived", start)
    return Fullness(tuple(losses), len(arrived) * TENSOR_BYTES * 8 / 1e6 / seen)


@dataclass(frozen=True)
class Silence:
    """One end was stopped, or its network was: seconds until every link of the other noticed, and
    after the end of it until they were up again and a tensor carried. ``None``: never.

    ``late`` is how long the other's event loop stood still meanwhile, at most.
    """

    noticed: float | None
    linked: float | None
    back: float | None
    late: float


def stop_peer(it: Wire, seconds: float) -> Silence:
    """SIGSTOP for the listener, and SIGCONT."""
    since = time.monotonic()
    it.listener.signal(signal.SIGSTOP)
    return _observe(it, since, seconds, lambda: it.listener.signal(signal.SIGCONT))


def silence_network(it: Wire, seconds: float, *, back: bool) -> Silence:
    """Nothing gets there any more, or nothing comes back; nobody is told."""
    source, target = (it.there, it.here) if back else (it.here, it.there)
    since = time.monotonic()
    _blackhole("add", source, target)
    return _observe(it, since, seconds, lambda: _blackhole("del", source, target))


def _observe(it: Wire, since: float, seconds: float, end: Callable[[], None]) -> Silence:
    try:
        downs = it.feeder.waits_for("down", LINKS, since, seconds)
        threading.Event().wait(max(0.0, since + seconds - time.monotonic()))
    finally:
        end()
    over = time.monotonic()
    ups = it.feeder.waits_for("up", LINKS, since, READY_SECONDS)
    carried = it.feeder.waits_for("arrived", 1, over, READY_SECONDS)
    return Silence(
        max(e["at"] for e in downs) - since if len(downs) == LINKS else None,
        max(e["at"] for e in ups) - over if len(ups) == LINKS else None,
        carried[0]["at"] - over if carried else None,
        max((e["seconds"] for e in it.feeder.events("late", since)), default=0.0),
    )


def _blackhole(verb: str, source: Board, target: Board) -> None:
    words = ("route", verb, "blackhole", f"{target.address}/32")
    subprocess.run(["ip", "-n", source.namespace, *words], check=True)
