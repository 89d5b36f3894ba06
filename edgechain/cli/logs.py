"""`edgechain logs`: what the nodes on devices write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
import uvloop

from edgechain.cli.devices import Configs, To, fail_for, orders_of
from edgechain.cli.output import say
from edgechain.deploy.journals import read_journals
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.zipped import agent

MOST_LINES = 10_000
LINES = 50


def logs(
    configs: Configs,
    to: To = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on until Ctrl-C")] = False,
    lines: Annotated[int, typer.Option(min=0, max=MOST_LINES, help="how many")] = LINES,
) -> None:
    """Print the last lines of each device's node; with -f also those that come."""
    show_logs(orders_of(configs, to), lines, follow=follow)


def show_logs(orders: Sequence[Order], lines: int, *, follow: bool) -> None:
    """Print them, with the device's name before each where there are several."""
    several = len(orders) > 1

    def hear(device: str, line: str) -> None:
        say(f"{device} | {line}" if several else line)

    tool = Agent(agent(), keep=False)
    errors = uvloop.run(read_journals(orders, tool, lines, hear, follow=follow))
    fail_for([error for error in errors if error is not None])
