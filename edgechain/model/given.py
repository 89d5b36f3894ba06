"""Real inputs for a proof, from an ``.npz`` archive checked against the model."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import InvalidMedia
from edgechain.model.graph import graph_of
from edgechain.model.names import port_names
from edgechain.model.schema import text
from edgechain.model.source import Model
from edgechain.model.split import check_ports
from edgechain.model.tensors import shape_of, spec_of
from edgechain.spec.tensor import MAX_TENSOR_BYTES, TensorSpec

Array = NDArray[Any]


def read_given(path: Path, model: Model) -> Mapping[int, Array]:
    """One sample, tensor index to value. Raises ``InvalidMedia`` with the key that does not fit.

    Keys are the signature's names or the tensors' own, mixed as one likes.
    """
    check_ports(graph_of(model))
    keys = _accepted_keys(model)
    with _open(path) as archive:
        found = {key: keys[key] for key in archive.files if key in keys}
        _check_keys(path, model, archive.files, found)
        return {
            index: _value(path, archive, key, _spec(model, index)) for key, index in found.items()
        }


def _accepted_keys(model: Model) -> dict[str, int]:
    """Every name an input may go by; the signature's wins over a tensor's."""
    names = {index: tensor.name for index, tensor in graph_of(model).tensors.items()}
    inputs = model.main.inputs
    keys = {text(model.main.tensors[index].name): index for index in inputs}
    keys |= {names[index]: index for index in inputs}
    return keys | dict(zip(port_names(model.tree, names)[0], inputs, strict=True))


def _spec(model: Model, index: int) -> TensorSpec:
    tensor = model.main.tensors[index]
    return spec_of(
        tensor, text(tensor.name) or f"tensor#{index}", shape_of(tensor), MAX_TENSOR_BYTES
    )


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            yield _archive(path, file)
    except FileNotFoundError as error:
        raise InvalidMedia(f"{path}: there is no such file") from error
    except OSError as error:
        raise InvalidMedia(f"{path}: cannot be read: {error.strerror}") from error


def _archive(path: Path, file: BinaryIO) -> Any:
    try:
        archive = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidMedia(f"{path}: is not an .npz archive; numpy.savez writes one") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InvalidMedia(f"{path}: is a single .npy array; numpy.savez writes an .npz with names")
    return archive


def _check_keys(path: Path, model: Model, given: list[str], found: Mapping[str, int]) -> None:
    names = {index: tensor.name for index, tensor in graph_of(model).tensors.items()}
    wanted = dict(zip(model.main.inputs, port_names(model.tree, names)[0], strict=True))
    takes = ", ".join(map(repr, wanted.values()))
    for key in given:
        if key not in found:
            raise InvalidMedia(
                f"{path}: key {key[:128]!r} is no input of the model; it takes {takes}"
            )
    for index, name in wanted.items():
        if list(found.values()).count(index) != 1:
            often = "missing" if index not in found.values() else "given twice"
            raise InvalidMedia(f"{path}: input {name!r} is {often}; the model takes {takes}")


def _value(path: Path, archive: Any, key: str, spec: TensorSpec) -> Array:
    try:
        misfit = spec.misfit(*_header(archive, key))
        value: Array = np.empty(0) if misfit else archive[key]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidMedia(f"{path}: key {key!r} cannot be read: the archive is damaged") from error
    if misfit is not None:
        raise InvalidMedia(f"{path}: key {key!r} {misfit}")
    return value


def _header(archive: Any, key: str) -> tuple[str, tuple[int, ...]]:
    """Dtype and shape of an array before any of it is unpacked."""
    layout: Any = np.lib.format
    with archive.zip.open(f"{key}.npy") as stored:
        old = layout.read_magic(stored) == (1, 0)
        read = layout.read_array_header_1_0 if old else layout.read_array_header_2_0
        shape, _, dtype = read(stored)
    return str(dtype), tuple(shape)
