"""The agent as one file that a device's own Python runs: ``python3 agent.pyz``.

The same sources give the same bytes: a device that has them already need not be sent them again.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from edgechain.deploy import device

PACKAGE = "edgechain.deploy.device"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first instant that a zip file can name."""

_START = f"""\
import runpy

runpy.run_module("{PACKAGE}", run_name="__main__", alter_sys=True)
"""


def agent() -> bytes:
    """The zipped agent (PEP 441): ``edgechain.deploy.device`` below packages that are empty."""
    parents = PACKAGE.split(".")[:-1]
    files = {"__main__.py": _START.encode()}
    files |= {"/".join([*parents[: i + 1], "__init__.py"]): b"" for i in range(len(parents))}
    files |= dict(_sources())
    return archive(files)


def archive(files: dict[str, bytes]) -> bytes:
    """A zip file that depends on names and contents only.

    Stored, not deflated: the same bytes whichever zlib this machine has.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as zipped:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, where the next field is a mode
            entry.external_attr = 0o100644 << 16
            zipped.writestr(entry, files[name])
    return out.getvalue()


def package_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """A package's files by their paths below it, without what Python has made of them."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield name.as_posix(), path.read_bytes()


def _sources() -> Iterator[tuple[str, bytes]]:
    folder = Path(device.__file__).parent
    for name, content in package_files(folder):
        yield f"{PACKAGE.replace('.', '/')}/{name}", content
