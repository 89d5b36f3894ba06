"""Environments are made of wheels that are here, without a network, whole or not at all."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgechain.deploy.device import disk
from edgechain.deploy.device.environments import COMPLETE, make, python_of
from edgechain.deploy.device.listing import Wheel
from edgechain.deploy.device.refusal import Invalid, Refused
from edgechain.deploy.device.store import Store
from tests.deploy.bundles import locked, sha256
from tests.deploy.wheels import WHEELS

pytestmark = pytest.mark.processes


def put(store: Store, files: Mapping[str, bytes]) -> list[Wheel]:
    for data in files.values():
        store.put(sha256(data), len(data), io.BytesIO(data).read)
    return [Wheel(name, sha256(data), len(data)) for name, data in files.items()]


def test_an_environment_is_made_of_wheels(tmp_path: Path) -> None:
    store, said = Store(tmp_path / "root"), list[str]()
    with locked(store):
        wheels = put(store, WHEELS)
        path = make(store, wheels, said.append)
        assert make(store, wheels) == path, "it is there"
    assert path.parent == tmp_path / "root" / "environments"
    assert store.environments.is_complete(wheels)
    code = "import edgechain.security.signature as s, sys; print(s.__file__, sys.prefix)"
    done = subprocess.run(
        [python_of(path), "-I", "-c", code], capture_output=True, text=True, check=True
    )
    module, prefix = done.stdout.split()
    assert Path(module).is_relative_to(path)
    assert prefix == str(path)
    assert not (path / ".wheels").exists()
    assert said[0] == "making the environment"
    assert "installing 1 wheels" in said


def test_other_wheels_make_another_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    one, two = Wheel("a-1-py3-none-any.whl", "a" * 64, 1), Wheel("b.whl", "b" * 64, 1)
    paths = {store.environments.path(wheels) for wheels in ([], [one], [two], [one, two])}
    assert len(paths) == 4
    assert store.environments.path([one, two]) == store.environments.path([two, one])


def test_without_wheels_nothing_is_installed(tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    with locked(store):
        path = make(store, [])
    subprocess.run([python_of(path), "-c", "import json"], check=True)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"edgechain-0-py3-none-any.whl": WHEELS["edgechain-0-py3-none-any.whl"]},
            "no wheel of pip",
        ),
        ({**WHEELS, "x-1-py3-none-any.whl": b"no zip"}, "x-1-py3-none-any.whl is not a wheel"),
    ],
)
def test_what_cannot_be_installed_leaves_nothing(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    store = Store(tmp_path / "root")
    with locked(store):
        wheels = put(store, files)
        with pytest.raises(Refused, match=reason):
            make(store, wheels)
    assert disk.entries(store.environments.folder) == []


def test_a_wheel_that_was_not_sent_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    with locked(store), pytest.raises(Invalid, match=r"x-1-py3-none-any\.whl was not sent"):
        make(store, [Wheel("x-1-py3-none-any.whl", "a" * 64, 1)])


def test_one_that_broke_off_is_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    with locked(store):
        path = make(store, [])
        (path / COMPLETE).unlink()
        assert not store.environments.is_complete([])
        assert make(store, []) == path
    assert store.environments.is_complete([])


def test_one_whose_python_has_gone_is_made_again(tmp_path: Path) -> None:
    """As after the device's system was upgraded to another Python."""
    store = Store(tmp_path / "root")
    with locked(store):
        path = make(store, [])
        python_of(path).unlink()
        python_of(path).symlink_to("/usr/bin/python3.0")
        assert not store.environments.is_complete([])
        make(store, [])
    assert store.environments.is_complete([])
