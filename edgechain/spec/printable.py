"""Text of others, made fit to be printed: on a terminal, in a log, on a page.

Standard library only: the doctor has it before it knows whether anything else is installed.
"""

from __future__ import annotations


def printable(text: str, instead: str = "?") -> str:
    """The same, sign for sign, without what steers a terminal or is not to be seen.

    That is control codes, line breaks, half characters, turned writing: ``instead`` stands for
    each of them.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else instead for sign in text)


def one_line(said: object) -> str:
    """What something says, as one line: its printable words with one space between them."""
    return " ".join(printable(str(said), " ").split())


def check_printable(text: str) -> str:
    """The same text. Raises ``ValueError`` where ``printable`` would change it."""
    if not text.isprintable():
        raise ValueError("has letters that cannot be printed")
    return text
