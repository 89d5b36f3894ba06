"""Three ways of making inputs for a target: seeded changes, Hypothesis, and atheris.

Each feeds ``count`` inputs and raises what the target raises.
"""

from __future__ import annotations

import importlib
import itertools
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from edgechain.spec.deadline import Deadline
from edgechain.spec.message import TensorSend
from edgechain.transport.codec import encode_chunk, encode_control, join
from tests.faults.fuzz.corpus import ROUTES, key
from tests.faults.fuzz.mutate import MAX_BYTES, Mutate, change_bytes, change_fields, mutations
from tests.transport import words

Feed = Callable[[bytes], object]

FRAMED = frozenset({"frames", "clients", "nodes", "greetings"})
"""Targets whose inputs are frames: their fields are changed too."""

BATCH = 500
"""Examples of one Hypothesis run: it remembers each until the run ends."""


def ways_of(target: str) -> Sequence[Mutate]:
    """How inputs of this target are changed."""
    return (change_bytes, change_fields) if target in FRAMED else (change_bytes,)


def seeded(target: str, corpus: Sequence[bytes], feed: Feed, count: int, start: int) -> None:
    """Real inputs, changed at random."""
    chance, ways = random.Random(start), ways_of(target)
    for _ in range(count):
        feed(mutations(corpus, ways, chance))


# Hypothesis ------------------------------------------------------------------------------------

_EDITS = st.lists(
    st.tuples(st.integers(0, 512), st.integers(0, 16), st.binary(max_size=16)), max_size=3
)


_CHUNKS = st.builds(
    partial(TensorSend, deadline=Deadline(1.0), done=lambda _whole: None),
    key=words.keys | st.integers(0, 3).map(key),
    tensor=st.integers(0, 7) | words.U32,
    shape=words.shapes,
    route=st.sampled_from(ROUTES) | words.routes,
    payload=(st.binary(max_size=64) | st.binary(max_size=4).map(lambda some: some * 16)).map(
        memoryview
    ),
    packed=st.booleans(),
)


def _edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Some bytes replaced by others."""
    for at, size, put in edits:
        data = data[:at] + put + data[at + size :]
    return data


def _invented(target: str, corpus: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    edited = st.builds(_edited, st.sampled_from(corpus), _EDITS)
    if target not in FRAMED:
        return edited | st.binary(max_size=64)
    said = words.controls.map(encode_control)
    sizes = st.integers(0, 64)
    sent = st.builds(encode_chunk, _CHUNKS, sizes, sizes, st.floats(0, 1e9))
    together = st.lists(said | sent | edited, min_size=1, max_size=3).map(join)
    return st.one_of(edited, said, sent, together, st.binary(max_size=64))


def hypothesis(target: str, corpus: Sequence[bytes], feed: Feed, count: int, start: int) -> None:
    """Inputs that Hypothesis invents."""
    strategy = _invented(target, corpus)
    done = 0
    for number in itertools.count(start):
        if done >= count:
            return

        @seed(number)
        @settings(
            max_examples=min(BATCH, count - done),
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def invent(data: bytes) -> None:
            nonlocal done
            done += 1
            feed(data)

        invent()


# atheris ---------------------------------------------------------------------------------------


def find_atheris() -> Any:
    """The fuzzer, or ``None`` where it is not installed."""
    try:
        return importlib.import_module("atheris")
    except ImportError:
        return None


def atheris(
    target: str, corpus: Sequence[bytes], feed: Feed, start: int, at_end: Callable[[], NoReturn]
) -> NoReturn:
    """Inputs that find new ways through our code; ``feed`` ends the process when it has enough.

    libFuzzer has the last word on the process, so it never returns.
    """
    fuzzer, ways = find_atheris(), ways_of(target)

    def change(data: bytes, most: int, number: int) -> bytes:
        chance = random.Random(number)
        if chance.random() < 0.5:
            return bytes(fuzzer.Mutate(data, most))
        return chance.choice(ways)(data, chance)[:most]

    with tempfile.TemporaryDirectory(prefix="edgechain-fuzz-") as folder:
        for number, data in enumerate(corpus):
            Path(folder, str(number)).write_bytes(data)
        options = [f"-seed={start % (1 << 31) + 1}", f"-max_len={MAX_BYTES}", "-verbosity=0"]
        options += ["-handle_segv=0", "-timeout=60", f"-artifact_prefix={folder}/", folder]
        fuzzer.Setup(["fuzz", *options], feed, custom_mutator=change)
        fuzzer.Fuzz()
    at_end()


Way = Callable[[str, Sequence[bytes], Feed, int, int], None]
PLAIN_WAYS: Mapping[str, Way] = {"seeded": seeded, "hypothesis": hypothesis}
