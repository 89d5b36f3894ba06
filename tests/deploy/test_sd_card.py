"""A bundle on an SD card: what is written and what is not; cards that are full, or somebody else's.

Each on a folder and on real FAT, which knows no permissions, no links and two-second clocks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from edgechain.deploy.blobs import Blob
from edgechain.deploy.bundle import Bundle, Contents, File, Wheel, seal
from edgechain.deploy.cloud_init import Board
from edgechain.deploy.platform import Platform
from edgechain.deploy.targets import card_files
from edgechain.deploy.targets.boot_partition import look_at
from edgechain.deploy.targets.card_files import DRAFT, write_files
from edgechain.deploy.targets.sd_card import CardSteps, number_on, steps_on
from edgechain.errors import FlashFailed
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.flashing import WifiConfig
from tests.deploy.cards import CMDLINE, IMAGER, TEMPLATES, mounted_fat, tree, untouched, write_boot
from tests.deploy.test_cloud_init import KEY

AGENT = b"the zipped agent"
PASSWORD = "correct horse battery"
WIFI = WifiConfig(ssid=SecretStr("attic"), password=SecretStr(PASSWORD), country="DE")
BOARD = Board("pi-a", "pi-a", "pi", (KEY,), wifi=WIFI)
BY_WIRE = Board("pi-a", "pi-a", "pi", (KEY,))

MODEL = bytes(range(256)) * 512
WHEEL = Wheel("numpy-2.2-cp313-cp313-linux_aarch64.whl", Blob.of(b"wheel" * 10_000))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> FleetDirectory:
    folder = tmp_path_factory.mktemp("fleet")
    FleetDirectory.make(folder)
    return FleetDirectory(folder)


@pytest.fixture(params=["folder", pytest.param("fat", marks=pytest.mark.fat)])
def card(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "folder":
        yield write_boot(tmp_path / "bootfs")
        return
    with mounted_fat(tmp_path, 48) as place:
        yield write_boot(place)


@pytest.fixture
def bundle(fleet: FleetDirectory) -> Callable[..., Bundle]:
    def made(config: bytes = b"name: pi-a\n", number: int = 17, model: bytes = MODEL) -> Bundle:
        files = (
            File("chain/stage0.tflite", Blob.of(model)),
            File("node.yaml", Blob.of(config)),
        )
        contents = Contents("pi-a", files)
        return seal(contents, Platform("3.13", "aarch64"), (WHEEL,), number, fleet)

    return made


@pytest.fixture
def steps(card: Path, fleet: FleetDirectory) -> Callable[..., CardSteps]:
    def looked(bundle: Bundle, board: Board = BOARD, agent: bytes = AGENT) -> CardSteps:
        return steps_on(look_at(card), board, bundle, agent, fleet.has_signed)

    return looked


def write(steps: CardSteps) -> list[tuple[str, int, int]]:
    said: list[tuple[str, int, int]] = []

    def report(what: str, done: int, total: int) -> None:
        said.append((what, done, total))

    asyncio.run(write_files(steps.partition.path, steps.files, steps.stale, report))
    return said


def names(steps: CardSteps) -> list[str]:
    return [file.name for file in steps.files]


Make = Callable[..., Bundle]
Look = Callable[..., CardSteps]


def test_all_that_a_board_needs_is_there_afterwards(card: Path, bundle: Make, steps: Look) -> None:
    wanted = bundle()
    said = write(steps(wanted))
    ours = card / "edgechain"
    assert (ours / "bundle.json").read_bytes() == wanted.listing
    assert (ours / "bundle.sig").read_bytes() == wanted.signature
    assert (ours / "agent.pyz").read_bytes() == AGENT
    for sha256, blob in wanted.blobs.items():
        assert Blob.at(ours / "blobs" / sha256[:2] / sha256).sha256 == blob.sha256
    assert (card / "user-data").read_text().startswith("#cloud-config\n# Made by edgechain")
    assert untouched(card)
    assert said[-1] == ("written", said[-1][2], said[-1][2])
    assert not list(card.rglob(f"*{DRAFT}"))


def test_looking_writes_nothing(card: Path, bundle: Make, steps: Look) -> None:
    before = tree(card)
    assert steps(bundle()).bytes > len(MODEL)
    assert tree(card) == before


def test_what_switches_it_on_comes_last(bundle: Make, steps: Look) -> None:
    order = names(steps(bundle()))
    assert order[-3:] == ["network-config", "meta-data", "user-data"]
    assert order.index("edgechain/bundle.json") > max(
        at for at, name in enumerate(order) if "/blobs/" in name
    )


def test_the_same_again_writes_nothing(card: Path, bundle: Make, steps: Look) -> None:
    write(steps(bundle()))
    before = tree(card)
    again = steps(bundle(number=18))
    assert (names(again), again.stale, again.lines, again.bytes) == ([], (), (), 0)
    write(again)
    assert tree(card) == before
    assert number_on(card) == 17


def test_only_what_changed_is_written(card: Path, bundle: Make, steps: Look) -> None:
    write(steps(bundle()))
    newer = bundle(config=b"name: pi-a\nslots: 4\n", number=18)
    again = steps(newer)
    config = next(sha for sha, blob in newer.blobs.items() if blob.size == 20)
    assert names(again) == [
        f"edgechain/blobs/{config[:2]}/{config}",
        "edgechain/bundle.sig",
        "edgechain/bundle.json",
    ]
    assert again.bytes < 2_000
    write(again)
    assert json.loads((card / "edgechain/bundle.json").read_bytes())["number"] == 18
    kept = {path.name for path in (card / "edgechain/blobs").glob("*/*")}
    assert kept == newer.blobs.keys()


def test_a_damaged_file_is_written_again(card: Path, bundle: Make, steps: Look) -> None:
    wanted = bundle()
    write(steps(wanted))
    sha256, blob = next(iter(wanted.blobs.items()))
    path = card / "edgechain" / "blobs" / sha256[:2] / sha256
    path.write_bytes(bytes(blob.size))
    assert names(steps(wanted)) == [f"edgechain/blobs/{sha256[:2]}/{sha256}"]


def test_another_fleets_bundle_is_replaced(
    card: Path, bundle: Make, steps: Look, tmp_path: Path
) -> None:
    write(steps(bundle()))
    FleetDirectory.make(tmp_path / "other")
    other = FleetDirectory(tmp_path / "other")
    found = steps_on(look_at(card), BOARD, bundle(number=18), AGENT, other.has_signed)
    assert names(found) == ["edgechain/bundle.sig", "edgechain/bundle.json"]


def test_a_change_of_the_board_is_another_instance(card: Path, bundle: Make, steps: Look) -> None:
    write(steps(bundle()))
    first = (card / "meta-data").read_text()
    renamed = Board("pi-a", "kitchen", "pi", (KEY,), wifi=WIFI)
    changed = steps(bundle(), renamed)
    assert names(changed) == ["meta-data", "user-data"]
    assert '+hostname: "kitchen"' in changed.lines
    write(changed)
    assert (card / "meta-data").read_text() != first


def test_what_is_secret_is_in_network_config_alone(card: Path, bundle: Make, steps: Look) -> None:
    found = steps(bundle())
    key = "391036cb1e52f9e25946692487076a2b8e5b17b2e27793a64b26a813f7b08cc7"
    write(found)
    holding = [path.name for path in card.rglob("*") if path.is_file() and key in _latin(path)]
    assert holding == ["network-config"]
    assert not any(PASSWORD in _latin(path) for path in card.rglob("*") if path.is_file())
    shown = " ".join((*found.lines, *found.notes, repr(found)))
    assert not any(secret in shown for secret in (key, PASSWORD, "attic"))
    assert any("whoever holds the card can read it" in note for note in found.notes)


def _latin(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def test_no_key_is_on_the_card(card: Path, bundle: Make, steps: Look) -> None:
    write(steps(bundle()))
    assert not any("PRIVATE KEY" in _latin(path) for path in card.rglob("*") if path.is_file())


# What somebody else wrote ------------------------------------------------------------------------


def test_what_somebody_wrote_is_named_and_kept(card: Path, bundle: Make, steps: Look) -> None:
    for name, text in IMAGER.items():
        (card / name).write_text(text)
    found = steps(bundle())
    assert found.replaces == ("network-config", "user-data")
    assert not any("their own password" in line for line in found.lines)
    write(found)
    for name in found.replaces:
        assert (card / f"{name}.before").read_text() == IMAGER[name]
    assert steps(bundle()).replaces == ()


def test_what_was_kept_is_never_replaced(card: Path, bundle: Make, steps: Look) -> None:
    for number in (1, 2, 3):
        (card / "user-data").write_text(f"#cloud-config\nhostname: mine-{number}\n")
        write(steps(bundle()))
    kept = [(card / f"user-data.before{at}").read_text()[-7:-1] for at in ("", "1", "2")]
    assert kept == ["mine-1", "mine-2", "mine-3"]


def test_a_network_that_imager_was_told_stays_when_we_know_none(
    card: Path, bundle: Make, steps: Look
) -> None:
    (card / "network-config").write_text(IMAGER["network-config"])
    found = steps(bundle(), BY_WIRE)
    assert "network-config" not in names(found)
    write(found)
    assert (card / "network-config").read_text() == IMAGER["network-config"]
    assert names(steps(bundle(), BY_WIRE)) == []


def test_what_raspberry_pi_os_brings_is_nobodys(bundle: Make, steps: Look) -> None:
    assert steps(bundle()).replaces == ()


def test_a_pinned_instance_is_said(card: Path, bundle: Make, steps: Look) -> None:
    (card / "cmdline.txt").write_text(f"{CMDLINE.strip()} ds=nocloud;i=rpi-imager-17\n")
    assert any("cmdline.txt" in note for note in steps(bundle()).notes)


# What goes wrong ---------------------------------------------------------------------------------


def test_a_card_without_room_is_said_before_anything_is_written(
    card: Path, bundle: Make, steps: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_files, "free_bytes", lambda path: 1 << 20)
    before = tree(card)
    with pytest.raises(FlashFailed, match=r"no space left: [\d,]+ bytes are needed and 1,048,576"):
        write(steps(bundle()))
    assert tree(card) == before


def test_old_blobs_make_room(
    card: Path, bundle: Make, steps: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(steps(bundle()))
    newer = bundle(number=18, model=MODEL[::-1])

    def free(path: Path) -> int:
        return (2 << 20) - sum(one.stat().st_size for one in path.rglob("*/blobs/*/*"))

    whole = free(card) - len(MODEL) // 2
    monkeypatch.setattr(card_files, "MARGIN", whole - 5 * card_files.CLUSTER)
    monkeypatch.setattr(card_files, "free_bytes", free)
    write(steps(newer))
    kept = {path.name for path in (card / "edgechain/blobs").glob("*/*")}
    assert kept == newer.blobs.keys()


@pytest.mark.fat
def test_a_real_card_that_is_full_is_one_line_and_can_be_written_again(
    tmp_path: Path, bundle: Make, fleet: FleetDirectory
) -> None:
    with mounted_fat(tmp_path, 36) as card:
        write_boot(card)
        filler = card / "filler"
        _fill(filler)
        before = tree(card)
        found = steps_on(look_at(card), BOARD, bundle(), AGENT, fleet.has_signed)
        with pytest.raises(FlashFailed, match="no space left") as refused:
            write(found)
        assert "\n" not in str(refused.value)
        assert (card / "user-data").read_text() == TEMPLATES["user-data"]
        assert {name: sha for name, sha in tree(card).items() if "edgechain" not in name} == before
        filler.unlink()
        write(steps_on(look_at(card), BOARD, bundle(), AGENT, fleet.has_signed))
        again = steps_on(look_at(card), BOARD, bundle(), AGENT, fleet.has_signed)
        assert again.files == ()


def _fill(path: Path) -> None:
    """Write until nothing more goes; a few clusters are given back."""
    size = 0
    with path.open("wb", buffering=0) as file:
        try:
            while wrote := file.write(bytes(1 << 16)):
                size += wrote
        except OSError:
            pass
    with path.open("r+b") as file:
        file.truncate(size - (1 << 16))


def test_a_card_that_is_pulled_out_early_starts_as_before(
    card: Path, bundle: Make, steps: Look
) -> None:
    """Only a prefix of the files was written: whatever it is, the rest is written next time."""
    wanted = bundle()
    found = steps(wanted)
    for count in range(len(found.files)):
        asyncio.run(write_files(card, found.files[:count], (), lambda *_: None))
        assert (card / "user-data").read_text() == TEMPLATES["user-data"]
        rest = names(found)[count:]
        assert set(rest) <= set(names(steps(wanted))) <= {*rest, "meta-data"}
    (card / f"user-data{DRAFT}").write_text("half")
    write(steps(wanted))
    assert steps(wanted).files == ()
    assert not list(card.rglob(f"*{DRAFT}"))


def test_a_file_that_changes_meanwhile_is_no_part_of_it(
    card: Path, bundle: Make, steps: Look, tmp_path: Path
) -> None:
    source = tmp_path / "stage0.tflite"
    source.write_bytes(MODEL)
    wanted = bundle()
    sha256 = Blob.of(MODEL).sha256
    lazy = Bundle(wanted.listing, wanted.signature, {**wanted.blobs, sha256: Blob.at(source)})
    found = steps(lazy)
    source.write_bytes(MODEL[::-1])
    with pytest.raises(FlashFailed, match="was changed"):
        write(found)
    assert not (card / "edgechain" / "blobs" / sha256[:2] / sha256).exists()
    assert not list(card.rglob(f"*{DRAFT}"))
