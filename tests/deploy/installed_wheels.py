"""Wheels for this machine's Python, packed again from what is installed: without a network.

What a wheel is called and holds: the binary distribution format (PEP 427). Left out is what a node
never loads: console scripts, which lie outside of the packages, the packages' own tests, and what
is only for building with them. Every byte is hashed, sent, unpacked and compiled many times here.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

from edgechain.deploy.wheelhouse import requirements_for

NOT_PACKED = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")

NEVER_LOADED = (
    "ai_edge_litert/aot/",
    "ai_edge_litert/libLiteRt.so",
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",
    "ai_edge_litert/tools/",
    "ai_edge_litert/vendors/",
    "ml_dtypes/",
    "numpy/distutils/",
    "numpy/f2py/",
)
"""What is for graphics and neural processors, and for building extensions: a third of all bytes."""


def pack_wheels(folder: Path) -> None:
    """Write a wheel for everything that a node needs into ``folder``."""
    for found in _needed(requirements_for("auto")):
        _pack(found, folder)


def _needed(requirements: Iterable[str]) -> Iterator[importlib.metadata.Distribution]:
    """What these requirements lead to on this machine, each once."""
    seen, waiting = set(), [*requirements]
    while waiting:
        wanted = Requirement(waiting.pop())
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = importlib.metadata.distribution(wanted.name)
        if found.metadata["Name"] not in seen:
            seen.add(found.metadata["Name"])
            waiting += found.requires or ()
            yield found


def _pack(found: importlib.metadata.Distribution, folder: Path) -> None:
    name = found.metadata["Name"].replace("-", "_")
    info = f"{name}-{found.version}.dist-info"
    rows = []
    with zipfile.ZipFile(folder / f"{name}-{found.version}-{_tag(found)}.whl", "w") as wheel:
        for path, place in _files(found, info):
            content = path.read_bytes()
            wheel.writestr(place, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
            rows.append(f"{place},sha256={digest.rstrip('=')},{len(content)}\n")
        wheel.writestr(f"{info}/RECORD", "".join([*rows, f"{info}/RECORD,,\n"]))


def _files(found: importlib.metadata.Distribution, info: str) -> Iterator[tuple[Path, str]]:
    for file in found.files or ():
        first, *rest = file.parts
        if first == ".." or {"__pycache__", "tests"} & set(file.parts):
            continue
        if file.as_posix().startswith(NEVER_LOADED):
            continue
        if first.endswith(".dist-info"):
            if rest and rest[-1] not in NOT_PACKED:
                yield Path(str(file.locate())), "/".join([info, *rest])
        else:
            yield Path(str(file.locate())), str(file)


def _tag(found: importlib.metadata.Distribution) -> str:
    lines = (found.read_text("WHEEL") or "").splitlines()
    return [line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")][-1]
