"""Which Python this is."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fault, fine

OLDEST = (3, 11)


@dataclass(frozen=True, slots=True)
class PythonFacts:
    """The interpreter that a node would run under."""

    version: tuple[int, int, int]
    implementation: str
    bits: int
    machine: str
    executable: str


def judge(facts: PythonFacts) -> list[Finding]:
    """Whether it is one that edgechain runs on."""
    version = ".".join(map(str, facts.version))
    if facts.version[:2] < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        what = f"this is Python {version}; edgechain needs {wanted} or newer"
        advice = "use Raspberry Pi OS Bookworm or newer, or another Python's environment"
        return [fault("python-old", facts.executable, what, advice)]
    what = f"{facts.implementation} {version}, {facts.bits} bits, {facts.machine}"
    return [fine("python", facts.executable, what)]
