"""The agent without its cleaning up, for a control: what broke off stays."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from edgechain.deploy.device import disk
from edgechain.deploy.device.__main__ import main
from edgechain.deploy.device.store import Store


def _leave(store: Store, keep: Iterable[str] = ()) -> None:
    """Recover nothing."""


def _leave_drafts(path: Path) -> None:
    """Remove no draft."""


if __name__ == "__main__":
    Store.recover = _leave  # type: ignore[method-assign, assignment]
    disk.drop_drafts = disk.remove_drafts = _leave_drafts
    sys.exit(main())
