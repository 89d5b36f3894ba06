"""What was found: a severity, where, what, and what to do. Loads without any package."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgechain.deploy.doctor.codes import MEANINGS
from edgechain.spec.printable import one_line


class Severity(StrEnum):
    """How bad it is; only a fault makes `edgechain doctor` fail."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


RANKS = tuple(Severity)
"""From good to bad."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. ``where``, ``what`` and ``advice`` are one line each."""

    code: str
    severity: Severity
    where: str
    what: str
    advice: str = ""

    def __post_init__(self) -> None:
        if (self.severity is Severity.OK) is (self.code in MEANINGS):
            raise ValueError(f"{self.code!r} is no code of a finding that is {self.severity}")
        for text in (self.where, self.what, self.advice):
            if not text.isprintable():
                raise ValueError(f"{self.code}: more than one line, or control codes")

    @property
    def subject(self) -> str:
        """What it is about: ``clock`` for ``clock-unset``."""
        return self.code.partition("-")[0]


def fine(subject: str, where: str, what: str) -> Finding:
    """All is well."""
    return Finding(subject, Severity.OK, where, one_line(what))


def note(code: str, where: str, what: str, advice: str = "") -> Finding:
    """Worth knowing."""
    return Finding(code, Severity.NOTE, where, one_line(what), one_line(advice))


def warning(code: str, where: str, what: str, advice: str) -> Finding:
    """It works, and may soon not, or badly."""
    return Finding(code, Severity.WARNING, where, one_line(what), one_line(advice))


def fault(code: str, where: str, what: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(code, Severity.FAULT, where, one_line(what), one_line(advice))


def worst(findings: tuple[Finding, ...]) -> Severity:
    """The severity of the whole; ok where nothing was found."""
    return max((f.severity for f in findings), key=RANKS.index, default=Severity.OK)
