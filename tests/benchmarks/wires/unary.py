"""Plain ``grpc.aio`` as its tutorial shows it: one unary call and one message a tensor.

The message is a bytes field and nothing else, which is less than a request needs; only the
limit on a message's size is raised. Everything else is gRPC's default.
"""

from __future__ import annotations

import itertools
from typing import Any

import grpc
import grpc.aio
from google.protobuf.wrappers_pb2 import BytesValue

from tests.benchmarks.wires.contender import HOST, Slots

SERVICE = "bench.Unary"
OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))


class UnaryServer:
    """Two methods: Echo gives the bytes back, Push says only that they are there."""

    def __init__(self, slots: Slots):
        self._slots = slots
        self._turn = itertools.count()
        self._server: Any = None

    async def start(self) -> int:
        self._server = grpc.aio.server(options=OPTIONS)
        methods = {"Echo": self._echo, "Push": self._push}
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                method, BytesValue.FromString, BytesValue.SerializeToString
            )
            for name, method in methods.items()
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, handlers),)
        )
        port = self._server.add_insecure_port(f"{HOST}:0")
        await self._server.start()
        return int(port)

    async def stop(self) -> None:
        await self._server.stop(0)

    async def _echo(self, request: Any, _context: Any) -> Any:
        return BytesValue(value=bytes(self._store(request.value)))

    async def _push(self, request: Any, _context: Any) -> Any:
        self._store(request.value)
        return BytesValue()

    def _store(self, value: bytes) -> memoryview:
        slot = self._slots[next(self._turn)][: len(value)]
        slot[:] = value
        return slot


class UnaryClient:
    """One channel, one call a tensor."""

    def __init__(self, port: int, given: Slots, received: Slots):
        self._given, self._received = given, received
        self._address = f"{HOST}:{port}"
        self._channel: Any = None
        self._methods: dict[str, Any] = {}

    async def open(self) -> None:
        self._channel = grpc.aio.insecure_channel(self._address, options=OPTIONS)
        await self._channel.channel_ready()
        self._methods = {
            name: self._channel.unary_unary(
                f"/{SERVICE}/{name}",
                request_serializer=BytesValue.SerializeToString,
                response_deserializer=BytesValue.FromString,
            )
            for name in ("Echo", "Push")
        }

    async def close(self) -> None:
        await self._channel.close()

    async def echo(self, slot: int, size: int) -> None:
        answer = await self._methods["Echo"](self._message(slot, size))
        self._received[slot][:size] = answer.value

    async def push(self, slot: int, size: int) -> None:
        await self._methods["Push"](self._message(slot, size))

    def _message(self, slot: int, size: int) -> Any:
        return BytesValue(value=bytes(self._given[slot][:size]))
