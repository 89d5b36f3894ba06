"""Wheels of pinned versions from the package index: exactly those files, by their hashes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from edgechain.deploy.pins import GLIBC, Pins
from edgechain.deploy.platform import Platform
from edgechain.errors import InvalidBundle, MissingDependency
from edgechain.spec.printable import one_line
from edgechain.spec.progress import Say

OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
"""The oldest manylinux tags: manylinux1 (PEP 513), and 2014's for other processors (PEP 599)."""

ALIASES = {
    "x86_64": ("manylinux1", "manylinux2010", "manylinux2014"),
    "aarch64": ("manylinux2014",),
}


def fetch(pins: Pins, platform: Platform, folder: Path, say: Say) -> list[Path]:
    """Download every pinned wheel into ``folder``; their paths, sorted.

    By pip, with the index and the proxies that it is set up for. What a wheel says about Python
    versions is not looked at here. Raises ``InvalidBundle``; ``say`` is told what is under way.
    """
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(pins))
    command = [
        *(*_pip(), "download", "--requirement", str(wanted), "--dest", str(folder)),
        *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--ignore-requires-python"),
        *("--implementation", "cp", "--python-version", platform.python),
        *(option for tag in tags(platform.machine) for option in ("--platform", tag)),
        *("--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar", "off"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        said = _followed(running, len(pins), say)
    found = sorted(folder.glob("*.whl"))
    if running.returncode != 0 or len(found) != len(pins):
        raise InvalidBundle(f"packages for {platform} cannot be fetched: {_reason(said)}")
    return found


def tags(machine: str) -> list[str]:
    """Every platform that a device's wheels may be made for, the newest first (PEP 600)."""
    numbered = [f"manylinux_2_{i}_{machine}" for i in range(GLIBC, OLDEST_GLIBC[machine] - 1, -1)]
    return numbered + [f"{alias}_{machine}" for alias in reversed(ALIASES[machine])]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is None:
        reason = "fetching packages for a device needs pip; `uv pip install pip` where edgechain is"
        raise MissingDependency(reason)
    return [sys.executable, "-m", "pip"]


def _followed(running: subprocess.Popen[str], total: int, say: Say) -> list[str]:
    said, begun = [], 0
    assert running.stdout is not None  # noqa: S101 - asked for above
    for line in running.stdout:
        said.append(line.strip())
        if package := re.match(r"(?:Collecting|Processing) (\S+)", line):
            begun += 1
            say(f"fetching {begun} of {total}: {Path(package[1]).name}")
    return said


def _reason(said: list[str]) -> str:
    """The last error that pip names and what explains it, in one line that is not too long."""
    begins = [number for number, line in enumerate(said) if line.startswith("ERROR: ")]
    lines = said[begins[-1] :] if begins else said[-1:]
    found = " ".join(line.removeprefix("ERROR: ") for line in lines if line)
    return one_line(found)[:500] or "pip does not say why"
