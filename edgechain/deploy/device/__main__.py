"""Start the agent: ``python3 agent.pyz --root ROOT``; requests come on stdin, see ``agent``.

With ``first-boot --bundle DIR`` after it, it does what a board does at its own, see ``first_boot``.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgechain.deploy.device.agent import Agent
from edgechain.deploy.device.first_boot import FirstBoot
from edgechain.deploy.device.refusal import Refused, one_line
from edgechain.deploy.device.service import Service, detect
from edgechain.deploy.device.store import Store

FIRST_BOOT = "first-boot"
UMASK = 0o022
"""The service may be another user: it reads what is public, and what is private says so itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer until standard input ends; the exit status."""
    options = _parser().parse_args(arguments)
    root = options.root.expanduser().absolute()
    os.umask(UMASK)
    logging.basicConfig(level=logging.INFO, format="agent: %(message)s", stream=sys.stderr)
    if options.command == FIRST_BOOT:
        return _first_boot(Store(root), detect(root, options.service), options.bundle)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints is no answer
    with answers, os.fdopen(os.dup(0), "rb") as source:
        Agent(Store(root), detect(root, options.service), source, answers).serve()
    return 0


def _first_boot(store: Store, service: Service, bundle: Path) -> int:
    def say(text: str) -> None:
        sys.stdout.write(f"edgechain: {text}\n")
        sys.stdout.flush()

    try:
        FirstBoot(store, service, bundle, say).run()
    except (Refused, OSError) as error:
        sys.stderr.write(f"edgechain: {one_line(error)}; the next boot tries again\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent", description="Flash this device as asked.")
    parser.add_argument("--root", type=Path, required=True, help="where everything is kept")
    parser.add_argument(
        "--service",
        choices=("systemd", "user", "process"),
        help="what starts the node; what this machine has when absent",
    )
    commands = parser.add_subparsers(dest="command")
    boot = commands.add_parser(FIRST_BOOT, help="install what is new on this device's card")
    boot.add_argument("--bundle", type=Path, required=True, help="the folder on the card")
    return parser


if __name__ == "__main__":
    sys.exit(main())
