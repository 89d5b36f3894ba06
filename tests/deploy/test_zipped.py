"""The agent as one file: the same bytes anywhere, and all that a bare Python needs."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgechain.deploy import device, zipped


def test_it_holds_the_agent_and_nothing_of_ours_beside() -> None:
    with zipfile.ZipFile(io.BytesIO(zipped.agent())) as found:
        files = {name: found.read(name) for name in found.namelist()}
    folder = Path(device.__file__).parent
    sources = {
        f"edgechain/deploy/device/{path.name}": path.read_bytes() for path in folder.glob("*.py")
    }
    empty = {"edgechain/__init__.py": b"", "edgechain/deploy/__init__.py": b""}
    assert files == sources | empty | {"__main__.py": files["__main__.py"]}
    assert not [name for name in files if "pycache" in name]


def test_the_same_sources_are_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = zipped.agent()
    copy = tmp_path / "device"
    shutil.copytree(Path(device.__file__).parent, copy)
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__" / "agent.cpython-311.pyc").write_bytes(b"made by Python")
    for number, path in enumerate(sorted(copy.rglob("*"))):
        os.utime(path, (number * 1e6, number * 1e6))
        path.chmod(0o700)
    monkeypatch.setattr(device, "__file__", str(copy / "__init__.py"))
    assert zipped.agent() == first
    (copy / "__init__.py").write_text('"""Another."""\n')
    assert zipped.agent() != first


def test_a_bare_python_finds_the_zipped_ones(tmp_path: Path) -> None:
    """Without site-packages: what it imports comes from the file, not from this checkout."""
    path = tmp_path / "agent.pyz"
    path.write_bytes(zipped.agent())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import edgechain.deploy.device as found;"
        "print(found.__file__)"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert told.stdout.strip() == f"{path}/edgechain/deploy/device/__init__.py"
