"""A little SVG: elements, text that stays in its room, and the file. Letters are measured here.

Names come from files, so what is written is cleaned: no control characters, everything escaped.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from edgechain.errors import InvalidMedia
from edgechain.files.drafts import draft_of
from edgechain.spec.printable import printable

INK = "#1a1a1a"
FONT = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif"

_NARROW = frozenset("iIjltfr.,:;|!'()[]{}/ -")
_WIDE = frozenset("mwMWOQ@#%&+=<>~")

Value = str | float


def element(tag: str, *children: str, **attributes: Value) -> str:
    """One element; ``_`` in an attribute's name is ``-``, children are SVG."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{given}>{''.join(children)}</{tag}>" if children else f"<{tag}{given}/>"


def text(
    x: float, y: float, words: str, *, size: float = 12, bold: bool = False, **attributes: Value
) -> str:
    """One line of text whose baseline begins at a place."""
    if bold:
        attributes["font_weight"] = "bold"
    return element("text", escaped(words), x=x, y=y, font_size=size, **attributes)


def title(words: str) -> str:
    """What a viewer shows beside the pointer, and a reader aloud; the first child of a group."""
    return element("title", escaped(words))


def document(width: float, height: float, name: str, body: Sequence[str]) -> str:
    """A whole SVG file on white ground."""
    ground = element("rect", width=width, height=height, fill="#ffffff")
    drawing = element(
        "svg",
        "\n",
        "\n".join([title(name), ground, *body]),
        "\n",
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        font_family=FONT,
        fill=INK,
        role="img",
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing}\n'


def save(path: Path, drawing: str) -> None:
    """Write a drawing, whole or not at all. Raises ``InvalidMedia``."""
    try:
        with draft_of(path) as draft:
            draft.write_text(drawing, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidMedia(f"{path}: cannot be written: {reason}") from error


def escaped(words: str) -> str:
    """Text as XML."""
    return html.escape(printable(words))


def width(words: str, size: float, *, bold: bool = False) -> float:
    """Pixels that a line takes at most, in a font as wide as DejaVu Sans."""
    return sum(map(_em, words)) * size * (1.12 if bold else 1.0)


def fitted(words: str, room: float, size: float, *, bold: bool = False) -> str:
    """The same if it fits into so many pixels, or with its middle left out."""
    words = printable(words)
    if width(words, size, bold=bold) <= room:
        return words
    keep = len(words) - 1
    while keep > 1 and width(_halves(words, keep), size, bold=bold) > room:
        keep -= 1
    return _halves(words, keep)


def wrapped(words: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """Lines that fit into so many pixels."""
    lines: list[str] = []
    for word in printable(words).split():
        longer = f"{lines[-1]} {word}" if lines else ""
        if longer and width(longer, size, bold=bold) <= room:
            lines[-1] = longer
        else:
            lines.append(fitted(word, room, size, bold=bold))
    return lines


def _halves(words: str, keep: int) -> str:
    return f"{words[: (keep + 1) // 2]}…{words[len(words) - keep // 2 :]}"


def _em(letter: str) -> float:
    if letter in _NARROW:
        return 0.42
    if letter in _WIDE or letter > "~":
        return 1.05
    return 0.72 if letter.isupper() else 0.64


def _value(value: Value) -> str:
    return html.escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
