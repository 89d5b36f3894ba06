"""`edgechain run`: flash devices and watch what their nodes write."""

from __future__ import annotations

from typing import Annotated

import typer

from edgechain.cli.devices import Configs, To, orders_of
from edgechain.cli.flash import NewKey, Yes, flash_orders, require_an_answer
from edgechain.cli.logs import LINES, show_logs
from edgechain.deploy.checked import check_devices
from edgechain.errors import InvalidDocument


def run(
    configs: Configs,
    to: To = None,
    yes: Yes = False,
    new_key: NewKey = False,
    lines: Annotated[int, typer.Option(min=0, help="of what was written before")] = LINES,
) -> None:
    """Check the files, flash the devices, then print what their nodes write until Ctrl-C."""
    require_an_answer(yes=yes)
    for found in check_devices(configs):
        if isinstance(found, InvalidDocument):
            raise found
    orders = orders_of(configs, to)
    flash_orders(orders, yes=yes, new_key=new_key)
    show_logs(orders, lines, follow=True)
