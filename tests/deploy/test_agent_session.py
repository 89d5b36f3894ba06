"""The conversation with an agent: what is sent, kept and refused, and how a bad one ends."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgechain.deploy.blobs import Blob
from edgechain.deploy.targets import agent_session, directory
from edgechain.deploy.targets.address import DirectoryAddress
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.directory import directory_session
from edgechain.deploy.zipped import archive
from edgechain.errors import CannotReach, DeviceBusy
from tests.deploy import small_agent

CONTENT = archive({"__main__.py": Path(small_agent.__file__).read_bytes()})
AGENT = Agent(CONTENT, keep=True)
LOOK = Agent(CONTENT, keep=False)


async def test_a_session_asks_and_is_answered(tmp_path: Path) -> None:
    async with directory_session(DirectoryAddress(tmp_path / "root"), AGENT) as session:
        state = await session.hello()
    assert (state.hostname, state.python, state.free_bytes) == ("double", "3.11", 5)
    assert state.root == str(tmp_path / "root")


async def test_a_blob_is_sent_with_word_of_how_far_it_is(tmp_path: Path) -> None:
    heard = []
    content = bytes(range(256)) * 10_000
    (tmp_path / "blob").write_bytes(content)
    blob = Blob.at(tmp_path / "blob")
    async with directory_session(DirectoryAddress(tmp_path / "root"), AGENT) as session:
        before = session.sent
        await session.put(blob, lambda what, done, total: heard.append((done, total)))
        assert len(content) < session.sent - before < len(content) + 200
        await session.put(Blob.of(b""))
        assert (await session.hello()).hostname == "double"
    assert heard[-1] == (len(content), len(content))


async def test_the_agent_is_sent_once(tmp_path: Path) -> None:
    sent = []
    for _ in range(2):
        async with directory_session(DirectoryAddress(tmp_path / "root"), AGENT) as session:
            await session.hello()
            sent.append(session.sent)
    assert sent[0] - sent[1] == len(CONTENT)
    kept = tmp_path / "root" / "agent" / f"{hashlib.sha256(CONTENT).hexdigest()}.pyz"
    kept.write_bytes(b"spoilt")
    async with directory_session(DirectoryAddress(tmp_path / "root"), AGENT) as session:
        assert (await session.hello()).hostname == "double"
    assert kept.read_bytes() == CONTENT


async def test_another_agent_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    newer = Agent(
        archive({"__main__.py": small_agent.SOURCE.read_bytes() + b"# newer\n"}), keep=True
    )
    for agent in (AGENT, newer):
        async with directory_session(DirectoryAddress(tmp_path), agent) as session:
            await session.hello()
    assert [path.read_bytes() for path in (tmp_path / "agent").iterdir()] == [newer.content]


async def test_a_look_leaves_nothing(tmp_path: Path) -> None:
    async with directory_session(DirectoryAddress(tmp_path / "root"), LOOK) as session:
        await session.hello()
    assert not (tmp_path / "root").exists()


async def test_a_refusal_is_one_line_and_of_its_kind(tmp_path: Path) -> None:
    async with directory_session(DirectoryAddress(tmp_path / "busy"), LOOK) as session:
        with pytest.raises(DeviceBusy) as caught:
            await session.lock("me")
    assert str(caught.value) == f"dir:{tmp_path}/busy: ann [2J@laptop is at it"


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("odd", "no answer to this (protocol)"),
        ("newer", "protocol 2"),
        ("dies", "the connection was lost while asking what the device has; it said: Segmentation"),
        ("long", "not our agent"),
        ("list", "no JSON object"),
    ],
)
async def test_what_is_no_answer_is_said_so(tmp_path: Path, mood: str, words: str) -> None:
    with pytest.raises(CannotReach) as caught:
        async with directory_session(DirectoryAddress(tmp_path / mood), LOOK) as session:
            await session.hello()
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


async def test_silence_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_session, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(directory, "END_SECONDS", 0.1)
    with pytest.raises(CannotReach, match="no word for 0 s while asking"):
        async with directory_session(DirectoryAddress(tmp_path / "silent"), LOOK) as session:
            await session.hello()


async def test_an_agent_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = Agent(archive({"__main__.py": b"raise SystemExit('no room here')\n"}), keep=False)
    with pytest.raises(CannotReach, match="it said: no room here"):
        async with directory_session(DirectoryAddress(tmp_path), broken) as session:
            await session.hello()


async def test_the_journal_comes_line_by_line(tmp_path: Path) -> None:
    async with directory_session(DirectoryAddress(tmp_path), LOOK) as session:
        lines = [line async for line in session.logs(10, follow=False)]
    assert lines == ["line 0", "line 1", "line 2", "last"]
