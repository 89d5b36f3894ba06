"""Which Python this is."""

from __future__ import annotations

import platform
import struct
import sys

from edgechain.deploy.doctor.checks.python import PythonFacts


def look() -> PythonFacts:
    """This very interpreter."""
    return PythonFacts(
        version=sys.version_info[:3],
        implementation=platform.python_implementation(),
        bits=struct.calcsize("P") * 8,
        machine=platform.machine(),
        executable=sys.executable,
    )
