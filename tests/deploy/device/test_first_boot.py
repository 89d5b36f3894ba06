"""A board and the card that it starts from, boot after boot, with the power cut anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgechain.deploy.device import disk, environments
from edgechain.deploy.device.first_boot import REQUEST, FirstBoot
from edgechain.deploy.device.health import Health
from edgechain.deploy.device.refusal import Busy, Invalid, Refused
from edgechain.deploy.device.service import Service
from edgechain.deploy.device.store import Store
from tests.deploy.bundles import Bundle, locked, ready_root, sha256

MODEL = {"chain/stage0.tflite": b"model" * 1000}


class Nodes(Service):
    """Starts nothing, and remembers what it was told; generations in ``ill`` are not well."""

    kind = "process"

    def __init__(self, ill: set[str] | None = None):
        self.started: list[str] = []
        self.ill = ill or set()
        self.runs = ""

    def start(self, generation: Path, seconds: float) -> Health:
        self.started.append(generation.name)
        self.runs = generation.name
        return Health(generation.name not in self.ill, "it says no")

    def reload(self, generation: Path) -> Health:
        return Health(bool(self.runs), "nothing runs")

    def stop(self) -> None:
        self.runs = ""

    def journal(self, lines: int) -> list[str]:
        return []

    def follow(self, lines: int) -> Iterator[str]:
        yield from ()


class PowerCut(BaseException):
    """Nothing more happens on this boot."""


def write_card(card: Path, bundle: Bundle) -> Path:
    """What ``flash --to sd:`` puts there, as far as a board reads it."""
    shutil.rmtree(card, ignore_errors=True)
    for data in bundle.files.values():
        path = card / "blobs" / sha256(data)[:2] / sha256(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (card / "bundle.json").write_bytes(bundle.listing)
    (card / "bundle.sig").write_bytes(b"signature")
    return card


def bundle(number: int = 17, **changes: Any) -> Bundle:
    files = {"node.yaml": b"name: pi-a\nchain: chain\n", **MODEL}
    return Bundle(number, files, changes=changes)


def boot(store: Store, card: Path, nodes: Nodes) -> list[str]:
    said: list[str] = []
    FirstBoot(store, nodes, card, said.append).run()
    return said


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path / "card", bundle())


@pytest.fixture
def bare(tmp_path: Path) -> Store:
    """A board without a certificate; its environment's Python answers all with nothing."""
    store = ready_root(tmp_path / "root")
    for name in ("device", "authority.pem", "identity.pem"):
        (store.trust.folder / name).unlink()
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A board with a certificate, which takes every signature for good."""
    return ready_root(tmp_path / "root")


# Without a certificate ---------------------------------------------------------------------------


def test_it_takes_everything_and_waits(bare: Store, card: Path) -> None:
    nodes = Nodes()
    said = boot(bare, card, nodes)
    assert "waits for its certificate" in said[-1]
    assert (bare.trust.folder / REQUEST).is_file()
    assert bare.missing((sha256(data), len(data)) for data in MODEL.values()) == []
    assert (nodes.started, bare.current, bare.generations()) == ([], None, [])


def test_the_next_boot_changes_nothing(bare: Store, card: Path) -> None:
    boot(bare, card, Nodes())
    note = (bare.trust.folder / REQUEST).stat()
    said = boot(bare, card, Nodes())
    assert said == ["pi-a waits for its certificate: flash it over SSH now"]
    assert (bare.trust.folder / REQUEST).stat().st_mtime_ns == note.st_mtime_ns


def test_what_is_not_for_this_board_is_refused_before_it_takes_space(
    bare: Store, tmp_path: Path
) -> None:
    foreign: list[dict[str, Any]] = [{"python": "3.99"}, {"machine": "riscv64"}]
    for wrong in foreign:
        card = write_card(tmp_path / "card", bundle(**wrong))
        with pytest.raises(Invalid, match=next(iter(wrong))):
            boot(bare, card, Nodes())
    assert not (bare.root / "blobs").exists()


def test_a_card_that_is_half_written_installs_nothing(bare: Store, card: Path) -> None:
    path = next((card / "blobs").glob("*/*"))
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(Refused, match="sha256"):
        boot(bare, card, Nodes())
    path.unlink()
    with pytest.raises(OSError, match=path.name):
        boot(bare, card, Nodes())
    (card / "bundle.json").unlink()
    with pytest.raises(Refused, match=r"bundle.json cannot be read"):
        boot(bare, card, Nodes())
    assert not (bare.trust.folder / REQUEST).exists()


def test_while_somebody_flashes_it_leaves_the_board_alone(bare: Store, card: Path) -> None:
    with locked(bare), pytest.raises(Busy, match="a test"):
        boot(Store(bare.root), card, Nodes())


# With one ----------------------------------------------------------------------------------------


def test_a_newer_bundle_is_installed_once(store: Store, card: Path) -> None:
    nodes = Nodes()
    said = boot(store, card, nodes)
    name = bundle().name
    assert (store.current, store.good, nodes.started) == (name, name, [name])
    assert said[-1] == f"runs {name}, and is well"
    assert boot(store, card, nodes) == ["nothing new on the card: bundle 17 is here"]
    assert nodes.started == [name]


def test_an_older_one_is_passed_over(store: Store, card: Path, tmp_path: Path) -> None:
    boot(store, write_card(tmp_path / "newer", bundle(18)), Nodes())
    nodes = Nodes()
    boot(store, card, nodes)
    assert (store.current, nodes.started) == (bundle(18).name, [])


def test_another_devices_card_is_refused(store: Store, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", bundle(device="pi-b"))
    with pytest.raises(Invalid, match=r"for device pi-b, and this one is pi-a"):
        boot(store, card, Nodes())


def test_what_is_not_well_is_taken_back_and_not_tried_at_every_boot(
    store: Store, card: Path, tmp_path: Path
) -> None:
    first, second = bundle().name, bundle(18).name
    nodes = Nodes(ill={second})
    boot(store, card, nodes)
    newer = write_card(tmp_path / "newer", bundle(18))
    with pytest.raises(Refused, match=f"{second} is not well: it says no; {first} runs again"):
        boot(store, newer, nodes)
    assert (store.current, store.good, nodes.runs) == (first, first, first)
    assert boot(store, newer, nodes)[-1].startswith("nothing new")
    assert nodes.started == [first, second, first]


def test_a_first_one_that_is_not_well_leaves_nothing_running(store: Store, card: Path) -> None:
    nodes = Nodes(ill={bundle().name})
    with pytest.raises(Refused, match="nothing ran before, and nothing runs now"):
        boot(store, card, nodes)
    assert (store.current, nodes.runs) == (None, "")
    assert boot(store, card, nodes)[-1].startswith("nothing new")


# Power cuts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("certified", [True, False])
def test_the_power_may_be_cut_before_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, certified: bool
) -> None:
    """Before every change of the disk and every start of the node; the next boot ends well."""
    cut = 0
    while not _survives(tmp_path / f"cut{cut}", monkeypatch, cut, certified=certified):
        cut += 1
    assert cut >= (8 if certified else 4)


def _survives(folder: Path, monkeypatch: pytest.MonkeyPatch, cut: int, *, certified: bool) -> bool:
    """Boot with the power cut before change number ``cut``, then boot; whether it was not cut."""
    store, nodes = ready_root(folder / "root"), Nodes()
    if not certified:
        (store.trust.folder / "identity.pem").unlink()
    card = write_card(folder / "card", bundle())
    left = cut
    with monkeypatch.context() as patched:

        def counting(function: object) -> object:
            def counted(*args: object, **more: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise PowerCut
                return function(*args, **more)  # type: ignore[operator]

            return counted

        for module, names in CHANGES:
            for name in names:
                patched.setattr(module, name, counting(getattr(module, name)))
        patched.setattr(nodes, "start", counting(nodes.start))
        try:
            boot(store, card, nodes)
            whole = True
        except PowerCut:
            whole = False
    again = Store(folder / "root")
    said = boot(again, card, nodes)
    if certified:
        assert (again.current, again.good, nodes.runs) == (bundle().name,) * 3
    else:
        assert (again.trust.folder / REQUEST).is_file()
        assert "waits" in said[-1]
    return whole


CHANGES = ((disk, ("write", "writing", "point", "link")), (environments, ("make",)))
