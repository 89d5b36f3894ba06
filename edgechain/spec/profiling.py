"""What a client asks of a node that is to measure a model, and what the node says to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from edgechain.spec.chain import Sha256
from edgechain.spec.config import MAX_THREADS
from edgechain.spec.printable import check_printable
from edgechain.spec.tensor import Frozen

MOST_MODEL_BYTES = 512 << 20
"""As much memory as the smallest board has; what is larger could not run there."""

PIECE_BYTES = 1 << 20
"""What a model is sent in, as tensors are."""

MOST_PROFILE_BYTES = 2 << 20
"""JSON of the largest profile (100,000 operators) has about 1 MB."""

Label = Annotated[str, Field(max_length=256), AfterValidator(check_printable)]


class ProfileOrder(Frozen):
    """A model to be measured, and how. It is sent before the model, whose bytes follow.

    ``size`` is in bytes, ``seconds`` are for every halving of the model. What is empty or ``None``
    is as the node has it: its name, its threads, its interpreter. ``nodes`` says whether to measure
    what nodes spend besides, too.
    """

    model: Label = Field(min_length=1)
    """The file's name, for people."""
    size: int = Field(ge=1)
    sha256: Sha256
    device: Label = ""
    threads: int | None = Field(default=None, ge=1, le=MAX_THREADS)
    interpreter: Literal["auto", "litert", "tflite"] | None = None
    seconds: float = Field(default=2.0, ge=0.05, le=600)
    nodes: bool = True


class NoKind(StrEnum):
    """Why a node measures nothing."""

    MALFORMED = "malformed"
    BUSY = "busy"
    """It measures for somebody else."""
    TOO_LARGE = "too_large"
    NO_ROOM = "no_room"
    DAMAGED = "damaged"
    """What arrived is not what was announced, or not all of it came."""
    MODEL = "model"
    """The model cannot be read or run there."""
    DEPENDENCY = "dependency"
    """A package is missing there."""
    FAILED = "failed"
    """What measures it has ended without a word, or for a reason of its own."""
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The node waits for the model now. ``node`` is its name."""

    node: str


@dataclass(frozen=True, slots=True)
class Working:
    """What is being done, how much of it is done and of how much."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Finished:
    """JSON of a ``DeviceProfile``, as the other side says it."""

    profile: str


@dataclass(frozen=True, slots=True)
class Declined:
    """There will be no profile, and why."""

    kind: NoKind
    reason: str


Word = Accepted | Working | Finished | Declined
"""What a node says to an order: ``Accepted``, then ``Working`` again and again, then ``Finished``.
``Declined`` may come instead of any of them and is the last word."""
