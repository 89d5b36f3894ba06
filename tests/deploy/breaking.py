"""Chains that hold together and cannot run: every hash is right, and the work is not."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import parse, render

MANIFEST = "chain.yaml"


def manifest_of(chain: Path) -> ChainManifest:
    """What a chain's directory says of itself."""
    return parse(ChainManifest, (chain / MANIFEST).read_text(), file=MANIFEST)


def replace_stage(chain: Path, number: int, content: bytes) -> None:
    """Put another file in a stage's place, with a manifest that says so."""
    manifest = manifest_of(chain)
    old = manifest.stages[number]
    (chain / str(old.file)).write_bytes(content)
    new = old.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    stages = [new if stage is old else stage for stage in manifest.stages]
    fields = {key: getattr(manifest, key) for key in ChainManifest.model_fields}
    sealed = ChainManifest.sealed(
        **{
            key: value
            for key, value in fields.items()
            if key not in ("format", "stages", "generation")
        },
        stages=tuple(stages),
    )
    (chain / MANIFEST).write_text(render(sealed))


def truncated(content: bytes) -> bytes:
    """The first half."""
    return content[: len(content) // 2]


def garbage(content: bytes) -> bytes:
    """As many bytes that mean nothing."""
    return random.Random(5).randbytes(len(content))
