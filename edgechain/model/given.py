"""Real inputs for a proof, from an ``.npz`` archive checked against the model."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import InvalidMedia
from edgechain.model.graph import graph_of
from edgechain.model.names import port_names
from edgechain.model.schema import text
from edgechain.model.source import Model
from edgechain.model.tensors import shape_of, spec_of
from edgechain.spec.tensor import MAX_TENSOR_BYTES, TensorSpec

Array = NDArray[Any]


def read_given(path: Path, model: Model) -> Mapping[int, Array]:
    """One sample, tensor index to value. Raises ``InvalidMedia`` with the key that does not fit.

    Keys are the signature's names or the tensors' own, mixed as one likes.
    """
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


def _open(path: Path) -> Any:
    try:
        archive = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise InvalidMedia(f"{path}: there is no such file") from error
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
        stored = archive.zip.getinfo(f"{key}.npy").file_size
        if stored > spec.max_bytes + 4096:  # the header of an .npy is some 128 bytes
            raise InvalidMedia(f"{path}: key {key!r} is larger than the input can be")
        value: Array = archive[key]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidMedia(f"{path}: key {key!r} cannot be read: the archive is damaged") from error
    misfit = spec.misfit(str(value.dtype), value.shape)
    if misfit is not None:
        raise InvalidMedia(f"{path}: key {key!r} {misfit}")
    return value
