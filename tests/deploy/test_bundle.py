"""What goes to one device: its own stages and no others', and a listing that says exactly that."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgechain.deploy.blobs import Blob
from edgechain.deploy.bundle import (
    MAX_FILES,
    Bundle,
    Contents,
    File,
    Wheel,
    contents_of,
    number_after,
    seal,
)
from edgechain.deploy.device.needs import Needs
from edgechain.deploy.platform import Platform
from edgechain.errors import InvalidBundle, InvalidChain, InvalidDocument
from edgechain.node.settings import load_settings
from edgechain.runtime.chain_files import read_stage_file
from edgechain.security.fleet import FleetDirectory
from edgechain.security.request import request_certificate
from edgechain.security.signature import require_signature
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device
from edgechain.spec.message import Role
from tests.chain import chains
from tests.security.members import fleet
from tests.watch.needs import ROOT

DEMO_MODEL = ROOT / "tools" / "demo" / "digits.tflite"

PI_4 = Platform("3.11", "aarch64")
WHEEL = Wheel("numpy-1.26.4-cp311-cp311-manylinux_2_17_aarch64.whl", Blob.of(b"wheel"))


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet, a chain of submodels and one of actors."""
    folder = tmp_path_factory.mktemp("laptop")
    command = [sys.executable, "-m", "edgechain", "split", str(DEMO_MODEL), "-o", "digits"]
    subprocess.run([*command, "--stages", "3"], cwd=folder, check=True, capture_output=True)
    chains.write(folder / "five", chains.five_stages())
    fleet(folder, ())
    return folder


def config(**more: object) -> NodeConfig:
    fields = {"name": "pi-a", "chain": "digits", "stages": ["stage1"]} | more
    return NodeConfig.model_validate(fields)


def contents(laptop: Path, **more: object) -> Contents:
    return contents_of(config(**more), laptop, file="pi-a.yaml")


def paths(found: Contents) -> list[str]:
    return [one.path for one in found.files]


def written(found: Contents, generation: Path) -> Path:
    """What a device makes of it: a generation's directory."""
    for one in found.files:
        (generation / one.path).parent.mkdir(parents=True, exist_ok=True)
        (generation / one.path).write_bytes(b"".join(one.blob.pieces()))
    return generation / "node.yaml"


def sealed(laptop: Path, found: Contents, *wheels: Wheel, number: int = 17) -> Bundle:
    return seal(found, PI_4, wheels or (WHEEL,), number, FleetDirectory(laptop))


# What goes there ---------------------------------------------------------------------------------


def test_only_the_stages_that_run_there(laptop: Path) -> None:
    assert paths(contents(laptop)) == ["chain/chain.yaml", "chain/stage1.tflite", "node.yaml"]
    every = paths(contents(laptop, stages="all"))
    assert [path for path in every if path.endswith(".tflite")] == [
        f"chain/stage{i}.tflite" for i in range(3)
    ]


def test_actors_with_what_lies_beside_them(laptop: Path) -> None:
    found = paths(contents(laptop, chain="five", stages=["left"]))
    assert found == ["chain/chain.yaml", "chain/stage_actors.py", "node.yaml"]


def test_the_next_generation_goes_too(laptop: Path) -> None:
    found = contents(laptop, next="five", next_stages=["left"], chain_name="c")
    assert [path for path in paths(found) if path.startswith("next/")] == [
        "next/chain.yaml",
        "next/stage_actors.py",
    ]
    assert parse_device(text(found), file="node.yaml").config.next == "next"


def test_a_node_may_run_nothing_of_a_generation(laptop: Path) -> None:
    assert paths(contents(laptop, stages=[])) == ["chain/chain.yaml", "node.yaml"]
    found = paths(contents(laptop, next="five", next_stages=[], chain_name="c"))
    assert [path for path in found if path.startswith("next/")] == ["next/chain.yaml"]


def text(found: Contents) -> str:
    (node_yaml,) = (one.blob for one in found.files if one.path == "node.yaml")
    return b"".join(node_yaml.pieces()).decode()


def test_a_node_runs_from_what_arrives(laptop: Path, tmp_path: Path) -> None:
    """Placed as on a device, with an identity whose key was made there."""
    root, found = tmp_path / "root", contents(laptop, threads=2, slots=3, port=0)
    identity = root / "identity"
    request = request_certificate(identity, "pi-a")
    membership = FleetDirectory(laptop).certify(request, Role.NODE, "pi-a")
    (identity / "authority.pem").write_bytes(membership.authority)
    (identity / "identity.pem").write_bytes(membership.certificate)
    (identity / "revoked.crl").write_bytes(membership.revoked)
    settings = load_settings(written(found, root / "generations" / "000001-abc"))
    assert (settings.config.threads, settings.config.slots) == (2, 3)
    assert settings.security is not None
    assert (settings.security.party.name, settings.current.stages) == ("pi-a", ("stage1",))
    read_stage_file(settings.current.directory, settings.current.manifest.stage["stage1"])


def test_an_insecure_node_needs_no_identity(laptop: Path) -> None:
    assert "identity" not in text(contents(laptop, insecure=True))


def test_what_only_the_laptop_needs_stays_there(laptop: Path) -> None:
    wifi = {"ssid": "canary-network", "password": "canary-password", "country": "DE"}
    more = {"device": {"board": "pi-5", "profiles": ["canary.yaml"]}, "wifi": wifi}
    flash = {"target": "ssh://pi@canary.local"}
    assert text(contents(laptop, flash=flash, **more)) == text(contents(laptop))


@pytest.mark.parametrize(
    ("more", "kind", "reason"),
    [
        ({"chain": "nowhere"}, InvalidChain, "there is no such directory"),
        ({"stages": ["stage9"]}, InvalidDocument, "pi-a.yaml: stages: the chain has no stage"),
        (
            {"next": "five", "next_stages": ["middle"]},
            InvalidDocument,
            "pi-a.yaml: next_stages: the chain has no stage 'middle'",
        ),
    ],
)
def test_what_cannot_be_gathered(
    laptop: Path, more: dict[str, object], kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind, match=reason):
        contents(laptop, **more)


def test_a_submodel_that_is_not_the_manifests(laptop: Path, tmp_path: Path) -> None:
    shutil.copytree(laptop / "digits", tmp_path / "digits")
    path = tmp_path / "digits" / "stage1.tflite"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InvalidChain, match="the file of stage 'stage1' was changed"):
        contents(tmp_path)
    path.unlink()
    with pytest.raises(InvalidChain, match="the file of stage 'stage1' is missing"):
        contents(tmp_path)
    assert contents(tmp_path, stages=["stage0"]), "others' stages are no matter of this device"


# The listing -------------------------------------------------------------------------------------


def test_the_listing_says_exactly_what_arrives(laptop: Path) -> None:
    found = contents(laptop)
    bundle = sealed(laptop, found)
    listing = json.loads(bundle.listing)
    assert {key: listing[key] for key in ("format", "device", "number", "python", "machine")} == {
        "format": 1,
        "device": "pi-a",
        "number": 17,
        "python": "3.11",
        "machine": "aarch64",
    }
    assert [(row["path"], row["private"]) for row in listing["files"]] == [
        (path, False) for path in paths(found)
    ]
    for row in [*listing["files"], *listing["wheels"]]:
        content = b"".join(bundle.blobs[row["sha256"]].pieces())
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (row["sha256"], row["size"])
    assert listing["wheels"][0]["name"] == WHEEL.name
    assert bundle.size == sum(row["size"] for row in [*listing["files"], *listing["wheels"]])


def test_the_same_contents_are_the_same_bytes(laptop: Path) -> None:
    other = Wheel("aa-1-py3-none-any.whl", Blob.of(b"other"))
    first = sealed(laptop, contents(laptop), WHEEL, other)
    second = sealed(laptop, contents(laptop), other, WHEEL)
    assert first.listing == second.listing
    assert b" " not in first.listing
    assert json.dumps(
        json.loads(first.listing), sort_keys=True, separators=(",", ":")
    ).encode() == (first.listing)


def test_only_the_changed_file_is_another_blob(laptop: Path) -> None:
    before = sealed(laptop, contents(laptop))
    after = sealed(laptop, contents(laptop, slots=3), number=18)
    (new,) = after.blobs.keys() - before.blobs.keys()
    assert b"slots: 3" in b"".join(after.blobs[new].pieces())


def test_the_fleets_authority_signs_it(laptop: Path, tmp_path: Path) -> None:
    bundle = sealed(laptop, contents(laptop))
    authority = (laptop / "fleet" / "authority.pem").read_bytes()
    require_signature(authority, bundle.listing, bundle.signature)
    theirs = fleet(tmp_path / "theirs", ())
    with pytest.raises(InvalidBundle):
        require_signature(authority, bundle.listing, theirs.sign(bundle.listing))


def test_no_key_and_no_content_is_in_a_listing(laptop: Path) -> None:
    bundle = sealed(laptop, contents(laptop, namespace="canary-namespace"))
    keys = [path.read_text().splitlines()[1] for path in laptop.rglob("*.key")]
    assert keys
    seen = bundle.listing.decode() + repr(bundle) + repr(contents(laptop))
    assert not [secret for secret in (*keys, "PRIVATE", "canary-namespace") if secret in seen]


def test_more_than_a_device_takes(laptop: Path) -> None:
    many = Contents("pi-a", tuple(File(f"chain/{i}", Blob.of(b"")) for i in range(MAX_FILES + 1)))
    with pytest.raises(InvalidBundle, match="4097 files are more than a device takes"):
        sealed(laptop, many)


def test_numbers_rise_whatever_the_clock_says() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert number_after(0, now) == int(now.timestamp())
    assert number_after(int(now.timestamp()), now) == int(now.timestamp()) + 1
    assert number_after(5, datetime(1970, 1, 1, tzinfo=UTC)) == 6


# Blobs and platforms -----------------------------------------------------------------------------


def test_a_large_blob_comes_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    blob = Blob.at(tmp_path / "file")
    pieces = list(blob.pieces())
    assert (b"".join(pieces), len(pieces), blob.size) == (content, 2, len(content))
    assert blob.sha256 == Blob.of(content).sha256


@pytest.mark.parametrize("now", [b"", b"short", b"longer than it was"])
def test_a_file_that_changes_under_way(tmp_path: Path, now: bytes) -> None:
    (tmp_path / "file").write_bytes(b"as it was")
    blob = Blob.at(tmp_path / "file")
    (tmp_path / "file").write_bytes(now)
    with pytest.raises(InvalidBundle, match="was changed while it was sent"):
        list(blob.pieces())
    (tmp_path / "file").unlink()
    with pytest.raises(InvalidBundle, match="cannot be read: No such file"):
        list(blob.pieces())


@pytest.mark.parametrize(
    ("python", "machine", "reason"),
    [
        ("3.9", "aarch64", "the device has Python '3.9'; edgechain needs 3.11"),
        ("3", "aarch64", "has Python '3'"),
        ("3.11; rm", "aarch64", "has Python"),
        ("3.11", "armv7l", "the device is 'armv7l'; edgechain is flashed to aarch64 and x86_64"),
    ],
)
def test_platforms_that_are_none(python: str, machine: str, reason: str) -> None:
    with pytest.raises(InvalidBundle, match=reason):
        Platform(python, machine)


def test_what_the_service_needs_goes_along(laptop: Path) -> None:
    assert "service.json" not in paths(contents(laptop))
    both = contents(laptop, camera=True, memory_max_mb=400)
    (listed,) = (one for one in both.files if one.path == "service.json")
    needs = Needs.parse(b"".join(listed.blob.pieces()))
    assert needs == Needs(groups=("video",), memory_high="350000000", memory_max="400000000")
    alone = contents(laptop, memory_max_mb=100_000)
    (listed,) = (one for one in alone.files if one.path == "service.json")
    assert Needs.parse(b"".join(listed.blob.pieces())).groups == ()
