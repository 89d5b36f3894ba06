"""What a device can be asked to do while it is flashed: each operation of the agent, by its name.

An operation takes the request's fields and returns those of its answer. It raises ``Refused`` or
``OSError``; then the device runs what it ran before. What it returned is on the disk.
"""

from __future__ import annotations

import json
import logging
import platform
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgechain.deploy.device import environments
from edgechain.deploy.device.fields import Fields
from edgechain.deploy.device.following import Following
from edgechain.deploy.device.listing import CONFIG, LISTING, parse, parse_wheels
from edgechain.deploy.device.lock import Lock
from edgechain.deploy.device.refusal import Invalid, Refused
from edgechain.deploy.device.service import Service
from edgechain.deploy.device.store import Store, python_version

PROTOCOL = 1
HEALTH_SECONDS = 120.0
"""Until a node is ready when nobody says how long: a small board loads a large model in 20 s."""

MAX_SHOWN = 400_000
"""Bytes of a listing, of a configuration or of a journal that are shown: they fit into a frame."""

MAX_LINE = 4000

TAIL = 40
"""Lines of the journal that explain a service that does not start."""

Answer = dict[str, Any]
Say = Callable[[str], None]

_log = logging.getLogger(__name__)


class Operations:
    """One connection's operations, and what it holds: the lock, and a generation on trial.

    ``say`` sends a line while an operation works; ``hear`` returns when the one who asked sends
    more, or has gone.
    """

    def __init__(self, store: Store, service: Service, say: Say, hear: Callable[[], object]):
        self._store, self._service = store, service
        self._say, self._hear = say, hear
        self._lock: Lock | None = None
        self._environment: Path | None = None
        self._trial = ""
        """The generation that this connection has switched to and not yet called good."""
        self._is_healthy = False

    @property
    def is_locked(self) -> bool:
        """Whether this connection may change anything."""
        return self._lock is not None

    def hello(self, _asked: Fields) -> Answer:
        """What this device is and holds; changes nothing."""
        store = self._store
        return {
            "protocol": PROTOCOL,
            "python": python_version(),
            "machine": platform.machine(),
            "hostname": socket.gethostname(),
            "root": str(store.root),
            "free_bytes": store.free_bytes(),
            "generations": store.generations(),
            "current": store.current,
            "good": store.good,
            "highest": store.highest,
            "certified": store.trust.is_certified,
            "device": store.trust.device,
            "revoked": store.trust.revoked,
            "service": self._service.kind,
        }

    def look(self, asked: Fields) -> Answer:
        """Which blobs are not here, and what is current: its listing and configuration."""
        found: Answer = {"missing": self._store.missing(asked.blobs("blobs"))}
        current = self._store.current
        if current is not None:
            folder = self._store.path(current)
            found["listing"] = _text(folder / LISTING, MAX_SHOWN)
            found["config"] = _text(folder / CONFIG, MAX_SHOWN)
        return found

    def lock(self, asked: Fields) -> Answer:
        """Be the only one who flashes, until the connection ends."""
        if self._lock is None:
            self._lock = self._store.lock(asked.text("who"))
        return {}

    def missing(self, asked: Fields) -> Answer:
        """Which blobs have to be sent; refused when there is no space for them."""
        wanted = dict(asked.blobs("blobs"))
        absent = self._store.missing(wanted.items())
        self._store.require_space(sum(wanted[sha256] for sha256 in absent), wanted)
        return {"missing": absent}

    def put(self, asked: Fields) -> Answer:
        """Take a blob."""
        self._store.put(*asked.blob(), asked.body.read)
        return {}

    def environment(self, asked: Fields) -> Answer:
        """Make the environment of some wheels."""
        self._environment = self._made(asked)
        return {"name": self._environment.name}

    def identity(self, asked: Fields) -> Answer:
        """A request for a certificate for this device's key."""
        self._environment = self._made(asked)
        return {"csr": self._store.trust.request(self._environment, asked.name("name"))}

    def certify(self, asked: Fields) -> Answer:
        """Take the certificate, and pin the authority."""
        texts = [asked.text(key) for key in ("authority", "certificate", "revoked")]
        self._store.trust.certify(self._judge(self._environment), *texts)
        return {}

    def install(self, asked: Fields) -> Answer:
        """Make a bundle a generation, not yet current."""
        data = asked.text("listing").encode(errors="replace")
        judge = self._judge(self._store.environments.path(parse(data).wheels))
        trust = self._store.trust

        def verify(listing: Path, signature: Path) -> None:
            trust.verify(judge, listing, signature)

        name = self._store.install(data, asked.raw("signature"), verify, trust.device)
        return {"generation": name}

    def switch(self, asked: Fields) -> Answer:
        """Let a generation be current."""
        name = asked.text("name")
        if name != self._store.current:
            self._store.switch(name)
            self._trial, self._is_healthy = name, False
        return {}

    def start(self, asked: Fields) -> Answer:
        """(Re)start the service with the current generation."""
        name = asked.text("name", self._store.current or "")
        if name != self._store.current:
            raise Invalid(f"generation {name[:40]!a} is not the current one")
        return self._start(name, asked.seconds("seconds", HEALTH_SECONDS))

    def reload(self, asked: Fields) -> Answer:
        """Let a generation be current, and the node that runs read its configuration.

        Where no node hears of it, what was current is so again. A generation that was heard of is
        not taken back by itself: the node loads it beside what it runs, and judges it.
        """
        name, before = asked.text("name"), self._store.current
        if before is None:
            raise Refused("no node runs here yet")
        if self._store.environment(name) != self._store.environment(before):
            raise Refused("it is for another environment than runs; a node has to start for that")
        self._store.switch(name)
        found = self._service.reload(self._store.path(name))
        if found.ok:
            self._trial, self._is_healthy = name, True
            return {}
        if before != name:
            self._store.go_back(before)
            self._service.reload(self._store.path(before))
        raise Refused(f"the node that runs was not told: {found.reason}")

    def good(self, asked: Fields) -> Answer:
        """The current generation is healthy; what is older than the last few goes.

        Those that have ``passed``, steps on the way that nobody is to go back to, go as well.
        """
        passed = asked.texts("passed")
        self._store.mark_good(asked.text("name"))
        self._trial = ""
        try:
            self._store.prune(passed)
        except OSError as error:
            _log.warning("what is old stays for now: %s", error)
        return {}

    def rollback(self, asked: Fields) -> Answer:
        """Let an older generation be current, and start it.

        With ``reload`` the node that runs is not ended: it reads that one's configuration.
        """
        name = self._go_back(asked.text("name", "") or None)
        if asked.get("reload") is True:
            heard = self._service.reload(self._store.path(name))
            found: Answer = {"healthy": heard.ok, "reason": heard.reason, "journal": []}
        else:
            found = self._start(name, asked.seconds("seconds", HEALTH_SECONDS))
        if found["healthy"]:
            self._store.mark_good(name)
        return {"current": name, **found}

    def logs(self, asked: Fields) -> Answer:
        """The end of what the service logged; and what comes, until somebody sends more or goes."""
        lines = asked.count("lines", TAIL)
        if asked.get("follow") is not True:
            return {"lines": _fitting(self._service.journal(lines))}
        following = Following(self._service.follow(lines), lambda line: self._say(line[:MAX_LINE]))
        self._hear()
        following.end()
        return {"lines": []}

    def end(self) -> None:
        """The connection is over: decide what it has left open, and let others flash."""
        if self._lock is None:
            return
        try:
            if self._trial and self._trial == self._store.current:
                self._decide()
        except (Refused, OSError) as error:
            _log.warning("the connection ended too early: %s", error)
        finally:
            self._lock.release()
            self._lock = None

    def _decide(self) -> None:
        if self._is_healthy:
            self._store.mark_good(self._trial)
        else:
            self._start(self._go_back(None), HEALTH_SECONDS)

    def _go_back(self, name: str | None) -> str:
        """Another generation is current then; a first one on trial that has none before it ends."""
        try:
            found = self._store.go_back(name)
        except Refused:
            if self._trial == self._store.current and name is None:
                self._service.stop()
                self._store.leave()
                self._trial = ""
            raise
        self._trial = ""
        return found

    def _start(self, name: str, seconds: float) -> Answer:
        found = self._service.start(self._store.path(name), seconds)
        self._is_healthy = found.ok
        journal = [] if found.ok else _fitting(self._service.journal(TAIL))
        return {"healthy": found.ok, "reason": found.reason, "journal": journal}

    def _made(self, asked: Fields) -> Path:
        return environments.make(self._store, parse_wheels(asked.get("wheels")), self._say)

    def _judge(self, offered: Path | None) -> Path:
        """Code that may judge: what runs already; only where nothing does, what was just sent."""
        current = self._store.current
        if current is not None:
            try:
                return self._store.environment(current)
            except (Refused, OSError) as error:
                _log.warning("generation %s cannot judge: %s", current, error)
        if offered is None:
            raise Invalid("no environment was made yet")
        return offered


def _fitting(lines: Sequence[str]) -> list[str]:
    """The last of some lines, as many as one frame holds."""
    kept: list[str] = []
    left = MAX_SHOWN
    for line in reversed(lines):
        left -= len(json.dumps(line[:MAX_LINE]))
        if left < 0:
            break
        kept.insert(0, line[:MAX_LINE])
    return kept


def _text(path: Path, most: int) -> str:
    """A text file; empty when it is not there, or too long to be sent."""
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    return data.decode(errors="replace") if len(data) <= most else ""


Operation = Callable[[Operations, Fields], Mapping[str, object]]

OPERATIONS: Mapping[str, Operation] = {
    "hello": Operations.hello,
    "lock": Operations.lock,
    "look": Operations.look,
    "missing": Operations.missing,
    "put": Operations.put,
    "environment": Operations.environment,
    "identity": Operations.identity,
    "certify": Operations.certify,
    "install": Operations.install,
    "switch": Operations.switch,
    "start": Operations.start,
    "reload": Operations.reload,
    "good": Operations.good,
    "rollback": Operations.rollback,
    "logs": Operations.logs,
}
WITHOUT_LOCK = frozenset({"hello", "look", "lock", "logs"})
