"""What DNS says becomes suggestions: of a real server, of lying ones, and of none at all."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import dns.message
import dns.rdatatype
import pytest

from edgechain.discovery import srv as srv_module
from edgechain.discovery.peers import Suggestion
from edgechain.discovery.srv import MAX_ADDRESSES, MAX_RECORDS, Record, SrvRegistry, suggestions
from edgechain.errors import EdgechainError
from edgechain.spec.dns import DnsConfig
from tests.discovery.dns_servers import (
    LOOPBACK,
    SERVICE,
    ZONE,
    dnsmasq,
    reply,
    saying,
    srv,
)
from tests.ports import free_udp_port

HERE = (LOOPBACK,)


def asked(
    server: str, *, seconds: float = 10.0, namespace: str = "ns", chain: str = "c"
) -> SrvRegistry:
    what = DnsConfig(service=SERVICE, server=server, seconds=seconds)
    return SrvRegistry(what, namespace, chain)


def test_an_address_without_a_name_is_a_suggestion_of_its_own() -> None:
    found = suggestions([Record(1, ("10.0.0.1", "fd00::1"), {})], "ns", "c")
    assert found == (Suggestion(("10.0.0.1:1",)), Suggestion(("[fd00::1]:1",)))


def test_addresses_of_one_name_are_one_peers() -> None:
    records = [Record(1, ("10.0.0.1",), {"id": "pi"}), Record(2, ("10.0.0.2",), {"id": "pi"})]
    assert suggestions(records, "ns", "c") == (Suggestion(("10.0.0.1:1", "10.0.0.2:2"), "pi"),)


def test_many_addresses_are_bounded() -> None:
    crowd = tuple(f"10.0.{n // 256}.{n % 256}" for n in range(1000))
    assert len(suggestions([Record(1, crowd, {})], "ns", "c")) == MAX_RECORDS
    (one,) = suggestions([Record(1, crowd, {"id": "pi"})], "ns", "c")
    assert one.addresses == tuple(f"{address}:1" for address in crowd[:MAX_ADDRESSES])


@pytest.mark.parametrize("txt", [{"ns": "other"}, {"chain": "other"}, {"ns": "ns", "chain": "d"}])
def test_who_says_to_be_somebody_elses_is_not_tried(txt: dict[str, str]) -> None:
    assert suggestions([Record(1, HERE, txt)], "ns", "c") == ()


@pytest.mark.parametrize("name", ["", "-no", "a b", "x" * 64, "\x1b[2J"])
def test_what_is_no_name_is_nobodys(name: str) -> None:
    assert suggestions([Record(1, HERE, {"id": name})], "ns", "")[0].name == ""


@pytest.mark.dnsmasq
@pytest.mark.may_block
async def test_a_real_server_answers_with_addresses(tmp_path: Path) -> None:
    with dnsmasq(tmp_path, free_udp_port(), [*srv("a", 4711), *srv("b", 4712)]) as server:
        found = await asked(server).look()
    assert {one.addresses for one in found} == {(f"{LOOPBACK}:4711",), (f"{LOOPBACK}:4712",)}


@pytest.mark.dnsmasq
@pytest.mark.may_block
async def test_a_service_that_nobody_offers_is_an_answer(tmp_path: Path) -> None:
    with dnsmasq(tmp_path, free_udp_port(), []) as server:
        assert await asked(server).look() == ()


@pytest.mark.dnsmasq
@pytest.mark.may_block
async def test_more_than_a_datagram_holds_comes_by_tcp_and_is_bounded(tmp_path: Path) -> None:
    records = [f"host-record=n.{ZONE},{LOOPBACK}"]
    records += [f"srv-host={SERVICE},n.{ZONE},{port},{port}" for port in range(1000, 1400)]
    with dnsmasq(tmp_path, free_udp_port(), records) as server:
        found = await asked(server).look()
    ports = [int(one.addresses[0].rpartition(":")[2]) for one in found]
    assert ports == list(range(1000, 1000 + MAX_RECORDS)), "those of the best priority"


@pytest.mark.dnsmasq
@pytest.mark.may_block
async def test_while_the_server_is_gone_what_it_said_holds(tmp_path: Path) -> None:
    port = free_udp_port()
    heard: asyncio.Queue[tuple[Suggestion, ...]] = asyncio.Queue()
    registry = asked(f"{LOOPBACK}:{port}", seconds=0.1)
    watching = asyncio.create_task(registry.watch(heard.put_nowait))
    try:
        with dnsmasq(tmp_path, port, srv("a", 4711)):
            assert await heard.get() == (Suggestion((f"{LOOPBACK}:4711",)),)
        with pytest.raises(EdgechainError, match=f"does not answer for {SERVICE}"):
            await registry.look()
        while not heard.empty():
            assert heard.get_nowait(), "nothing is said to be gone because DNS is"
        with dnsmasq(tmp_path, port, srv("b", 4712)):
            while await heard.get() != (Suggestion((f"{LOOPBACK}:4712",)),):
                pass
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_consuls_answer_names_the_node() -> None:
    """SRV, and for each target A and TXT in the additional section."""

    def answer(question: dns.message.Message) -> dns.message.Message:
        return reply(
            question,
            f";ANSWER\n{SERVICE}. 0 IN SRV 1 1 50551 pi-a.node.{ZONE}.\n"
            f"{SERVICE}. 0 IN SRV 1 1 50552 pi-b.node.{ZONE}.\n"
            f";ADDITIONAL\npi-a.node.{ZONE}. 0 IN A 10.0.0.1\n"
            f'pi-a.node.{ZONE}. 0 IN TXT "id=pi-a"\n'
            f"pi-b.node.{ZONE}. 0 IN A 10.0.0.2\n"
            f'pi-b.node.{ZONE}. 0 IN TXT "id=pi-b" "ns=other"\n',
        )

    async with saying(answer) as server:
        assert await asked(server).look() == (Suggestion(("10.0.0.1:50551",), "pi-a"),)


async def test_a_target_that_never_resolves_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(srv_module, "ANSWER_SECONDS", 2.0)

    def answer(question: dns.message.Message) -> dns.message.Message | None:
        if question.question[0].rdtype != dns.rdatatype.SRV:
            return None
        lost = "".join(f"{SERVICE}. 0 IN SRV 2 1 {n} lost{n}.{ZONE}.\n" for n in range(1, 20))
        good = f"{SERVICE}. 0 IN SRV 1 1 50551 pi-a.{ZONE}.\n"
        return reply(question, f";ANSWER\n{lost}{good};ADDITIONAL\npi-a.{ZONE}. 0 IN A 10.0.0.1\n")

    async with saying(answer) as server:
        began = time.monotonic()
        assert await asked(server).look() == (Suggestion(("10.0.0.1:50551",)),)
        assert time.monotonic() - began < 19, "half of what they take one after the other"


@pytest.mark.parametrize(
    "record",
    [
        f"{SERVICE}. 0 IN SRV 0 0 0 pi-a.{ZONE}.",
        f"{SERVICE}. 0 IN SRV 0 0 1 .",
        f'{SERVICE}. 0 IN TXT "no service"',
        "elsewhere. 0 IN SRV 0 0 1 pi-a.fleet.test.",
    ],
)
async def test_records_of_no_use(record: str) -> None:
    def answer(question: dns.message.Message) -> dns.message.Message:
        return reply(question, f";ANSWER\n{record}\n;ADDITIONAL\npi-a.{ZONE}. 0 IN A 10.0.0.1\n")

    async with saying(answer) as server:
        assert await asked(server).look() == ()


async def test_bytes_that_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(srv_module, "ANSWER_SECONDS", 0.3)
    for noise in (b"", b"\0" * 12, b"\xff" * 900):
        async with saying(lambda _, noise=noise: noise) as server:  # type: ignore[misc]
            with pytest.raises(EdgechainError, match="does not answer"):
                await asked(server).look()
