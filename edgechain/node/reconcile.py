"""From the generations that are wanted and those that are there to what to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgechain.spec.ids import Generation
from edgechain.spec.status import GenerationState

MAX_GENERATIONS = 2
"""Each has its own workers and slots; a node's memory is meant for the one it runs and one more."""


@dataclass(frozen=True, slots=True)
class Load:
    """Start it beside the one that serves."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class Promote:
    """Let it serve; the one that does now retires."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class Drop:
    """End it: nobody wants it and it never served."""

    generation: Generation


Action = Load | Promote | Drop

_UNUSED = (GenerationState.LOADING, GenerationState.READY, GenerationState.FAILED)


def reconcile(
    current: Generation,
    beside: Generation | None,
    running: Mapping[Generation, GenerationState],
) -> list[Action]:
    """What to do so that ``current`` serves and ``beside`` is ready.

    To be asked again whenever something has changed: what cannot be done yet (no room, not
    loaded, not linked) is not named. A generation that failed stays so until it is forgotten.
    """
    wanted = tuple(dict.fromkeys(g for g in (current, beside) if g is not None))
    if current not in running and _room(running) <= 0:
        wanted = (current,)  # what is to be ready beside makes room for what is to serve
    actions: list[Action] = [
        Drop(g) for g, state in running.items() if g not in wanted and state in _UNUSED
    ]
    if running.get(current) is GenerationState.READY:
        actions.append(Promote(current))
    missing = [g for g in wanted if g not in running]
    actions.extend(Load(g) for g in missing[: max(0, _room(running))])
    return actions


def _room(running: Mapping[Generation, GenerationState]) -> int:
    return MAX_GENERATIONS - sum(s is not GenerationState.FAILED for s in running.values())
