"""The plans between the best throughput and the best latency, as options to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgechain.plan.compare import Option, chosen
from edgechain.plan.explain import both_figures, verdict
from edgechain.plan.front import Front, front
from edgechain.plan.packed import may_pack
from edgechain.plan.packing import with_best_packing
from edgechain.plan.score import placement
from edgechain.spec.plan import SAME, Placement
from edgechain.spec.problem import Objective, Problem


def trade(problem: Problem) -> tuple[tuple[Option, ...], str]:
    """Plans of which no other is better in both ways, by period, and how complete they are.

    Raises ``CannotPlace`` where nothing fits.
    """
    fast, short = (chosen(problem, objective) for objective in Objective)
    return between(fast, short, problem)


def between(
    fast: Option, short: Option, single: Problem, *, others: bool = False
) -> tuple[tuple[Option, ...], str]:
    """The same for two ends, judged beside what one device does alone in ``single``.

    Their devices may have other threads, and so other times; ``others`` says that there are still
    more choices of threads.
    """
    posed = {one.threads: one for one in (fast, short)}.values()
    fronts = [front(one.problem) for one in posed]
    every = [at for one, found in zip(posed, fronts, strict=True) for at in _points(one, found)]
    packs = any(may_pack(one.problem) for one in posed)
    if packs:
        every += [*(better for one in tuple(every) for better in _packed(one)), fast, short]
    else:
        every += [one for one in (fast, short) if one.placement.is_staged]
    kept = list(_unbeaten(every))
    is_proved = len(fronts) == 1 and fronts[0].is_proved and not (others or packs)
    more = len(kept) if any(one.has_more for one in fronts) else 0
    complete = _completeness(more, is_proved, short.problem.several_stages)
    return tuple(_named(kept, fast.placement, short.placement, single)), complete


def _points(posed: Option, found: Front) -> Iterator[Option]:
    """The points of a front, not yet named."""
    for point in found.points:
        value = placement(posed.problem, point.owner, Objective.LATENCY, 0.0)
        yield replace(posed, placement=value)


def _packed(one: Option) -> Iterator[Option]:
    """The same with what is best packed, for one end and the other."""
    for objective in Objective:
        found = with_best_packing(one.problem, replace(one.placement, objective=objective))
        if found.packed:
            yield replace(one, placement=found)


def _unbeaten(every: Sequence[Option]) -> Iterator[Option]:
    """What no other one beats, each once, by period; rounding beats nobody."""
    left = [one for one in every if not any(_beats(other, one) for other in every)]
    last: Option | None = None
    for one in sorted(left, key=_values):
        if last is None or not _is_no_worse(last, one):
            yield one
            last = one


def _beats(one: Option, other: Option) -> bool:
    return _is_no_worse(one, other) and not _is_no_worse(other, one)


def _is_no_worse(one: Option, other: Option) -> bool:
    """In both ways."""
    pairs = zip(_values(one), _values(other), strict=True)
    return all(mine <= its * SAME for mine, its in pairs)


def _values(option: Option) -> tuple[float, float]:
    score = option.placement.score
    return score.period, score.latency


def _named(
    kept: Sequence[Option], fast: Placement, short: Placement, single: Problem
) -> Iterator[Option]:
    """The ends with the bounds for what they are best for, and what lies between them."""
    for number, one in enumerate(kept):
        end = fast if number == 0 and len(kept) > 1 else short
        asked = replace(one.placement, objective=end.objective)
        found = asked.beside(end.lower_bound, end.single_bound)
        if 0 < number < len(kept) - 1:
            name, says = f"between {number}", both_figures(found)
        else:
            name = f"for {end.objective}" if len(kept) > 1 else "for both"
            says = verdict(single, found)
        yield replace(one, name=name, placement=found, says=says)


def _completeness(more: int, is_proved: bool, several_stages: bool) -> str:
    """Whether there are ``more`` than so many, and what is proved."""
    what = "a smaller period and a smaller latency than one of these"
    others = f"there are more than these {more}; " if more else ""
    if not is_proved:
        return f"{others}no plan was found that has both {what}; not proved"
    plan = "plan with one stage on each device" if several_stages else "plan"
    return f"{others}proved: no {plan} has both {what}"
