"""The agent without its checks, for a control: it believes listings, signatures and links."""

from __future__ import annotations

import sys
from pathlib import Path

from edgechain.deploy.device import disk, listing
from edgechain.deploy.device.__main__ import main
from edgechain.deploy.device.store import Store
from edgechain.deploy.device.trust import Trust


def _believe(*_: object) -> None:
    """Refuse nothing."""


def _any_path(value: object, _: str) -> str:
    return str(value)


def _any_folder(path: Path, mode: int = 0o755) -> None:
    path.mkdir(mode, parents=True, exist_ok=True)


if __name__ == "__main__":
    listing.__dict__.update(_path=_any_path, _require_apart=_believe)
    disk.__dict__.update(folder=_any_folder)
    for owner, name in ((Trust, "verify"), (Store, "_require_new"), (Store, "_require_ours")):
        setattr(owner, name, _believe)
    sys.exit(main())
