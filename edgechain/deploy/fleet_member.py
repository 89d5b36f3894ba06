"""One device of a fleet that works: what was flashed to it, and what its node says."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass

from pydantic import ValidationError

from edgechain.deploy.bundle import CONFIG_FILE, device_config
from edgechain.deploy.difference import Parts, parts_of
from edgechain.deploy.platform import Platform
from edgechain.deploy.prepared import Order, require_meant
from edgechain.deploy.targets.address import CardAddress, SshAddress
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.answers import DeviceState
from edgechain.errors import (
    FlashFailed,
    InvalidDocument,
    NodeFailed,
    Unauthorized,
    Unavailable,
)
from edgechain.spec.config import GENERATION_KEYS, NodeConfig
from edgechain.spec.device_file import parse_device
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import NodeName
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status

ANSWER_SECONDS = 5.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class FleetMember:
    """A device whose node runs what was flashed to it. ``config`` is what that node reads."""

    order: Order
    state: DeviceState
    parts: Parts
    config: NodeConfig
    status: NodeStatus

    @property
    def name(self) -> NodeName:
        """The device's name, which is its node's."""
        return self.order.name

    @property
    def platform(self) -> Platform:
        """Which wheels fit."""
        return Platform(self.state.python, self.state.machine)


def address_of_node(order: Order) -> str:
    """Where a device's node listens. Raises ``InvalidDocument`` where nobody can know."""
    config = order.config
    if isinstance(order.target, CardAddress):
        raise InvalidDocument("is an SD card, and nothing runs on one", file=str(order.file))
    if config.port == 0:
        reason = "0 takes any free port, so nobody knows where its node is; give it one"
        raise InvalidDocument(reason, file=str(order.file), key="port")
    there = order.target.host if isinstance(order.target, SshAddress) else LOOPBACK
    host = there if ipaddress.ip_address(config.host).is_unspecified else config.host
    return f"[{host}]:{config.port}" if ":" in host else f"{host}:{config.port}"


async def node_status(order: Order, security: LinkSecurity | None) -> NodeStatus:
    """What a device's node says of itself. Raises ``NodeFailed`` where it says nothing."""
    address = address_of_node(order)
    try:
        asker = None if order.config.insecure else security
        text = await fetch_status(address, ANSWER_SECONDS, security=asker)
        status = NodeStatus.model_validate_json(text)
    except Unavailable as error:
        reason = error.reason.removeprefix("the node does not answer: ")
        raise NodeFailed(
            f"{order.name}: its node does not answer at {address}: {reason}"
        ) from error
    except Unauthorized as error:
        raise NodeFailed(f"{order.name}: its node does not belong to us: {error}") from error
    except ValidationError:
        reason = f"what answers at {address} is no node of this version"
        raise NodeFailed(f"{order.name}: {reason}; {_flash(order)} first") from None
    if status.name != order.name:
        raise NodeFailed(f"{order.name}: at {address} is another node, {status.name}")
    return status


async def look_at_member(
    order: Order, session: AgentSession, security: LinkSecurity | None
) -> FleetMember:
    """Look at a device; changes nothing there.

    Raises ``FlashFailed`` where it has to be flashed first, ``NodeFailed`` where its node does not
    answer, and what a session raises.
    """
    state = await session.hello()
    require_meant(order, state, session.where)
    look = await session.look({})
    parts = parts_of(look.listing, look.config)
    if state.current is None or parts is None or CONFIG_FILE not in parts.files:
        raise FlashFailed(f"{order.name}: nothing was flashed to it yet; {_flash(order)} first")
    _require_fitting(order, look.listing, state)
    config = _read(order, look.config)
    status = await node_status(order, security)
    _require_same(order, config, status.chain)
    return FleetMember(order, state, parts, config, status)


def _require_fitting(order: Order, listing: str, state: DeviceState) -> None:
    """What is installed there is for the Python and the machine that are there."""
    made = json.loads(listing)
    if (made.get("python"), made.get("machine")) != (state.python, state.machine):
        reason = f"its environment is not for the Python {state.python} that it has now"
        raise FlashFailed(f"{order.name}: {reason}; {_flash(order)} first")


def _read(order: Order, text: str) -> NodeConfig:
    try:
        return parse_device(text, file=f"{CONFIG_FILE} of {order.name}").config
    except InvalidDocument as error:
        reason = f"what it runs is of another version of edgechain ({error})"
        raise FlashFailed(f"{order.name}: {reason}; {_flash(order)} first") from error


def _require_same(order: Order, runs: NodeConfig, chain: str) -> None:
    """The file says what the device runs, but for the chain: all else needs a start."""
    if order.config.next is not None:
        reason = "take it out: the chain is moved by `edgechain apply` itself"
        raise InvalidDocument(reason, file=str(order.file), key="next")
    wanted = device_config(order.config)
    keys = sorted(set(NodeConfig.model_fields) - GENERATION_KEYS)
    others = [key for key in keys if getattr(wanted, key) != getattr(runs, key)]
    if order.config.chain_name not in (None, chain):
        others.append("chain_name")
    if others:
        reason = f"{order.file} says {', '.join(others)} otherwise than it runs with"
        raise FlashFailed(f"{order.name}: {reason}; {_flash(order)} first")


def _flash(order: Order) -> str:
    return f"`edgechain flash {order.file}`"
