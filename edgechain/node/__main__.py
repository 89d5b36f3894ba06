"""Start a node: ``python -m edgechain.node CONFIG``; ``edgechain node`` does the same.

A door of its own, without the command line's libraries: a node stays small.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edgechain.transport.memory import tune_allocator


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node in the foreground; the exit status."""
    tune_allocator()
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    import uvloop  # noqa: PLC0415 - after the allocator is tuned and the arguments are right

    from edgechain.errors import EdgechainError  # noqa: PLC0415
    from edgechain.node.announcer import Announcer  # noqa: PLC0415
    from edgechain.node.daemon import serve  # noqa: PLC0415
    from edgechain.node.settings import load_settings  # noqa: PLC0415

    announcer = Announcer(options.announce_fd)
    try:
        reread = partial(load_settings, options.config)
        uvloop.run(serve(reread(), announcer, options.lifeline_fd, reread))
    except EdgechainError as error:
        announcer.say("failed", kind=type(error).__name__, reason=str(error))
        if options.announce_fd is None:
            sys.stderr.write(f"edgechain node: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgechain node", description="Run a node: its stages, its port, its links."
    )
    parser.add_argument("config", type=Path, help="the device's YAML file")
    parser.add_argument("-v", "--verbose", action="store_true", help="say everything")
    parser.add_argument("--announce-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--lifeline-fd", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
