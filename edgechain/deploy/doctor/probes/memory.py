"""How much memory there is, and how much a node's stages take at least."""

from __future__ import annotations

import re
from pathlib import Path

from edgechain.deploy.doctor.checks.memory import MemoryFacts
from edgechain.runtime.layout import lay_out
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import StageName

NODE_BYTES = 50 << 20
WORKER_BYTES = 5 << 20
"""Memory of their own, measured on x86-64 with Python 3.11: a daemon 41 MB and its zygote 12 MB, a
worker of a small model 6 MB. A chain that needs more than this says does not fit for certain."""

GROUPS = Path("/sys/fs/cgroup")


def needed_bytes(
    directory: Path, manifest: ChainManifest, stages: frozenset[StageName], slots: int
) -> int:
    """What these stages take with every slot in use: files, slots, processes; no activations."""
    files = 0
    for name in stages:
        file = manifest.stage[name].file
        if file is not None and (directory / file).is_file():
            files += (directory / file).stat().st_size
    workers = NODE_BYTES + len(stages) * WORKER_BYTES
    return workers + files + slots * lay_out(manifest, stages).slot_bytes


def look(
    needed: int = 0,
    held: int = 0,
    allowed: int | None = None,
    proc: Path = Path("/proc"),
    groups: Path = GROUPS,
) -> MemoryFacts:
    """As the kernel tells; a control group may allow less than the machine has."""
    told = _meminfo(proc)
    total, available = told.get("MemTotal", 0), told.get("MemAvailable", 0)
    limit, used = _group(proc, groups)
    is_group = 0 < limit < total
    return MemoryFacts(
        limit=limit if is_group else total,
        available=min(available, limit - used) if is_group else available,
        swap_free=told.get("SwapFree", 0),
        zram="zram" in _text(proc / "swaps"),
        needed=needed,
        held=held,
        is_group=is_group,
        allowed=allowed,
    )


def _meminfo(proc: Path) -> dict[str, int]:
    rows = re.findall(r"^(\w+):\s+(\d+) kB$", _text(proc / "meminfo"), re.MULTILINE)
    return {name: int(number) * 1024 for name, number in rows}


def _group(proc: Path, groups: Path) -> tuple[int, int]:
    """Limit and use of the control group we are in, of either version; zeros without one."""
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found = _numbers(groups / path.strip("/"), "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            folder = groups / "memory" / path.strip("/")
            found = _numbers(folder, "memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        if found[0]:
            return found
    return 0, 0


def _numbers(folder: Path, limit: str, used: str) -> tuple[int, int]:
    texts = [_text(folder / name).strip() for name in (limit, used)]
    most, now = (int(text) if text.isdecimal() else 0 for text in texts)
    return most, now


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
