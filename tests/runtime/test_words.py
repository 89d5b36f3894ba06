"""What a worker prints reaches the log: in lines, clean, bounded."""

from __future__ import annotations

import asyncio
import os

import pytest

from edgechain.runtime.clock import ManualClock
from edgechain.runtime.words import LINES_AT_ONCE, LONGEST_LINE, Words, WordsReader


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.clock = ManualClock()
        self.words = Words(self._log, self.clock.now)
        self._news = asyncio.Event()

    def _log(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()

    async def said(self) -> None:
        """Wait for the next line."""
        self._news.clear()
        await asyncio.wait_for(self._news.wait(), 60)


@pytest.fixture
def log() -> Log:
    return Log()


def test_lines_come_whole_however_they_are_cut(log: Log) -> None:
    for byte in "first\n\n  second\u00e9\r\nthird".encode():
        log.words.hear(bytes([byte]))
    assert log.lines == ["first", "  secondé"]
    log.words.end()
    assert log.lines[2:] == ["third"]
    assert log.words.last == "third"


def test_what_is_no_text_is_made_harmless(log: Log) -> None:
    log.words.hear(b"a\x1b[31mred\x07\xff\n")
    assert log.lines == ["a [31mred �"]


def test_a_long_line_is_cut_and_a_line_without_end_is_not_kept(log: Log) -> None:
    log.words.hear(b"x" * 10_000 + b"\n")
    for _ in range(100):
        log.words.hear(b"y" * 10_000)
    log.words.hear(b"end\n")
    assert [len(line) for line in log.lines] == [LONGEST_LINE, LONGEST_LINE]


def test_a_flood_is_counted_and_not_logged(log: Log) -> None:
    for number in range(10 * LINES_AT_ONCE):
        log.words.hear(b"%d\n" % number)
    assert len(log.lines) == LINES_AT_ONCE
    assert log.words.last == str(10 * LINES_AT_ONCE - 1)
    log.clock.advance(0.15)
    log.words.hear(b"later\nmuch\n")
    assert log.lines[LINES_AT_ONCE:] == [f"({9 * LINES_AT_ONCE} lines were left out)", "later"]


def test_last_words_belong_to_the_run_they_were_said_in(log: Log) -> None:
    log.words.hear(b"before\n")
    log.words.begin()
    assert log.words.last == ""


async def test_a_reader_reads_on_and_takes_the_rest_when_it_is_closed(log: Log) -> None:
    reading, writing = os.pipe()
    reader = WordsReader(reading, log.words)
    os.write(writing, b"one\n")
    await log.said()
    os.write(writing, b"two")
    reader.close()
    reader.close()
    os.close(writing)
    assert log.lines == ["one", "two"]


async def test_a_reader_ends_with_the_last_writer(log: Log) -> None:
    reading, writing = os.pipe()
    reader = WordsReader(reading, log.words)
    os.write(writing, b"all")
    os.close(writing)
    await log.said()
    assert log.lines == ["all"]
    reader.close()
