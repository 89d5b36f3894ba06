"""The planner's files, read and written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from edgechain.errors import InvalidDocument
from edgechain.plan.topology import Device
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import MAX_DOCUMENT_BYTES, parse, render
from edgechain.spec.problem import Problem
from edgechain.spec.problem_file import parse_problem
from edgechain.spec.profile import DeviceProfile


def read_problem(path: Path) -> Problem:
    """A problem file. Raises ``InvalidDocument`` with the place of the mistake."""
    return parse_problem(_text(path), file=str(path))


def read_profile(path: Path) -> DeviceProfile:
    """A device's profile. Raises ``InvalidDocument`` with the place of the mistake."""
    return parse(DeviceProfile, _text(path), file=str(path))


def read_devices(paths: Sequence[Path], model_sha256: str) -> list[Device]:
    """Devices from their files, each with its profile of this model if it has one.

    Raises ``InvalidDocument`` with the place of the mistake.
    """
    return [_device(path, model_sha256) for path in paths]


def _device(path: Path, model_sha256: str) -> Device:
    config = parse(NodeConfig, _text(path), file=str(path))
    profiles = [read_profile(path.parent / name) for name in config.device.profiles]
    found = [profile for profile in profiles if profile.model.sha256 == model_sha256]
    return Device(config.name, config.device, config.threads, found[-1] if found else None)


def write_document(path: Path, document: BaseModel) -> None:
    """Write it whole or not at all. Raises ``InvalidDocument``."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        try:
            draft.write_text(render(document), encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidDocument(f"cannot be written: {error.strerror}", file=str(path)) from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_DOCUMENT_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise InvalidDocument(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidDocument("is not text in UTF-8", file=str(path)) from error
