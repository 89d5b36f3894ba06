"""Start a node: ``python -m edgechain.node CONFIG``; ``edgechain node`` does the same.

A door of its own, without the command line's libraries: a node stays small.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from edgechain.transport.memory import tune_allocator


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node in the foreground; the exit status."""
    with _hangup_waits():
        tune_allocator()
        options = _parser().parse_args(arguments)
        logging.basicConfig(
            level=logging.DEBUG if options.verbose else logging.INFO,
            format="%(asctime)s %(levelname)-7s %(message)s",
            stream=sys.stderr,
        )
        logging.getLogger("asyncio").setLevel(logging.WARNING)
        return _run(options)


@contextmanager
def _hangup_waits() -> Iterator[None]:
    """SIGHUP means "read again": before anybody can, it waits instead of ending the process.

    One that nobody answered any more is nothing to die of at the end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    try:
        yield
    finally:
        signal.sigtimedwait((signal.SIGHUP,), 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(options: argparse.Namespace) -> int:
    gc.disable()  # while it is loaded: that makes much and throws nothing away, a tenth of a start
    import uvloop  # noqa: PLC0415 - after the allocator is tuned and the arguments are right

    from edgechain.errors import EdgechainError  # noqa: PLC0415
    from edgechain.node.announcer import Announcer  # noqa: PLC0415
    from edgechain.node.daemon import serve  # noqa: PLC0415
    from edgechain.node.settings import load_settings  # noqa: PLC0415
    from edgechain.node.systemd import Notifier  # noqa: PLC0415

    gc.freeze()  # what is loaded stays, and need not be looked through again
    gc.enable()
    notifier = Notifier.take_from(os.environ)
    announcer = Announcer(options.announce_fd)
    try:
        reread = partial(load_settings, options.config)
        uvloop.run(serve(reread(), announcer, options.lifeline_fd, reread, notifier))
    except EdgechainError as error:
        announcer.say("failed", kind=type(error).__name__, reason=str(error))
        notifier.troubled(str(error))
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
