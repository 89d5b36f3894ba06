"""The packages of this environment, from their metadata; nothing of theirs is needed for that."""

from __future__ import annotations

import importlib
import platform
import re
import struct
import sys
from importlib import metadata

from edgechain.deploy.doctor.checks.packages import (
    Installed,
    PackagesFacts,
    canonical,
    requirement_name,
)

MODULES = {
    "cryptography": "cryptography.x509",
    "grpcio": "grpc",
    "numpy": "numpy",
    "protobuf": "google.protobuf.message",
    "pydantic": "pydantic",
    "ruamel-yaml": "ruamel.yaml",
    "uvloop": "uvloop",
    "zeroconf": "zeroconf",
    "zstandard": "zstandard",
}
"""What to import to know that a package works. Interpreters are looked at by themselves."""


def look(package: str = "edgechain") -> PackagesFacts:
    """What ``package`` needs here, and what of it there is."""
    needs = tuple(need for need in metadata.requires(package) or () if not _is_extra(need))
    wanted = {requirement_name(need) for need in needs}
    found = [d for d in metadata.distributions() if canonical(d.metadata["Name"] or "") in wanted]
    first = {canonical(d.metadata["Name"]): d for d in reversed(found)}
    return PackagesFacts(
        where=sys.prefix,
        python=f"cp{sys.version_info.major}{sys.version_info.minor}",
        machine=_machine(),
        needs=needs,
        installed=tuple(_installed(name, found) for name, found in first.items()),
    )


def _machine() -> str:
    """Of this Python: a 32-bit one under a 64-bit kernel is told about the kernel."""
    found = platform.machine()
    return "armv7l" if found == "aarch64" and struct.calcsize("P") == 4 else found


def _is_extra(need: str) -> bool:
    return re.search(r";.*\bextra\s*==", need) is not None


def _installed(name: str, found: metadata.Distribution) -> Installed:
    wheel = found.read_text("WHEEL") or ""
    tags = tuple(re.findall(r"^Tag: (\S+)$", wheel, re.MULTILINE))
    return Installed(found.metadata["Name"], found.version, tags, _problem(MODULES.get(name)))


def _problem(module: str | None) -> str:
    """Why a module cannot be imported; empty when it can."""
    if module is None:
        return ""
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken extension may raise anything
        return f"{type(error).__name__}: {error}"
    return ""
