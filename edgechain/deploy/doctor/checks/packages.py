"""Whether the packages of a node are there, fit each other, this Python and this processor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fault, fine

RUNS = {"armv7l": ("armv7l", "armv6l")}
"""What a processor runs besides wheels that have its own name."""

INSTALL = "install edgechain again: pip install --force-reinstall edgechain"


@dataclass(frozen=True, slots=True)
class Installed:
    """A package as its metadata has it. ``tags`` are its wheel's: ``cp311-cp311-linux_x86_64``."""

    name: str
    version: str
    tags: tuple[str, ...] = ()
    problem: str = ""
    """Why it cannot be imported."""


@dataclass(frozen=True, slots=True)
class PackagesFacts:
    """``needs`` are requirements as metadata has them, without extras; ``python`` is ``cp311``."""

    where: str
    python: str
    machine: str
    needs: tuple[str, ...]
    installed: tuple[Installed, ...]


def judge(facts: PackagesFacts) -> list[Finding]:
    """What is missing, too old, or built for something else."""
    found = {canonical(package.name): package for package in facts.installed}
    findings: list[Finding] = []
    for need in facts.needs:
        findings += _judge_need(facts, need, found.get(requirement_name(need)))
    if findings:
        return findings
    return [fine("packages", facts.where, f"all {len(facts.needs)} that a node needs fit")]


def requirement_name(need: str) -> str:
    """The package that a requirement is about."""
    return canonical(re.split(r"[^A-Za-z0-9_.-]", need, maxsplit=1)[0])


def canonical(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _judge_need(facts: PackagesFacts, need: str, package: Installed | None) -> list[Finding]:
    wanted, _, marker = need.partition(";")
    if package is None:
        if marker:  # not for every machine; who needs it says so
            return []
        what = f"{wanted.strip()} is not installed"
        return [fault("packages-missing", facts.where, what, INSTALL)]
    title = f"{package.name} {package.version}"
    if not fits(package.version, wanted):
        what = f"{title} is installed, and edgechain needs {wanted.strip()}"
        return [fault("packages-old", facts.where, what, INSTALL)]
    if package.tags and not any(_runs(tag, facts.python, facts.machine) for tag in package.tags):
        built = package.tags[0]
        what = f"{title} was built for {built}; this is {facts.python} on {facts.machine}"
        return [fault("packages-abi", facts.where, what, INSTALL)]
    if package.problem:
        what = f"{title} cannot be imported: {package.problem}"
        return [fault("packages-broken", facts.where, what, INSTALL)]
    return []


def fits(version: str, wanted: str) -> bool:
    """Whether a version is one of those that a requirement like ``a>=1.2,<3`` wants.

    Only the release numbers are compared (PEP 440): our own requirements say no more than that.
    """
    have = _release(version)
    for sign, number in re.findall(r"(>=|<=|==|!=|<|>)\s*([0-9][\w.]*)", wanted):
        limit = _release(number)
        width = max(len(have), len(limit))
        ours, theirs = _padded(have, width), _padded(limit, width)
        holds = {
            ">=": ours >= theirs,
            "<=": ours <= theirs,
            "==": ours == theirs,
            "!=": ours != theirs,
            "<": ours < theirs,
            ">": ours > theirs,
        }
        if not holds[sign]:
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    numbers = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else ()


def _padded(numbers: Sequence[int], width: int) -> tuple[int, ...]:
    return (*numbers, *[0] * (width - len(numbers)))


def _runs(tag: str, python: str, machine: str) -> bool:
    """Whether a wheel of this tag runs here (PEP 425)."""
    pythons, abi, platforms = tag.split("-", 2)
    if platforms != "any" and not platforms.endswith(RUNS.get(machine, (machine,))):
        return False
    if abi == "none" and any(p.startswith("py3") for p in pythons.split(".")):
        return True
    if "abi3" in abi.split("."):
        oldest = min(int(p[3:]) for p in pythons.split(".") if re.fullmatch(r"cp3\d+", p))
        return oldest <= int(python[3:])
    return python in pythons.split(".")
