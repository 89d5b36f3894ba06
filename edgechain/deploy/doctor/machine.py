"""Everything that can be found out about this machine without asking anybody else."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgechain.deploy.doctor.checks import camera as camera_check
from edgechain.deploy.doctor.checks import clock as clock_check
from edgechain.deploy.doctor.checks import disk as disk_check
from edgechain.deploy.doctor.checks import identity as identity_check
from edgechain.deploy.doctor.checks import interpreter as interpreter_check
from edgechain.deploy.doctor.checks import memory as memory_check
from edgechain.deploy.doctor.checks import throttling as throttling_check
from edgechain.deploy.doctor.checks.identity import IdentityFacts
from edgechain.deploy.doctor.findings import Finding
from edgechain.deploy.doctor.probes import camera, disk, interpreter, memory, throttling
from edgechain.deploy.doctor.probes.clock import ClockProbe
from edgechain.deploy.doctor.probes.subject import Subject
from edgechain.discovery.local import state_directory
from edgechain.security.inspection import inspect_identity
from edgechain.spec.message import Role


@dataclass(frozen=True, slots=True)
class Places:
    """Where this machine shows its devices and how it is."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")


async def judge_interpreter(subjects: list[Subject]) -> list[Finding]:
    """The interpreter that each config wants, with its stages' models; once for each kind."""
    if not subjects:
        return interpreter_check.judge(await interpreter.look())
    findings = []
    for wanted in dict.fromkeys(subject.config.interpreter for subject in subjects):
        ours = [subject for subject in subjects if subject.config.interpreter == wanted]
        models = dict(model for subject in ours for model in subject.models)
        facts = await interpreter.look(wanted, tuple(models.items()))
        findings += interpreter_check.judge(facts)
    return findings


def judge_board(node: Subject | None, held: int, places: Places) -> list[Finding]:
    """Disk, memory and camera of this machine, which is to be ``node``.

    ``held`` is the memory that this node has already, in bytes.
    """
    written = [state_directory(), Path(tempfile.gettempdir())]
    root = flashed_root(node.path) if node is not None else None
    written += [] if root is None else [root]
    facts = disk.look(written, [] if node is None else [node.path.parent])
    findings = [finding for one in facts for finding in disk_check.judge(one)]
    findings += _judge_memory(node, held, places)
    is_needed = node is not None and node.config.camera
    return findings + camera_check.judge(camera.look(places.dev, places.sys, is_needed=is_needed))


def _judge_memory(node: Subject | None, held: int, places: Places) -> list[Finding]:
    if node is None:
        return memory_check.judge(memory.look(proc=places.proc))
    most = node.config.memory_max_mb
    allowed = None if most is None else round(most * 1e6)
    return memory_check.judge(memory.look(_needed(node), held, allowed, places.proc))


async def judge_throttling(places: Places) -> list[Finding]:
    """Whether the board is slowed down."""
    return throttling_check.judge(await throttling.look(places.sys))


def flashed_root(path: Path) -> Path | None:
    """The directory that `edgechain flash` keeps, where a config lies in a generation of it."""
    for parent in path.resolve().parents:
        if parent.parent.name == "generations":
            return parent.parent.parent
    return None


def _needed(subject: Subject) -> int:
    if subject.manifest is None:
        return 0
    stages = frozenset(subject.stages)
    return memory.needed_bytes(subject.directory, subject.manifest, stages, subject.config.slots)


def judge_clock(probe: ClockProbe, subjects: list[Subject]) -> list[Finding]:
    """The clock, since the probe was made."""
    return clock_check.judge(probe.look([subject.path for subject in subjects]))


def judge_identity(subject: Subject, *, is_here: bool) -> list[Finding]:
    """The identity that a config names; of a device elsewhere only where a copy is here."""
    config = subject.config
    found = inspect_identity(subject.path.parent / config.identity) if config.identity else None
    if config.insecure or (not is_here and (found is None or not found.exists)):
        return []
    where, now = f"{subject.path}: identity", datetime.now(UTC)
    return identity_check.judge(IdentityFacts(where, found, Role.NODE, config.name, now))


def judge_client(directory: Path) -> list[Finding]:
    """The identity that this machine asks with."""
    found, now = inspect_identity(directory), datetime.now(UTC)
    return identity_check.judge(IdentityFacts("EDGECHAIN_IDENTITY", found, Role.CLIENT, "", now))
