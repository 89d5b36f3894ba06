"""A device between a fleet and others: a real agent with real signatures, and what it may lose."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgechain.deploy.device.store import Store
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.message import Role
from tests.deploy.agent_client import AGENT, AgentClient, Answer, agent
from tests.deploy.bundles import (
    DEVICE,
    Bundle,
    flash,
    locked,
    ready_root,
    real_python,
    sha256,
    whole,
)

OLD, CURRENT, NEW = 4, 5, 6
"""Numbers of the generations that are there, and of what is sent."""

A = sha256(b"a")
"""A blob that is always there."""

MOST = 400
"""Characters of a refusal."""


class World:
    """``root`` is a device's; everything beside it in ``folder`` is none of its business."""

    def __init__(self, folder: Path):
        self.folder, self.root = folder, folder / "place" / "root"
        self.outside = folder / "place" / "outside"
        self.outside.mkdir(parents=True)
        (self.outside / "precious").write_bytes(b"precious")
        (folder / "home").mkdir()
        (folder / "empty").mkdir()
        FleetDirectory.make(folder / "ours")
        FleetDirectory.make(folder / "theirs")
        self.fleet, self.others = FleetDirectory(folder / "ours"), FleetDirectory(folder / "theirs")
        self._flash_twice(real_python(folder / "python"))

    def _flash_twice(self, python: Path) -> None:
        store = ready_root(self.root, python=str(python))
        (self.root / "identity" / "device").unlink()
        (self.root / "identity" / "authority.pem").unlink()
        environment = store.environments.path([])
        request = store.trust.request(environment, DEVICE)
        given = self.fleet.certify(request.encode(), Role.NODE, DEVICE)
        texts = (given.authority, given.certificate, given.revoked)
        store.trust.certify(environment, *(text.decode() for text in texts))
        with locked(store):
            for number in (OLD, CURRENT):
                flash(store, bundle(number))
        shutil.copytree(self.root.parent, self.folder / "before", symlinks=True)

    def renew(self) -> None:
        """The root and what is beside it, as they were."""
        for place, source in ((self.root.parent, "before"), (self.folder / "home", "empty")):
            shutil.rmtree(place)
            shutil.copytree(self.folder / source, place, symlinks=True)

    def surroundings(self) -> str:
        """A hash of all that is beside the root, and of the agent's home."""
        found = []
        for top in (self.root.parent, self.folder / "home"):
            for parent, folders, names in os.walk(top):
                if Path(parent) == self.root.parent:
                    folders.remove("root")
                found += [_described(Path(parent) / name) for name in (*folders, *names)]
        return "\n".join(sorted(found))

    def state(self) -> tuple[str, ...]:
        """What the root says is current, and which generations it has."""
        current = self.root / "current"
        where = str(current.readlink()) if current.is_symlink() else ""
        return (where, *Store(self.root).generations())

    def sign(self, listing: bytes) -> bytes:
        """What the device's own fleet says."""
        return self.fleet.sign(listing)


def _described(path: Path) -> str:
    if path.is_symlink():
        return f"{path} -> {path.readlink()}"
    data = path.read_bytes() if path.is_file() else b""
    return f"{path} {path.stat().st_mode:o} {sha256(data)}"


def bundle(number: int, /, **changes: object) -> Bundle:
    """A good one, but for what is changed."""
    files = {"node.yaml": f"# {number}\n".encode(), "chain/a.tflite": bytes([number]) * 1000}
    return Bundle(number, files, changes=changes)


def send(world: World, device: AgentClient, listing: bytes, signature: bytes | None) -> Answer:
    """Install a listing whose usual blobs are there; signed by our fleet when nothing is given."""
    answer = device.ask("lock", who="a stranger")
    for data in (*bundle(NEW).files.values(), b"a"):
        if answer["ok"]:
            answer = device.put(data)
    if not answer["ok"]:
        return answer
    signed = world.sign(listing) if signature is None else signature
    encoded = base64.b64encode(signed).decode()
    text = listing.decode(errors="replace")
    answer = device.ask("install", listing=text, signature=encoded)
    if answer["ok"]:
        name = str(answer["generation"])
        answer = device.ask("switch", name=name)
        answer = device.ask("good", name=name) if answer["ok"] else answer
    return answer


Attack = Callable[[World, AgentClient], Answer]


def installs(data: bytes) -> Attack:
    """An attack by a listing that our fleet has signed."""
    return lambda world, device: send(world, device, data, None)


def asks(op: str, **fields: Any) -> Attack:
    """An attack by one request of somebody who has the lock."""

    def attack(world: World, device: AgentClient) -> Answer:
        device.must("lock", who="a stranger")
        return device.ask(op, **fields)

    return attack


@dataclass(frozen=True, slots=True)
class Case:
    """One attack, and what the refusal has to speak of (a pattern).

    ``plant`` puts something into the root before. What ``may_work`` is a good flash of a root in
    which something was planted: it may come to its end, and nothing else may happen.
    """

    name: str
    attack: Attack
    words: str
    plant: Callable[[World], None] | None = None
    may_work: bool = False


@dataclass
class Caught:
    """What some attacks came to."""

    tried: int = 0
    outside: int = 0
    """Something beside the root changed."""
    inside: int = 0
    """The current generation changed, or another one came."""
    accepted: int = 0
    """Answered ok."""
    unclear: int = 0
    """Not one line that says why; or the agent broke."""
    first: str = ""

    @property
    def faults(self) -> int:
        """How often an attack was not refused, or something happened."""
        return self.outside + self.inside + self.accepted + self.unclear

    def __str__(self) -> str:
        told = f"{self.outside} outside, {self.inside} inside, {self.accepted} accepted, "
        told += f"{self.unclear} unclear of {self.tried}"
        return f"{told}; the first {self.first}" if self.first else told


def attack(world: World, case: Case, found: Caught, command: Sequence[str] = AGENT) -> str:
    """Try one, and judge what is there then; what was wrong, or nothing."""
    if case.plant is not None:
        case.plant(world)
    surroundings, state, faults = world.surroundings(), world.state(), found.faults
    answer, log = _conversation(world, case, command)
    found.tried += 1
    found.outside += world.surroundings() != surroundings
    if answer.get("ok") is True and case.may_work:
        found.inside += _current(world) != NEW
    else:
        found.accepted += answer.get("ok") is True
        found.unclear += not _is_clear(answer, case.words) or "Traceback" in log
        is_whole = case.plant is not None or _current(world) == CURRENT
        found.inside += world.state() != state or not is_whole
    is_bad = found.faults > faults
    if case.plant is not None or is_bad:
        world.renew()
    wrong = f"{case.name}: {str(answer)[:300]} {log[-300:]}" if is_bad else ""
    found.first = found.first or wrong
    return wrong


def _conversation(world: World, case: Case, command: Sequence[str]) -> tuple[Answer, str]:
    home = {"HOME": str(world.folder / "home"), "TMPDIR": str(world.folder / "home")}
    with agent(world.root, command, home) as device:
        try:
            answer = case.attack(world, device)
        except (AssertionError, EOFError, BrokenPipeError) as error:
            answer = {"ok": None, "error": f"{type(error).__name__}: {error}"}
        device.close()
        assert device.process.stderr is not None
        return answer, device.process.stderr.read().decode(errors="replace")


def _is_clear(answer: Answer, words: str) -> bool:
    error = answer.get("error")
    if answer.get("ok") is not False or not isinstance(error, str):
        return False
    is_line = error.isprintable() and 0 < len(error) <= MOST
    return (
        is_line
        and re.search(words, error) is not None
        and answer["kind"] in {"invalid", "failed", "busy"}
    )


def _current(world: World) -> int:
    name = whole(world.root)
    return int(name.partition("-")[0]) if name else 0
