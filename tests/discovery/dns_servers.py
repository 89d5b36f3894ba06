"""DNS servers on loopback: Debian's dnsmasq, which is real, and one that says what a test wants."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import cast

import dns.flags
import dns.message

LOOPBACK = "127.0.0.1"
ZONE = "fleet.test"
SERVICE = f"_edgechain._tcp.{ZONE}"
START_SECONDS = 60.0

Answer = Callable[[dns.message.Message], dns.message.Message | bytes | None]


@contextmanager
def dnsmasq(folder: Path, port: int, records: Sequence[str]) -> Iterator[str]:
    """A dnsmasq that knows these records, as its options say them, and asks nobody else."""
    program = shutil.which("dnsmasq", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None
    config = folder / "dnsmasq.conf"
    config.write_text("\n".join([f"local=/{ZONE}/", *records]) + "\n")
    command = [program, "--keep-in-foreground", "--no-resolv", "--no-hosts", "--user="]
    command += [f"--port={port}", f"--listen-address={LOOPBACK}", "--bind-interfaces"]
    command += ["--pid-file=", f"--conf-file={config}", "--log-facility=-"]
    with (folder / "dnsmasq.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_answer(port, process, folder / "dnsmasq.log")
        yield f"{LOOPBACK}:{port}"
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def srv(name: str, node_port: int) -> list[str]:
    """dnsmasq's lines for a node of this name on loopback."""
    host = f"{name}.{ZONE}"
    return [f"host-record={host},{LOOPBACK}", f"srv-host={SERVICE},{host},{node_port}"]


def _await_answer(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until it answers."""
    question = dns.message.make_query("version.bind", "TXT", "CH").to_wire()
    until = time.monotonic() + START_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.05)
        asking.connect((LOOPBACK, port))
        while time.monotonic() < until and process.poll() is None:
            try:
                asking.send(question)
                asking.recv(4096)
            except OSError:
                continue
            return
    raise AssertionError(f"dnsmasq does not answer: {log.read_text()}")


class _Talker(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer):
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        said = self._answer(dns.message.from_wire(data))
        if said is not None:
            self._transport.sendto(said if isinstance(said, bytes) else said.to_wire(), addr)


@asynccontextmanager
async def saying(answer: Answer) -> AsyncIterator[str]:
    """A server in this loop that answers questions as it is told, by UDP."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Talker(answer), local_addr=(LOOPBACK, 0)
    )
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


def reply(question: dns.message.Message, text: str) -> dns.message.Message:
    """An authoritative answer with sections as dig prints them."""
    message = dns.message.from_text(f"id {question.id}\nflags QR AA RD\n{text}")
    message.question = question.question
    return message
