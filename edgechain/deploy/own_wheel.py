"""A wheel of the edgechain that is running, however it came here: the same code, the same bytes.

From a checkout (an editable install is one) its description comes from ``pyproject.toml`` beside
the package, otherwise from what was installed. The format is the binary distribution format of
the Python Packaging User Guide (PEP 427), stored, not deflated: the bytes depend on nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgechain._version import __version__
from edgechain.deploy.zipped import archive, package_files
from edgechain.errors import MissingDependency

NAME = "edgechain"
PACKAGE = Path(__file__).parents[1]
"""The code that is running."""

WHEEL = b"Wheel-Version: 1.0\nGenerator: edgechain\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

_EXTRA = re.compile(r"""\s*(?:;|\band\b)\s*extra\s*==\s*['"]([\w.-]+)['"]\s*$""")


@dataclass(frozen=True, slots=True)
class Description:
    """What edgechain says of itself: requirements (PEP 508) with their markers."""

    requires_python: str
    requirements: tuple[str, ...]
    extras: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class OwnWheel:
    """The wheel's file name and its bytes."""

    name: str
    content: bytes


def own_wheel() -> OwnWheel:
    """The wheel of the running package. Raises ``MissingDependency`` like ``describe``."""
    description = describe(PACKAGE)
    files = {f"{NAME}/{name}": content for name, content in package_files(PACKAGE)}
    info = f"{NAME}-{__version__}.dist-info"
    files[f"{info}/METADATA"] = _metadata(description)
    files[f"{info}/WHEEL"] = WHEEL
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{NAME} = {NAME}.cli:main\n".encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return OwnWheel(f"{NAME}-{__version__}-py3-none-any.whl", archive(files))


def describe(package: Path) -> Description:
    """What the package in this folder needs.

    Raises ``MissingDependency`` where neither a checkout nor an installed edgechain says it.
    """
    project = _project(package.parent / "pyproject.toml")
    if project is not None:
        extras = project.get("optional-dependencies", {})
        return Description(
            project["requires-python"],
            tuple(project["dependencies"]),
            {extra: tuple(requirements) for extra, requirements in extras.items()},
        )
    return _installed()


def _project(path: Path) -> dict[str, Any] | None:
    """The ``project`` table of our own ``pyproject.toml``, if this is it."""
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return None
    return project if project.get("name") == NAME else None


def _installed() -> Description:
    try:
        found = importlib.metadata.distribution(NAME)
    except importlib.metadata.PackageNotFoundError:
        reason = "cannot tell what it needs: it is neither installed nor a checkout"
        raise MissingDependency(f"edgechain {reason}; `pip install edgechain`") from None
    requirements, extras = [], dict[str, tuple[str, ...]]()
    for line in found.requires or ():
        wanted = _EXTRA.search(line)
        if wanted is None:
            requirements.append(line)
        else:
            extras[wanted[1]] = (*extras.get(wanted[1], ()), line[: wanted.start()])
    return Description(found.metadata["Requires-Python"], tuple(requirements), extras)


def _metadata(description: Description) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {__version__}"]
    lines.append(f"Requires-Python: {description.requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in description.requirements]
    for extra, requirements in sorted(description.extras.items()):
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_with_extra(one, extra)}" for one in requirements]
    return "\n".join([*lines, ""]).encode()


def _with_extra(requirement: str, extra: str) -> str:
    name, marked, marker = requirement.partition(";")
    if not marked:
        return f'{name.strip()}; extra == "{extra}"'
    return f'{name.strip()}; ({marker.strip()}) and extra == "{extra}"'


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    return "".join([*_rows(files), f"{own},,\n"]).encode()


def _rows(files: Mapping[str, bytes]) -> Iterator[str]:
    for name, content in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        yield f"{name},sha256={digest},{len(content)}\n"
