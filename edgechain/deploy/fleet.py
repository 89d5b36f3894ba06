"""A fleet that was flashed, as a whole: looked at, and held while its chain moves."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edgechain.deploy.device_drafts import DeviceDrafts, device_drafts
from edgechain.deploy.device_move import DeviceMove, NextShare
from edgechain.deploy.fleet_ground import FleetGround
from edgechain.deploy.fleet_member import FleetMember, address_of_node, look_at_member
from edgechain.deploy.orders import fleet_of
from edgechain.deploy.prepared import Order
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.connect import connect
from edgechain.deploy.together import together
from edgechain.deploy.workshop import who
from edgechain.errors import FlashFailed, InvalidDocument
from edgechain.security.identity import load_identity
from edgechain.spec.device_edit import edited
from edgechain.spec.device_file import parse_device
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import Generation, StageName
from edgechain.spec.moving import Assignment
from edgechain.spec.progress import Progress


@dataclass(frozen=True, slots=True)
class NextChain:
    """What the devices of a fleet are to run.

    ``name`` is the one that clients use; devices that ``assignment`` does not name stand by.
    """

    name: str
    generation: Generation
    directory: Path
    assignment: Assignment


class Fleet:
    """The devices of some files.

    Raises ``InvalidIdentity`` and ``InvalidDocument`` at once for what is no fleet: files of
    several projects, cards, nodes at ports that nobody knows.
    """

    def __init__(self, orders: Sequence[Order], agent: Agent):
        self._orders = orders
        self._agent = agent
        self._authority = fleet_of([order.file for order in orders])
        self._security = self._identity()
        for order in orders:
            address_of_node(order)

    def _identity(self) -> LinkSecurity | None:
        """Who asks the nodes; nobody in particular where all of them run without keys."""
        if all(order.config.insecure for order in self._orders):
            return None
        return load_identity(self._authority.client())

    async def look(self) -> list[FleetMember]:
        """What every device runs; changes nothing. Raises for the first that is not well."""

        async def one(order: Order) -> FleetMember:
            async with connect(order.target, self._agent) as session:
                return await look_at_member(order, session, self._security)

        return await together(map(one, self._orders))

    @asynccontextmanager
    async def moving(
        self, before: Sequence[FleetMember], chain: NextChain, progress: Progress
    ) -> AsyncIterator[tuple[FleetGround, DeviceDrafts]]:
        """The ground for a move to ``chain``, every device locked, and the files' new texts.

        Those are put in their places when all devices were told.

        Raises ``DeviceBusy``, ``FlashFailed`` where something has changed since ``before``, and
        what sessions raise; then nothing has changed.
        """
        texts = {order.file: _text(order, chain) for order in self._orders}
        async with AsyncExitStack() as stack:
            drafts = stack.enter_context(device_drafts(texts))
            sessions = await together(
                stack.enter_async_context(connect(order.target, self._agent))
                for order in self._orders
            )
            await together(session.lock(who()) for session in sessions)
            pairs = zip(before, sessions, strict=True)
            members = await together(self._again(*pair) for pair in pairs)
            devices = [
                DeviceMove(member, session, _share(member.order, chain, texts), self._authority)
                for member, session in zip(members, sessions, strict=True)
            ]
            told = drafts.settle
            yield FleetGround(devices, chain.generation, self._security, progress, told), drafts

    async def _again(self, before: FleetMember, session: AgentSession) -> FleetMember:
        """Look once more, now that nobody else may change anything."""
        now = await look_at_member(before.order, session, self._security)
        same = now.state.current == before.state.current
        if not same or now.status.generation != before.status.generation:
            reason = "somebody changed what it runs meanwhile; apply again to see it"
            raise FlashFailed(f"{session.where}: {reason}")
        return now


def _text(order: Order, chain: NextChain) -> str:
    """The device's file as it is to be."""
    try:
        text = order.file.read_bytes().decode()
    except (OSError, UnicodeError) as error:
        raise InvalidDocument("cannot be read any more", file=str(order.file)) from error
    there = os.path.relpath(chain.directory.resolve(), order.file.parent.resolve())
    stages = _stages(order, chain)
    changes = {"chain": there, "stages": stages, "chain_name": chain.name}
    return edited(text, changes, file=str(order.file))


def _share(order: Order, chain: NextChain, texts: Mapping[Path, str]) -> NextShare:
    config = parse_device(texts[order.file], file=str(order.file)).config
    return NextShare(chain.directory, _stages(order, chain), config)


def _stages(order: Order, chain: NextChain) -> tuple[StageName, ...]:
    return tuple(chain.assignment.get(order.name, ()))
