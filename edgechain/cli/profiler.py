"""What a node starts to measure a model: ``python -m edgechain.cli.profiler``.

A door of its own, like a node's: a board has none of the command line's libraries. The model is an
open file, words go to another one as JSON, one object a line, and an end of standard input breaks
it off: the node has hung up, or is gone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgechain.errors import EdgechainError
from edgechain.node.announcer import Announcer
from edgechain.runtime.kinship import go_first, name_process

NICE = 10
"""The node's own work goes first (sched(7): about a tenth of the weight)."""

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, say the profile, and leave nothing; the exit status."""
    options = _parser().parse_args(arguments)
    os.nice(NICE)
    go_first()
    name_process("profiler")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_the_node, daemon=True).start()
    announcer = Announcer(options.announce)
    try:
        with _workplace(options.workplace):
            announcer.say("finished", profile=_profile(options, announcer))
    except EdgechainError as error:
        announcer.say("failed", kind=type(error).__name__, reason=str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _profile(options: argparse.Namespace, announcer: Announcer) -> str:
    """JSON of the profile."""
    from edgechain.cli.measure import Wish, measured  # noqa: PLC0415 - once the node may end us
    from edgechain.model.source import parse_model  # noqa: PLC0415

    def progress(what: str, done: int, total: int) -> None:
        announcer.say("working", what=what, done=done, total=total)

    with os.fdopen(options.model, "rb") as file:
        file.seek(0)
        content = file.read()
    whole = parse_model(content, origin=options.name, file=options.name)
    wish = Wish(
        device=options.device,
        threads=options.threads,
        interpreter=options.interpreter,
        seconds=options.seconds,
        nodes=options.node,
    )
    return measured(whole, wish, progress).model_dump_json()


def _end_with_the_node() -> None:
    os.read(sys.stdin.fileno(), 1)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@contextmanager
def _workplace(path: Path) -> Iterator[None]:
    """A folder for all that is temporary: whoever is killed leaves it to the node to remove."""
    path.mkdir(mode=0o700)
    try:
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edgechain.cli.profiler", description=__doc__)
    parser.add_argument("model", type=int, help="descriptor of the model's file")
    parser.add_argument("announce", type=int, help="descriptor to say words to")
    parser.add_argument("workplace", type=Path, help="a folder to make, use and remove")
    parser.add_argument("--name", required=True, help="what the model's file is called")
    parser.add_argument("--device", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--interpreter", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--no-node", dest="node", action="store_false")
    return parser


if __name__ == "__main__":
    sys.exit(main())
