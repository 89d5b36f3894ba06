"""`edgechain init`: a project with a fleet's authority, and for every node a file and its keys."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.names import check_name
from edgechain.deploy.project import ignores_secrets, make_project
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.ids import as_name
from edgechain.spec.message import Role
from edgechain.spec.secrets import SECRETS_FILE


def init(
    directory: Annotated[Path, typer.Argument(help="where the fleet is kept, on this machine")],
    nodes: Annotated[list[str] | None, typer.Argument(help="node names, as in configs")] = None,
    client: Annotated[
        str | None, typer.Option(help="who asks from this machine; its host name if absent")
    ] = None,
) -> None:
    """Make a project, or add nodes to it; what is there is kept.

    DIR/fleet stays on this machine. DIR/identities/NODE goes to that board, as a whole.
    DIR/device_configs has a file for every board, DIR/secrets.yaml what git must not have.
    """
    for name in nodes or ():
        check_name(name, "NODE")
    if client is not None:
        check_name(client, "--client")
    FleetDirectory.make(directory)
    fleet = FleetDirectory(directory)
    rows = [_provide(fleet, Role.NODE, name) for name in nodes or ()]
    rows.append(_provide(fleet, Role.CLIENT, client or _own_name(fleet)))
    typer.echo(f"{directory / 'fleet'}  stays here: its authority.key decides who belongs")
    for path, said in rows:
        typer.echo(f"{path}  {said}")
    _lay_out(directory, nodes or (), rows[-1][0].name)
    typer.echo(f"to ask from here: export EDGECHAIN_IDENTITY={rows[-1][0].resolve()}")


def _lay_out(directory: Path, nodes: Sequence[str], client: str) -> None:
    for path in make_project(directory, nodes, client):
        typer.echo(f"{path}  new")
    if not ignores_secrets(directory):
        typer.echo(f"{directory / '.gitignore'}  add to it: {SECRETS_FILE}")


def _provide(fleet: FleetDirectory, role: Role, name: str) -> tuple[Path, str]:
    path, new = fleet.provide(role, name)
    words = {
        Role.NODE: "new: copy this directory to the board",
        Role.CLIENT: "new: for this machine",
    }
    return path, words[role] if new else f"a {role}'s, kept as it is"


def _own_name(fleet: FleetDirectory) -> str:
    """This machine's name; where a node has it (a board that asks itself) another one."""
    host = as_name(socket.gethostname())[:56]
    return host if fleet.role_of(host) is not Role.NODE else f"{host}-client"
