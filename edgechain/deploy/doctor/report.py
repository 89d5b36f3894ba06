"""A machine's findings as JSON, and back: what a device says to the laptop that asks it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgechain.deploy.doctor.findings import Finding, Severity, worst
from edgechain.spec.printable import one_line

MAX_TEXT = 2000
"""Characters of one line; what a device says is shown on a terminal."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found on one machine. ``time`` is its clock's, in seconds since 1970."""

    machine: str
    time: float
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """How it is as a whole."""
        return worst(self.findings)

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(asdict(self) | {"severity": self.severity}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read what another machine said. Raises ``ValueError`` for anything else."""
        try:
            found = json.loads(text)
            findings = tuple(_finding(one) for one in found["findings"])
            return cls(one_line(str(found["machine"]))[:MAX_TEXT], float(found["time"]), findings)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no findings: {error}") from error


def _finding(said: dict[str, Any]) -> Finding:
    where, what, advice = (one_line(str(said[k]))[:MAX_TEXT] for k in ("where", "what", "advice"))
    return Finding(str(said["code"]), Severity(said["severity"]), where, what, advice)


def at(place: str, finding: Finding) -> Finding:
    """The same finding, with the machine that it was made on before where it is."""
    return replace(finding, where=f"{place}: {finding.where}")
