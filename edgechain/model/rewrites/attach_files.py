"""Append files to a packed model as a zip archive: the metadata convention for labels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from edgechain.model.attached import AttachedFile


def attach_files(content: bytes, files: Sequence[AttachedFile]) -> bytes:
    """``content`` with ``files`` behind it, stored uncompressed; itself when there are none.

    The archive is written anew because its offsets count from the start of the whole file.
    The same files give the same bytes.
    """
    if not files:
        return content
    whole = io.BytesIO(content)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name, file.date), file.data)
    return whole.getvalue()
