"""Plans drawn below each other: who does what when, what is slow, and how frames overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgechain.plan.compare import Option
from edgechain.plan.explain import packed_words
from edgechain.plan.gantt import Gantt, Scale
from edgechain.plan.look import GREY, MARGIN, NORMAL, SMALL, WIDTH, figure, legend, ms, patterns
from edgechain.plan.svg import document, fitted, text, width, wrapped
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective, Problem

LARGE = 17.0
"""Size of a heading."""

ROOM = WIDTH - 2 * MARGIN


def drawn(options: Sequence[Option]) -> str:
    """Plans on a common time scale, as SVG; a plan that is best for several ends is drawn once."""
    plans = [(one, names, Gantt(one.problem, one.placement)) for one, names in _distinct(options)]
    scale = Scale(max(gantt.span for _, _, gantt in plans))
    frames = max(gantt.frames for _, _, gantt in plans)
    body, top = [patterns(frames)], MARGIN
    for option, names, gantt in plans:
        heading, top = _heading(option, names, top)
        rows, top = gantt.draw(top, scale)
        unused, top = _unused(option.problem, option.placement, top)
        body += [*heading, *rows, *unused]
        top += 2 * MARGIN
    samples, top = legend(top, frames)
    return document(
        WIDTH, top + 2 * MARGIN, f"Plan of {options[0].problem.name}", [*body, *samples]
    )


def _distinct(options: Sequence[Option]) -> Iterator[tuple[Option, str]]:
    """Every placement once, under all names it has, with what is said of it as the best."""
    found: dict[object, list[Option]] = {}
    for option in options:
        runs = option.placement.shares, option.placement.packed
        found.setdefault(runs, []).append(option)
    for same in found.values():
        yield same[-1], " and ".join(option.name for option in same)


def _heading(option: Option, names: str, top: float) -> tuple[list[str], float]:
    """Its name, the verdict and the figures, and where they end."""
    used = f"{len(option.placement.boards)} of {len(option.problem.boards)} devices"
    out = [text(MARGIN, top + LARGE, f"{_sentence(names)}: {used}", size=LARGE, bold=True)]
    top += LARGE + 8
    figures = f"{_figures(option.placement)}{_packed(option)}"
    for words, bold in ((f"{_sentence(option.says)}.", True), (figures, False)):
        for line in wrapped(words, ROOM, NORMAL, bold=bold):
            top += NORMAL + 5
            out.append(text(MARGIN, top, line, size=NORMAL, bold=bold))
    return out, top + 14


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _unused(problem: Problem, found: Placement, top: float) -> tuple[list[str], float]:
    """Devices without work, on one line."""
    used = set(found.boards)
    rest = [board.name for place, board in enumerate(problem.boards) if place not in used]
    if not rest:
        return [], top
    words = f"not used: {_listed(rest, ROOM - 80)}"
    return [text(MARGIN + 6, top + 20, words, fill=GREY)], top + 20


def _figures(found: Placement) -> str:
    score = found.score
    rate = f" ({figure(1 / score.period)} frames/s)" if score.period else ""
    gap = "0, proved: no placement is better" if found.is_exact else f"at most {found.gap:.1%}"
    if found.is_best_single and not found.is_exact:
        gap = f"{gap}, none with one stage on each device"
    route = " on the slowest route, without waits" if found.has_copies else ""
    if found.is_staged:
        route = " for one frame alone"
    what = "period" if found.objective is Objective.THROUGHPUT else "latency"
    return (
        f"period {ms(score.period)}{rate}, limited by {score.limits}  ·  "
        f"latency {ms(score.latency)}{route}  ·  "
        f"bound of the {what} {ms(found.lower_bound)}  ·  gap {gap}"
    )


def _packed(option: Option) -> str:
    """What crosses packed, if anything does."""
    words = packed_words(option.problem, option.placement)
    return f"  ·  packed {_listed(words, ROOM / 2)}" if words else ""


def _listed(names: Sequence[str], room: float) -> str:
    """As many names as fit, and how many more there are."""
    short = [fitted(name, 160, SMALL) for name in names]
    for count in range(len(short), 0, -1):
        more = f" and {len(short) - count} more" if count < len(short) else ""
        if width(words := ", ".join(short[:count]) + more, SMALL) <= room:
            return words
    return short[0]
