"""The command line: one table of commands, each loaded when called, and one place for errors."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from edgechain._version import __version__
from edgechain.errors import EdgechainError, MissingDependency
from edgechain.spec.printable import one_line

_COMMANDS = {
    "inspect": "show a model: signatures, operators, work, and the bytes at every possible cut",
    "profile": "measure what a model needs, here or on a running node, and links between nodes",
    "plan": "choose which device runs what, with a proof, or say that a split does not pay",
    "split": "cut a model into submodels and prove them equal to the whole",
    "verify": "prove again that a chain computes what its model computes",
    "init": "make a project: device files, and the fleet's keys for every node and this machine",
    "config": "check device files, show what they come to, or print their schema for editors",
    "revoke": "take nodes or clients out of a fleet",
    "up": "run every stage of a chain on a node of its own on this machine",
    "swap": "move a running chain to another generation without an interruption",
    "apply": "move a running chain to another plan without an interruption",
    "export": "write device files as Kubernetes manifests or as an Ansible role",
    "down": "end a chain that `up` started",
    "node": "run a node: what a device does",
    "flash": "bring devices to what their files say, all of it or nothing",
    "rollback": "let devices run what they ran before",
    "logs": "print what the nodes on devices write",
    "run": "flash devices, then print what their nodes write",
    "infer": "send one request from a .npz file and save what comes back",
    "camera": "send pictures or a video through a chain and draw what it finds",
    "doctor": "say what is wrong on this machine or a device, and what to do about it",
    "status": "show which nodes are there and how they are",
}

_START_NODES = ("node", "up")
"""A node's log is where gRPC says why a handshake failed; of the others it is the one line."""


class _LazyGroup(TyperGroup):
    """Loads ``edgechain.cli.NAME`` and its function ``NAME`` when the command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        if cmd_name not in _START_NODES:
            os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        try:
            function = getattr(importlib.import_module(f"edgechain.cli.{cmd_name}"), cmd_name)
        except MissingDependency as error:  # it is still listed, and says so when it is used
            function = _refusing(error)
        _collect_again()
        if isinstance(function, typer.Typer):  # it has commands of its own
            group = typer.main.get_group(function)
            group.name, group.help = cmd_name, f"{_COMMANDS[cmd_name].capitalize()}."
            return group
        single = typer.Typer(add_completion=False)
        single.command(cmd_name, help=f"{_COMMANDS[cmd_name].capitalize()}.")(function)
        return typer.main.get_command(single)


def _collect_again() -> None:
    """What is loaded stays, and need not be looked through; see ``edgechain.cli.main``."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _refusing(error: MissingDependency) -> Callable[[], None]:
    def refuse() -> None:
        raise error

    return refuse


_app = typer.Typer(
    cls=_LazyGroup,
    name="edgechain",
    help="One neural network across a few Raspberry Pis: cut it, place it, run it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@_app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True),
) -> None:
    """One neural network across a few Raspberry Pis: cut it, place it, run it."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit status. Errors of ours are one line on stderr."""
    command: Any = typer.main.get_command(_app)
    try:
        status = command.main(list(arguments), prog_name="edgechain", standalone_mode=False)
    except EdgechainError as error:
        return _complain(str(error), 1)
    except typer.Abort:
        return _complain("interrupted", 130)
    except typer.TyperException as error:
        return _complain(_usage(error), getattr(error, "exit_code", 1))
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except BrokenPipeError:
        return 1
    return status if isinstance(status, int) else 0


def _usage(error: typer.TyperException) -> str:
    message = getattr(error, "format_message", error.__str__)()
    if not message:  # a bare `edgechain` has printed its help
        return ""
    context = getattr(error, "ctx", None)
    return f"{message} (try `{context.command_path if context else 'edgechain'} --help`)"


def _complain(reason: str, status: int) -> int:
    line = one_line(reason)
    if not line:
        return status
    sys.stderr.write(f"edgechain: {line}\n")
    return status
