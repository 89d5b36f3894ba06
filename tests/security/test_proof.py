"""Which node answers: the very one that signed, to the very one that asked."""

from __future__ import annotations

from base64 import encodebytes
from dataclasses import replace
from pathlib import Path

import pytest

from edgechain.errors import Unauthorized
from edgechain.security.authority import Authority
from edgechain.security.identity import Identity
from edgechain.spec.ids import Incarnation
from edgechain.spec.message import Hop, Role
from tests.security.members import CHALLENGE, fleet, hello, made, member, noted, welcome


@pytest.fixture
def a(tmp_path: Path) -> Identity:
    fleet(tmp_path)
    return member(tmp_path, "pi-a")


@pytest.fixture
def b(a: Identity, tmp_path: Path) -> Identity:
    return member(tmp_path, "pi-b")


@pytest.fixture
def laptop(a: Identity, tmp_path: Path) -> Identity:
    return member(tmp_path, "laptop")


def test_a_node_proves_who_it_is(a: Identity, b: Identity) -> None:
    words = hello(a)
    answer = b.sign_welcome(welcome("pi-b"), noted(words, a))
    assert a.check_welcome(answer, words) == b.party


def test_no_proof_is_refused(a: Identity) -> None:
    with pytest.raises(Unauthorized, match="does not prove who it is"):
        a.check_welcome(welcome("pi-b"), hello(a))


def test_another_name_is_refused(a: Identity, b: Identity) -> None:
    words = hello(a)
    answer = b.sign_welcome(welcome("pi-c"), noted(words, a))
    with pytest.raises(Unauthorized, match="node pi-b says that it is pi-c"):
        a.check_welcome(answer, words)


def test_a_client_is_no_node(a: Identity, laptop: Identity) -> None:
    words = hello(a)
    answer = laptop.sign_welcome(welcome("laptop"), noted(words, a))
    with pytest.raises(Unauthorized, match="client laptop answers as if it were a node"):
        a.check_welcome(answer, words)


def test_an_answer_to_one_caller_is_none_to_another(
    a: Identity, b: Identity, laptop: Identity
) -> None:
    """``b`` asks ``a`` with the laptop's challenge and hands the answer on as its own."""
    words = hello(laptop, Role.CLIENT)
    passed_on = a.sign_welcome(welcome("pi-a"), noted(words, b))
    with pytest.raises(Unauthorized, match="does not answer our challenge"):
        laptop.check_welcome(passed_on, words)


def test_an_answer_is_good_once(a: Identity, b: Identity) -> None:
    words = hello(a)
    answer = b.sign_welcome(welcome("pi-b"), noted(words, a))
    with pytest.raises(Unauthorized, match="does not answer our challenge"):
        a.check_welcome(answer, replace(words, challenge=bytes(32)))


def test_an_answer_is_of_one_life(a: Identity, b: Identity) -> None:
    words = hello(a)
    answer = b.sign_welcome(welcome("pi-b"), noted(words, a))
    with pytest.raises(Unauthorized, match="does not answer our challenge"):
        a.check_welcome(replace(answer, hop=Hop("pi-b", Incarnation(8))), words)


def test_another_authority_is_refused(a: Identity, tmp_path: Path) -> None:
    stranger = made(tmp_path / "stranger", Authority.new("else"), Role.NODE, "pi-b")
    words = hello(a)
    answer = stranger.sign_welcome(welcome("pi-b"), noted(words, a))
    with pytest.raises(Unauthorized, match="not from this fleet's authority"):
        a.check_welcome(answer, words)


@pytest.mark.parametrize("junk", [b"", b"\x30\x82", b"MII" * 100])
def test_bytes_that_are_no_certificate_are_refused(a: Identity, junk: bytes) -> None:
    with pytest.raises(Unauthorized, match="does not prove who it is"):
        a.check_welcome(replace(welcome("pi-b"), certificate=junk), hello(a))
    with pytest.raises(Unauthorized, match="shown no certificate"):
        a.admit(junk)


@pytest.mark.parametrize("version", [1, 3, 18, 127])
def test_a_certificate_of_a_version_that_there_is_not_is_refused(
    a: Identity, b: Identity, version: int
) -> None:
    """Found by fuzzing: what reads it raises an error of its own for that."""
    words = hello(a)
    answer = b.sign_welcome(welcome("pi-b"), noted(words, a))
    odd = answer.certificate.replace(bytes.fromhex("a003020102"), b"\xa0\3\2\1" + bytes([version]))
    assert odd != answer.certificate
    with pytest.raises(Unauthorized):
        a.check_welcome(replace(answer, certificate=odd), words)
    pem = b"-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % encodebytes(odd)
    with pytest.raises(Unauthorized):
        a.admit(pem)


def test_an_answer_to_a_question_is_signed_as_it_is(a: Identity, laptop: Identity) -> None:
    proof = a.sign_answer(b"fine", CHALLENGE, laptop.party)
    assert laptop.check_answer(b"fine", CHALLENGE, proof) == a.party
    with pytest.raises(Unauthorized, match="does not answer our challenge"):
        laptop.check_answer(b"ill", CHALLENGE, proof)
