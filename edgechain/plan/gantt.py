"""One plan on a time axis: a row for every device, a thinner one for every link that is used.

Every bar carries its frame's number, and what sets the period says so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgechain.plan.look import (
    ALARM,
    BAND,
    EDGES,
    FRAMES,
    GREY,
    LEFT,
    LINE,
    MARGIN,
    NORMAL,
    PALE,
    PALE_EDGE,
    RIGHT,
    SMALL,
    WIDTH,
    data,
    frame_box,
    ms,
)
from edgechain.plan.svg import INK, element, fitted, text, title, width
from edgechain.plan.timeline import Message, Timeline, Work, timeline
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Problem

_NO_TIME = 1e-300
"""Seconds of which a computer cannot do with less."""

MOST_OTHERS = 300
"""Pale frames on either side; more would be narrower than a line."""

WORK, LINK, SLOWEST_LINK, GAP = 46.0, 24.0, 42.0, 4.0
"""Heights of rows: a device, a link, a link that sets the period; and what is between rows."""

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
    """A device or a link, and where it is drawn."""

    what: Work | Message
    top: float
    height: float
    slowest: bool

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def bar(self) -> tuple[float, float]:
        """Top and height of its bars."""
        inset = 6.0 if self.slowest or isinstance(self.what, Work) else 3.0
        return self.top + inset, self.height - 2 * inset


class Gantt:
    """One plan of a problem."""

    def __init__(self, problem: Problem, found: Placement):
        self._problem, self._time = problem, timeline(problem, found)

    @property
    def span(self) -> float:
        """Seconds until the last of its frames is out."""
        return self._time.latency + (FRAMES - 1) * self._time.period

    def draw(self, top: float, scale: Scale) -> tuple[list[str], float]:
        """Its elements, the lowest of them first, and where they end."""
        rows = list(self._rows(top + ABOVE))
        bottom = rows[-1].bottom + GAP
        out = [_band(row) for row in rows if row.slowest]
        out += _axis(scale, top + ABOVE, bottom)
        out += self._spans(scale, top + 10, bottom)
        out.append(text(RIGHT + 12, top + 14, "per frame, busy", fill=GREY))
        out += [line for row in rows for line in (*self._names(row), *self._load(row))]
        out += [_others(row, self._time, scale) for row in rows]
        out += _arrows(rows, self._time.period, scale)
        out += [self._bars(row, scale) for row in rows]
        return [line for line in out if line], bottom + BELOW

    def _rows(self, top: float) -> Iterator[_Row]:
        """Every device in its turn, and below it the links on which it sends."""
        time = self._time
        for work in time.works:
            yield _Row(work, top, WORK, time.sets_period(work))
            top += WORK + GAP
            for message in time.messages:
                if message.source == work.share.board:
                    slowest = time.sets_period(message)
                    height = SLOWEST_LINK if slowest else LINK
                    yield _Row(message, top, height, slowest)
                    top += height + GAP

    def _names(self, row: _Row) -> list[str]:
        """Who it is, to the left."""
        what, problem, room = row.what, self._problem, LEFT - MARGIN - 16
        if isinstance(what, Message):
            size = f", {data(what.size)}"
            target = problem.boards[what.target].name
            name = fitted(f"to {target}", room - 16 - width(size, SMALL), SMALL)
            return [text(MARGIN + 16, row.top + 16, f"{name}{size}", fill=GREY)]
        name = fitted(problem.boards[what.share.board].name, room, NORMAL, bold=True)
        units = [problem.units[unit].name for unit in what.share.units]
        return [
            text(MARGIN + 6, row.top + 19, name, size=NORMAL, bold=True),
            text(MARGIN + 6, row.top + 36, _units(units, room), fill=GREY),
        ]

    def _load(self, row: _Row) -> list[str]:
        """What it does, to the right."""
        period = self._time.period
        busy = f", {_busy(row.what.seconds / period, row.slowest)}" if row.what.seconds else ""
        x, y = RIGHT + 12, row.top + (16 if isinstance(row.what, Message) else 19)
        out = [text(x, y, f"{ms(row.what.seconds)}{busy}")]
        if row.slowest:
            out.append(text(x, y + 17, "sets the period", bold=True, fill=ALARM))
        return out

    def _spans(self, scale: Scale, top: float, bottom: float) -> list[str]:
        """How long frame 1 takes, and how long after it the next one comes."""
        time = self._time
        if not time.latency:
            return []
        next_out = time.latency + time.period
        out = [
            element("line", x1=x, x2=x, y1=y, y2=bottom, stroke=GREY, stroke_dasharray="2 4")
            for x, y in ((scale.x(time.latency), top), (scale.x(next_out), top + 20))
        ]
        out += _span(scale.x(0), scale.x(time.latency), top, f"latency {ms(time.latency)}")
        if time.period:
            words = f"period {ms(time.period)}"
            out += _span(scale.x(time.latency), scale.x(next_out), top + 20, words)
        return out

    def _bars(self, row: _Row, scale: Scale) -> str:
        """The four frames of a row."""
        if not row.what.seconds:
            return ""
        out = [title(self._told(row))]
        for frame in range(FRAMES):
            start = row.what.start + frame * self._time.period
            out.append(_bar(row, frame, scale.x(start), scale.x(start + row.what.seconds)))
        return element("g", *out)

    def _told(self, row: _Row) -> str:
        """What a viewer shows beside the pointer."""
        boards, what = self._problem.boards, row.what
        if isinstance(what, Message):
            ends = f"{boards[what.source].name} to {boards[what.target].name}"
            return f"{ends}: {data(what.size)} in {ms(what.seconds)}"
        units = ", ".join(self._problem.units[unit].name for unit in what.share.units)
        besides = what.seconds - what.share.seconds
        paid = f", {ms(besides)} for its stage and its bytes" if besides else ""
        return f"{boards[what.share.board].name}: {ms(what.share.seconds)} for {units}{paid}"


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


def _others(row: _Row, time: Timeline, scale: Scale) -> str:
    """The frames before the first and after the last, all in one."""
    what, (y, height) = row.what, row.bar
    boxes = []
    for frame in _frames_beside(what, time, scale) if what.seconds else ():
        start = what.start + frame * time.period
        left, right = scale.x(start), scale.x(start + what.seconds)
        if right - left > 0.05:
            boxes.append(f"M{left:.1f},{y} H{right:.1f} v{height} H{left:.1f} z")
    return element("path", d=" ".join(boxes), fill=PALE, stroke=PALE_EDGE) if boxes else ""


def _frames_beside(what: Work | Message, time: Timeline, scale: Scale) -> Iterator[int]:
    """Which ones are to be seen besides those that are drawn in full, counted from 0."""
    before = math.ceil(min(what.end / time.period, MOST_OTHERS))
    after = math.ceil(min((scale.span - what.start) / time.period, FRAMES + MOST_OTHERS))
    return itertools.chain(range(-before, 0), range(FRAMES, after))


def _arrows(rows: Sequence[_Row], period: float, scale: Scale) -> Iterator[str]:
    """From who sends over the link to who gets it; heavy on the longest way of frame 1."""
    devices = {row.what.share.board: row for row in rows if isinstance(row.what, Work)}
    for row in rows:
        if isinstance(row.what, Message):
            top, bottom = sum(devices[row.what.source].bar), devices[row.what.target].bar[0]
            middle = row.top + row.height / 2
            for frame in range(FRAMES if period else 1):
                left = scale.x(row.what.start + frame * period)
                right = scale.x(row.what.end + frame * period)
                way = f"M{left:.1f},{top} V{middle} H{right:.1f} V{bottom - 5}"
                yield _arrow(way, right, bottom, heavy=row.what.slow and frame == 0)


def _arrow(way: str, x: float, y: float, *, heavy: bool) -> str:
    """A way that ends above a place, and its head."""
    half, colour, weight = (4.5, INK, 2.5) if heavy else (3.0, GREY, 1.0)
    line = element("path", d=way, fill="none", stroke=colour, stroke_width=weight)
    return line + element("path", d=f"M{x:.1f},{y} l{-half},-8 h{2 * half} z", fill=INK)


def _bar(row: _Row, frame: int, left: float, right: float) -> str:
    """One frame on one row, with its number where there is room."""
    y, height = row.bar
    edge, weight = (INK, 3.0) if row.slowest else (EDGES[frame], 1.0)
    inset = weight / 2 + 0.25
    wide = max(right - left - 2 * inset, 0.5)
    box = frame_box(frame, left + inset, y + inset, wide, height - 2 * inset, edge, weight)
    return box + _number((left + right) / 2, y + height / 2, frame) if wide >= 16 else box


def _number(x: float, y: float, frame: int) -> str:
    ground = element("rect", x=x - 7, y=y - 8, width=14, height=16, rx=4, fill="#ffffff")
    return ground + text(x, y + 4.5, str(frame + 1), text_anchor="middle", bold=True)


def _units(names: Sequence[str], room: float) -> str:
    """All names if they fit, else the first and the last and how many there are."""
    whole = ", ".join(names)
    if len(names) == 1 or width(whole, SMALL) <= room:
        return fitted(whole, room, SMALL)
    count = f" ({len(names)})"
    half = (room - width(f" to {count}", SMALL)) / 2
    return f"{fitted(names[0], half, SMALL)} to {fitted(names[-1], half, SMALL)}{count}"


def _busy(share: float, whole: bool) -> str:
    """Only what never rests is busy all the time, and only what does nothing not at all."""
    if whole:
        return "100%"
    return "under 1%" if share < 0.01 else f"{min(share, 0.99):.0%}"
