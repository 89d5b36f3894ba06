"""The options that say who is asking."""

from __future__ import annotations

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
