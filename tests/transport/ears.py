"""The receiving side of a stream in tests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from edgechain.spec.message import Chunk, Control
from edgechain.transport.stream import PeerStream


@dataclass
class Ears:
    """Notes what comes in; tensors are put together in the order of their chunks."""

    controls: list[Control] = field(default_factory=list)
    chunks: list[tuple[int, int]] = field(default_factory=list)
    tensors: dict[tuple[int, int], bytearray] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        self.chunks.append((chunk.offset, len(chunk.data)))
        into = self.tensors.setdefault((chunk.key.sequence, chunk.tensor), bytearray())
        assert len(into) == chunk.offset
        into += chunk.data
        self.heard.set()

    def on_control(self, stream: PeerStream, control: Control) -> None:
        self.controls.append(control)
        self.heard.set()


@dataclass
class Done:
    """What ``done`` was called with, every time."""

    calls: list[bool] = field(default_factory=list)

    def __call__(self, whole: bool) -> None:
        self.calls.append(whole)
