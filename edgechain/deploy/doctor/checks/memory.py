"""Whether a node's share of a chain fits into memory."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fault, fine, warning

TIGHT = 0.8
"""Of what is free; the rest is for activations, which only the interpreter knows."""


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """Bytes. ``limit`` is the smaller of the machine's and our control group's.

    ``held`` is what a node of this very config, which runs here, has already; ``needed`` what it
    takes with all its slots in use, without activations: models, slots, processes.
    """

    limit: int
    available: int
    swap_free: int
    zram: bool
    needed: int = 0
    held: int = 0
    is_group: bool = False
    """Whether a control group says less than the machine has."""
    allowed: int | None = None
    """What a config lets a node take (``memory_max_mb``)."""


def judge(facts: MemoryFacts) -> list[Finding]:
    """One finding."""
    free = facts.available + facts.held
    where = "memory (of its control group)" if facts.is_group else "memory"
    swap = f"{_mb(facts.swap_free)} of swap{' in zram' if facts.zram else ''}"
    have = f"{_mb(free)} of {_mb(facts.limit)} are free, and {swap}"
    if facts.allowed is not None and facts.needed > facts.allowed:
        what = f"the stages here need at least {_mb(facts.needed)}; memory_max_mb allows less"
        advice = "a larger `memory_max_mb`, fewer `slots`, or fewer stages here (`edgechain plan`)"
        return [fault("memory-small", "memory_max_mb", what, advice)]
    needs = f"the stages here need at least {_mb(facts.needed)}"
    advice = "fewer `slots`, fewer stages here (`edgechain plan`), or a board with more memory"
    if facts.needed > facts.limit or facts.needed > free + facts.swap_free:
        return [fault("memory-small", where, f"{needs}; {have}", advice)]
    if facts.needed > TIGHT * free:
        return [warning("memory-tight", where, f"{needs}; {have}", advice)]
    return [fine("memory", where, f"{have}; {needs}" if facts.needed else have)]


def _mb(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
