"""Whether the board runs as fast as it could."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fault, fine, note, warning

LOW_VOLTAGE, CAPPED, THROTTLED, SOFT_LIMIT = 0x1, 0x2, 0x4, 0x8
"""Bits of what the firmware says, for now; 16 further up for since the start.

https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""

SINCE_START = 16
HOT = 78.0
"""Degrees Celsius; a Pi slows itself down at 80."""

SUPPLY = "use the board's own power supply (Pi 5: 5 V, 5 A; Pi 4: 5.1 V, 3 A) and a short cable"
COOL = "give it a heat sink, a fan or air; `edgechain plan` with a profile measured hot"


@dataclass(frozen=True, slots=True)
class ThrottlingFacts:
    """``firmware`` is None where nobody asks it; ``celsius`` the hottest zone, None without one.

    Frequencies in kHz: what the processor may reach by itself, and what it is allowed to.
    """

    firmware: int | None = None
    celsius: float | None = None
    governor: str = ""
    driver: str = ""
    most_khz: int = 0
    allowed_khz: int = 0


def judge(facts: ThrottlingFacts) -> list[Finding]:
    """Voltage first: it also breaks cards and USB."""
    findings = _judge_firmware(facts.firmware or 0)
    if facts.celsius is not None and facts.celsius >= HOT and not findings:
        what = f"{facts.celsius:.0f} degrees: it is about to be slowed down"
        findings.append(warning("throttling-hot", "processor", what, COOL))
    findings += _judge_governor(facts)
    if findings:
        return findings
    said = [] if facts.firmware is None else ["never slowed down since the start"]
    said += [] if facts.celsius is None else [f"{facts.celsius:.0f} degrees"]
    return [fine("throttling", "processor", ", ".join(said) or "nothing here tells of throttling")]


def _judge_firmware(bits: int) -> list[Finding]:
    before = bits >> SINCE_START
    findings = []
    if bits & LOW_VOLTAGE:
        what = "it gets too little voltage now: it is slowed down, and cards break"
        findings.append(fault("throttling-voltage", "power supply", what, SUPPLY))
    elif before & LOW_VOLTAGE:
        what = "it had too little voltage since it was started"
        findings.append(warning("throttling-voltage", "power supply", what, SUPPLY))
    if bits & (CAPPED | THROTTLED | SOFT_LIMIT) and not bits & LOW_VOLTAGE:
        what = "it is slowed down now"
        findings.append(warning("throttling-now", "processor", what, COOL))
    elif before & (CAPPED | THROTTLED | SOFT_LIMIT) and not (bits | before) & LOW_VOLTAGE:
        what = "it was slowed down since it was started"
        findings.append(note("throttling-past", "processor", what, COOL))
    return findings


def _judge_governor(facts: ThrottlingFacts) -> list[Finding]:
    kept = facts.governor == "powersave" and "pstate" not in facts.driver
    if not kept and facts.allowed_khz >= facts.most_khz:
        return []
    what = f"governor {facts.governor}, at most {facts.allowed_khz // 1000} MHz"
    advice = "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
    return [warning("throttling-governor", "processor", what, advice)]
