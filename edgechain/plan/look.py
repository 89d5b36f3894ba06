"""How drawn plans look: sizes, colours, what tells frames apart, and figures in words.

Frames differ in pattern as well as in colour, and what is slow has a heavy outline, so that
everything can be read in black and white.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgechain.plan.svg import INK, element, text, width

FRAMES = 4
"""So many are drawn in full, with those before and after them in pale."""

MOST_FRAMES = 8
"""So many where a stage has so many copies; more could not be told apart."""

WIDTH, MARGIN = 1000.0, 20.0
LEFT, RIGHT = 250.0, 850.0
"""Where the time axis begins and ends; names stand to the left, figures to the right."""

NAMES = LEFT - MARGIN - 16
"""Pixels for a name to the left."""

FIGURES = WIDTH - RIGHT - 16
"""Pixels for a figure to the right."""

SMALL, NORMAL = 12.0, 13.0
"""Sizes of text that can still be read when the picture fills a page's column."""

ALARM, BAND, PALE, PALE_EDGE = "#b00020", "#fbe3e0", "#e4e4e4", "#aaaaaa"
GREY, LINE = "#555555", "#cccccc"
FILLS = ("#8ec9ee", "#f5c56b", "#7fcfae", "#e3aecb", "#f4e98c", "#f0ab84", "#a9b9e6", "#d0d0d0")
"""Frames 1 to 8, from colours that the colour-blind tell apart (Okabe and Ito, 2008)."""

EDGES = (
    "#0b5c8f", "#8a5a00", "#00664a", "#8a3a68", "#6b6300", "#9a3f00", "#30448f", "#404040",
)  # fmt: skip
PATTERNS = (
    "",
    "M-2,2 L2,-2 M0,8 L8,0 M6,10 L10,6",
    "M0,4 L8,4",
    "M4,0 L4,8 M0,4 L8,4",
    "M4,0 L4,8",
    "M-2,6 L2,10 M0,0 L8,8 M6,-2 L10,2",
    "M0,0 L8,8 M0,8 L8,0",
    "M2.5,4 L5.5,4",
)


def patterns(frames: int = FRAMES) -> str:
    """What tells so many frames apart in black and white."""
    return element(
        "defs",
        *(
            element(
                "pattern",
                element("path", d=lines, stroke=edge, stroke_width=1.4, fill="none"),
                id=f"frame-{frame}",
                width=8,
                height=8,
                patternUnits="userSpaceOnUse",
            )
            for frame, (lines, edge) in enumerate(zip(PATTERNS, EDGES, strict=True), 1)
            if lines and frame <= frames
        ),
    )


def frame_box(
    frame: int, x: float, y: float, wide: float, tall: float, edge: str, weight: float
) -> str:
    """A box that looks like a frame's, counted from 0; its pattern is one of the sheet's."""
    box = {"x": x, "y": y, "width": wide, "height": tall}
    ground = element("rect", fill=FILLS[frame], **box)
    pattern = element("rect", fill=f"url(#frame-{frame + 1})", **box) if PATTERNS[frame] else ""
    return ground + pattern + element("rect", fill="none", stroke=edge, stroke_width=weight, **box)


def legend(y: float, frames: int = FRAMES) -> tuple[list[str], float]:
    """Lines that say what everything means, and where the last one is."""
    out, x, wide = [], MARGIN, 28.0
    for words, sample in _samples(wide, frames):
        step = wide + width(words, SMALL) + 20
        if x + step - 14 > WIDTH:
            x, y = MARGIN, y + 26
        out.append(
            element("g", sample, text(wide + 6, 4, words), transform=f"translate({x:.0f} {y:.0f})")
        )
        x += step
    return out, y


def _samples(wide: float, frames: int) -> Iterator[tuple[str, str]]:
    """What everything means, each drawn beside the place 0, 0."""
    box = {"x": 0, "y": -8, "width": wide, "height": 16}
    for frame in range(frames):
        yield f"frame {frame + 1}", frame_box(frame, 0, -8, wide, 16, EDGES[frame], 1)
    yield "earlier and later frames", element("rect", fill=PALE, stroke=PALE_EDGE, **box)
    yield "sets the period", element("rect", fill=BAND, stroke=INK, stroke_width=3, **box)
    way = element("line", x2=wide, stroke=INK, stroke_width=2.5)
    yield "longest way of a frame", way


def data(count: int) -> str:
    """Bytes for people, decimal units."""
    size, units = float(count), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    for larger in units:
        if size < 999.95:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def ms(seconds: float) -> str:
    """Milliseconds for people."""
    return f"{figure(seconds * 1000)} ms"


def figure(value: float) -> str:
    """Three digits, or all before the point of what is not too long."""
    return f"{value:,.0f}" if 99.95 <= value < 1e7 else f"{value:.3g}"
