"""Device files as arguments."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from edgechain.spec.secrets import SECRETS_EXAMPLE, SECRETS_FILE


def device_files(patterns: Sequence[str]) -> list[Path]:
    """What the patterns match, each once, in alphabetical order within each pattern.

    Secrets beside the devices' files are left out, whoever expanded the pattern; a pattern that
    matches nothing stays, to be complained about.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = sorted(glob.glob(pattern)) or [pattern]  # noqa: PTH207 - it may be absolute
        found |= dict.fromkeys(map(Path, matches))
    devices = [path for path in found if path.name not in (SECRETS_FILE, SECRETS_EXAMPLE)]
    return devices or list(found)
