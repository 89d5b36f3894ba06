"""Names as options."""

from __future__ import annotations

import typer

from edgechain.spec.ids import is_name


def check_name(name: str, option: str) -> None:
    """Refuse what cannot be a name, as wrong usage."""
    if not is_name(name):
        raise typer.BadParameter(
            f"{name!r} is not a name: letters, digits, '.', '_' and '-', at most 63",
            param_hint=option,
        )
