"""Damaged copies of real models, the same ones for the same numbers.

Most of the damage is done where it hurts: to the tables of the flatbuffer, found by its schema,
in place. What a reader checks is left intact as often as not, and kernels get to see the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import Model
from numpy.typing import NDArray

_INT32 = struct.Struct("<i")
_SIZES = (0, -1, 1, 2, 3, 7, 255, 1 << 16, 1 << 28, (1 << 31) - 1)
_EDGES = (0, 1, 0x7F, 0x80, 0xFF)
_NEAR = 40_000
"""Bytes at both ends of a file; where its tables mostly are."""

FIELDS_OF_A_TABLE = 8


@dataclass(frozen=True)
class Original:
    """A model as it is, and where its tables keep their numbers (offsets of int32)."""

    name: str
    content: bytes

    @cached_property
    def shapes(self) -> list[int]:
        """Sizes of tensors."""
        return [at for tensor in self._tensors for at in self._vector(tensor.ShapeAsNumpy())]

    @cached_property
    def indices(self) -> list[int]:
        """What operators and the graph say they read and write."""
        found: list[int] = []
        for part in (*self._operators, self._graph):
            for vector in (part.InputsAsNumpy(), part.OutputsAsNumpy()):
                found += self._vector(vector)
        return found

    @cached_property
    def fields(self) -> list[int]:
        """Every field of the tensors, the operators and their options, of four bytes or not."""
        found: list[int] = []
        options = [op.BuiltinOptions() for op in self._operators]
        tables = [part._tab for part in (*self._tensors, *self._operators)]
        for table in (*tables, *(one for one in options if one is not None)):
            slots = (table.Offset(4 + 2 * slot) for slot in range(FIELDS_OF_A_TABLE))
            found += [table.Pos + slot for slot in slots if slot]
        return [at for at in found if at + 4 <= len(self.content)]

    @cached_property
    def _graph(self) -> Any:
        return Model.GetRootAs(self.content).Subgraphs(0)

    @property
    def _tensors(self) -> Iterator[Any]:
        return (self._graph.Tensors(n) for n in range(self._graph.TensorsLength()))

    @property
    def _operators(self) -> Iterator[Any]:
        return (self._graph.Operators(n) for n in range(self._graph.OperatorsLength()))

    def _vector(self, found: NDArray[Any] | int) -> list[int]:
        if isinstance(found, int):  # there is none
            return []
        start = np.frombuffer(self.content, np.uint8).ctypes.data
        return [found.ctypes.data - start + 4 * number for number in range(len(found))]


def mutant(original: Original, number: int) -> bytes:
    """The copy of that number."""
    dice = Random(f"{original.name}/{number}")
    return _DAMAGES[number % len(_DAMAGES)](original, dice)


def _bits(original: Original, dice: Random) -> bytes:
    changed = bytearray(original.content)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _bytes(original: Original, dice: Random) -> bytes:
    changed = bytearray(original.content)
    for _ in range(dice.randint(1, 8)):
        place = dice.randrange(min(len(changed), _NEAR))
        changed[place if dice.random() < 0.5 else -1 - place] = dice.choice(_EDGES)
    return bytes(changed)


def _cut_short(original: Original, dice: Random) -> bytes:
    size = len(original.content)
    return original.content[: size - dice.randrange(1, dice.choice((64, size)))]


def _swapped(original: Original, dice: Random) -> bytes:
    changed = bytearray(original.content)
    for _ in range(dice.randint(1, 2)):
        one, other = dice.sample(original.fields, 2)
        kept = changed[one : one + 4]
        changed[one : one + 4] = changed[other : other + 4]
        changed[other : other + 4] = kept
    return bytes(changed)


def _set(places: Callable[[Original], list[int]], values: Callable[[Original, Random], int]) -> Any:
    def damage(original: Original, dice: Random) -> bytes:
        changed = bytearray(original.content)
        for _ in range(dice.randint(1, 2)):
            _INT32.pack_into(changed, dice.choice(places(original)), values(original, dice))
        return bytes(changed)

    return damage


def _size(original: Original, dice: Random) -> int:
    del original
    return dice.choice(_SIZES)


def _index(original: Original, dice: Random) -> int:
    return dice.choice((dice.randrange(-2, original._graph.TensorsLength() + 2), 1 << 30))


def _small(original: Original, dice: Random) -> int:
    del original
    return dice.choice((0, -1, 1, 2, 3, dice.randrange(256)))


_DAMAGES: tuple[Callable[[Original, Random], bytes], ...] = (
    _bits,
    _bytes,
    _cut_short,
    _swapped,
    _set(lambda original: original.shapes, _size),
    _set(lambda original: original.indices, _index),
    _set(lambda original: original.fields, _small),
)
