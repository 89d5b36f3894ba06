"""What `edgechain flash` says of an SD card: what will be written there, and what to do then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from edgechain.cli.output import say, size
from edgechain.deploy.card import CardWritten, PreparedCard
from edgechain.deploy.targets.sd_card import BLOBS


def described(prepared: PreparedCard) -> Iterator[str]:
    """The lines of it; nothing that is secret is among them."""
    order, steps = prepared.order, prepared.steps
    yield f"{order.name}  {order.target}  {steps.partition.platform} ({steps.partition.because})"
    if prepared.is_done:
        yield "  nothing to do: all of it is on the card"
        return
    yield from (f"  {line}" for line in steps.lines)
    blobs = [file for file in steps.files if file.name.startswith(BLOBS)]
    if blobs:
        total = sum(file.blob.size for file in blobs)
        yield f"  write        {len(blobs)} files of the bundle  {size(total)}"
    for file in steps.files:
        if file not in blobs:
            kept = ", the one there is kept as well (.before)" if file.replaces else ""
            yield f"  write        {file.name}{kept}  {size(file.blob.size)}"
    if steps.stale:
        yield f"  remove       {len(steps.stale)} files that nothing needs any more"
    yield from (f"  note         {note}" for note in steps.notes)
    yield f"  {size(steps.bytes)} to write; {steps.kept} files are there already"


def tell(prepared: PreparedCard, written: object) -> None:
    """Print what was done, and what is to be done next."""
    if isinstance(written, CardWritten):
        say(f"{prepared.order.name}  is on the card, {size(written.bytes)} written")
        say(f"{prepared.order.name}  {prepared.then}")


def as_json(prepared: PreparedCard) -> dict[str, Any]:
    """The same for programs."""
    steps = prepared.steps
    return {
        "python": steps.partition.platform.python,
        "machine": steps.partition.platform.machine,
        "because": steps.partition.because,
        "steps": [
            {"kind": "write", "what": file.name, "bytes": file.blob.size} for file in steps.files
        ],
        "bytes": steps.bytes,
        "kept": steps.kept,
        "removed": [PurePosixPath(name).name for name in steps.stale],
        "replaces": steps.replaces,
        "difference": {"user-data": steps.lines},
        "notes": steps.notes,
    }
