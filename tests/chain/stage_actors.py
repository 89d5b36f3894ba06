"""Actors of test chains; this very file is copied beside their chain.yaml."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Affine:
    """The sum of what it takes, times ``factor``, plus ``offset``."""

    def __init__(self, factor: int = 1, offset: int = 0, sleeps: float = 0.0):
        self._factor, self._offset = factor, offset
        time.sleep(sleeps)  # a large model takes as long to load

    def __call__(self, *values: Array) -> Array:
        return sum(values[1:], start=values[0]) * self._factor + self._offset


class Fork:
    """Two answers to one question."""

    def __call__(self, value: Array) -> tuple[Array, Array]:
        return value * 3, value + 7


class Product:
    """What it takes, multiplied."""

    def __call__(self, one: Array, other: Array) -> Array:
        return one * other


class Moody:
    """Passes on, but some values make it raise, exit, kill itself or misbehave."""

    def __init__(self, raises: int = -1, exits: int = -1, kills: int = -1, widens: int = -1):
        self._raises, self._exits, self._kills, self._widens = raises, exits, kills, widens

    def __call__(self, value: Array) -> Array:
        number = int(value.flat[0])
        if number == self._raises:
            raise ValueError(f"{number} is not to my liking")
        if number == self._exits:
            os._exit(9)
        if number == self._kills:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.concatenate([value, value]) if number == self._widens else value


class Gate:
    """Passes on; at one value it reports on one pipe and waits for a byte on another.

    With ``at_load`` it does that before anything comes, as a model that takes long to load.
    """

    def __init__(self, stops_at: int, entered: str, permits: str, at_load: bool = False):
        self._stops_at, self._entered, self._permits = stops_at, entered, permits
        if at_load:
            self._stand()

    def __call__(self, value: Array) -> Array:
        if int(value.flat[0]) == self._stops_at:
            self._stand()
        return value

    def _stand(self) -> None:
        with open(self._entered, "wb", buffering=0) as entered:  # noqa: PTH123 - a named pipe
            entered.write(b".")
        with open(self._permits, "rb", buffering=0) as permits:  # noqa: PTH123
            permits.read(1)


class Batch:
    """One number for every row of a batch."""

    def __call__(self, rows: Array) -> Array:
        found: Array = rows.sum(axis=1, keepdims=True)
        return found
