"""An interpreter in a process of its own, for proofs and for timing: a bad model kills only it.

Synchronous, one call at a time. Messages are length-prefixed over the child's standard streams:
a model's bytes, or arrays in numpy's own format without pickles.

    python -m edgechain.runtime.isolation
"""

from __future__ import annotations

import io
import select
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from edgechain.errors import EdgechainError, InvalidModel, MissingDependency
from edgechain.runtime.interpreter import Interpreter, InterpreterKind, open_interpreter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_PREFIX = struct.Struct("<cQ")
_SECONDS = struct.Struct("<d")
LEAST_RUNS, MOST_RUNS = 5, 20_000
WARM_UP_RUNS = 2
OPEN, RUN, TIME, DONE, FAILED, MISSING = b"O", b"R", b"T", b"D", b"F", b"M"

PATIENCE_SECONDS = 600.0
"""No model that fits the format needs longer for one call, even on a Zero 2 W; a hang does."""


class IsolatedInterpreter:
    """Loads and runs models in a child process; ``open`` fits where a runner is opened.

    The child is started with the first model and serves one model after the other. When it dies
    the model is to blame (``InvalidModel``), and the next one gets a new child.
    """

    def __init__(self, kind: InterpreterKind = InterpreterKind.AUTO, threads: int = 1):
        self._arguments = (kind.value, str(threads))
        self._child: subprocess.Popen[bytes] | None = None

    def open(self, content: bytes) -> IsolatedModel:
        """Load a model. Raises ``InvalidModel`` when the interpreter refuses it or dies."""
        self._ask(OPEN, content)
        return IsolatedModel(self)

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Run the model that was opened last."""
        return unpack_arrays(self._ask(RUN, pack_arrays(inputs)))

    def time(self, inputs: Sequence[Array], seconds: float) -> Timing:
        """Run it on the same inputs again and again, for so long."""
        answer = unpack_arrays(self._ask(TIME, _SECONDS.pack(seconds) + pack_arrays(inputs)))
        return Timing(tuple(map(float, answer[0])), float(answer[1]), tuple(answer[2:]))

    def _ask(self, kind: bytes, body: bytes) -> bytes:
        child = self._child or self._start()
        try:
            if child.stdin is None or child.stdout is None:
                raise RuntimeError("the child was started without pipes")
            _write(child.stdin, kind, body)
            answer = _read(child.stdout, time.monotonic() + PATIENCE_SECONDS)
        except (BrokenPipeError, EOFError, TimeoutError) as error:
            raise InvalidModel(f"the interpreter {self._verdict(error)} over it") from error
        if answer[0] == MISSING:
            raise MissingDependency(answer[1].decode())
        if answer[0] == FAILED:
            raise InvalidModel(answer[1].decode())
        return answer[1]

    def _start(self) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-P", "-m", "edgechain.runtime.isolation", *self._arguments)
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return self._child

    def _verdict(self, error: Exception) -> str:
        child = self._child
        if isinstance(error, TimeoutError) or child is None:
            self.close()
            return f"did not answer for {PATIENCE_SECONDS:.0f} s"
        code = child.wait()
        self.close()
        return f"was killed by signal {-code}" if code < 0 else f"exited with status {code}"

    def close(self) -> None:
        """End the child; may be called twice."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class IsolatedModel:
    """The model that an ``IsolatedInterpreter`` opened last."""

    def __init__(self, owner: IsolatedInterpreter):
        self._owner = owner

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Invoke once. Raises ``InvalidModel``."""
        return self._owner.run(inputs)

    def time(self, inputs: Sequence[Array], seconds: float) -> Timing:
        """Invoke for so long, a few times at least. Raises ``InvalidModel``."""
        return self._owner.time(inputs, seconds)

    def close(self) -> None:
        """Nothing: the next model takes its place."""


@dataclass(frozen=True)
class Timing:
    """What single runs took, in seconds, and what the last of them gave.

    ``processor`` are the processor's seconds a run, those of all threads.
    """

    runs: tuple[float, ...]
    processor: float
    outputs: tuple[Array, ...]

    @property
    def mean(self) -> float:
        """Seconds a run; also where a processor is taken away from time to time."""
        return sum(self.runs) / len(self.runs)


def pack_arrays(arrays: Sequence[Array]) -> bytes:
    """Arrays one behind the other in numpy's format."""
    out = io.BytesIO()
    for array in arrays:
        np.save(out, array, allow_pickle=False)
    return out.getvalue()


def unpack_arrays(data: bytes) -> list[Array]:
    """The inverse of ``pack_arrays``."""
    source, arrays = io.BytesIO(data), []
    while source.tell() < len(data):
        arrays.append(np.load(source, allow_pickle=False))
    return arrays


def _write(pipe: IO[bytes], kind: bytes, body: bytes) -> None:
    pipe.write(_PREFIX.pack(kind, len(body)))
    pipe.write(body)
    pipe.flush()


def _read(pipe: IO[bytes], until: float | None = None) -> tuple[bytes, bytes]:
    if until is not None:
        readable, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not readable:
            raise TimeoutError
    kind, size = _PREFIX.unpack(_exactly(pipe, _PREFIX.size))
    return kind, _exactly(pipe, size)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _serve(kind: InterpreterKind, threads: int) -> None:
    """The child: answer until the parent hangs up."""
    interpreter: Interpreter | None = None
    while True:
        try:
            asked, body = _read(sys.stdin.buffer)
        except EOFError:
            return
        try:
            if asked == OPEN:
                interpreter, answer = open_interpreter(body, threads=threads, kind=kind), b""
            elif interpreter is not None:
                answer = _run(interpreter, asked, body)
            _write(sys.stdout.buffer, DONE, answer)
        except MissingDependency as error:
            _write(sys.stdout.buffer, MISSING, str(error).encode())
        except (EdgechainError, ValueError, MemoryError) as error:
            _write(sys.stdout.buffer, FAILED, str(error).encode())


def _run(interpreter: Interpreter, asked: bytes, body: bytes) -> bytes:
    if asked == RUN:
        return pack_arrays(interpreter.run(unpack_arrays(body)))
    (seconds,) = _SECONDS.unpack_from(body)
    interpreter.fill(unpack_arrays(body[_SECONDS.size :]))
    for _ in range(WARM_UP_RUNS):
        interpreter.invoke()
    runs: list[float] = []
    used = time.process_time()
    begin = end = time.perf_counter()
    while len(runs) < LEAST_RUNS or (end - begin < seconds and len(runs) < MOST_RUNS):
        interpreter.invoke()
        now = time.perf_counter()
        runs.append(now - end)
        end = now
    processor = np.asarray((time.process_time() - used) / len(runs))
    return pack_arrays([np.asarray(runs), processor, *interpreter.invoke()])


if __name__ == "__main__":
    _serve(InterpreterKind(sys.argv[1]), int(sys.argv[2]))
