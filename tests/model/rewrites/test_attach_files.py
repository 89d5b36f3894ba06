from __future__ import annotations

import io
import zipfile

from edgechain.model.attached import AttachedFile, attached_files
from edgechain.model.rewrites.attach_files import attach_files
from tests.model.made import row

FILES = (
    AttachedFile("labels.txt", b"cat\ndog\n", (2021, 1, 2, 3, 4, 6)),
    AttachedFile("vocabulary.bin", bytes(1000)),
)


def test_what_is_attached_is_read_back() -> None:
    assert attached_files(attach_files(row().content(), FILES)) == FILES


def test_the_model_itself_is_left_alone_and_the_bytes_are_always_the_same() -> None:
    content = row().content()
    whole = attach_files(content, FILES)
    assert whole.startswith(content)
    assert whole == attach_files(content, FILES)


def test_offsets_count_from_the_start_of_the_file() -> None:
    whole = attach_files(row().content(), FILES)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entry = archive.getinfo("labels.txt")
        assert whole[entry.header_offset :].startswith(b"PK\x03\x04")
        assert entry.compress_type == zipfile.ZIP_STORED


def test_nothing_to_attach_changes_nothing() -> None:
    assert attach_files(b"model", ()) == b"model"
