"""``edgechain export``: the same device files, for Kubernetes or for Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgechain._version import __version__
from edgechain.cli.files import device_files
from edgechain.deploy.exports.ansible import ansible as ansible_files
from edgechain.deploy.exports.devices import Files, read_exported
from edgechain.deploy.exports.k3s import CHAINS, IMAGE, NAMESPACE, K3sOptions
from edgechain.deploy.exports.k3s import k3s as k3s_files
from edgechain.errors import InvalidDocument

export = typer.Typer(no_args_is_help=True, add_completion=False)

Configs = Annotated[list[str], typer.Argument(help="Device files, or patterns of such.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="A directory, which may be there.")]


@export.command()
def k3s(
    configs: Configs,
    out: Out,
    image: Annotated[str, typer.Option(help="What the pods run.")] = IMAGE,
    namespace: Annotated[str, typer.Option(help="Kubernetes' namespace.")] = NAMESPACE,
    chains: Annotated[
        str, typer.Option(help="The folder on the boards with a directory for each chain.")
    ] = CHAINS,
) -> None:
    """Write manifests: a StatefulSet for each device, held on the machine of its name.

    Keys are referred to, and never in what is written.
    """
    devices = read_exported(device_files(configs))
    _write(out, k3s_files(devices, K3sOptions(image, namespace, chains), __version__))


@export.command()
def ansible(configs: Configs, out: Out) -> None:
    """Write an inventory, a playbook and a role that install nodes and their services.

    Keys are copied by the role from where they are, and never in what is written.
    """
    devices = read_exported(device_files(configs))
    _write(out, ansible_files(devices, out.resolve(), __version__))


def _write(out: Path, files: Files) -> None:
    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            typer.echo(path)
    except OSError as error:
        raise InvalidDocument(f"cannot be written: {error.strerror}", file=str(out)) from error
