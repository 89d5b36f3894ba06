"""``edgechain config``: device files checked, shown, and described for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from edgechain.cli.files import device_files
from edgechain.cli.output import emit_json
from edgechain.deploy.checked import Checked, check_devices
from edgechain.deploy.configs import read_device
from edgechain.deploy.project import write_new
from edgechain.errors import EdgechainError, InvalidDocument
from edgechain.spec.device_file import render_device
from edgechain.spec.schema import SCHEMA_FILE, SCHEMA_LINE, SECRET_TAG, device_schema

config = typer.Typer(no_args_is_help=True, add_completion=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@config.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Device files, or patterns of such.")],
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with device files: file:line:column: key: reason, for each the first.

    The chain, stages, identity, profiles and SSH keys that a file names are looked at, too, where
    they are on this machine. Exit status 1 if one of the files cannot be used.
    """
    paths = device_files(files)
    found = list(zip(paths, check_devices(paths), strict=True))
    wrong = [verdict for _, verdict in found if isinstance(verdict, InvalidDocument)]
    if wrong and len(found) == 1 and not as_json:
        raise wrong[0]
    if as_json:
        emit_json([_document(path, verdict) for path, verdict in found])
    else:
        for path, verdict in found:
            _say(path, verdict)
    if wrong:
        raise EdgechainError(f"{len(wrong)} of {len(found)} device files cannot be used")


def _say(path: Path, verdict: Checked | InvalidDocument) -> None:
    if isinstance(verdict, InvalidDocument):
        typer.echo(str(verdict))
        return
    what = ", ".join(verdict.stages) or "all stages"
    typer.echo(f"{path}: {verdict.name} runs {what} of {verdict.chain or 'a chain elsewhere'}")
    for note in verdict.notes:
        typer.echo(f"  {note}")


def _document(path: Path, verdict: Checked | InvalidDocument) -> dict[str, Any]:
    if isinstance(verdict, InvalidDocument):
        places = ("file", "line", "column", "key", "reason")
        error = {name: getattr(verdict, name) for name in places}
        return {"file": str(path), "ok": False, "error": error}
    told = {"name": verdict.name, "chain": verdict.chain, "stages": verdict.stages}
    return {"file": str(path), "ok": True, **told, "notes": verdict.notes}


@config.command()
def show(
    file: Annotated[Path, typer.Argument(help="A device file.")], as_json: AsJson = False
) -> None:
    """Show what a device file comes to: substitutions made, secrets covered, defaults left out."""
    device = read_device(file)
    if as_json:
        emit_json(device.config.model_dump(mode="json"))
    else:
        typer.echo(render_device(device.config), nl=False)


@config.command()
def schema(
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A file that is not there yet.")
    ] = None,
) -> None:
    """Print the JSON Schema of device files, for editors that complete and check.

    VS Code with the extension "YAML" (and anything else with yaml-language-server) uses it for a
    file that says where it is in its first line, which `edgechain init` writes:

    # yaml-language-server: $schema=device.schema.json

    Secrets are known to it with the setting "yaml.customTags": ["!secret scalar"].
    """
    text = json.dumps(device_schema(), indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    elif not write_new(out, text):
        raise InvalidDocument("is there already; it is not replaced", file=str(out))
    line = SCHEMA_LINE.replace(SCHEMA_FILE, out.name if out else SCHEMA_FILE)
    typer.echo(f"a device file beside it uses it with this first line: {line}", err=out is None)
    typer.echo(f'and VS Code\'s settings need "yaml.customTags": ["{SECRET_TAG}"]', err=out is None)
