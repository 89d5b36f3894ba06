"""How far several devices are: a bar for each on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Protocol, Self

from edgechain.cli.output import Lines


class DeviceProgress(Protocol):
    """Hears what is done on which device; quiet between ``pause`` and the next word."""

    def __call__(self, device: str, what: str, done: int, total: int) -> None:
        """Show it."""

    def pause(self) -> None:
        """Leave the terminal to others."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *reason: object) -> None: ...


def device_progress() -> DeviceProgress:
    """What fits standard error."""
    if not sys.stderr.isatty():
        return _Plain()
    from edgechain.cli.device_bars import DeviceBars  # noqa: PLC0415 - only a terminal needs it

    return DeviceBars()


class _Plain(AbstractContextManager["_Plain"]):
    """A line every few seconds for each device; what is done sooner says nothing."""

    def __init__(self) -> None:
        self._devices: dict[str, Lines] = {}

    def __call__(self, device: str, what: str, done: int, total: int) -> None:
        self._devices.setdefault(device, Lines())(f"{device}: {what}", done, total)

    def pause(self) -> None:
        """Lines disturb nobody."""

    def __exit__(self, *reason: object) -> None:
        return None
