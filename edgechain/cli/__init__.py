"""The street: parse, call one function, print. Commands are loaded when they are called."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Entry point of `edgechain`; Ctrl-C at any time is exit status 130."""
    gc.disable()  # until the command is loaded: that makes much and throws nothing away
    try:
        sys.exit(_dispatch(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.stderr.write("edgechain: interrupted\n")
        sys.exit(130)


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["node"]:  # a node stays small: not even the command line's libraries
        from edgechain.node.__main__ import main as run_node  # noqa: PLC0415

        return run_node(arguments[1:])
    try:
        from edgechain.cli.app import run  # noqa: PLC0415
    except ImportError as error:
        package = (error.name or "typer").partition(".")[0]
        sys.stderr.write(f"edgechain: {package} is missing; pip install 'edgechain[host]'\n")
        return 1
    return run(arguments)
