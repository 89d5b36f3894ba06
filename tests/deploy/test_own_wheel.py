"""Our own wheel: what is running, the same bytes anywhere, and something that installs."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import edgechain
from edgechain.deploy.own_wheel import describe, own_wheel
from edgechain.errors import MissingDependency
from tests.watch.needs import ROOT


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(own_wheel().content)) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def test_it_is_named_after_the_version() -> None:
    assert own_wheel().name == f"edgechain-{edgechain.__version__}-py3-none-any.whl"


def test_it_holds_every_file_that_git_has(files: dict[str, bytes]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "edgechain"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    packed = {name: content for name, content in files.items() if ".dist-info/" not in name}
    assert packed == {name: (ROOT / name).read_bytes() for name in listed if (ROOT / name).exists()}


def test_its_record_is_right(files: dict[str, bytes]) -> None:
    info = f"edgechain-{edgechain.__version__}.dist-info"
    rows = list(csv.reader(files[f"{info}/RECORD"].decode().splitlines()))
    assert {name for name, _, _ in rows} == set(files)
    for name, digest, size in rows:
        if name == f"{info}/RECORD":
            assert (digest, size) == ("", "")
            continue
        found = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).decode().rstrip("=")
        assert (digest, int(size)) == (f"sha256={found}", len(files[name]))


def test_the_same_code_is_the_same_bytes(tmp_path: Path) -> None:
    """A copy with other times and modes, run by another process that knows only the copy."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT / "edgechain", copy / "edgechain")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for number, path in enumerate(sorted(copy.rglob("*"))):
        path.chmod(0o700)
        os.utime(path, (number * 1e6, number * 1e6))
    code = (
        "import hashlib; from edgechain.deploy.own_wheel import own_wheel;"
        "print(hashlib.sha256(own_wheel().content).hexdigest())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == hashlib.sha256(own_wheel().content).hexdigest()


def test_what_it_needs_is_what_pyproject_says(tmp_path: Path) -> None:
    """Installed without a checkout beside it, it says the same of itself as a checkout does."""
    python = _installed(tmp_path)
    code = (
        "from pathlib import Path; import edgechain; from edgechain.deploy.own_wheel import *;"
        "import hashlib; found = describe(Path(edgechain.__file__).parent);"
        "print(edgechain.__file__); print(*found.requirements, sep='|');"
        "print(*found.extras['tflite'], sep='|')"
    )
    told = subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True)
    where, requirements, tflite = told.stdout.splitlines()
    assert where.startswith(str(tmp_path))
    said = describe(ROOT / "edgechain")
    assert set(map(Requirement, requirements.split("|"))) == set(
        map(Requirement, said.requirements)
    )
    wanted = set(map(Requirement, said.extras["tflite"]))
    assert {(one.name, str(one.specifier)) for one in map(Requirement, tflite.split("|"))} == {
        (one.name, str(one.specifier)) for one in wanted
    }


def test_it_installs_and_runs(tmp_path: Path) -> None:
    python = _installed(tmp_path)
    told = subprocess.run(
        [python, "-I", "-m", "edgechain.node", "--help"], check=True, capture_output=True, text=True
    )
    assert "Run a node" in told.stdout
    assert (python.parent / "edgechain").exists(), "the command is installed too"


def _installed(folder: Path) -> Path:
    """A virtual environment with the wheel, and what else is installed here visible; its Python."""
    own = own_wheel()
    (folder / own.name).write_bytes(own.content)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
    python = folder / "venv" / "bin" / "python"
    subprocess.run([*uv, "--python", python, folder / own.name], check=True, cwd=folder)
    others = importlib.metadata.distribution("pydantic").locate_file("")
    (site / "others.pth").write_text(f"{others}\n")
    return python


def test_neither_a_checkout_nor_installed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "edgechain", tmp_path / "edgechain")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "something-else"\n')
    code = (
        "import importlib.metadata as m; m.Distribution.discover = lambda **_: iter(());"
        "from edgechain.deploy.own_wheel import own_wheel; own_wheel()"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert f"{MissingDependency.__name__}: edgechain cannot tell what it needs" in told.stderr
