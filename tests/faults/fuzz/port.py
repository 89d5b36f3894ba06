"""Garbage at the port of a real node: as bytes, inside TLS as HTTP/2, and as frames of a member.

After every few attacks a good request has to be answered, by the same process.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from edgechain.client.chain import Chain
from edgechain.errors import EdgechainError, ProtocolError
from edgechain.security.identity import AUTHORITY, CERTIFICATE, KEY, load_identity
from edgechain.spec.identity import NODE_HOST
from edgechain.spec.message import Welcome
from edgechain.transport.codec import decode, encode_control
from edgechain.transport.grpc_options import LINK
from edgechain.transport.secure import new_challenge, open_channel
from tests.benchmarks.processor import resident_megabytes
from tests.faults.fuzz.garbage import Peer, any_bytes, http2
from tests.faults.hash_chain import write_chain
from tests.faults.processes import NODE, NodeProcess
from tests.faults.running import CLIENT, IDENTITIES, RunningChain, running
from tests.faults.suite import Report, Row, control, times

MOST_MEGABYTES = 16.8
"""16 MiB, as `/proc` has it in 10^6 bytes."""

TOGETHER = 8
"""Attacks at a time: as many as the node has slots, so that most are let in."""

ROUND = 100
"""Attacks until a good request is asked."""

WARM = 200
"""Attacks before the node's memory is looked at: gRPC's pools and the allocator's."""

PATIENCE_SECONDS = 5.0
HEARD_SECONDS = 0.2
"""How long an attacker waits for an answer; most get none."""

BRITTLE = "tests.faults.fuzz.brittle_node"

Attack = Callable[[random.Random], Awaitable[None]]


@dataclass
class Victim:
    """A chain of one node, and a client that goes on asking it."""

    live: RunningChain
    node: NodeProcess
    client: Chain
    asked: int = 0

    async def serves(self) -> bool:
        """Whether the same process answers a good request, and rightly."""
        made, number = self.live.chain, self.asked
        self.asked += 1
        try:
            result = await self.client.infer(made.question(number), deadline=PATIENCE_SECONDS)
        except EdgechainError:
            return False
        return made.read(result["y"]).digest == made.answer(number) and self.node.is_running


class Attacks:
    """Ways to speak to a node's port."""

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self._address = victim.node.address
        folder = victim.live.folder / IDENTITIES / CLIENT
        self._security = load_identity(folder)
        self._tls = ssl.create_default_context(cafile=str(folder / AUTHORITY))
        self._tls.load_cert_chain(folder / CERTIFICATE, folder / KEY)
        self._tls.set_alpn_protocols(["h2"])
        self.let_in = 0
        """Streams that were answered with a Welcome."""

    async def raw(self, chance: random.Random) -> None:
        """Over TCP."""
        await self._say(any_bytes(chance), None)

    async def http2(self, chance: random.Random) -> None:
        """Inside TLS, as a member."""
        await self._say(http2(chance), self._tls)

    async def _say(self, data: bytes, tls: ssl.SSLContext | None) -> None:
        host, port = self._address.split(":")
        name = NODE_HOST if tls else None
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection(
                host, int(port), ssl=tls, server_hostname=name
            )
            try:
                async with asyncio.timeout(HEARD_SECONDS):
                    writer.write(data)
                    await writer.drain()
                    await reader.read(1 << 16)
            finally:
                writer.transport.abort()

    async def frames(self, chance: random.Random) -> None:
        """Over a stream, as a member: half of them do not even greet properly."""
        peer = Peer(
            self._victim.live.chain.manifest,
            self._victim.live.namespace,
            new_challenge(self._security),
        )
        async with open_channel(self._address, self._security) as channel:
            call = channel.stream_stream(LINK)()
            with suppress(grpc.RpcError, asyncio.InvalidStateError, TimeoutError, ProtocolError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._link(call, peer, chance)
            call.cancel()

    async def _link(self, call: Any, peer: Peer, chance: random.Random) -> None:
        is_mad = chance.random() < 0.5
        await call.write(peer.greeting(chance) if is_mad else encode_control(peer.hello))
        async with asyncio.timeout(HEARD_SECONDS if is_mad else PATIENCE_SECONDS):
            answer = await call.read()
        welcome = decode(answer) if isinstance(answer, bytes) else None
        if not isinstance(welcome, Welcome):
            return
        self.let_in += 1
        for frame in peer.frames(welcome.hop, chance):
            await call.write(frame)
        async with asyncio.timeout(HEARD_SECONDS):
            while isinstance(await call.read(), bytes):
                pass


@asynccontextmanager
async def _victim(folder: Path, module: str = NODE) -> AsyncIterator[Victim]:
    chain = write_chain(folder / "chain", {"only": ("x", "y")})
    async with running(chain, folder, module=module) as live, live.connect() as client:
        (node,) = live.nodes.values()
        yield Victim(live, node, client)


async def _assault(
    victim: Victim, attack: Attack, count: int, seed: int, report: Report
) -> list[bool]:
    """So many attacks; whether the node served after each round of them."""
    served = []
    for done in range(0, count, ROUND):
        chances = [random.Random(seed + number) for number in range(done, min(count, done + ROUND))]
        for start in range(0, len(chances), TOGETHER):
            await asyncio.gather(*map(attack, chances[start : start + TOGETHER]))
        served.append(await victim.serves())
        report.progress(min(count, done + ROUND), count)
        if not victim.node.is_running:
            break
    return served


async def attack_port(scale: float, report: Report) -> list[Row]:
    """Every attack on one node, and the control on a brittle one."""
    seed = secrets.randbits(30)
    report.say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="edgechain-port-") as folder:
        (Path(folder) / "good").mkdir()
        (Path(folder) / "brittle").mkdir()
        async with _victim(Path(folder, "good")) as victim:
            rows = await _attack(victim, scale, seed, report)
        async with _victim(Path(folder, "brittle"), BRITTLE) as victim:
            served = await _assault(victim, Attacks(victim).frames, ROUND, seed, report)
            measured = f"{served.count(False)} of {len(served)} good requests not answered"
            is_seen = not all(served) and not victim.node.is_running
        title = "a node that ends at a frame that is none"
        return [*rows, control(title, "its end is seen", measured, is_seen)]


async def _attack(victim: Victim, scale: float, seed: int, report: Report) -> list[Row]:
    attacks = Attacks(victim)
    plan: Sequence[tuple[str, Attack, int]] = (
        ("raw bytes at a node's port", attacks.raw, 4000),
        ("HTTP/2 garbage inside TLS", attacks.http2, 2000),
        ("garbage frames of a member", attacks.frames, 2000),
    )
    for _, attack, _ in plan:
        await _assault(victim, attack, times(WARM, min(1.0, 10 * scale)), seed, report)
    before, rows = resident_megabytes(victim.node.pid), []
    for title, attack, count in plan:
        wanted = times(count, scale)
        report.say(f"{title}: {wanted}")
        served = await _assault(victim, attack, wanted, seed + WARM, report)
        rows.append(_row(title, wanted, served, victim))
    grown = resident_megabytes(victim.node.pid) - before
    figure = f"at most {MOST_MEGABYTES} MB growth"
    return [
        *rows,
        Row("garbage that was let in", "some", f"{attacks.let_in} streams", attacks.let_in > 0),
        Row("the node's memory", figure, f"{grown:.1f} MB", grown <= MOST_MEGABYTES),
        await _rest(victim),
    ]


def _row(title: str, wanted: int, served: Sequence[bool], victim: Victim) -> Row:
    good = served.count(True)
    return Row(
        f"{title}, {wanted:,}",
        "the daemon lives; every good request is answered",
        f"{good} of {len(served)} answered, {'' if victim.node.is_running else 'NOT '}alive",
        all(served) and victim.node.is_running,
    )


async def _rest(victim: Victim) -> Row:
    """When all have gone, our own client is the only one, and no slot is in use."""
    status = await victim.node.status()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (status.slots_in_use, status.clients) != (0, 1):
                await asyncio.sleep(HEARD_SECONDS)
                status = await victim.node.status()
    measured = f"{status.slots_in_use} slots, {status.clients} clients"
    is_clean = (status.slots_in_use, status.clients) == (0, 1)
    return Row("what attackers leave behind", "0 slots in use, 1 client", measured, is_clean)
