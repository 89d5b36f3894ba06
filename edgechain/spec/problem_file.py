"""What ``edgechain plan --problem`` reads: a placement problem without a model, as JSON or YAML.

    {"units": [{"name": "a", "inputs": [], "work_ms": {"pi-a": 3.5, "pi-b": 7},
                "memory_bytes": 1000000, "output_bytes": 602112}],
     "devices": [{"name": "pi-a", "memory_bytes": 500000000}, {"name": "pi-b"}],
     "links": [{"from": "pi-a", "to": "pi-b", "bytes_per_second": 4e6, "seconds": 0.002}]}

A unit that is missing from a device's ``work_ms`` cannot run there. A link that is missing cannot
be used; where ``links`` itself is missing, sending is free.
"""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from edgechain.errors import InvalidDocument
from edgechain.spec.document import parse
from edgechain.spec.printable import check_printable
from edgechain.spec.problem import Board, Problem, Unit, Wire
from edgechain.spec.tensor import Frozen

MAX_UNITS = 4096
MAX_DEVICES = 64
MAX_BYTES = 1 << 53
"""Beyond that a JSON number is not exact."""

LEAST_RATE = 1e-6
"""Bytes a second: a link that carries one in eleven days is none."""

MAX_AMOUNT = 1e9
"""Milliseconds, or seconds on a link: eleven days of work for one frame are a mistake."""

Label = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(check_printable)]
Amount = Annotated[float, Field(ge=0, le=MAX_AMOUNT, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=0, le=MAX_BYTES)]


class UnitEntry(Frozen):
    """What runs on one device as a whole."""

    name: Label
    inputs: tuple[Label, ...] = ()
    work_ms: dict[Label, Amount]
    memory_bytes: Bytes = 0
    output_bytes: Bytes = 0


class DeviceEntry(Frozen):
    """A device; without ``memory_bytes`` its memory is no question."""

    name: Label
    memory_bytes: Bytes | None = None


class LinkEntry(Frozen):
    """One direction between two devices."""

    source: Label = Field(alias="from")
    target: Label = Field(alias="to")
    bytes_per_second: float = Field(ge=LEAST_RATE, allow_inf_nan=False)
    seconds: Amount = 0.0


class ProblemFile(Frozen):
    """A whole problem."""

    units: tuple[UnitEntry, ...] = Field(min_length=1, max_length=MAX_UNITS)
    devices: tuple[DeviceEntry, ...] = Field(min_length=1, max_length=MAX_DEVICES)
    links: tuple[LinkEntry, ...] | None = None


def parse_problem(text: str, *, file: str) -> Problem:
    """Read a problem. Raises ``InvalidDocument`` with the place of the mistake."""
    written = _read(text, file)
    wires = None
    if written.links is not None:
        wires = tuple(
            Wire(link.source, link.target, link.bytes_per_second, link.seconds)
            for link in written.links
        )
    try:
        return Problem(
            tuple(map(_unit, written.units)),
            tuple(Board(device.name, device.memory_bytes) for device in written.devices),
            wires,
        )
    except ValueError as error:
        raise InvalidDocument(str(error), file=file) from error


def _read(text: str, file: str) -> ProblemFile:
    """As JSON, which is quick; whatever is wrong with that is found again with its line."""
    try:
        return ProblemFile.model_validate(json.loads(text, object_pairs_hook=_each_once))
    except (ValueError, RecursionError, ValidationError):
        return parse(ProblemFile, text, file=file)


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON. Raises ``ValueError`` for a key that stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _unit(entry: UnitEntry) -> Unit:
    seconds = {device: ms / 1000 for device, ms in entry.work_ms.items()}
    return Unit(entry.name, entry.inputs, seconds, entry.memory_bytes, entry.output_bytes)
