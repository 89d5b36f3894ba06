"""The chains that `edgechain up` runs on this machine: one small record each.

A record only suggests addresses and process ids, like every other kind of discovery; whoever
reads it asks the nodes. Records of chains whose processes are gone are removed when met.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from edgechain.errors import ChainAlreadyRunning, EdgechainError
from edgechain.files.drafts import draft_of
from edgechain.spec.tensor import Frozen

ENVIRONMENT = "EDGECHAIN_STATE_DIR"


class LocalNode(Frozen):
    """One node process. ``started`` tells it from a later process with the same id."""

    name: str
    pid: int
    started: int
    address: str
    stages: tuple[str, ...]
    config: str = ""
    """The file it was started with."""


class LocalChain(Frozen):
    """A chain that runs on this machine."""

    name: str
    generation: str
    directory: str
    identity: str = ""
    """The directory of the identity that clients of this machine show; empty without keys."""
    owner_pid: int | None = None
    """The `up` that watches over the nodes, when it stayed in the foreground."""
    owner_started: int = 0
    nodes: tuple[LocalNode, ...] = ()
    plan: str = ""
    """The plan that says where its stages are, as it was written; empty where there is none."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where its nodes listen."""
        return tuple(node.address for node in self.nodes)


def state_directory() -> Path:
    """Where records are kept: ``EDGECHAIN_STATE_DIR``, the user's runtime directory, or /tmp."""
    chosen = os.environ.get(ENVIRONMENT)
    if chosen:
        return Path(chosen)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "edgechain"
    return Path(tempfile.gettempdir()) / f"edgechain-{os.getuid()}"


def _is_ours(directory: Path) -> bool:
    """Whether nobody else could have put records there: they say which processes `down` ends."""
    with suppress(FileNotFoundError):
        return directory.stat().st_uid == os.getuid()
    return True


def running_chains() -> tuple[LocalChain, ...]:
    """The records whose nodes are not all gone, by name."""
    directory = state_directory()
    if not _is_ours(directory):
        return ()
    found = (_read(path) for path in sorted(directory.glob("*.json")))
    return tuple(chain for chain in found if chain is not None)


def find_chain(name: str) -> LocalChain | None:
    """The running chain of this name."""
    return next((chain for chain in running_chains() if chain.name == name), None)


@contextmanager
def claim(name: str) -> Iterator[None]:
    """Hold a chain's name while it is being started. Raises ``ChainAlreadyRunning``."""
    with changing(name):
        if find_chain(name) is not None:
            raise ChainAlreadyRunning(
                f"chain {name!r} is already running; `edgechain down {name}` ends it, "
                "`--name` gives this one another name"
            )
        yield


@contextmanager
def changing(name: str) -> Iterator[None]:
    """Hold a running chain's name while it is changed: nobody else starts or changes it.

    Raises ``ChainAlreadyRunning`` when somebody does.
    """
    with _locked(state_directory() / f"{name}.lock") as lock:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Hold the lock of a file that whoever held it before may just have removed."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_ours(path.parent):
            raise EdgechainError(f"{path.parent} belongs to somebody else; set {ENVIRONMENT}")
        try:
            lock = path.open("w")
        except FileNotFoundError:
            continue
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                reason = f"chain {path.stem!r} is being started or changed by another command"
                raise ChainAlreadyRunning(reason) from None
            if _is_at(lock.fileno(), path):
                yield path
                return


def _is_at(fileno: int, path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    opened = os.fstat(fileno)
    with suppress(FileNotFoundError):
        return os.path.samestat(opened, path.stat())
    return False


def record(chain: LocalChain) -> None:
    """Write a chain's record, whole or not at all."""
    with draft_of(_path(chain.name)) as draft:
        draft.write_text(chain.model_dump_json(indent=1), encoding="utf-8")


def workplace(name: str) -> Path:
    """Where the configs and logs of a chain's nodes are while it runs."""
    return state_directory() / f"{name}.d"


def forget(name: str) -> None:
    """Remove what is kept of a chain, and the directory with the last."""
    shutil.rmtree(workplace(name), ignore_errors=True)
    _path(name).unlink(missing_ok=True)
    with suppress(OSError):
        state_directory().rmdir()


def process_started(pid: int) -> int:
    """When a live process started, in the kernel's ticks; 0 when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def is_alive(node: LocalNode) -> bool:
    """Whether the very process of the record lives."""
    return process_started(node.pid) == node.started != 0


def _path(name: str) -> Path:
    return state_directory() / f"{name}.json"


def _read(path: Path) -> LocalChain | None:
    try:
        chain = LocalChain.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    if any(map(is_alive, chain.nodes)):
        return chain
    forget(chain.name)
    return None
