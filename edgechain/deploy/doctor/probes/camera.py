"""The video devices of this machine."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from edgechain.deploy.doctor.checks.camera import CameraFacts, VideoDevice


def look(
    dev: Path = Path("/dev"), sys: Path = Path("/sys"), *, is_needed: bool = False
) -> CameraFacts:
    """Every ``video*`` in ``dev``, and whether this process could open it."""
    found = sorted(dev.glob("video[0-9]*"))
    return CameraFacts(tuple(_device(path, sys) for path in found), _user(), is_needed)


def _device(path: Path, sys: Path) -> VideoDevice:
    try:
        name = (sys / "class" / "video4linux" / path.name / "name").read_text().strip()
    except OSError:
        name = ""
    return VideoDevice(str(path), name, _group(path), os.access(path, os.R_OK | os.W_OK))


def _group(path: Path) -> str:
    number = path.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
