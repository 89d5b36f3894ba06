"""Starts the doctor that is installed on a device: the text of its functions is sent there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgechain.deploy.device.boot import default_root


def consult() -> None:
    """Arguments: ROOT or nothing, and options of ``python -m edgechain.deploy.doctor``."""
    wanted, *options = sys.argv[1:]
    root = Path(wanted).expanduser().absolute() if wanted else default_root()
    identity = root / "identity"
    if os.geteuid() != 0 and root.exists() and not os.access(identity, os.R_OK | os.X_OK):
        os.execvp("sudo", ["sudo", "-n", *sys.orig_argv])  # noqa: S606
    current = root / "current"
    python = current / "environment" / "bin" / "python"
    if not python.exists():
        sys.exit(f"nothing is installed in {root}; edgechain flash puts a node there")
    module = ["-P", "-m", "edgechain.deploy.doctor", "--json"]
    command = [str(python), *module, *options, str(current / "node.yaml")]
    os.execv(python, command)  # noqa: S606


if __name__ == "__main__":
    consult()
