from __future__ import annotations

import pytest

from edgechain.model.attached import AttachedFile, attached_files, labels_in
from tests.model.made import row


def test_a_model_without_an_archive_has_nothing_attached() -> None:
    assert attached_files(row().content()) == ()


def test_a_damaged_archive_counts_as_absent() -> None:
    assert attached_files(row().content() + b"PK\x05\x06" + bytes(18)[:-1]) == ()


@pytest.mark.parametrize(
    ("name", "data", "labels"),
    [
        ("labelmap.txt", b"cat\r\ndog\n", ("cat", "dog")),
        ("meta.txt", b"{'names': {0: 'cat', 2: 'dog'}, 'stride': 32}", ("cat", "???", "dog")),
        ("meta.json", b'{"names": {"0": "cat", "1": "dog"}}', ("cat", "dog")),
        ("meta.json", b'{"names": ["cat", "dog"]}', ("cat", "dog")),
        ("vocabulary.txt", b"one\ntwo\n", None),
        ("labels.txt", b"", None),
        ("meta.txt", b"{'names': {-1: 'cat'}}", None),
        ("meta.txt", b"{'names': {99999999: 'cat'}}", None),
        ("meta.txt", b"{" * 5000, None),
        ("meta.txt", b"{'names': __import__('os')}", None),
        ("labels.txt", b"\x1b[31mcat\n", ("?[31mcat",)),
    ],
)
def test_labels_are_found_in_the_usual_places(
    name: str, data: bytes, labels: tuple[str, ...] | None
) -> None:
    assert labels_in([AttachedFile(name, data)]) == labels
