"""The options that say who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Identity = Annotated[
    Path | None,
    typer.Option(
        help="What `edgechain init` made for this machine. [default: $EDGECHAIN_IDENTITY]"
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="The nodes run without keys: believe whoever answers.")
]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Which nodes are meant, and who asks them."""

    namespace: str
    identity: Path | None
    insecure: bool
