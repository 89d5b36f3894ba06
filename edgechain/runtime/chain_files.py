"""A chain directory on disk: ``chain.yaml`` and the stages' files beside it.

What is read here is checked: the manifest against itself, every file against its hash.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from edgechain.errors import InvalidChain, InvalidDocument
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.document import MAX_DOCUMENT_BYTES, parse
from edgechain.spec.ids import StageName

MANIFEST_FILE = "chain.yaml"
MAX_STAGE_FILE_BYTES = (1 << 31) + (64 << 20)
"""A flatbuffer at its largest, with files attached behind it."""


def load_manifest(directory: Path) -> ChainManifest:
    """Read a chain directory's manifest.

    Raises ``InvalidChain`` when there is none and ``InvalidDocument`` when it does not hold.
    """
    path = directory / MANIFEST_FILE
    if not path.is_file():
        reason = "there is no chain.yaml" if directory.is_dir() else "there is no such directory"
        raise InvalidChain(f"{directory}: {reason}; edgechain split MODEL -o {directory} makes one")
    text = _read(path, MAX_DOCUMENT_BYTES).decode("utf-8", "replace")
    return parse(ChainManifest, text, file=str(path))


def chosen_stages(
    manifest: ChainManifest, wanted: tuple[StageName, ...] | Literal["all"], file: str, key: str
) -> tuple[StageName, ...]:
    """The stages that the configuration ``file`` asks for under ``key``.

    Raises ``InvalidDocument`` for one that the chain has not.
    """
    known = tuple(stage.name for stage in manifest.stages)
    stages = known if wanted == "all" else wanted
    for stage in stages:
        if stage not in manifest.stage:
            reason = f"the chain has no stage {stage!r}; it has {', '.join(known)}"
            raise InvalidDocument(reason, file=file, key=key)
    return stages


def read_stage_file(directory: Path, stage: Stage) -> bytes:
    """A stage's file, the submodel or the actor's source, as the manifest promises it.

    Raises ``InvalidChain`` when the file is missing or is another one; a stage without a file is
    a mistake of the caller's (``ValueError``).
    """
    if stage.file is None:
        raise ValueError(f"stage {stage.name!r} has no file")
    path = directory / stage.file
    if not path.is_file():
        raise InvalidChain(
            f"{path}: the file of stage {stage.name!r} is missing; cut the model again"
        )
    content = _read(path, MAX_STAGE_FILE_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if found != stage.sha256:
        raise InvalidChain(
            f"{path}: the file of stage {stage.name!r} was changed (sha256 {found[:12]}, "
            f"chain.yaml says {str(stage.sha256)[:12]}); cut the model again"
        )
    return content


def _read(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise InvalidChain(f"{path}: is larger than such a file can be ({most} bytes)")
        return path.read_bytes()
    except OSError as error:
        raise InvalidChain(f"{path}: cannot be read: {error.strerror}") from error
