"""Real inputs for a proof, from an ``.npz`` archive checked against the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgechain.errors import InvalidMedia
from edgechain.files.npz import Archive, opened_npz
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
    with opened_npz(path) as archive:
        found = {key: keys[key] for key in archive.names if key in keys}
        _check_keys(path, model, archive.names, found)
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


def _check_keys(path: Path, model: Model, given: Sequence[str], found: Mapping[str, int]) -> None:
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


def _value(path: Path, archive: Archive, key: str, spec: TensorSpec) -> Array:
    if misfit := spec.misfit(*archive.header(key)):
        raise InvalidMedia(f"{path}: key {key!r} {misfit}")
    return archive.array(key)
