"""A project: device files, secrets beside them and kept out of git, and what to do next.

    DIR/device_configs/NAME.yaml    one for every board, with the schema that editors check it by
    DIR/secrets.yaml                what device files call !secret; only its owner reads it
    DIR/secrets.example.yaml        what is in git instead
    DIR/.gitignore                  keeps secrets and the fleet's keys out
    DIR/README.md                   the next commands

What is there is never replaced. The keys are ``security.fleet``'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edgechain.errors import InvalidDocument
from edgechain.files.text import read_text
from edgechain.spec.device_file import parse_device
from edgechain.spec.document import read
from edgechain.spec.schema import SCHEMA_FILE, SCHEMA_LINE, device_schema
from edgechain.spec.secrets import SECRETS_EXAMPLE, SECRETS_FILE

CONFIGS = "device_configs"

_DEVICE = """\
{schema}
# One board of the fleet. `edgechain config check` says whether this file is right.
name: {quoted}
chain: ../chain                  # the directory that `edgechain split MODEL -o chain` makes
stages: all                      # or some of them: [stage0, stage1]
identity: ../identities/{name}
flash:
  target: ssh://pi@{name}.local  # or dir:PATH, or sd:PATH (an SD card's boot partition)
device:
  board: pi-4                    # pi-4, pi-5 or pi-zero-2w: what `edgechain plan` estimates by
# wifi:                          # what a board started from an SD card joins
#   ssid: !secret wifi_ssid      # values are in secrets.yaml
#   password: !secret wifi_password
#   country: GB
"""

_SECRETS = """\
# Passwords, NAME: VALUE. A device file says `!secret NAME` where the value belongs.
# Git does not take this file, and only you can read it. The names are in {example}.
# wifi_ssid: my-network
# wifi_password: "the password of my-network"
"""

_EXAMPLE = """\
# What {file} has to say, without what is secret: copy it, and fill it in.
wifi_ssid: my-network
wifi_password: "the password of my-network"
"""

_IGNORED = (SECRETS_FILE, "fleet/", "identities/")

_README = """\
# {title}

Boards that run one neural network together, by edgechain. `device_configs/` says what each board
is and does, `secrets.yaml` has what must not be in git, `fleet/` and `identities/` have the keys
(`fleet/authority.key` decides who belongs: keep it, and keep it secret).

    edgechain split MODEL.tflite -o chain                                  # cut the network
    edgechain plan MODEL.tflite --devices 'device_configs/*.yaml'          # or ask where to cut
    edgechain config check 'device_configs/*.yaml'                         # is everything right?
    edgechain flash device_configs/*.yaml                                  # put it on the boards
    edgechain status --identity identities/{client}
"""


def make_project(directory: Path, nodes: Sequence[str], client: str) -> list[Path]:
    """Write what is not there yet; which files are new. Raises ``InvalidDocument``.

    ``client`` is who asks from this machine. A node that has a device file, by whatever name, gets
    no other one.
    """
    configs = directory / CONFIGS
    known = _names(configs)
    texts = {configs / f"{name}.yaml": _device(name) for name in nodes if name not in known}
    if texts:
        texts[configs / SCHEMA_FILE] = json.dumps(device_schema(), indent=2) + "\n"
    title = directory.resolve().name or "edgechain"
    texts |= {
        directory / SECRETS_FILE: _SECRETS.format(example=SECRETS_EXAMPLE),
        directory / SECRETS_EXAMPLE: _EXAMPLE.format(file=SECRETS_FILE),
        directory / ".gitignore": "".join(f"{line}\n" for line in _IGNORED),
        directory / "README.md": _README.format(title=title, client=client),
    }
    try:
        configs.mkdir(exist_ok=True)
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise InvalidDocument(reason, file=str(configs)) from error
    return [path for path, text in texts.items() if write_new(path, text)]


def ignores_secrets(directory: Path) -> bool:
    """Whether a project's own ``.gitignore`` names its secrets."""
    try:
        lines = (directory / ".gitignore").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(line.strip().lstrip("/") == SECRETS_FILE for line in lines.splitlines())


def write_new(path: Path, text: str) -> bool:
    """Write a file that is not there; False where there is one. Raises ``InvalidDocument``.

    Secrets are written so that only their owner reads them.
    """
    mode = 0o600 if path.name == SECRETS_FILE else 0o644
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    except OSError as error:
        raise InvalidDocument(f"cannot be written: {error.strerror}", file=str(path)) from error
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        with suppress(OSError):
            path.unlink()  # nothing half-written stays
        raise InvalidDocument(f"cannot be written: {error.strerror}", file=str(path)) from error
    return True


def _device(name: str) -> str:
    plain = read(f"name: {name}", file="").value(("name",)) == name
    quoted = name if plain else json.dumps(name)  # to YAML 1.5 is a number, and null nothing
    return _DEVICE.format(schema=SCHEMA_LINE, name=name, quoted=quoted)


def _names(configs: Path) -> set[str]:
    """What the device files that are there call their nodes."""
    found = set()
    for path in configs.glob("*.yaml"):
        with suppress(InvalidDocument):
            found.add(parse_device(read_text(path), file="").config.name)
    return found
