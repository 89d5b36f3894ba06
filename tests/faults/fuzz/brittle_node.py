"""A node that ends at the first frame that is none: the control of garbage at a port.

python -m tests.faults.fuzz.brittle_node CONFIG ...
"""

from __future__ import annotations

import os
import sys

from edgechain.errors import ProtocolError
from edgechain.node.__main__ import main
from edgechain.spec.message import Chunk, Control
from edgechain.transport import codec, server


def end_at_the_first() -> None:
    """Take nothing lightly."""
    decode = codec.decode

    def brittle(frame: bytes) -> Chunk | Control:
        try:
            return decode(frame)
        except ProtocolError:
            os._exit(3)

    codec.decode = server.decode = brittle  # type: ignore[attr-defined]


if __name__ == "__main__":
    end_at_the_first()
    sys.exit(main())
