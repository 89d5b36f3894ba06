"""What a bundle says about itself: ``bundle.json``, checked before anything else is believed. Pure.

A ``Listing`` that exists is canonical JSON of at most 1 MiB and keeps every limit below; each of
its paths names a place below the folder that holds it, whatever that folder is, and no two paths
meet, not even on a file system that does not tell upper from lower case. Which device it is for,
its number and its signature are for others to judge (``Store.install``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from edgechain.deploy.device.refusal import Invalid, one_line

FORMAT = 1
MAX_BYTES = 1 << 20
MAX_FILES = 4096
MAX_WHEELS = 256
MAX_FILE_BYTES = 2 << 30
"""No ``.tflite`` is larger: its flatbuffer counts in 31 bits."""

MAX_NUMBER = 1 << 53
"""What every JSON library keeps exactly (RFC 8259, section 6)."""

MAX_PARTS = 4
CONFIG = "node.yaml"
LISTING = "bundle.json"
SIGNATURE = "bundle.sig"
ENVIRONMENT = "environment"
OURS = frozenset({LISTING, SIGNATURE, ENVIRONMENT})
"""What the store puts into a generation itself."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@=-]{0,127}")
_WHEEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]{0,200}\.whl")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")
_MACHINE = re.compile(r"[a-z0-9_]{1,32}")
_GENERATION = re.compile(r"([0-9]{6,16})-([0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a bundle; ``private`` is for the service's user only."""

    path: str
    sha256: str
    size: int
    private: bool


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel that the bundle's node needs."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A bundle, as its listing has it; ``sha256`` is that of the listing itself."""

    device: str
    number: int
    python: str
    machine: str
    files: tuple[File, ...]
    wheels: tuple[Wheel, ...]
    sha256: str

    @property
    def generation(self) -> str:
        """The name of the generation that it becomes."""
        return f"{self.number:06}-{self.sha256[:12]}"

    @property
    def blobs(self) -> frozenset[str]:
        """The SHA-256s of everything that it needs."""
        return frozenset((*(f.sha256 for f in self.files), *(w.sha256 for w in self.wheels)))


def number_of(generation: str) -> int | None:
    """The number in a generation's name, or None when that is no such name."""
    match = _GENERATION.fullmatch(generation)
    return int(match[1]) if match else None


def parse(data: bytes) -> Listing:
    """A listing from its bytes. Raises ``Invalid``: what is wrong with which entry."""
    if len(data) > MAX_BYTES:
        raise Invalid(f"the listing has {len(data):,} bytes, and may have {MAX_BYTES:,}")
    document = _fields(_canonical(data), "listing", _LISTING)
    if document["format"] != FORMAT:
        raise Invalid(f"listing: format {document['format']}, and this agent reads {FORMAT}")
    files = tuple(_files(document["files"]))
    _require_apart([file.path for file in files])
    return Listing(
        device=_matched(document["device"], _NAME, "listing: device"),
        number=_whole(document["number"], 1, MAX_NUMBER, "listing: number"),
        python=_matched(document["python"], _PYTHON, "listing: python"),
        machine=_matched(document["machine"], _MACHINE, "listing: machine"),
        files=files,
        wheels=parse_wheels(document["wheels"]),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def parse_wheels(value: object) -> tuple[Wheel, ...]:
    """The wheels of a listing, or of a request. Raises ``Invalid``."""
    found = []
    for number, entry in enumerate(_entries(value, "wheels", MAX_WHEELS)):
        where = f"wheels[{number}]"
        fields = _fields(entry, where, _WHEEL_KEYS)
        name = _matched(fields["name"], _WHEEL, f"{where}: name")
        found.append(
            Wheel(name, sha256_of(fields["sha256"], where), size_of(fields["size"], where))
        )
    _require_once([wheel.name for wheel in found])
    return tuple(found)


def sha256_of(value: object, where: str) -> str:
    """A SHA-256 in hexadecimal. Raises ``Invalid``."""
    return _matched(value, _SHA256, f"{where}: sha256")


def size_of(value: object, where: str) -> int:
    """The bytes of one file. Raises ``Invalid`` beyond the limit."""
    return _whole(value, 0, MAX_FILE_BYTES, f"{where}: size")


def name_of(value: object, where: str) -> str:
    """A device's name. Raises ``Invalid``."""
    return _matched(value, _NAME, where)


_LISTING = frozenset({"format", "device", "number", "python", "machine", "files", "wheels"})
_FILE_KEYS = frozenset({"path", "sha256", "size", "private"})
_WHEEL_KEYS = frozenset({"name", "sha256", "size"})


def _canonical(data: bytes) -> object:
    try:
        document: object = json.loads(data, parse_constant=_refuse_constant)
        again = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        same = again.encode() == data
    except (ValueError, RecursionError):
        raise Invalid("the listing is not JSON in UTF-8") from None
    if not same:
        reason = "sorted keys, each once, no spaces, UTF-8"
        raise Invalid(f"the listing is not canonical JSON ({reason})")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _files(value: object) -> Iterator[File]:
    for number, entry in enumerate(_entries(value, "files", MAX_FILES)):
        where = f"files[{number}]"
        fields = _fields(entry, where, _FILE_KEYS)
        path = _path(fields["path"], where)
        if not isinstance(fields["private"], bool):
            raise Invalid(f"{where}: private is not true or false")
        sha256, size = sha256_of(fields["sha256"], where), size_of(fields["size"], where)
        yield File(path, sha256, size, fields["private"])


def _path(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{where}: path is not a text")
    parts = value.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        reason = "is not a relative path of letters, digits and _.+@=- (no part begins with a dot)"
        raise Invalid(f"{where}: path {_shown(value)} {reason}")
    if len(parts) > MAX_PARTS:
        raise Invalid(f"{where}: path {_shown(value)} has more than {MAX_PARTS} parts")
    if parts[0].casefold() in OURS:
        raise Invalid(f"{where}: path {_shown(value)} has a name that is the device's own")
    return value


def _require_apart(paths: Sequence[str]) -> None:
    _require_once(paths)
    taken = {path.casefold() for path in paths}
    for path in paths:
        parts = path.casefold().split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if above & taken:
            raise Invalid(f"files: {_shown(path)} lies in what is a file as well")
    if CONFIG not in paths:
        raise Invalid(f"files: there is no {CONFIG}")


def _require_once(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise Invalid(f"{_shown(name)} is there twice (upper and lower case are one)")
        seen.add(name.casefold())


def _entries(value: object, where: str, most: int) -> Sequence[object]:
    if not isinstance(value, list):
        raise Invalid(f"{where} is not a list")
    if len(value) > most:
        raise Invalid(f"{where} has {len(value):,} entries, and may have {most:,}")
    return value


def _fields(value: object, where: str, keys: frozenset[str]) -> Mapping[str, object]:
    if not isinstance(value, dict) or value.keys() != keys:
        raise Invalid(f"{where} does not hold exactly {', '.join(sorted(keys))}")
    return value


def _matched(value: object, pattern: re.Pattern[str], where: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Invalid(f"{where} is {_shown(value)}")
    return value


def _whole(value: object, least: int, most: int, where: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise Invalid(f"{where} is {_shown(value)}, and may be {least:,} to {most:,}")
    return value


def _shown(value: object) -> str:
    plain = value is None or isinstance(value, str | int | float)
    return one_line(ascii(value), 80) if plain else f"a {type(value).__name__}"
