"""What one device is to have: the files of a generation as blobs, and a signed listing of them.

``contents_of`` reads a device's configuration and its chain; only the stages that run there go
there. ``seal`` lists them with the wheels in a canonical form, and the fleet's authority signs
these bytes. A bundle holds no key; its listing says of files only names, sizes and hashes.

    node.yaml            the configuration as the node reads it, paths as they are on the device
    chain/chain.yaml     the manifest, whole: it says who the others are
    chain/...            submodels of this device's stages; actors' sources
    service.json         what its service needs beyond the usual: the camera, a limit of memory
    next/...             the same of the generation to be ready beside, where there is one
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from edgechain.deploy.blobs import Blob
from edgechain.deploy.device.needs import FILE as SERVICE_FILE
from edgechain.deploy.platform import Platform
from edgechain.errors import InvalidBundle, InvalidChain
from edgechain.runtime.chain_files import (
    MANIFEST_FILE,
    chosen_stages,
    load_manifest,
    read_stage_file,
)
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device, resolved
from edgechain.spec.ids import StageName

FORMAT = 1
CONFIG_FILE = "node.yaml"
CHAIN, NEXT = "chain", "next"
IDENTITY = "../../identity"
"""From a generation's directory on the device: the identity outlives generations."""

MAX_LISTING_BYTES = 1 << 20
MAX_FILES = 4096
MAX_FILE_BYTES = 1 << 31
"""What a device takes; more than a board's memory holds, less than fills its card at once."""

Stages = tuple[StageName, ...] | Literal["all"]


@dataclass(frozen=True, slots=True)
class File:
    """One file of a generation. A ``private`` one is for its owner only (mode 0600)."""

    path: str
    blob: Blob
    private: bool = False


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package as a device installs it; ``name`` is the file's."""

    name: str
    blob: Blob


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of one device's generation, in order of their paths."""

    device: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is sent: the listing, its signature (DER), and every blob that it names, by SHA-256."""

    listing: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    blobs: Mapping[str, Blob] = field(repr=False)

    @property
    def sizes(self) -> dict[str, int]:
        """Every blob, SHA-256 to bytes."""
        return {sha256: blob.size for sha256, blob in self.blobs.items()}

    @property
    def config(self) -> str:
        """The text of the ``node.yaml`` that it brings."""
        files = json.loads(self.listing)["files"]
        sha256 = next(file["sha256"] for file in files if file["path"] == CONFIG_FILE)
        return b"".join(self.blobs[sha256].pieces()).decode()

    @property
    def size(self) -> int:
        """Bytes of all blobs, each counted once."""
        return sum(blob.size for blob in self.blobs.values())


def contents_of(config: NodeConfig, base: Path, *, file: str) -> Contents:
    """The files that this device's node needs; ``base`` is where the configuration's paths start.

    Raises ``InvalidDocument`` (naming ``file``) or ``InvalidChain``.
    """
    files = _chain_files(base / config.chain, CHAIN, config.stages, file, "stages")
    if config.next is not None:
        wanted, key = config.next_stages, "next_stages"
        if wanted is None:
            wanted, key = config.stages, "stages"
        files += _chain_files(base / config.next, NEXT, wanted, file, key)
    files.append(File(CONFIG_FILE, Blob.of(_resolved(config).encode())))
    if needs := _service_needs(config):
        files.append(File(SERVICE_FILE, Blob.of(json.dumps(needs, sort_keys=True).encode())))
    return Contents(config.name, tuple(sorted(files, key=lambda one: one.path)))


def contents_beside(
    held: Iterable[File], config: NodeConfig, directory: Path, *, file: str
) -> Contents:
    """The files of a device that goes on, and has the chain in ``directory`` ready beside.

    ``held`` are the files of what it runs, ``config`` is what its node reads, with ``next_stages``.
    Raises ``InvalidDocument`` (naming ``file``) or ``InvalidChain``.
    """
    kept = [one for one in held if one.path != CONFIG_FILE and not one.path.startswith(f"{NEXT}/")]
    beside = _chain_files(directory, NEXT, config.next_stages or (), file, "stages")
    text = File(CONFIG_FILE, Blob.of(_resolved(config).encode()))
    return Contents(config.name, tuple(sorted((*kept, *beside, text), key=lambda one: one.path)))


def _resolved(config: NodeConfig) -> str:
    """The configuration with the device's own paths, and nothing that only the laptop needs."""
    changes = {"chain": CHAIN}
    if config.next is not None:
        changes["next"] = NEXT
    if not config.insecure:
        changes["identity"] = IDENTITY
    return resolved(config, **changes)


def device_config(config: NodeConfig) -> NodeConfig:
    """The configuration as the node on its device reads it."""
    return parse_device(_resolved(config), file=CONFIG_FILE).config


def _service_needs(config: NodeConfig) -> dict[str, object]:
    """What the device's service is to have beyond the usual (``deploy.device.needs``)."""
    needs: dict[str, object] = {"groups": ["video"]} if config.camera else {}
    if config.memory_max_mb is not None:
        most = config.memory_max_mb * 1_000_000
        needs |= {"memory_max": str(most), "memory_high": str(most * 7 // 8)}
    return needs


def _chain_files(directory: Path, folder: str, wanted: Stages, file: str, key: str) -> list[File]:
    manifest = load_manifest(directory)
    stages = [manifest.stage[name] for name in chosen_stages(manifest, wanted, file, key)]
    paths = {directory / MANIFEST_FILE}
    for stage in stages:
        if stage.file is not None:
            read_stage_file(directory, stage)
            paths.add(directory / stage.file)
    if any(stage.actor is not None for stage in stages):
        # what lies beside an actor, it may import
        paths |= {path for path in directory.glob("*.py") if path.stem.isidentifier()}
    found = [File(f"{folder}/{path.name}", Blob.at(path)) for path in sorted(paths)]
    for one in found:
        if one.blob.size > MAX_FILE_BYTES:
            raise InvalidChain(f"{one.blob.source!s}: is too large to be flashed (2 GiB)")
    return found


def seal(
    contents: Contents,
    platform: Platform,
    wheels: Iterable[Wheel],
    number: int,
    fleet: FleetDirectory,
) -> Bundle:
    """The bundle of this number, signed. Raises ``InvalidBundle`` where no device would take it."""
    packages = sorted(wheels, key=lambda wheel: wheel.name)
    listing = canonical(
        {
            "format": FORMAT,
            "device": contents.device,
            "number": number,
            "python": platform.python,
            "machine": platform.machine,
            "files": [
                {"path": one.path, **_hashed(one.blob), "private": one.private}
                for one in contents.files
            ],
            "wheels": [{"name": wheel.name, **_hashed(wheel.blob)} for wheel in packages],
        }
    )
    if len(listing) > MAX_LISTING_BYTES or len(contents.files) > MAX_FILES:
        raise InvalidBundle(f"{len(contents.files)} files are more than a device takes")
    blobs = [one.blob for one in contents.files] + [wheel.blob for wheel in packages]
    return Bundle(listing, fleet.sign(listing), {blob.sha256: blob for blob in blobs})


def _hashed(blob: Blob) -> dict[str, Any]:
    return {"sha256": blob.sha256, "size": blob.size}


def canonical(document: Mapping[str, Any]) -> bytes:
    """One way to write it: keys sorted, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def number_after(highest: int, now: datetime) -> int:
    """The next bundle's number for a device that has switched to ``highest``.

    Above it, whatever clocks say; seconds since 1970 otherwise, for devices that cannot be asked.
    """
    return max(highest + 1, int(now.timestamp()))
