"""The interpreter worker: a process of its own that runs one stage on shared-memory slots.

A model that crashes or hangs takes this process with it and not the daemon. It is forked from the
node's zygote (``runtime.zygote``) and ends when the daemon closes its end of the channel, or is
gone.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgechain.errors import EdgechainError, InvalidChain, InvalidModel, StageError
from edgechain.runtime import worker_wire as wire
from edgechain.runtime.arena import Arena
from edgechain.runtime.interpreter import InterpreterKind, open_interpreter
from edgechain.runtime.kinship import go_first, name_process
from edgechain.runtime.worker_wire import Region, Shapes, WorkerSetup
from edgechain.runtime.zygote_wire import Descriptors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Compute = Callable[[Sequence[Array]], Sequence[Array]]


class StageRunner:
    """One stage on one arena: reads inputs from a slot, computes, writes outputs to the slot."""

    def __init__(self, setup: WorkerSetup, arena_fileno: int):
        self._setup = setup
        self._arena = Arena(arena_fileno, setup.arena_bytes)
        self._compute = _open_actor(setup) if setup.actor else _open_model(setup)

    def run(self, slot: int, shapes: Shapes) -> Shapes:
        """Run on a slot whose inputs have these shapes; returns the outputs' shapes."""
        base = slot * self._setup.slot_bytes
        inputs = [
            self._at(base, region, shape)
            for region, shape in zip(self._setup.inputs, shapes, strict=True)
        ]
        for view in inputs:
            view.flags.writeable = False
        outputs = self._compute(inputs)
        if len(outputs) != len(self._setup.outputs):
            raise self._misfit(f"gave {len(outputs)} outputs, not {len(self._setup.outputs)}")
        return tuple(
            self._store(base, region, value)
            for region, value in zip(self._setup.outputs, outputs, strict=True)
        )

    def _at(self, base: int, region: Region, shape: tuple[int, ...]) -> Array:
        """The slot's memory for one tensor, as an array."""
        return np.ndarray(shape, region.dtype, self._arena.view, base + region.offset)

    def _store(self, base: int, region: Region, value: Array) -> tuple[int, ...]:
        shape = tuple(value.shape)
        fits = len(shape) == len(region.shape) and all(
            want in (-1, have) for have, want in zip(shape, region.shape, strict=True)
        )
        size = prod(shape) * value.dtype.itemsize
        if value.dtype != region.dtype or not fits or size > region.max_bytes:
            wanted = f"{region.dtype} {list(region.shape)} of at most {region.max_bytes} bytes"
            found = f"{value.dtype} {list(shape)} of {size} bytes"
            raise self._misfit(f"output {region.name!r} should be {wanted}, is {found}")
        self._at(base, region, shape)[...] = value
        return shape

    def _misfit(self, reason: str) -> StageError:
        return StageError(self._setup.stage, reason)


def _open_model(setup: WorkerSetup) -> Compute:
    content = _read_checked(setup)
    interpreter = open_interpreter(
        content, threads=setup.threads, kind=InterpreterKind(setup.interpreter)
    )

    def compute(inputs: Sequence[Array]) -> Sequence[Array]:
        interpreter.fill(inputs)
        return interpreter.invoke()

    static = all(-1 not in region.shape for region in setup.inputs)
    if static:  # the first call allocates and packs weights: do that before saying we are ready
        interpreter.fill([np.zeros(region.shape, region.dtype) for region in setup.inputs])
        with suppress(InvalidModel):  # some models take only inputs that mean something
            interpreter.invoke()
    return compute


def _open_actor(setup: WorkerSetup) -> Compute:
    module_name, _, class_name = (setup.actor or "").partition(":")
    if setup.file is not None:
        _read_checked(setup)
    sys.path.insert(0, setup.search_path)
    try:
        actor = getattr(importlib.import_module(module_name), class_name)(**setup.options)
    except Exception as error:
        reason = f"actor {setup.actor} cannot be made: {type(error).__name__}: {error}"
        raise InvalidChain(f"stage {setup.stage}: {reason}") from error

    def compute(inputs: Sequence[Array]) -> Sequence[Array]:
        given = actor(*inputs)
        several = given if isinstance(given, tuple | list) else (given,)
        return [np.asarray(value) for value in several]

    return compute


def _read_checked(setup: WorkerSetup) -> bytes:
    path = Path(setup.file or "")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != setup.sha256:
        raise InvalidChain(f"{path}: its content is not what chain.yaml says; split again")
    return content


def serve(channel: int, arena: int) -> None:
    """Answer the daemon until it hangs up."""
    text = _receive(channel)
    if text is None:
        return
    setup = WorkerSetup.from_json(text)
    name_process(f"stage {setup.stage}")
    try:
        runner = StageRunner(setup, arena)
    except (EdgechainError, OSError, MemoryError) as error:
        _send(channel, wire.pack_failure(str(error) or type(error).__name__))
        return
    _send(channel, wire.pack_ran(0, ()))
    while (message := _receive(channel)) is not None:
        _send(channel, _answer(runner, message))


def _answer(runner: StageRunner, message: bytes) -> bytes:
    try:
        slot, shapes = wire.unpack_run(message)
        start = time.perf_counter_ns()
        made = runner.run(slot, shapes)
        return wire.pack_ran(time.perf_counter_ns() - start, made)
    except EdgechainError as error:
        return wire.pack_failure(str(error))
    except Exception as error:
        traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return wire.pack_failure(f"{type(error).__name__}: {error} ({where})")


def _receive(channel: int) -> bytes | None:
    prefix = _receive_exactly(channel, wire.LENGTH.size)
    return None if prefix is None else _receive_exactly(channel, *wire.LENGTH.unpack(prefix))


def _receive_exactly(channel: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(channel, size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _send(channel: int, message: bytes) -> None:
    data = memoryview(wire.LENGTH.pack(len(message)) + message)
    while data:
        data = data[os.write(channel, data) :]


def main(born: Descriptors) -> None:
    """A worker's life, in the process that was forked for it.

    The channel is never closed here: the daemon takes its end for the end of the process.
    """
    go_first()
    for fileno in born:
        os.set_inheritable(fileno, False)  # what an actor starts must not hold them open
    for standard in (1, 2):
        os.dup2(born.words, standard)
    os.close(born.words)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with suppress(BrokenPipeError, ConnectionResetError):  # the daemon is gone; so are we
        serve(born.channel, born.arena)
