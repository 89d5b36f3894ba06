"""Takes the agent from whoever flashes, and becomes it: the first thing run on a device.

Its text is an argument of ``python3 -c``, so it stands alone. It answers with ``MARK`` and ``+``
where ROOT keeps this agent already, ``-`` where it has to be sent. The agent runs from memory; it
is kept only where something may be written, so that a look changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

MARK = b"\nedgechain agent "
OLDEST = (3, 11)


def main() -> None:
    """Arguments: the agent's sha256, its size, ROOT or nothing, whether it may be kept (1 or 0).

    What follows goes to the agent.
    """
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"python3 is Python {found} here, and edgechain needs 3.11 or newer")
    digest, size, wanted, keep, *more = sys.argv[1:]
    root = Path(wanted).expanduser().absolute() if wanted else default_root()
    if os.geteuid() != 0 and not writable(root):
        sys.stderr.write(f"{root} is not this user's, so sudo is asked: ")
        sys.stderr.flush()
        os.execvp("sudo", ["sudo", "-n", *sys.orig_argv])  # noqa: S606
    kept = root / "agent" / f"{digest}.pyz"
    agent = stored(kept, digest)
    os.write(1, MARK + (b"-" if agent is None else b"+") + b"\n")
    if agent is None:
        agent = received(int(size))
        if hashlib.sha256(agent).hexdigest() != digest:
            sys.exit("the agent came with other bytes than were sent")
        if keep == "1":
            store(kept, agent)
    become(agent, root, more)


def default_root() -> Path:
    """Where a device keeps everything when nothing else is said."""
    return Path("/opt/edgechain") if os.geteuid() == 0 else Path.home() / "edgechain"


def writable(root: Path) -> bool:
    """Whether this user may make or change ``root``: its nearest ancestor that exists says it."""
    while not os.path.lexists(root):
        root = root.parent
    return os.access(root, os.W_OK | os.X_OK)


def stored(path: Path, digest: str) -> bytes | None:
    """The agent that is kept, when it is the one that is wanted."""
    try:
        agent = path.read_bytes()
    except OSError:
        return None
    return agent if hashlib.sha256(agent).hexdigest() == digest else None


def received(size: int) -> bytes:
    """``size`` bytes from standard input, and not one more: the agent reads on from there."""
    parts = []
    while size and (part := os.read(0, min(size, 1 << 16))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def store(path: Path, agent: bytes) -> None:
    """Keep the agent for the next time, and only this one; not being able to is no failure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fileno, draft = tempfile.mkstemp(dir=path.parent, prefix=".")
        with os.fdopen(fileno, "wb") as file:
            file.write(agent)
        Path(draft).replace(path)
        for other in path.parent.iterdir():
            if other != path:
                other.unlink()
    except OSError as error:
        sys.stderr.write(f"the agent is not kept here: {error.strerror}\n")


def become(agent: bytes, root: Path, more: list[str]) -> None:
    """Go on as the agent, from a file in memory."""
    fileno = os.memfd_create("edgechain-agent", 0)
    with os.fdopen(os.dup(fileno), "wb") as file:
        file.write(agent)
    command = [sys.executable, "-I", f"/proc/self/fd/{fileno}", "--root", str(root), *more]
    os.execv(sys.executable, command)  # noqa: S606


if __name__ == "__main__":
    main()
