"""One plan on a time axis: a row for every device, a thinner one for every link that is used.

Every bar carries its frame's number, and what sets the period says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgechain.plan.lanes import Chart, Heading, Lane, Note, Single, Span
from edgechain.plan.look import (
    ALARM,
    BAND,
    EDGES,
    FIGURES,
    GREY,
    LEFT,
    LINE,
    MARGIN,
    NAMES,
    NORMAL,
    PALE,
    PALE_EDGE,
    RIGHT,
    SMALL,
    WIDTH,
    frame_box,
    ms,
)
from edgechain.plan.shared_lanes import Shared
from edgechain.plan.svg import INK, element, fitted, text, title, width
from edgechain.spec.plan import SAME, Placement
from edgechain.spec.problem import Problem

_NO_TIME = 1e-300
"""Seconds of which a computer cannot do with less."""

WORK, LINK, SLOWEST_LINK, GAP = 46.0, 24.0, 42.0, 4.0
"""Heights of rows: a device, a link, a link that sets the period; and what is between rows."""

HEADING = 40.0
"""Height of what stands above the lanes of a stage."""

ABOVE, BELOW = 44.0, 22.0
"""Heights of what stands above the rows, latency and period, and of the axis below them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds to pixels; ``span`` seconds take the whole axis."""

    span: float

    def x(self, seconds: float) -> float:
        """Where an instant is; what is before or after the axis is at its end."""
        share = seconds / self.span if self.span else 0.0
        return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)

    def ticks(self) -> list[float]:
        """Round seconds, at least 72 pixels apart."""
        least = self.span * 72 / (RIGHT - LEFT)
        if least < _NO_TIME:
            return [0.0]
        power = 10.0 ** math.floor(math.log10(least))
        step = next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor >= least)
        return [step * place for place in range(int(self.span / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class _Row:
    """A lane, and where it is drawn."""

    lane: Lane
    top: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def bar(self) -> tuple[float, float]:
        """Top and height of its bars."""
        inset = 3.0 if self.lane.arrow and not self.lane.slowest else 6.0
        return self.top + inset, self.height - 2 * inset


class Gantt:
    """One plan of a problem."""

    def __init__(self, problem: Problem, found: Placement):
        shared = found.has_copies
        self._chart: Chart = Shared(problem, found) if shared else Single(problem, found)

    @property
    def span(self) -> float:
        """Seconds until the last of its frames is out."""
        return self._chart.span

    @property
    def frames(self) -> int:
        """How many of them are drawn in full."""
        return self._chart.frames

    def draw(self, top: float, scale: Scale) -> tuple[list[str], float]:
        """Its elements, the lowest of them first, and where they end."""
        rows, words, bottom = self._rows(top + ABOVE, scale)
        out = [_band(row) for row in rows if row.lane.slowest]
        out += _axis(scale, top + ABOVE, bottom)
        out += _spans(self._chart.spans(), scale, top + 10, bottom)
        out.append(text(RIGHT + 12, top + 14, "per frame, busy", fill=GREY))
        out += words
        out += [line for row in rows for line in (*_names(row.lane, row.top), *_load(row))]
        out += [_others(row, self.frames, scale) for row in rows]
        out += _arrows(rows, self.frames, scale)
        out += [_bars(row, self.frames, scale) for row in rows]
        return [line for line in out if line], bottom + BELOW

    def _rows(self, top: float, scale: Scale) -> tuple[list[_Row], list[str], float]:
        """Every lane in its place, what stands above and below some of them, and where they end."""
        rows, words = list[_Row](), list[str]()
        for lane in self._chart.lanes(scale.span):
            if isinstance(lane, Heading):
                words += _heading(lane, top)
                top += HEADING
            elif isinstance(lane, Note):
                words.append(text(MARGIN + 16, top + 16, lane.words, fill=GREY))
                top += LINK + GAP
            else:
                height = WORK if lane.arrow is None else SLOWEST_LINK if lane.slowest else LINK
                rows.append(_Row(lane, top, height))
                top += height + GAP
        return rows, words, top


def _heading(heading: Heading, top: float) -> list[str]:
    return [
        element("line", x1=MARGIN, x2=LEFT - 10, y1=top + 2, y2=top + 2, stroke=LINE),
        text(MARGIN + 6, top + 18, heading.name, bold=True, fill=GREY),
        text(MARGIN + 6, top + 34, heading.detail, fill=GREY),
    ]


def _names(lane: Lane, top: float) -> list[str]:
    """Who it is, to the left."""
    if lane.arrow is not None:
        size = f", {lane.detail}"
        name = fitted(lane.name, NAMES - 16 - width(size, SMALL), SMALL)
        return [text(MARGIN + 16, top + 16, f"{name}{size}", fill=GREY)]
    name = fitted(lane.name, NAMES, NORMAL, bold=True)
    return [
        text(MARGIN + 6, top + 19, name, size=NORMAL, bold=True),
        text(MARGIN + 6, top + 36, lane.detail, fill=GREY),
    ]


def _load(row: _Row) -> list[str]:
    """What it does, to the right."""
    lane = row.lane
    busy = f", {_busy(lane.busy)}" if lane.seconds else ""
    x, y = RIGHT + 12, row.top + (19 if lane.arrow is None else 16)
    out = [text(x, y, fitted(f"{ms(lane.seconds)}{busy}", FIGURES, SMALL))]
    if lane.slowest:
        out.append(text(x, y + 17, lane.slowest, bold=True, fill=ALARM))
    return out


def _spans(spans: Sequence[Span], scale: Scale, top: float, bottom: float) -> list[str]:
    """What is measured, below each other, down to where it ends on the axis."""
    lines = [(span, top + 20 * place) for place, span in enumerate(spans)]
    out = [
        element("line", x1=x, x2=x, y1=y, y2=bottom, stroke=GREY, stroke_dasharray="2 4")
        for x, y in ((scale.x(span.end), y) for span, y in lines)
    ]
    for span, y in lines:
        if span.words:
            out += _span(scale.x(span.start), scale.x(span.end), y, span.words)
    return out


def _bars(row: _Row, frames: int, scale: Scale) -> str:
    """The frames of a row that are drawn in full."""
    lane = row.lane
    if not lane.seconds:
        return ""
    bars = (
        _bar(row, frame, scale.x(start), scale.x(start + lane.seconds))
        for frame, start in lane.starts.items()
        if 0 <= frame < frames
    )
    return element("g", title(lane.told), *bars)


def _band(row: _Row) -> str:
    """What everybody waits for stands out from one side to the other."""
    return element(
        "rect", x=MARGIN, y=row.top, width=WIDTH - 2 * MARGIN, height=row.height, fill=BAND
    )


def _axis(scale: Scale, top: float, bottom: float) -> list[str]:
    out = [element("line", x1=LEFT, x2=RIGHT, y1=bottom, y2=bottom, stroke=INK)]
    for seconds in scale.ticks():
        x = scale.x(seconds)
        out.append(element("line", x1=x, x2=x, y1=top, y2=bottom + 5, stroke=LINE))
        out.append(text(x, bottom + 18, _tick(seconds * 1000), text_anchor="middle", fill=GREY))
    return [*out, text(LEFT - 16, bottom + 18, "time in ms", text_anchor="end", fill=GREY)]


def _tick(value: float) -> str:
    return f"{value:,.10g}" if value < 1e7 else f"{value:.3g}"


def _span(left: float, right: float, y: float, words: str) -> list[str]:
    """A measured stretch with arrowheads at its ends, its words where there is room."""
    out = [
        element("line", x1=left, x2=right, y1=y, y2=y, stroke=INK),
        element("path", d=f"M{left:.1f},{y} l6,-3 v6 z M{right:.1f},{y} l-6,-3 v6 z"),
    ]
    room = width(words, SMALL) + 8
    if right - left > room + 24:
        middle = (left + right) / 2
        ground = {"x": middle - room / 2, "y": y - 8, "width": room, "height": 16}
        out.append(element("rect", fill="#ffffff", **ground))
        return [*out, text(middle, y + 4, words, text_anchor="middle")]
    if right + room <= WIDTH - MARGIN:
        return [*out, text(right + 6, y + 4, words)]
    return [*out, text(left - 6, y + 4, words, text_anchor="end")]


def _others(row: _Row, frames: int, scale: Scale) -> str:
    """The frames before the first and after the last, all in one."""
    lane, (y, height) = row.lane, row.bar
    boxes = []
    for frame, start in lane.starts.items() if lane.seconds else ():
        left, right = scale.x(start), scale.x(start + lane.seconds)
        if right - left > 0.05 and not 0 <= frame < frames:
            boxes.append(f"M{left:.1f},{y} H{right:.1f} v{height} H{left:.1f} z")
    return element("path", d=" ".join(boxes), fill=PALE, stroke=PALE_EDGE) if boxes else ""


def _arrows(rows: Sequence[_Row], frames: int, scale: Scale) -> Iterator[str]:
    """From who sends over the link to who gets it; heavy on the longest way of frame 1."""
    known = {row.lane.key: row for row in rows}
    for row in rows:
        if (arrow := row.lane.arrow) is not None:
            source, target = known.get(arrow.source), known.get(arrow.target)
            middle = row.top + row.height / 2
            top = middle if source is None else sum(source.bar)
            bottom = row.bottom if target is None else target.bar[0]
            for frame, start in row.lane.starts.items():
                if 0 <= frame < frames:
                    left, right = scale.x(start), scale.x(start + row.lane.seconds)
                    way = f"M{left:.1f},{top} V{middle} H{right:.1f} V{bottom - 5}"
                    yield _arrow(way, right, bottom, heavy=frame in arrow.heavy)


def _arrow(way: str, x: float, y: float, *, heavy: bool) -> str:
    """A way that ends above a place, and its head."""
    half, colour, weight = (4.5, INK, 2.5) if heavy else (3.0, GREY, 1.0)
    line = element("path", d=way, fill="none", stroke=colour, stroke_width=weight)
    return line + element("path", d=f"M{x:.1f},{y} l{-half},-8 h{2 * half} z", fill=INK)


def _bar(row: _Row, frame: int, left: float, right: float) -> str:
    """One frame on one row, with its number where there is room."""
    y, height = row.bar
    edge, weight = (INK, 3.0) if row.lane.slowest else (EDGES[frame], 1.0)
    inset = weight / 2 + 0.25
    wide = max(right - left - 2 * inset, 0.5)
    box = frame_box(frame, left + inset, y + inset, wide, height - 2 * inset, edge, weight)
    return box + _number((left + right) / 2, y + height / 2, frame) if wide >= 16 else box


def _number(x: float, y: float, frame: int) -> str:
    ground = element("rect", x=x - 7, y=y - 8, width=14, height=16, rx=4, fill="#ffffff")
    return ground + text(x, y + 4.5, str(frame + 1), text_anchor="middle", bold=True)


def _busy(share: float) -> str:
    """Only what never rests is busy all the time, and only what does nothing not at all."""
    if share * SAME >= 1:
        return "100%"
    return "under 1%" if share < 0.01 else f"{min(share, 0.99):.0%}"
