"""One device's part of a move: two generations, installed together, that its node is told to read.

The first goes on with what runs and has the next generation ready beside; the second is what the
device's file says afterwards. Both have the environment that runs: nothing is started.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgechain.deploy.blobs import Blob
from edgechain.deploy.bundle import (
    Bundle,
    Contents,
    File,
    Wheel,
    contents_beside,
    contents_of,
    number_after,
    seal,
)
from edgechain.deploy.difference import Part, compare, parts_of
from edgechain.deploy.fleet_member import FleetMember
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.errors import FlashFailed
from edgechain.security.authority import today
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.config import NodeConfig
from edgechain.spec.ids import NodeName, StageName
from edgechain.spec.progress import Progress

BACK_SECONDS = 30.0
"""For an agent to tell a node; nothing is waited for."""


@dataclass(frozen=True, slots=True)
class NextShare:
    """What a device is to run: the chain's directory here, its stages, and the file's new words."""

    directory: Path
    stages: tuple[StageName, ...]
    config: NodeConfig


class DeviceMove:
    """The part of one device, over a session that holds its lock."""

    def __init__(
        self, member: FleetMember, session: AgentSession, share: NextShare, fleet: FleetDirectory
    ):
        self.member = member
        self._session, self._share, self._fleet = session, share, fleet
        self._steps: tuple[str, str] | None = None
        """The two generations, when they are there."""
        self._told = ""
        """The generation that its node was told to read last."""

    @property
    def name(self) -> NodeName:
        """The device's name."""
        return self.member.name

    @property
    def _file(self) -> Path:
        return self.member.order.file

    @property
    def _before(self) -> str:
        current = self.member.state.current
        if current is None:
            raise ValueError("a member of a fleet runs something")
        return current

    async def stock(self, report: Progress) -> None:
        """Bring both generations there, beside what runs; once.

        Raises what a session raises, ``FlashFailed`` when what runs is not whole any more.
        """
        if self._steps is not None:
            return
        first, second = self._bundles()
        if first is None:
            self._steps = self._before, self._before
            return
        await self._send(first, second, report)
        made = [
            await self._session.install(bundle.listing.decode(), bundle.signature)
            for bundle in (first, second)
        ]
        self._steps = made[0], made[1]

    async def is_there(self) -> None:
        """Raise ``CannotReach`` unless its agent still listens."""
        await self._session.hello()

    async def prepare(self) -> None:
        """Let the node have the next generation ready beside what it runs."""
        await self._tell(0)

    async def commit(self) -> None:
        """Let the next generation serve."""
        await self._tell(1)

    async def withdraw(self) -> None:
        """Back to what ran before, where the node was told anything."""
        if not self._told or self._steps is None or self._told == self._before:
            return
        back = await self._session.rollback(self._before, BACK_SECONDS, reload=True)
        if not back.healthy:
            raise FlashFailed(f"{self.name}: its node was not told to go back: {back.reason}")
        await self._session.good(self._before, self._steps)
        self._told, self._steps = "", None

    async def keep(self) -> None:
        """What it runs now is what to go back to from now on; the step on the way goes."""
        if self._told and self._steps is not None:
            await self._session.good(self._told, (self._steps[0],))

    async def _tell(self, step: int) -> None:
        if self._steps is None:
            raise ValueError("stock comes first")
        await self._session.reload(self._steps[step])
        self._told = self._steps[step]

    # Bundles ---------------------------------------------------------------------------------

    def _bundles(self) -> tuple[Bundle | None, Bundle]:
        """Both; no first one where the device is already what it is to be."""
        share, file = self._share, str(self._file)
        number = self._number()
        then = contents_of(share.config, self._file.parent, file=file)
        second = self._sealed(then, number + 1)
        wanted = parts_of(second.listing.decode(), second.config)
        if wanted is not None and not compare(self.member.parts, wanted).any:
            return None, second
        changes = {"next": "next", "next_stages": share.stages}
        name = {"chain_name": share.config.chain_name}
        beside = NodeConfig.model_validate(self.member.config.model_dump() | changes | name)
        held = list(self._held())
        now = contents_beside(held, beside, share.directory, file=file)
        return self._sealed(now, number), second

    def _sealed(self, contents: Contents, number: int) -> Bundle:
        return seal(contents, self.member.platform, self._wheels(), number, self._fleet)

    def _number(self) -> int:
        """Above all that was ever current there, and all that is there."""
        state = self.member.state
        begin = [name.partition("-")[0] for name in state.generations]
        numbers = [int(digits) for digits in begin if digits.isdecimal()]
        return number_after(max(state.highest, *numbers, 0), today())

    def _held(self) -> Iterator[File]:
        for path, part in self.member.parts.files.items():
            yield File(path, _blob(part))

    def _wheels(self) -> list[Wheel]:
        return [Wheel(name, _blob(part)) for name, part in self.member.parts.wheels.items()]

    async def _send(self, first: Bundle, second: Bundle, report: Progress) -> None:
        every = [*first.blobs.values(), *second.blobs.values()]
        blobs = {blob.sha256: blob for blob in every if blob.source is not None}
        missing = await self._session.missing({blob.sha256: blob.size for blob in every})
        if lost := missing - blobs.keys():
            reason = f"{len(lost)} files of what it runs are not there any more"
            raise FlashFailed(f"{self.name}: {reason}; `edgechain flash {self._file}` first")
        whole, before = sum(blobs[sha256].size for sha256 in missing), 0
        for sha256 in sorted(missing):
            await self._session.put(blobs[sha256])
            before += blobs[sha256].size
            report(self.name, before, whole)


def _blob(part: Part) -> Blob:
    """Bytes that the device has; who sends them says that they are not here."""
    return Blob(part.sha256, part.size, None)
