"""An SD card's boot partition: a bundle and what starts it at the first boot, written file by file.

::

    user-data, network-config, meta-data    for cloud-init (``deploy.cloud_init``)
    edgechain/agent.pyz                     what the board runs at every boot
    edgechain/bundle.json, bundle.sig       what it is to have, signed
    edgechain/blobs/ab/abcdef...            its files and wheels by their SHA-256

Every file is written beside its place, synced, and renamed; ``user-data`` comes last, so a card
that is pulled out too early starts as it did before, or installs nothing: the board checks every
byte. The same card written again gets only what differs. Nothing else on it is touched; a
``user-data`` or ``network-config`` that is not ours stays as ``NAME.before``.

No key is written there: a board makes its own (``deploy.device.first_boot``).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgechain.deploy.blobs import PIECE, Blob
from edgechain.deploy.bundle import Bundle
from edgechain.deploy.cloud_init import (
    AGENT,
    FOLDER,
    META_DATA,
    NETWORK_CONFIG,
    USER_DATA,
    Board,
    is_ours,
    meta_data,
    network_config,
    user_data,
)
from edgechain.deploy.targets.boot_partition import BootPartition
from edgechain.deploy.targets.card_files import DRAFT, CardFile
from edgechain.errors import FlashFailed

LISTING, SIGNATURE = f"{FOLDER}/bundle.json", f"{FOLDER}/bundle.sig"
BLOBS = f"{FOLDER}/blobs"

SHIPPED = {
    USER_DATA: frozenset({"ssh_pwauth: false"}),
    NETWORK_CONFIG: frozenset(
        {"network:", "version: 2", "ethernets:", "eth0:", "dhcp4: true", "optional: true"}
    ),
}
"""Lines that are no comments in the files that Raspberry Pi OS brings (pi-gen, stage2,
04-cloud-init): with nothing else in them nobody misses them."""

Signed = Callable[[bytes, bytes], bool]
"""Whether our fleet has signed a listing."""


@dataclass(frozen=True, slots=True)
class CardSteps:
    """What will be written, in this order; nothing when the card is as it should be."""

    partition: BootPartition
    files: tuple[CardFile, ...]
    kept: int
    """Files that are there already."""
    stale: tuple[str, ...]
    """Blobs of the bundle before, which go."""
    lines: tuple[str, ...]
    """How ``user-data`` changes. What has a secret in it is not shown."""
    notes: tuple[str, ...]
    """What one should know before saying yes."""

    @property
    def bytes(self) -> int:
        """What is written."""
        return sum(file.blob.size for file in self.files)

    @property
    def replaces(self) -> tuple[str, ...]:
        """Files of somebody else's that make way."""
        return tuple(file.name for file in self.files if file.replaces)


def steps_on(
    partition: BootPartition, board: Board, bundle: Bundle, agent: bytes, signed: Signed
) -> CardSteps:
    """Look at the card; nothing is written. Raises ``FlashFailed`` when it cannot be read."""
    card = partition.path
    try:
        texts = _texts(card, board)
        listing = _listing(card, bundle, signed)
        wanted = {f"{BLOBS}/{name[:2]}/{name}": blob for name, blob in bundle.blobs.items()}
        wanted |= {f"{FOLDER}/{AGENT}": Blob.of(agent), **listing, **_blobs(texts)}
        files = [
            _file(card, name, blob) for name, blob in wanted.items() if _differs(card, name, blob)
        ]
        stale = tuple(_stale(card, bundle.blobs))
        lines = _difference(card, texts)
    except OSError as error:
        raise FlashFailed(f"{card}: cannot be read: {error.strerror}") from error
    names = [file.name for file in files]
    notes = tuple(_notes(partition, board, names))
    return CardSteps(partition, tuple(files), len(wanted) - len(files), stale, lines, notes)


def number_on(card: Path) -> int:
    """The number of the bundle that is on a card; 0 where there is none."""
    number = _document(_read(card / LISTING)).get("number")
    return number if isinstance(number, int) and number > 0 else 0


# What is to be there -----------------------------------------------------------------------------


def _texts(card: Path, board: Board) -> dict[str, str]:
    """cloud-init's files, ``user-data`` last; the instance stays while nothing changes for it."""
    texts = {NETWORK_CONFIG: network_config(board), USER_DATA: user_data(board)}
    if board.wifi is None and _is_theirs(card, NETWORK_CONFIG):
        del texts[NETWORK_CONFIG]  # what Raspberry Pi Imager was told of the network stays
    now = _read(card / META_DATA).decode(errors="replace")
    same = not any(_differs(card, name, blob) for name, blob in _blobs(texts).items())
    instance = now if same and is_ours(now) else meta_data(board, secrets.token_hex(6))
    network = {key: text for key, text in texts.items() if key != USER_DATA}
    return {**network, META_DATA: instance, USER_DATA: texts[USER_DATA]}


def _blobs(texts: Mapping[str, str]) -> dict[str, Blob]:
    return {name: Blob.of(text.encode()) for name, text in texts.items()}


def _listing(card: Path, bundle: Bundle, signed: Signed) -> dict[str, Blob]:
    """Listing and signature: those that are there, when they differ by their number alone.

    A board would take a new number for a new bundle, and start its node again for nothing.
    """
    listing, signature = _read(card / LISTING), _read(card / SIGNATURE)
    if _unnumbered(listing) != _unnumbered(bundle.listing) or not signed(listing, signature):
        listing, signature = bundle.listing, bundle.signature
    return {SIGNATURE: Blob.of(signature), LISTING: Blob.of(listing)}


def _unnumbered(listing: bytes) -> dict[str, Any]:
    return _document(listing) | {"number": 0}


def _document(listing: bytes) -> dict[str, Any]:
    try:
        found = json.loads(listing)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# What is there -----------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    """A file's content, as far as any of ours goes; nothing where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(PIECE)
    except FileNotFoundError:
        return b""


def _differs(card: Path, name: str, blob: Blob) -> bool:
    path = card / name
    try:
        if path.is_symlink() or path.stat().st_size != blob.size:
            return True
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() != blob.sha256
    except FileNotFoundError:
        return True


def _file(card: Path, name: str, blob: Blob) -> CardFile:
    return CardFile(name, blob, _is_theirs(card, name))


def _is_theirs(card: Path, name: str) -> bool:
    """Whether somebody wrote something of their own into this file of cloud-init's."""
    if name not in SHIPPED:
        return False
    text = _read(card / name).decode(errors="replace")
    lines = {line.strip() for line in text.splitlines() if not line.lstrip().startswith("#")}
    return not is_ours(text) and bool(lines - SHIPPED[name] - {""})


def _stale(card: Path, wanted: Mapping[str, Blob]) -> Iterator[str]:
    """Blobs that the new bundle does not name, and what was left of an earlier try."""
    for path in sorted((card / BLOBS).glob("*/*")):
        if path.name not in wanted:
            yield path.relative_to(card).as_posix()
    for folder in (card, card / FOLDER):
        for path in sorted(folder.glob(f"*{DRAFT}")):
            yield path.relative_to(card).as_posix()


def _difference(card: Path, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Lines of ``user-data`` that come and go; of one that is not ours nothing is shown."""
    old = _read(card / USER_DATA).decode(errors="replace")
    before = old.splitlines() if is_ours(old) else []
    after = texts[USER_DATA].splitlines()
    found = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    return tuple(line for line in found if not line.startswith("@@"))


def _notes(partition: BootPartition, board: Board, names: Iterable[str]) -> Iterator[str]:
    yield f"made for {partition.platform}: {partition.because}"
    if board.wifi is not None and NETWORK_CONFIG in names:
        reason = "FAT has no permissions: whoever holds the card can read it, and all on the board"
        yield f"the Wi-Fi's key is written to {NETWORK_CONFIG}; {reason}"
    if partition.pinned and META_DATA in names:
        reason = "a board that has started from it keeps its old name, users and network"
        yield f"cmdline.txt says which instance this card is: {reason}"
