"""Wheels for another machine than this one: the right ones, once, and clear words where none is."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgechain.deploy.bundle import Wheel
from edgechain.deploy.fetched import tags
from edgechain.deploy.own_wheel import own_wheel
from edgechain.deploy.pins import pin
from edgechain.deploy.platform import Platform
from edgechain.deploy.wheelhouse import Wheelhouse, requirements_for
from edgechain.errors import InvalidBundle
from tests.deploy.package_index import EVERYWHERE, PackageIndex, use_only

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("wheelhouse")]

PI = Platform("3.11", "aarch64")
TRIXIE = Platform("3.13", "aarch64")
LAPTOP = Platform("3.11", "x86_64")
MACHINES = ("aarch64", "x86_64")
NOWHERE = "http://127.0.0.1:9/simple"


def built(*pythons: str, glibc: str = "manylinux_2_17") -> list[str]:
    """Tags of a package with code for these Pythons."""
    return [f"{one}-{one}-{glibc}_{machine}" for one in pythons for machine in MACHINES]


def everything() -> PackageIndex:
    """Everything that a node needs, in small."""
    found = PackageIndex()
    found.add("ai-edge-litert", "2.1.0", *built("cp311", "cp313"), requires=["backports-strenum"])
    found.add("backports-strenum", "1.2.8", python=">=3.8")
    found.add("backports-strenum", "1.3.1", python=">=3.8,<3.11")
    found.add("cryptography", "45.0", *built("cp311"), requires=["cffi"])
    found.add("cryptography", "45.0", *(f"cp311-abi3-manylinux_2_34_{one}" for one in MACHINES))
    found.add("cffi", "1.0", *built("cp311", "cp313"))
    found.add("grpcio", "1.81.1", *built("cp311", "cp313", glibc="manylinux2014"))
    found.add("numpy", "1.26.4", *built("cp311"))
    found.add("numpy", "2.4.0", *built("cp311", "cp313", glibc="manylinux_2_36"))
    found.add("numpy", "2.5.0", *built("cp311", "cp313", glibc="manylinux_2_39"))
    found.add("protobuf", "7.0", *(f"cp310-abi3-manylinux2014_{one}" for one in MACHINES))
    found.add("pydantic", "2.11", requires=['arm-only; platform_machine == "aarch64"'])
    found.add("arm-only", "1.0", requires=['old-only; python_version < "3.12"'])
    found.add("old-only", "1.0")
    found.add("ruamel.yaml", "0.19")
    found.add("uvloop", "0.22", *built("cp311", "cp313"))
    found.add("zeroconf", "0.150", *built("cp311", "cp313"))
    found.add("zstandard", "0.25.0", *built("cp311", "cp313"))
    found.add("tflite-runtime", "2.14.0", *built("cp311", glibc="manylinux_2_34"))
    found.add("dnspython", "2.7.0")
    found.add("pip", "25.0")
    return found


@pytest.fixture
def index() -> PackageIndex:
    return everything()


@pytest.fixture
def served(
    index: PackageIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[PackageIndex]:
    with index.served(monkeypatch, tmp_path / "caches"):
        yield index


@dataclass(frozen=True)
class Stock:
    """A wheelhouse that has all for ``PI``, and what it said and gave when it got it."""

    folder: Path
    said: list[str]
    wheels: tuple[Wheel, ...]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    folder, said = tmp_path_factory.mktemp("stock"), list[str]()
    with pytest.MonkeyPatch.context() as patch, everything().served(patch, folder / "caches"):
        wheels = Wheelhouse(folder / "house").wheels(PI, say=said.append)
    return Stock(folder / "house", said, wheels)


@pytest.fixture
def house(stock: Stock, tmp_path: Path) -> Wheelhouse:
    """A copy of the stock, for one test."""
    shutil.copytree(stock.folder, tmp_path / "house")
    return Wheelhouse(tmp_path / "house")


def contents(wheels: tuple[Wheel, ...]) -> list[tuple[str, str]]:
    return [(one.name, one.blob.sha256) for one in wheels]


def names(wheels: tuple[Wheel, ...]) -> list[str]:
    """Name and version of every wheel but edgechain's own."""
    return ["-".join(one.name.split("-")[:2]) for one in wheels if "edgechain" not in one.name]


def test_the_wheels_are_the_devices_not_this_machines(
    stock: Stock, served: PackageIndex, house: Wheelhouse
) -> None:
    assert names(stock.wheels) == [
        "ai_edge_litert-2.1.0",
        "arm_only-1.0",
        "backports_strenum-1.2.8",
        "cffi-1.0",
        "cryptography-45.0",
        "grpcio-1.81.1",
        "numpy-2.4.0",
        "old_only-1.0",
        "pip-25.0",
        "protobuf-7.0",
        "pydantic-2.11",
        "ruamel.yaml-0.19",
        "uvloop-0.22",
        "zeroconf-0.150",
        "zstandard-0.25.0",
    ]
    tagged = {one.name for one in stock.wheels if EVERYWHERE not in one.name}
    assert all(name.endswith("_aarch64.whl") for name in tagged)
    for_laptop = names(house.wheels(LAPTOP))
    assert "backports_strenum-1.2.8" in for_laptop
    assert "arm_only-1.0" not in for_laptop


def test_markers_are_the_devices_pythons(served: PackageIndex, house: Wheelhouse) -> None:
    found = names(house.wheels(TRIXIE))
    assert "arm_only-1.0" in found
    assert "old_only-1.0" not in found


def test_each_is_what_its_hash_says_and_edgechain_is_among_them(
    stock: Stock, index: PackageIndex
) -> None:
    own = own_wheel()
    for one in stock.wheels:
        content = b"".join(one.blob.pieces())
        assert content == (own.content if one.name == own.name else index.files[one.name])
    assert own.name in [one.name for one in stock.wheels]
    assert [one.name for one in stock.wheels] == sorted(one.name for one in stock.wheels)


def test_it_says_what_is_under_way(stock: Stock) -> None:
    assert stock.said[0] == "looking up packages for Python 3.11 on aarch64"
    assert stock.said[1].startswith("fetching 1 of 15: ai-edge-litert")
    assert any(line.startswith("fetching 15 of 15: zstandard") for line in stock.said)
    assert stock.said[-1].startswith("fetching 1 of 1: backports-strenum==1.2.8"), (
        "the rest is here"
    )


def test_tflite_comes_alone_and_with_the_numpy_that_it_knows(
    served: PackageIndex, house: Wheelhouse
) -> None:
    found = names(house.wheels(PI, "tflite"))
    assert {"tflite_runtime-2.14.0", "numpy-1.26.4"} <= set(found)
    assert not [name for name in found if name.startswith(("ai_edge_litert", "backports"))]
    for interpreter in ("auto", "litert"):
        assert not [one for one in requirements_for(interpreter) if "tflite-runtime" in one]


def test_extras_of_edgechain_are_the_devices_that_want_them(
    stock: Stock, served: PackageIndex, house: Wheelhouse
) -> None:
    found = names(house.wheels(PI, extras=("dns",)))
    assert found == sorted([*names(stock.wheels), "dnspython-2.7.0"])


def test_tflite_on_a_newer_python_is_refused_before_anything_is_asked(
    served: PackageIndex, house: Wheelhouse
) -> None:
    with pytest.raises(InvalidBundle, match="tflite-runtime has no wheel for it, the last is for"):
        house.wheels(TRIXIE, "tflite")
    assert served.asked == []


def test_what_is_here_needs_no_network(
    stock: Stock, house: Wheelhouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_only(monkeypatch, NOWHERE, tmp_path / "caches")
    said = list[str]()
    assert contents(house.wheels(PI, say=said.append)) == contents(stock.wheels)
    assert said == []
    with pytest.raises(InvalidBundle, match="aarch64 cannot be looked up: "):
        house.wheels(TRIXIE)


def test_what_was_chosen_is_kept_until_somebody_says_so(
    stock: Stock, served: PackageIndex, house: Wheelhouse
) -> None:
    served.add("zeroconf", "0.151", *built("cp311", "cp313"))
    assert contents(house.wheels(PI)) == contents(stock.wheels)
    assert "zeroconf-0.151" in names(house.wheels(PI, refresh=True))
    assert "zeroconf-0.151" in names(house.wheels(PI))


@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_wheel_that_is_not_what_it_was_is_fetched_again(
    stock: Stock, served: PackageIndex, house: Wheelhouse, tmp_path: Path, how: str
) -> None:
    path = numpys(tmp_path)
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    served.add("numpy", "2.4.1", *built("cp311"))
    assert contents(house.wheels(PI)) == contents(stock.wheels), "the same, though there is a newer"
    assert path.read_bytes() == served.files[path.name]
    assert [file for file in served.asked if "/files/" in file] == [f"/files/{path.name}"]


def numpys(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "house" / "wheels").glob("*/numpy-*.whl")
    return path


def test_a_lock_that_broke_off_is_made_anew(
    stock: Stock, served: PackageIndex, house: Wheelhouse, tmp_path: Path
) -> None:
    (lock,) = (tmp_path / "house" / "locks").iterdir()
    before = lock.read_text()
    lock.write_text(before[:-2])
    assert contents(house.wheels(PI)) == contents(stock.wheels)
    assert [path.read_text() for path in lock.parent.iterdir()] == [before], "and no draft stays"


# Refusals ----------------------------------------------------------------------------------------


def refusal(tmp_path: Path, platform: Platform = PI) -> str:
    with pytest.raises(InvalidBundle) as refused:
        Wheelhouse(tmp_path / "house").wheels(platform)
    line = str(refused.value)
    assert "\n" not in line
    assert not (tmp_path / "house" / "locks").exists()
    return line


def test_a_package_without_a_wheel_is_named(served: PackageIndex, tmp_path: Path) -> None:
    said = refusal(tmp_path, Platform("3.12", "aarch64"))
    assert said.startswith("no set of wheels for Python 3.12 on aarch64: ")
    assert "ai-edge-litert" in said or "numpy" in said or "uvloop" in said


def test_a_package_that_nobody_has_is_named(served: PackageIndex, tmp_path: Path) -> None:
    served.add("pip", "25.1", requires=["nowhere-to-be-found"])
    with pytest.raises(InvalidBundle, match="nowhere-to-be-found"):
        pin(["pip==25.1"], PI)


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_only(monkeypatch, NOWHERE, tmp_path / "caches")
    said = refusal(tmp_path)
    assert said.startswith("packages for Python 3.11 on aarch64 cannot be looked up: ")
    assert NOWHERE in said
    assert "Connection refused" in said


def test_an_index_that_fails_between_looking_and_fetching(
    house: Wheelhouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_only(monkeypatch, NOWHERE, tmp_path / "caches")
    numpys(tmp_path).unlink()
    with pytest.raises(InvalidBundle, match="cannot be fetched: No matching distribution found"):
        house.wheels(PI)
    assert not list((tmp_path / "house").glob(".fetching-*"))


def test_a_file_that_is_not_the_pinned_one(
    served: PackageIndex, house: Wheelhouse, tmp_path: Path
) -> None:
    numpys(tmp_path).unlink()
    served.add("numpy", "2.4.0", *built("cp311", glibc="manylinux_2_36"), requires=["evil"])
    with pytest.raises(InvalidBundle, match=r"cannot be fetched: .*numpy"):
        house.wheels(PI)
    assert not list((tmp_path / "house" / "wheels").glob("*/numpy-*.whl"))


def test_a_cache_that_cannot_be_written(tmp_path: Path, served: PackageIndex) -> None:
    (tmp_path / "house").write_text("a file\n")
    with pytest.raises(InvalidBundle, match=r"house: cannot be written: "):
        Wheelhouse(tmp_path / "house").wheels(PI)


def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Wheelhouse()._cache == tmp_path / "xdg" / "edgechain"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Wheelhouse()._cache == tmp_path / "home" / ".cache" / "edgechain"


def test_tags_of_every_older_glibc() -> None:
    found = tags("aarch64")
    assert found[0] == "manylinux_2_36_aarch64"
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64"} < set(found)
    assert "manylinux_2_37_aarch64" not in found
    assert "manylinux1_x86_64" in tags("x86_64")


def test_a_tiny_wheel_is_a_wheel(index: PackageIndex, tmp_path: Path) -> None:
    (tmp_path / "pip.whl").write_bytes(index.files["pip-25.0-py3-none-any.whl"])
    with zipfile.ZipFile(tmp_path / "pip.whl") as wheel:
        assert wheel.testzip() is None
