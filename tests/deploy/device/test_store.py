"""A device's root: generations are whole, the switch is one rename, old ones go, leftovers too."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest

from edgechain.deploy.device import environments
from edgechain.deploy.device.refusal import Busy, Invalid, Refused
from edgechain.deploy.device.store import Store
from tests.deploy.bundles import (
    CONFIG,
    DEVICE,
    Bundle,
    accept,
    flash,
    locked,
    ready_root,
    sha256,
    whole,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return ready_root(tmp_path / "root")


def bundle(number: int, model: bytes = b"model") -> Bundle:
    return Bundle(number, {"node.yaml": CONFIG, "chain/stage0.tflite": model * number})


def tree(root: Path) -> dict[str, str]:
    """Every path below, with what is there."""
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else sha256(path.read_bytes())
        if path.is_file()
        else ""
        for path in root.rglob("*")
    }


def test_a_bundle_becomes_current_and_good(store: Store) -> None:
    with locked(store):
        name = flash(store, bundle(17))
    assert (store.current, store.good, store.highest) == (name, name, 17)
    assert whole(store.root) == name
    folder = store.path(name)
    assert stat.S_IMODE((folder / "node.yaml").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "chain" / "stage0.tflite").stat().st_mode) == 0o644
    assert (folder / "environment").resolve() == store.environment(name)
    assert (folder / "bundle.sig").read_bytes() == b"signature"
    assert not [path for path in store.root.rglob(".*") if path.name != ".complete"]


def test_looking_at_a_root_that_is_not_there_makes_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    assert (store.current, store.good, store.highest, store.generations()) == (None, None, 0, [])
    assert store.missing([("a" * 64, 1)]) == ["a" * 64]
    assert store.free_bytes() > 0
    assert not store.root.exists()


def test_only_what_changed_is_missing(store: Store) -> None:
    with locked(store):
        flash(store, bundle(1))
        changed = Bundle(2, {"node.yaml": b"other", "chain/stage0.tflite": b"model"})
        wanted = [(sha256(data), len(data)) for data in changed.files.values()]
        assert store.missing(wanted) == [sha256(b"other")]


def test_the_last_three_generations_stay_and_no_blob_of_older_ones(store: Store) -> None:
    with locked(store):
        names = [flash(store, bundle(number)) for number in range(1, 6)]
        assert store.prune() == names[:2]
    assert store.generations() == names[2:]
    blobs = {path.name for path in (store.root / "blobs").glob("*/*")}
    assert blobs == {sha256(CONFIG), *(sha256(b"model" * number) for number in (3, 4, 5))}


def test_the_current_and_the_good_one_are_never_pruned(store: Store) -> None:
    with locked(store):
        good = flash(store, bundle(1))
        names = [flash(store, bundle(number), good=False) for number in range(2, 7)]
        store.prune()
    assert store.generations() == [good, *names[-2:]]
    assert (store.good, store.current) == (good, names[-1])


def test_a_replayed_bundle_is_refused(store: Store) -> None:
    with locked(store):
        flash(store, bundle(17))
        for number in (1, 16, 17):
            with pytest.raises(Invalid, match="replay"):
                store.install(bundle(number).listing, b"", accept, DEVICE)
    assert store.current == bundle(17).name


def test_an_older_generation_comes_back_by_rollback_alone(store: Store) -> None:
    with locked(store):
        first, second = flash(store, bundle(1)), flash(store, bundle(2))
        with pytest.raises(Invalid, match="rollback"):
            store.switch(first)
        assert store.go_back() == first
        assert store.current == first
        assert store.highest == 2, "a replay of the second stays one"
        with pytest.raises(Refused, match="no generation"):
            store.go_back("000009-aaaaaaaaaaaa")
        store.mark_good(first)
        with pytest.raises(Refused, match="no older generation"):
            store.go_back()
        assert store.go_back(second) == second


def test_without_a_name_the_last_good_one_comes_back(store: Store) -> None:
    with locked(store):
        flash(store, bundle(1))
        good = flash(store, bundle(2))
        flash(store, bundle(3), good=False)
        flash(store, bundle(4), good=False)
        assert store.go_back() == good


def test_a_damaged_generation_does_not_become_current(store: Store) -> None:
    with locked(store):
        first = flash(store, bundle(1))
        second = flash(store, bundle(2))
        model = store.path(first) / "chain" / "stage0.tflite"
        model.write_bytes(b"madel")
        with pytest.raises(Refused, match=r"damaged: chain/stage0\.tflite"):
            store.go_back(first)
        assert store.current == second


def test_a_blob_that_went_bad_is_found_and_sent_again(store: Store) -> None:
    wanted = bundle(1)
    with locked(store):
        wanted.send(store)
        store.blobs.path(sha256(b"model")).write_bytes(b"madel")
        with pytest.raises(Invalid, match="went bad"):
            store.install(wanted.listing, b"", accept, DEVICE)
        wanted.send(store)
        store.switch(store.install(wanted.listing, b"", accept, DEVICE))
    assert whole(store.root) == wanted.name


@pytest.mark.parametrize(
    ("sent", "reason"), [(b"other", "has sha256"), (b"mod", "ends 2 bytes early"), (b"", "early")]
)
def test_a_blob_that_is_another_leaves_nothing(store: Store, sent: bytes, reason: str) -> None:
    with locked(store), pytest.raises(Invalid, match=reason):
        store.put(sha256(b"model"), 5, io.BytesIO(sent).read)
    assert not [path for path in (store.root / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": "pi-b"}, "for device pi-b, and this one is pi-a"),
        ({"python": "3.99"}, r"for python 3\.99"),
        ({"machine": "z80"}, "for machine z80"),
        ({"wheels": [{"name": "x.whl", "sha256": "a" * 64, "size": 1}]}, "wheels have not been"),
    ],
)
def test_a_bundle_for_another_device_is_refused(
    store: Store, changes: dict[str, object], reason: str
) -> None:
    wanted = Bundle(1, changes=changes)
    with locked(store):
        wanted.send(store)
        before = tree(store.root)
        with pytest.raises(Invalid, match=reason):
            store.install(wanted.listing, b"", accept, DEVICE)
    assert tree(store.root) == before


def test_a_bundle_that_is_not_signed_leaves_nothing(store: Store) -> None:
    def refuse(listing: Path, signature: Path) -> None:
        raise Invalid("not signed")

    wanted = bundle(1)
    with locked(store):
        wanted.send(store)
        with pytest.raises(Invalid, match="not signed"):
            store.install(wanted.listing, b"", refuse, DEVICE)
    assert store.generations() == []
    assert list((store.root / "generations").iterdir()) == []


def test_a_second_bundle_of_one_number_is_refused(store: Store) -> None:
    with locked(store):
        one, other = bundle(1), bundle(1, b"other")
        for each in (one, other):
            each.send(store)
        store.install(one.listing, b"", accept, DEVICE)
        with pytest.raises(Invalid, match="another bundle with number 1"):
            store.install(other.listing, b"", accept, DEVICE)


def test_a_bundle_whose_flash_broke_off_is_installed_once(store: Store) -> None:
    wanted = bundle(1)
    with locked(store):
        wanted.send(store)
        name = store.install(wanted.listing, b"", accept, DEVICE)
        assert store.install(wanted.listing, b"", accept, DEVICE) == name
        (store.path(name) / "node.yaml").write_bytes(b"damaged")
        assert store.install(wanted.listing, b"", accept, DEVICE) == name
        store.switch(name)
    assert whole(store.root) == name


def test_what_broke_off_is_cleared_away(store: Store) -> None:
    with locked(store):
        name = flash(store, bundle(1))
    before = tree(store.root)
    root = store.root
    (root / "generations" / ".0123.draft" / "chain").mkdir(parents=True)
    (root / "generations" / f".{name}.gone").mkdir()
    (root / "blobs" / "ab").mkdir(exist_ok=True)
    (root / "blobs" / "ab" / f".{'ab' * 32}.draft").write_bytes(b"x")
    (root / "blobs" / "ab" / ("ab" * 32)).write_bytes(b"nobody's")
    (root / "environments" / ("0" * 32) / "bin").mkdir(parents=True)
    (root / ".current.draft").symlink_to("generations")
    (root / ".good.kept").write_bytes(b"x")
    (root / ".bashrc").write_bytes(b"somebody's home")
    with locked(store):
        assert (root / "blobs" / "ab" / ("ab" * 32)).exists(), "it may be what is flashed next"
        store.recover()
    assert {path for path in tree(root) if path != "blobs/ab"} == {*before, ".bashrc"}


def test_while_a_listing_cannot_be_read_nothing_it_may_need_goes(store: Store) -> None:
    with locked(store):
        names = [flash(store, bundle(number)) for number in (1, 2)]
        blobs = set((store.root / "blobs").glob("*/*"))
        (store.path(names[0]) / "bundle.json").write_bytes(b"{}")
        store.recover()
    assert set((store.root / "blobs").glob("*/*")) == blobs
    assert whole(store.root) == names[1]


def test_two_do_not_flash_at_once(store: Store) -> None:
    lock = store.lock("ana@laptop\x1b[31m")
    with pytest.raises(Busy, match=r"being flashed by ana@laptop \[31m since \d{4}-"):
        Store(store.root).lock("ben@laptop")
    lock.release()
    lock.release()
    Store(store.root).lock("ben@laptop").release()


def test_what_does_not_fit_is_refused_before_a_byte_is_written(store: Store) -> None:
    with locked(store):
        flash(store, bundle(1))
        before = tree(store.root)
        with pytest.raises(Refused, match=r"^no space left: this needs [\d,]+ bytes more"):
            store.require_space(store.free_bytes() + 1)
        with pytest.raises(OSError, match="No space left"):
            store.put("a" * 64, store.free_bytes(), io.BytesIO().read)
    assert tree(store.root) == before


def everything(store: Store) -> None:
    bundle(1).send(store)
    environments.make(store, [])
    store.install(bundle(1).listing, b"", accept, DEVICE)
    store.trust.certify(Path("/nowhere"), "", "", "")


@pytest.mark.parametrize("place", ["blobs", "generations", "environments", "identity"])
def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    store = ready_root(tmp_path / "root")
    (store.root / place).mkdir(exist_ok=True)
    (store.root / place).rename(tmp_path / "aside")
    (store.root / place).symlink_to(outside)
    with locked(store), pytest.raises(Invalid, match=f"{place} is not a folder"):
        everything(store)
    assert tree(outside) == {"precious": sha256(b"x")}


def test_when_the_switch_cannot_be_made_to_last_the_old_one_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(store):
        old = flash(store, bundle(1))
        new = bundle(2)
        new.send(store)
        store.install(new.listing, b"", accept, DEVICE)
        really = os.fsync

        def fails_for_root(fileno: int) -> None:
            if os.fstat(fileno).st_ino == store.root.stat().st_ino and store.current != old:
                raise OSError(5, "Input/output error")
            really(fileno)

        monkeypatch.setattr(os, "fsync", fails_for_root)
        with pytest.raises(OSError, match="Input/output"):
            store.switch(new.name)
    assert store.current == old
