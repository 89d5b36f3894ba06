"""What a node's word about an attempt means for its request. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from edgechain.client.request import Request
from edgechain.errors import (
    DeadlineExceeded,
    GenerationChanged,
    InvalidInput,
    Overloaded,
    Poison,
    RequestError,
    StageError,
    Unavailable,
)
from edgechain.spec.ids import StageName
from edgechain.spec.message import Failure, FailureKind, Hop

MAX_LOST_WORKERS = 2
"""A request that ended so many workers will end the next one too."""

_FINAL = (StageError, InvalidInput, DeadlineExceeded, Poison)


def judge(request: Request, failure: Failure) -> tuple[RequestError, bool]:
    """The error that a failure is, and whether another attempt would not change it."""
    if failure.kind is FailureKind.WORKER_LOST:
        request.lost_workers += 1
        if request.lost_workers >= MAX_LOST_WORKERS:
            reason = f"{MAX_LOST_WORKERS} workers ended with it; the last one: {failure.reason}"
            return Poison(failure.stage, reason), True
        return StageError(failure.stage, failure.reason), False
    error = _as_error(failure)
    return error, isinstance(error, _FINAL)


def suspects(failure: Failure, hop: Hop, route: Mapping[StageName, Hop]) -> tuple[Hop, ...]:
    """Who may be at fault: whom it could not reach, then who says so. Nobody for bad inputs."""
    if failure.kind in (FailureKind.INVALID_INPUT, FailureKind.DEADLINE_EXCEEDED):
        return ()
    return tuple(dict.fromkeys((route.get(failure.stage, hop), hop)))


def nobody_runs(stage: StageName) -> Unavailable:
    """The end of a request that waits for a stage which nobody runs."""
    return Unavailable(stage, "no live node runs it")


def _as_error(failure: Failure) -> RequestError:
    said = f"stage {failure.stage}: {failure.reason}"
    match failure.kind:
        case FailureKind.STAGE_ERROR | FailureKind.WORKER_LOST:
            return StageError(failure.stage, failure.reason)
        case FailureKind.UNAVAILABLE:
            return Unavailable(failure.stage, failure.reason)
        case FailureKind.OVERLOADED:
            return Overloaded(said)
        case FailureKind.INVALID_INPUT:
            return InvalidInput(said)
        case FailureKind.GENERATION_CHANGED:
            return GenerationChanged(said)
        case FailureKind.DEADLINE_EXCEEDED:
            return DeadlineExceeded(said)
