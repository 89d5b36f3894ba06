"""Units that stay on a device, whatever that costs: where the camera is, or the display."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from edgechain.errors import CannotPlace
from edgechain.spec.problem import Problem, Unit


@dataclass(frozen=True, slots=True)
class Pin:
    """``what``, in the words of whoever asks, is to run on a device."""

    what: str
    board: str


def check_known(pins: Iterable[Pin], devices: Collection[str]) -> None:
    """Raise ``CannotPlace`` for a pin to a device that is none of these."""
    for pin in pins:
        if pin.board not in devices:
            raise CannotPlace(f"{pin.what} is pinned to {pin.board!r}, which is no device")


def pinned(
    problem: Problem, pins: Collection[Pin], units: Callable[[str], Iterable[str]]
) -> Problem:
    """The same problem with pinned units on their devices only; ``units`` tells what is meant.

    Raises ``CannotPlace`` where that cannot be, naming the pin.
    """
    check_known(pins, {board.name for board in problem.boards})
    home: dict[str, str] = {}
    for pin in pins:
        if not (meant := tuple(units(pin.what))):
            raise CannotPlace(f"{pin.what} is pinned to {pin.board}, and is no unit")
        for unit in meant:
            other = home.setdefault(unit, pin.board)
            if other != pin.board:
                raise CannotPlace(f"unit {unit} is pinned to {other} and to {pin.board}")
    return replace(problem, units=tuple(_kept(unit, home) for unit in problem.units))


def _kept(unit: Unit, home: Mapping[str, str]) -> Unit:
    if (board := home.get(unit.name)) is None:
        return unit
    if board not in unit.seconds:
        raise CannotPlace(f"unit {unit.name} is pinned to {board}, which cannot run it")
    return replace(unit, seconds={board: unit.seconds[board]}, is_pinned=True)
