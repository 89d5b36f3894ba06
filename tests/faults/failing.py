"""A device is flashed while one call to its disk fails; then what runs, and what is left over."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edgechain.deploy.device.environments import COMPLETE
from edgechain.deploy.device.listing import Wheel
from edgechain.deploy.device.store import KEEPS, Store
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.message import Role
from tests.deploy.agent_client import AGENT, AgentClient, Answer, agent
from tests.deploy.bundles import (
    DEVICE,
    Bundle,
    locked,
    ready_environment,
    ready_root,
    real_python,
    sha256,
    whole,
)
from tests.deploy.bundles import flash as flash_store
from tests.deploy.wheels import WHEELS
from tests.faults.disk_faults import DiskFault
from tests.faults.flashing import bundle_of

OLD, NEW, NEXT = (bundle_of(number) for number in (2, 3, 4))
WORDS = {errno.ENOSPC: "no space left", errno.EIO: "Input/output error"}


def flashed_root(root: Path) -> None:
    """A device that was flashed twice."""
    with locked(ready_root(root)) as store:
        for bundle in (bundle_of(1), OLD):
            flash_store(store, bundle)


def leftovers(root: Path) -> list[str]:
    """What is there and should not be: drafts, blobs and environments that nobody refers to."""
    store = Store(root)
    listings = [store.listing(name) for name in store.generations()]
    named = {blob for listing in listings for blob in listing.blobs}
    made = {store.environments.path(listing.wheels) for listing in listings}
    found = [
        path for place in (".", "generations", "identity") for path in root.glob(f"{place}/.*")
    ]
    found += [path for path in root.glob("blobs/*/*") if path.name not in named]
    found += [path for path in root.glob("environments/*") if path not in made]
    found += [path for path in made if not (path / COMPLETE).is_file()]
    found += list(root.glob("generations/*"))[KEEPS:]
    return [str(path.relative_to(root)) for path in found]


@dataclass
class Failures:
    """What came of failing calls, one flash each."""

    tried: int = 0
    refused: int = 0
    """Flashes that were refused; in the others only tidying up failed."""
    wrong: int = 0
    """What ran then was neither what ran before nor, after an ok, the new one."""
    unclear: int = 0
    """Refusals that are not one line with the cause."""
    left: int = 0
    """Something was left over, after the refusal or after the next flash."""
    stuck: int = 0
    """The next flash did not work."""
    first: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether all was as promised."""
        return not (self.wrong or self.unclear or self.left or self.stuck)

    def __str__(self) -> str:
        told = f"{self.wrong} wrong, {self.unclear} unclear, {self.left} left over, "
        told += f"{self.stuck} stuck of {self.tried} ({self.refused} refused)"
        return f"{told}; the first {self.first}" if self.first else told

    def judge(self, root: Path, answer: Answer, runs: str, words: str) -> None:
        """Judge what is there after a disturbed flash; ``runs`` is what should run."""
        self.tried += 1
        self.wrong += whole(root) != runs or (Store(root).good or "") != runs
        if not answer["ok"]:
            self.refused += 1
            error = str(answer["error"])
            self.unclear += "\n" in error or words not in error or answer["kind"] != "failed"
            self.left += bool(leftovers(root))

    def judge_next(self, root: Path, answer: Answer, runs: str) -> None:
        """Judge the next flash, which nothing disturbed."""
        self.stuck += not answer["ok"] or whole(root) != runs
        self.left += bool(leftovers(root))


Work = Callable[[AgentClient, Bundle], Answer]
"""A flash; its first answer that says no, or its last."""


def flash(device: AgentClient, bundle: Bundle) -> Answer:
    """One for which the environment is there."""
    answer = device.ask("lock", who="a test")
    return device.flash(bundle) if answer["ok"] else answer


def flash_wheels(device: AgentClient, bundle: Bundle) -> Answer:
    """One whose wheels are installed before."""
    answer = device.ask("lock", who="a test")
    for data in WHEELS.values():
        if answer["ok"]:
            answer = device.put(data)
    if answer["ok"]:
        answer = device.ask("environment", wheels=bundle.document["wheels"])
    return device.flash(bundle) if answer["ok"] else answer


@dataclass(frozen=True)
class FirstFlash:
    """One of a device that has no identity: a key, a certificate, and real signatures."""

    fleet: FleetDirectory
    python: Path

    def __call__(self, device: AgentClient, bundle: Bundle) -> Answer:
        store = Store(Path(device.must("hello")["root"]))
        ready_environment(store, python=str(self.python))
        answer = device.ask("lock", who="a test")
        if answer["ok"]:
            answer = device.ask("identity", name=DEVICE, wheels=[])
        if answer["ok"]:
            given = self.fleet.certify(answer["csr"].encode(), Role.NODE, DEVICE, replace=True)
            texts = {key: text.decode() for key, text in asdict(given).items()}
            answer = device.ask("certify", b"", **texts)
        if answer["ok"]:
            answer = device.install(bundle, self.fleet.sign(bundle.listing))
        for op in ("switch", "good"):
            if answer["ok"]:
                answer = device.ask(op, name=bundle.name)
        return answer


def first_flash(folder: Path) -> Trial:
    """Trials of a device that nothing was flashed to."""
    FleetDirectory.make(folder / "fleet")
    (folder / "before").mkdir()
    python = real_python(folder / "python")
    return Trial(folder, FirstFlash(FleetDirectory(folder / "fleet"), python), old="")


@dataclass
class Trial:
    """Flashes of copies of one root, ``folder``/before, each disturbed by one failing call."""

    folder: Path
    work: Work = flash
    old: str = OLD.name
    new: Bundle = NEW
    next: Bundle = NEXT
    command: Sequence[str] = AGENT

    def calls(self) -> int:
        """How many calls there are when none fails."""
        root = self._copy()
        fault = DiskFault(self.folder / "plan", root)
        answer = self._ask(root, self.new, fault.environment())
        assert answer["ok"], answer
        return fault.count

    def disturb(self, at: int, error: int, found: Failures) -> None:
        """Let one call fail."""
        root, was_sound = self._copy(), found.is_sound
        fault = DiskFault(self.folder / "plan", root, at, error)
        answer = self._ask(root, self.new, fault.environment())
        found.judge(root, answer, self.new.name if answer["ok"] else self.old, WORDS[error])
        shown = f"{fault.failed} ({os.strerror(error)}): {answer}, {Store(root).current} runs"
        again = self._ask(root, self.next, {})
        found.judge_next(root, again, self.next.name)
        if was_sound and not found.is_sound:
            found.first = f"{shown}; then {again}, left {leftovers(root)[:2]}"

    def _copy(self) -> Path:
        root = self.folder / "root"
        if root.exists():
            shutil.rmtree(root)
        shutil.copytree(self.folder / "before", root, symlinks=True)
        return root

    def _ask(self, root: Path, bundle: Bundle, env: Mapping[str, str]) -> Answer:
        with agent(root, self.command, env) as device:
            answer = self.work(device, bundle)
            device.close()
        return answer


def with_wheels(bundle: Bundle) -> Bundle:
    """The same, whose node needs an environment of its own."""
    wheels = [Wheel(name, sha256(data), len(data)) for name, data in WHEELS.items()]
    return replace(bundle, wheels=wheels)
