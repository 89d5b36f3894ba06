"""`edgechain rollback`: devices run what they ran before."""

from __future__ import annotations

import typer
import uvloop

from edgechain.cli.devices import Configs, To, fail_for, orders_of
from edgechain.cli.output import emit_json, say
from edgechain.deploy.journals import roll_back
from edgechain.deploy.targets.answers import Back
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.zipped import agent
from edgechain.errors import EdgechainError, FlashFailed


def rollback(
    configs: Configs,
    to: To = None,
    as_json: bool = typer.Option(False, "--json", help="print JSON"),
) -> None:
    """Let each device run the generation before the one it runs, and wait until it is well."""
    orders = orders_of(configs, to)
    found = uvloop.run(roll_back(orders, Agent(agent(), keep=True)))
    results = [
        (order.name, _judged(order.name, one)) for order, one in zip(orders, found, strict=True)
    ]
    if as_json:
        emit_json({"devices": [_as_json(name, one) for name, one in results]})
    else:
        for name, one in results:
            if isinstance(one, Back):
                say(f"{name}  runs {one.current} again, and is well")
    fail_for([one for _, one in results if isinstance(one, EdgechainError)])


def _judged(name: str, found: Back | EdgechainError) -> Back | EdgechainError:
    if isinstance(found, EdgechainError) or found.healthy:
        return found
    reason = f"{name}: {found.current} is current again, and not well: {found.reason}"
    return FlashFailed(reason, journal=found.journal)


def _as_json(name: str, one: Back | EdgechainError) -> dict[str, object]:
    if isinstance(one, Back):
        return {"device": name, "outcome": "rolled back", "generation": one.current}
    return {"device": name, "outcome": "failed", "error": str(one)}
