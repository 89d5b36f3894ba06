"""Which versions of which packages a device needs, resolved on this machine for that one.

By uv, which evaluates requirements' markers for the device's Python and processor (pip would for
this machine's) and considers only versions that have a wheel for it.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgechain.deploy.platform import Platform
from edgechain.errors import InvalidBundle, MissingDependency
from edgechain.spec.printable import one_line

GLIBC = 36
"""2.36 is Raspberry Pi OS bookworm's; trixie's 2.41 takes the same wheels."""

NO_SOLUTION = 1
"""uv's exit status where the index answered, and what it has does not fit."""

Pins = tuple[str, ...]
"""Entries of a requirements file: ``NAME==VERSION`` with the SHA-256s of its files."""


def pin(requirements: Sequence[str], platform: Platform, without: Sequence[str] = ()) -> Pins:
    """Resolve ``requirements`` (PEP 508) for a device; ``without`` are versions not to be taken.

    Raises ``InvalidBundle`` when a package has no wheel for it (which one) or the package index
    does not answer, ``MissingDependency`` without uv.
    """
    with tempfile.TemporaryDirectory(prefix="edgechain-") as folder:
        Path(folder, "requirements.in").write_text("\n".join(requirements))
        Path(folder, "constraints.in").write_text("\n".join(without))
        command = [
            *(_uv(), "pip", "compile", "requirements.in", "--constraint", "constraints.in"),
            *("--python", sys.executable, "--no-python-downloads"),
            *("--python-version", platform.python),
            *("--python-platform", f"{platform.machine}-manylinux_2_{GLIBC}"),
            *("--only-binary", ":all:", "--generate-hashes"),
            *("--no-header", "--no-annotate", "--quiet", "--color", "never"),
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return tuple(re.split(r"\n(?=\S)", done.stdout.strip()))
    if done.returncode == NO_SOLUTION:
        raise InvalidBundle(f"no set of wheels for {platform}: {_reason(done.stderr)}")
    raise InvalidBundle(f"packages for {platform} cannot be looked up: {_reason(done.stderr)}")


def _uv() -> str:
    if importlib.util.find_spec("uv") is not None:
        import uv  # noqa: PLC0415 - only where something is flashed for the first time

        return str(uv.find_uv_bin())
    found = shutil.which("uv")
    if found is None:
        reason = "finding packages for a device needs uv; `pip install 'edgechain[fleet]'`"
        raise MissingDependency(reason)
    return found


def _reason(said: str) -> str:
    """What uv says in one line: the error's first cause, and the last one that explains it."""
    paragraphs = re.split(r"\n\s*(?=cause: |error: |hint: )|\n\n", "\n" + said)
    lines = [" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip()]
    causes = [line.removeprefix("cause: ") for line in lines if line.startswith("cause: ")]
    found = causes[0] if causes else "; ".join(lines).removeprefix("error: ")
    last = f" ({causes[-1]})" if len(causes) > 1 else ""
    return one_line(found[:1000] + last) or "uv does not say why"
