"""A bar for each device, on a terminal. Loaded only where there is one: rich is big."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar


class DeviceBars(AbstractContextManager["DeviceBars"]):
    """A bar for each device; gone at the end."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.fields[device]}", style="bold"),
            BarColumn(),
            TextColumn("{task.description}"),
        )
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._shown = False

    def __call__(self, device: str, what: str, done: int, total: int) -> None:
        """Show it."""
        if not self._shown:
            self._bar.start()
            self._shown = True
        if device not in self._tasks:
            self._tasks[device] = self._bar.add_task("", total=None, device=device)
        known = total or None
        self._bar.update(self._tasks[device], description=what, completed=done, total=known)

    def pause(self) -> None:
        """Take the bars away until there is more to say."""
        if self._shown:
            self._bar.stop()
        self._shown = False

    def __exit__(self, *reason: object) -> None:
        self.pause()
