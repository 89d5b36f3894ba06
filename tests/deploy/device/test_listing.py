"""A listing is checked before anything of it is believed."""

from __future__ import annotations

import pytest

from edgechain.deploy.device.listing import parse
from edgechain.deploy.device.refusal import Invalid
from tests.deploy.bundles import Bundle, canonical, sha256
from tests.deploy.hostile_listings import MEETING, ODD, ODD_PATHS, PATHS, WEIRD, file_of

GOOD = Bundle(17, {"node.yaml": b"a", "chain/chain.yaml": b"b", "chain/stage0.tflite": b"c"})


def test_a_listing_is_what_its_bytes_say() -> None:
    listing = parse(GOOD.listing)
    assert listing.generation == GOOD.name
    assert [file.path for file in listing.files] == list(GOOD.files)
    assert [file.private for file in listing.files] == [True, False, False]
    assert listing.blobs == {sha256(data) for data in GOOD.files.values()}


def short(value: object) -> str:
    return ascii(value)[:24]


@pytest.mark.parametrize("path", [*PATHS, *ODD_PATHS], ids=short)
def test_a_path_that_leads_elsewhere_is_refused(path: object) -> None:
    document = {**GOOD.document, "files": [*GOOD.document["files"], file_of(path)]}
    with pytest.raises(Invalid, match=r"^files\[3\]: path "):
        parse(canonical(document))


@pytest.mark.parametrize(("paths", "reason"), MEETING)
def test_two_paths_that_meet_are_refused(paths: list[str], reason: str) -> None:
    document = {**GOOD.document, "files": [file_of(path) for path in ["node.yaml", *paths]]}
    with pytest.raises(Invalid, match=reason):
        parse(canonical(document))


@pytest.mark.parametrize(("key", "value", "reason"), ODD)
def test_what_is_odd_is_refused_by_name(key: str, value: object, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as caught:
        parse(Bundle(17, changes={key: value}).listing)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("data", "reason"), WEIRD, ids=short)
def test_weird_json_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        parse(data)
