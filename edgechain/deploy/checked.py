"""A device's file and what it leads to on this machine, checked before anything is flashed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgechain.deploy.configs import public_keys, read_device
from edgechain.errors import EdgechainError, InvalidDocument
from edgechain.plan.boards import BOARDS
from edgechain.plan.files import read_profile
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.security.identity import KEY, load_identity
from edgechain.spec.device_file import DeviceFile
from edgechain.spec.ids import StageName
from edgechain.spec.message import Role


@dataclass(frozen=True, slots=True)
class Checked:
    """A device's file that holds. ``notes`` are no mistakes, but worth a look."""

    file: Path
    name: str
    chain: str
    """The chain's name, empty where its directory is not on this machine."""
    stages: tuple[StageName, ...]
    notes: tuple[str, ...]


def check_devices(paths: Sequence[Path]) -> list[Checked | InvalidDocument]:
    """What each file says, or the first thing that is wrong with it."""
    names: dict[str, Path] = {}
    return [_checked_beside(path, names) for path in paths]


def _checked_beside(path: Path, names: dict[str, Path]) -> Checked | InvalidDocument:
    """``names`` are those of the files before this one, which is added."""
    try:
        device = read_device(path)
        name = device.config.name
        if name in names:
            raise device.complaint(f"{name} is the name in {names[name]} already", "name")
        names[name] = path
        return check_device(device)
    except InvalidDocument as error:
        return error


def check_device(device: DeviceFile) -> Checked:
    """Check the chain, the identity, profiles and keys that the file names.

    What is not on this machine may be on the device: where the file says no ``flash`` that is a
    note, else a mistake, except for the identity, whose key is made there. Raises
    ``InvalidDocument`` with file, line, column and key.
    """
    config = device.config
    chain, stages = _share(device, "chain", "stages")
    if config.next is not None:
        _share(device, "next", "next_stages" if config.next_stages is not None else "stages")
    _check_identity(device)
    _check_profiles(device)
    public_keys(device)
    return Checked(Path(device.file), config.name, chain, stages, tuple(_notes(device)))


def _share(
    device: DeviceFile, key: Literal["chain", "next"], stages_key: Literal["stages", "next_stages"]
) -> tuple[str, tuple[StageName, ...]]:
    """The name of a chain and what the device runs of it."""
    directory = _beside(device, getattr(device.config, key)).resolve()
    wanted = getattr(device.config, stages_key)
    named = () if wanted == "all" else wanted
    if device.config.flash is None and not directory.exists():
        return "", named
    try:
        manifest = load_manifest(directory)
        for stage in named:
            if stage not in manifest.stage:
                known = ", ".join(one.name for one in manifest.stages)
                reason = f"the chain has no stage {stage!r}; it has {known}"
                raise device.complaint(reason, stages_key)
        ours = tuple(one for one in manifest.stages if wanted == "all" or one.name in named)
        for stage in ours:
            if stage.file is not None:
                read_stage_file(directory, stage)
    except EdgechainError as error:
        raise _as_complaint(device, error, key) from error
    return manifest.name, tuple(stage.name for stage in ours)


def _check_identity(device: DeviceFile) -> None:
    config = device.config
    if config.insecure or (config.identity is None and config.flash is not None):
        return
    if config.identity is None:
        reason = (
            "is missing; `edgechain init` makes one, and `edgechain flash` where flash: is said"
        )
        raise device.complaint(reason, "identity")
    directory = _beside(device, config.identity)
    if not (directory / KEY).exists():
        return
    try:
        party = load_identity(directory).party
    except EdgechainError as error:
        raise _as_complaint(device, error, "identity") from error
    if party.role is not Role.NODE or party.name != config.name:
        reason = f"is that of {party}, and this node is called {config.name!r}"
        raise device.complaint(reason, "identity")


def _check_profiles(device: DeviceFile) -> None:
    for at, name in enumerate(device.config.device.profiles):
        try:
            read_profile(_beside(device, name))
        except EdgechainError as error:
            raise _as_complaint(device, error, f"device.profiles.{at}") from error


def _notes(device: DeviceFile) -> Iterator[str]:
    config = device.config
    named = {"chain": config.chain, "next": config.next, "identity": config.identity}
    for key, name in named.items():
        if config.flash is None and name is not None and not _beside(device, name).exists():
            yield f"{key} {name} is not on this machine; it should be beside this file's copy"
    if config.device.board not in BOARDS and not config.device.profiles:
        near = difflib.get_close_matches(config.device.board, BOARDS, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        yield f"board {config.device.board} is not known{hint}: `edgechain plan` wants a profile"
    if device.is_exposed("wifi.password"):
        yield "wifi.password is written out; `!secret NAME` keeps it out of git"


def _beside(device: DeviceFile, name: str) -> Path:
    return Path(device.file).parent / name


def _as_complaint(device: DeviceFile, error: EdgechainError, key: str) -> InvalidDocument:
    """What is wrong somewhere else, at the key that led there."""
    if isinstance(error, InvalidDocument) and error.file == device.file:
        return error
    return device.complaint(str(error), key)
