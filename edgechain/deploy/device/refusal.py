"""Why the agent says no. Each is one line for people; ``kind`` tells whoever flashes what to do."""

from __future__ import annotations


class Refused(Exception):
    """The device could not do it, and runs what it ran before."""

    kind = "failed"


class Invalid(Refused):
    """What was asked or sent is not what it should be; sending it again does not help."""

    kind = "invalid"


class Busy(Refused):
    """Somebody else is flashing."""

    kind = "busy"


def one_line(text: object, most: int = 300) -> str:
    """A text from somewhere else as one printable line of at most ``most`` characters."""
    words = "".join(c if c.isprintable() else " " for c in str(text)).split()
    line = " ".join(words)
    return line if len(line) <= most else f"{line[: most - 3]}..."
