"""What counts as a node's own word."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edgechain.deploy.device.ready_socket import ReadySocket

SENDS = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "for word in sys.argv[2:]: s.sendto(word.encode(), b'\\0' + sys.argv[1][1:].encode())\n"
    "sys.stdin.read()"
)
WITHIN = 60.0


@contextmanager
def says(ready: ReadySocket, *words: str) -> Iterator[tuple[int, int]]:
    """A process that says so and waits; its id and its pidfd."""
    command = [sys.executable, "-c", SENDS, ready.address, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        handle = os.pidfd_open(process.pid)
        try:
            yield process.pid, handle
        finally:
            process.communicate()
            os.close(handle)


def test_its_word_is_heard_with_its_status() -> None:
    with ReadySocket() as ready, says(ready, "STATUS=soon", "READY=1\nSTATUS=now") as (pid, handle):
        assert ready.wait(pid, handle, WITHIN)
        assert ready.status == "now"


def test_a_strangers_word_is_not() -> None:
    with ReadySocket() as ready, says(ready) as (pid, handle):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"READY=1\nSTATUS=trust me", b"\0" + ready.address[1:].encode())
        assert not ready.wait(pid, handle, 0.2)
        assert ready.status == ""


@pytest.mark.parametrize("word", ["", "READY=0", "READY", "=1", "\0\xff", "X" * 5000, "READY=11"])
def test_other_words_are_not_ready(word: str) -> None:
    if "\0" in word:
        with ReadySocket() as ready:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
                ours.sendto(word.encode("latin-1"), b"\0" + ready.address[1:].encode())
            handle = os.pidfd_open(os.getpid())
            assert not ready.wait(os.getpid(), handle, 0.1)
            os.close(handle)
        return
    with ReadySocket() as ready, says(ready, word, "STATUS=then") as (pid, handle):
        until = time.monotonic() + WITHIN
        while ready.status != "then" and time.monotonic() < until:  # it has to start first
            assert not ready.wait(pid, handle, 0.5)
        assert ready.status == "then"


def test_who_ends_is_not_ready_and_nobody_waits_longer() -> None:
    with ReadySocket() as ready, says(ready, "STATUS=trying") as (pid, handle):
        threading.Timer(0.2, os.kill, (pid, 9)).start()
        assert not ready.wait(pid, handle, WITHIN)


def test_who_says_it_and_ends_at_once_was_ready() -> None:
    with ReadySocket() as ready:
        with says(ready, *["STATUS=busy"] * 5, "READY=1") as (pid, handle):
            kept = os.dup(handle)
        try:
            assert ready.wait(pid, kept, WITHIN)
        finally:
            os.close(kept)
