"""The planner's files, read and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from edgechain.errors import InvalidDocument
from edgechain.files.drafts import draft_of
from edgechain.files.text import read_text
from edgechain.plan.topology import Device
from edgechain.spec.device_file import parse_device
from edgechain.spec.document import parse, render
from edgechain.spec.links import LinksFile
from edgechain.spec.plan_file import PlanFile, parse_plan
from edgechain.spec.problem import Problem
from edgechain.spec.problem_file import parse_problem
from edgechain.spec.profile import DeviceProfile


def read_problem(path: Path) -> Problem:
    """A problem file. Raises ``InvalidDocument`` with the place of the mistake."""
    return parse_problem(read_text(path), file=str(path))


def read_profile(path: Path) -> DeviceProfile:
    """A device's profile. Raises ``InvalidDocument`` with the place of the mistake."""
    return parse(DeviceProfile, read_text(path), file=str(path))


def read_devices(paths: Sequence[Path], model_sha256: str) -> list[Device]:
    """Devices from their files, each with its profiles of this model, one for a number of threads.

    Of several for the same number the last one counts. Raises ``InvalidDocument`` with the place
    of the mistake.
    """
    return [_device(path, model_sha256) for path in paths]


def read_links(path: Path) -> LinksFile:
    """Links as they were measured. Raises ``InvalidDocument`` with the place of the mistake."""
    return parse(LinksFile, read_text(path), file=str(path))


def _device(path: Path, model_sha256: str) -> Device:
    config = parse_device(read_text(path), file=str(path)).config
    profiles = [read_profile(path.parent / name) for name in config.device.profiles]
    ours = [profile for profile in profiles if profile.model.sha256 == model_sha256]
    last = {profile.threads: profile for profile in ours}
    used = ours[-1] if ours else None
    others = tuple(profile for profile in last.values() if profile is not used)
    return Device(config.name, config.device, config.threads, used, others)


def read_plan(path: Path, model_sha256: str | None = None) -> PlanFile:
    """A plan, of this very model if one is named. Raises ``InvalidDocument`` with the place."""
    return parse_plan(read_text(path), file=str(path), model_sha256=model_sha256)


def write_document(path: Path, document: BaseModel) -> None:
    """Write it whole or not at all. Raises ``InvalidDocument``."""
    try:
        with draft_of(path) as draft:
            draft.write_text(render(document), encoding="utf-8")
    except OSError as error:
        raise InvalidDocument(f"cannot be written: {error.strerror}", file=str(path)) from error
