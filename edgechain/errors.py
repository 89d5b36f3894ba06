"""Every error edgechain raises, as one tree.

    EdgechainError                    base; its text is one line: what, where, what to do
    ├── InvalidDocument               a YAML file is wrong; carries file, line, column, key
    ├── InvalidModel                  a .tflite cannot be read or run
    │   ├── CannotCut                 this model cannot be cut there; carries operator and reason
    │   └── NotEqual                  the parts do not compute what the whole computes
    ├── InvalidChain                  a chain directory or manifest does not hold together
    ├── CannotPlace                   no device may run it, or nothing fits on those there are
    ├── InvalidMedia                  a picture, video, label file or .npz cannot be used
    ├── MissingDependency             an optional package is needed and absent
    ├── UnknownChain                  no running chain answers to this name
    ├── UnknownNode                   no running node answers to this name or address
    ├── ChainAlreadyRunning           a running chain already has this name
    ├── AddressInUse                  the port is taken
    ├── NodeFailed                    a node could not start, or stopped by itself
    ├── WorkerLost                    an interpreter worker process ended or went silent
    ├── InvalidIdentity               a fleet's key or certificate is missing or cannot be used
    ├── InvalidBundle                 what is to be flashed is not what was signed, or not for us
    ├── CannotReach                   a device to be flashed does not answer, or is not the one
    ├── FlashFailed                   a device could not be flashed; it runs what it ran before
    │   └── DeviceBusy                somebody else is flashing it
    ├── ProtocolError                 a peer broke the wire contract
    │   └── PeerRefused               a peer said no to us, and why
    │       └── NotMeasured           a node does not measure for us; carries the kind of reason
    └── RequestError                  how one request ended, when not with a result
        ├── InvalidInput              wrong name, dtype or shape; nothing was sent
        ├── DeadlineExceeded          no answer in time; the request will not be answered later
        ├── Unavailable               no live node runs this stage; carries the stage
        ├── Overloaded                no slot was free
        ├── StageError                a stage ran and failed; carries the stage
        ├── Poison                    the request ended two workers of a stage; carries the stage
        ├── Unauthorized              no proof of belonging to the fleet, ours or the peer's
        ├── GenerationChanged         the chain was replaced while the request was under way
        ├── Cancelled                 the caller took it back
        └── Dropped                   a newer frame took its place before it was admitted

A name is a verdict and its sentence tells the caller what is true now. Causes are kept with
``raise ... from``. The command line prints ``str(error)`` and exits with 1; wrong usage is 2.
"""

from __future__ import annotations

__all__ = [
    "AddressInUse",
    "Cancelled",
    "CannotCut",
    "CannotPlace",
    "CannotReach",
    "ChainAlreadyRunning",
    "DeadlineExceeded",
    "DeviceBusy",
    "Dropped",
    "EdgechainError",
    "FlashFailed",
    "GenerationChanged",
    "InvalidBundle",
    "InvalidChain",
    "InvalidDocument",
    "InvalidIdentity",
    "InvalidInput",
    "InvalidMedia",
    "InvalidModel",
    "MissingDependency",
    "NodeFailed",
    "NotEqual",
    "NotMeasured",
    "Overloaded",
    "PeerRefused",
    "Poison",
    "ProtocolError",
    "RequestError",
    "StageError",
    "Unauthorized",
    "Unavailable",
    "UnknownChain",
    "UnknownNode",
    "WorkerLost",
]


class EdgechainError(Exception):
    """Base of every error raised on purpose by edgechain."""


class InvalidDocument(EdgechainError):
    """A YAML document is not what it should be.

    ``line`` and ``column`` count from 1 and are 0 where the place is not known.
    """

    def __init__(self, reason: str, *, file: str, line: int = 0, column: int = 0, key: str = ""):
        self.reason, self.file, self.line, self.column, self.key = reason, file, line, column, key
        place = f"{file}:{line}:{column}" if line else file
        super().__init__(f"{place}: {key + ': ' if key else ''}{reason}")


class InvalidModel(EdgechainError):
    """A model file cannot be read, or the interpreter refuses it."""


class CannotCut(InvalidModel):
    """The model cannot be cut this way. ``operator`` names the one that forbids it."""

    def __init__(self, operator: str, reason: str):
        self.operator, self.reason = operator, reason
        super().__init__(f"cannot cut at {operator}: {reason}")


class NotEqual(InvalidModel):
    """The chained parts gave another answer than the whole model."""


class InvalidChain(EdgechainError):
    """A chain directory or its manifest does not hold together."""


class InvalidMedia(EdgechainError):
    """A picture, video, label file or .npz archive cannot be used."""


class MissingDependency(EdgechainError):
    """An optional package is needed for this and not installed."""


class UnknownChain(EdgechainError):
    """No running chain answers to this name."""


class UnknownNode(EdgechainError):
    """No running node answers to this name or address."""


class ChainAlreadyRunning(EdgechainError):
    """A chain of this name is already running."""


class CannotPlace(EdgechainError):
    """Units and devices do not fit together: memory, links, or what can run where."""


class AddressInUse(EdgechainError):
    """The address to listen on is taken by another process."""


class NodeFailed(EdgechainError):
    """A node could not start, or ended by itself."""


class WorkerLost(EdgechainError):
    """An interpreter worker ended or went silent; its requests are not answered."""


class InvalidIdentity(EdgechainError):
    """A fleet authority's, node's or client's key or certificate is missing or cannot be used."""


class InvalidBundle(EdgechainError):
    """What is to be flashed is not what the fleet's authority signed, or not for this device."""


class CannotReach(EdgechainError):
    """A device to be flashed does not answer, or cannot be proved to be the one that is meant."""


class FlashFailed(EdgechainError):
    """A device could not be flashed; it runs what it ran before.

    ``journal`` has the last lines of its node, where those say more.
    """

    def __init__(self, reason: str, journal: tuple[str, ...] = ()):
        self.journal = journal
        super().__init__(reason)


class DeviceBusy(FlashFailed):
    """Somebody else is flashing this device; nothing was changed."""


class ProtocolError(EdgechainError):
    """A peer sent what the wire contract forbids."""


class PeerRefused(ProtocolError):
    """A peer refused us and said why."""


class NotMeasured(PeerRefused):
    """A node does not measure what we asked for. ``kind`` is ``spec.profiling.NoKind``."""

    def __init__(self, kind: str, reason: str):
        self.kind, self.reason = kind, reason
        super().__init__(reason)


class RequestError(EdgechainError):
    """A request ended without a result."""


class InvalidInput(RequestError):
    """The inputs do not fit the chain; nothing was sent."""


class DeadlineExceeded(RequestError):
    """The deadline passed; the request will not be answered any more."""


class _AtStage(RequestError):
    """A request error that happened at one stage."""

    def __init__(self, stage: str, reason: str):
        self.stage, self.reason = stage, reason
        super().__init__(f"stage {stage}: {reason}")


class Unavailable(_AtStage):
    """No live node runs the stage."""


class StageError(_AtStage):
    """The stage ran and failed."""


class Poison(_AtStage):
    """The request ended two interpreter workers; it is not tried again."""


class Unauthorized(RequestError):
    """One side could not prove that it belongs to the fleet; nothing was sent."""


class Overloaded(RequestError):
    """No slot was free on a node of the route."""


class GenerationChanged(RequestError):
    """The chain was replaced while the request was under way."""


class Cancelled(RequestError):
    """The caller took the request back."""


class Dropped(RequestError):
    """A newer frame took this one's place before it was admitted."""
