"""What the firmware, the thermal zones and the frequency governor say."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from edgechain.deploy.doctor.checks.throttling import ThrottlingFacts
from edgechain.deploy.doctor.probes import programs

SECONDS = 5.0


async def look(sys: Path = Path("/sys")) -> ThrottlingFacts:
    """As it is now; what this machine does not have is left out."""
    firmware = await _firmware()
    return await asyncio.to_thread(_read, sys, firmware)


def _read(sys: Path, firmware: int | None) -> ThrottlingFacts:
    frequency = sys / "devices" / "system" / "cpu" / "cpu0" / "cpufreq"
    zones = sorted((sys / "class" / "thermal").glob("thermal_zone*/temp"))
    heats = [heat / 1000 for zone in zones if (heat := _number(zone)) > 0]
    return ThrottlingFacts(
        firmware=firmware,
        celsius=max(heats, default=None),
        governor=_text(frequency / "scaling_governor"),
        driver=_text(frequency / "scaling_driver"),
        most_khz=_number(frequency / "cpuinfo_max_freq"),
        allowed_khz=_number(frequency / "scaling_max_freq"),
    )


async def _firmware() -> int | None:
    tool = await programs.find("vcgencmd")
    if tool is None:
        return None
    try:
        ended = await programs.run([tool, "get_throttled"], SECONDS)
    except OSError:
        return None
    found = re.fullmatch(r"throttled=(0x[0-9a-fA-F]+)", ended.out.strip())
    return int(found[1], 16) if found else None


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
