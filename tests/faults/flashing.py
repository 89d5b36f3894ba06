"""One generation after the other, flashed by a real agent; and what a disk shows of it later."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Self

from edgechain.deploy.device.listing import number_of
from edgechain.deploy.device.store import Store
from tests.deploy.agent_client import AGENT, agent
from tests.deploy.bundles import Bundle, flash, locked, whole

SHARED = bytes(range(256)) * 256
"""A submodel that no generation changes."""


def bundle_of(number: int) -> Bundle:
    """A generation: a configuration and a submodel of its own, and one that all have."""
    dice = Random(number)
    files = {
        "node.yaml": f"name: pi-a\n# {number}\n".encode(),
        "chain/own.tflite": dice.randbytes(dice.randrange(1, 200_000)),
        "chain/shared.tflite": SHARED,
    }
    return Bundle(number, files)


@dataclasses.dataclass(frozen=True, slots=True)
class Marks:
    """Numbers of generations: the last that was asked for, and the last that was acknowledged."""

    switching: int = 0
    switched: int = 0
    calling_good: int = 0
    good: int = 0


class FlashLoop:
    """Flashes from number 1 on until it is told to end."""

    def __init__(self, root: Path, command: Sequence[str] = AGENT):
        self.marks = Marks()
        self.error: Exception | None = None
        self._root, self._command = root, command
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flash loop")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            with agent(self._root, self._command) as device:
                device.must("lock", who="a flash loop")
                number = 0
                while not self._ends.is_set():
                    number += 1
                    bundle = bundle_of(number)
                    installed = device.install(bundle)
                    assert installed["ok"], installed
                    self._note(switching=number)
                    device.must("switch", name=bundle.name)
                    self._note(switched=number, calling_good=number)
                    device.must("good", name=bundle.name)
                    self._note(good=number)
        except Exception as error:  # shown by the one who started it
            self.error = error

    def _note(self, **changes: int) -> None:
        self.marks = dataclasses.replace(self.marks, **changes)


@dataclasses.dataclass
class Seen:
    """What some snapshots have shown."""

    count: int = 0
    torn: int = 0
    """Neither the old nor the new generation, or not every byte of it."""
    lost: int = 0
    """What was acknowledged is not there."""
    stuck: int = 0
    """The next flash does not work."""
    between: int = 0
    """Taken within a flash's switch, when either may be there."""
    first: str = ""

    def look(self, root: Path, before: Marks, after: Marks) -> None:
        """Judge a root: ``before`` and ``after`` are what was known around the copy."""
        self.count += 1
        self.between += before.switched != after.switching
        store = Store(root)
        found, good = number_of(whole(root)) or 0, number_of(store.good or "") or 0
        torn = found == 0 and before.switched > 0
        torn = torn or found > after.switching or good > after.calling_good
        torn = torn or (good > 0 and bool(store._generations.damage(store.good or "")))
        lost = not torn and (found < before.switched or good < before.good)
        lost = lost or store.highest < max(found, before.switched)
        self.torn += torn
        self.lost += lost
        self.stuck += not self._goes_on(store, after.switching + 1)
        if (torn or lost) and not self.first:
            self.first = f"shows {found} (good {good}), between {before} and {after}"

    def _goes_on(self, store: Store, number: int) -> bool:
        """Whether what broke off is cleared away and the next generation is flashed."""
        try:
            with locked(store):
                store.recover()
                name = flash(store, bundle_of(number))
                store.prune()
        except Exception as error:  # whatever it is, the device is stuck
            self.first = self.first or f"{type(error).__name__}: {error}"
            return False
        return whole(store.root) == name

    @property
    def is_sound(self) -> bool:
        """Whether every snapshot was old or new, whole, and with all that was acknowledged."""
        return not (self.torn or self.lost or self.stuck)

    def __str__(self) -> str:
        told = f"{self.torn} torn, {self.lost} acknowledged lost, {self.stuck} stuck"
        return f"{told} of {self.count} ({self.between} within a switch)"
