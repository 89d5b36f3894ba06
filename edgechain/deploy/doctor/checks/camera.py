"""Whether there is a camera, and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fault, fine, note, warning

NO_CAMERAS = ("codec", "isp", "rpivid", "hevc", "jpeg", "loopback", "stateful", "stateless")
"""In the names of video devices that every Pi has, camera or not."""


@dataclass(frozen=True, slots=True)
class VideoDevice:
    """One ``/dev/video*``; ``name`` is its driver's, empty where the system does not tell."""

    path: str
    name: str
    group: str
    usable: bool


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What is there, who asks, and whether a config says that a camera is read here."""

    devices: tuple[VideoDevice, ...]
    user: str
    is_needed: bool = False


def judge(facts: CameraFacts) -> list[Finding]:
    """Most nodes need no camera; then nothing here is a fault."""
    cameras = [d for d in facts.devices if not any(w in d.name.lower() for w in NO_CAMERAS)]
    if not cameras and facts.is_needed:
        advice = "see whether its cable sits well, and `rpicam-hello --list-cameras`"
        return [fault("camera-none", "/dev/video*", "no camera, and `camera: true`", advice)]
    if not cameras:
        return [note("camera-none", "/dev/video*", "no camera; a node needs none")]
    closed = [camera for camera in cameras if not camera.usable]
    if not closed:
        names = ", ".join(f"{c.path} {c.name}".strip() for c in cameras)
        return [fine("camera", "/dev/video*", names)]
    first = closed[0]
    what = f"{facts.user} may not use it; group {first.group} may"
    advice = f"sudo usermod -aG {first.group} {facts.user}, and log in again"
    make = fault if facts.is_needed else warning
    return [make("camera-forbidden", f"{first.path} {first.name}".strip(), what, advice)]
