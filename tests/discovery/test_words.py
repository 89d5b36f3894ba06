"""Questions and answers of mDNS as bytes: ours are read by zeroconf, and anything is read by us."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import (  # type: ignore[attr-defined] # as in edgechain.discovery.words
    DNSAddress,
    DNSIncoming,
    DNSOutgoing,
    DNSPointer,
    DNSService,
    DNSText,
)

from edgechain.discovery.mdns import SERVICE
from edgechain.discovery.peers import PeerHint
from edgechain.discovery.words import Hearsay, is_answer, question, question_id

HINT = PeerHint("pi-b", "lab", "digits", "0123456789abcdef", 77, ("10.0.0.2:4711",), 3)
INSTANCE = f"4d-pi-b-lab.{SERVICE}"
ANSWER, UNIQUE = 0x8400, 0x8001


def packets(
    hint: PeerHint = HINT, ttl: int = 120, hosts: tuple[str, ...] = ("10.0.0.2",)
) -> Iterator[bytes]:
    """Its records, each in a packet of its own."""
    text = b"".join(
        bytes([len(pair)]) + pair
        for pair in (f"{k}={v}".encode() for k, v in hint.to_txt().items())
    )
    records = [
        DNSPointer(SERVICE, 12, 1, ttl, INSTANCE),
        DNSService(INSTANCE, 33, UNIQUE, ttl, 0, 0, 4711, INSTANCE),
        DNSText(INSTANCE, 16, UNIQUE, ttl, text),
        *(DNSAddress(INSTANCE, 1, UNIQUE, ttl, socket.inet_aton(host)) for host in hosts),
    ]
    for record in records:
        out = DNSOutgoing(ANSWER)
        out.add_answer_at_time(record, 0)
        yield bytes(out.packets()[0])


def test_a_question_is_one_that_others_understand() -> None:
    asked = question()
    read = DNSIncoming(asked)
    assert read.valid
    assert read.is_query()
    assert [q.name for q in read.questions] == [SERVICE, "_services._dns-sd._udp.local."]
    assert len({question_id(question()) for _ in range(20)}) > 1
    assert not is_answer(asked)


def test_what_several_packets_say_together() -> None:
    heard = Hearsay()
    for packet in packets():
        assert is_answer(packet)
        assert heard.hints() == ()
        heard.add(packet)
    assert heard.hints() == (HINT,)


def test_every_address_counts() -> None:
    heard = Hearsay()
    for packet in packets(hosts=("10.0.0.2", "192.168.1.2")):
        heard.add(packet)
    (hint,) = heard.hints()
    assert hint.addresses == ("10.0.0.2:4711", "192.168.1.2:4711")


def test_a_goodbye_takes_it_back() -> None:
    heard = Hearsay()
    for packet in packets():
        heard.add(packet)
    for packet in packets(ttl=0):
        heard.add(packet)
    assert heard.hints() == ()


def test_other_services_are_none_of_ours() -> None:
    heard = Hearsay()
    out = DNSOutgoing(ANSWER)
    out.add_answer_at_time(DNSService("tv._airplay._tcp.local.", 33, 1, 120, 0, 0, 7000, "tv."), 0)
    heard.add(bytes(out.packets()[0]))
    assert heard.hints() == ()


@given(st.binary(max_size=200))
def test_any_bytes_are_read(noise: bytes) -> None:
    heard = Hearsay()
    heard.add(noise)
    assert heard.hints() == ()
    assert is_answer(noise) in (True, False)


@given(st.integers(0, 3), st.integers(0, 400), st.integers(0, 255))
def test_any_byte_of_an_answer_may_be_another(which: int, at: int, value: int) -> None:
    packet = bytearray(list(packets())[which])
    packet[at % len(packet)] = value
    heard = Hearsay()
    for number, whole in enumerate(packets()):
        heard.add(bytes(packet) if number == which else whole)
    assert len(heard.hints()) <= 1


@pytest.mark.parametrize("text", [b"", b"\xff", b"\x05ab", b"\x00\x00", b"\x03=ab\x02ns"])
def test_any_text_record_is_read(text: bytes) -> None:
    heard = Hearsay()
    for packet in packets():
        heard.add(packet)
    out = DNSOutgoing(ANSWER)
    out.add_answer_at_time(DNSText(INSTANCE, 16, UNIQUE, 120, text), 0)
    heard.add(bytes(out.packets()[0]))
    assert heard.hints() == ()
