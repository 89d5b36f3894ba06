"""A caller's arrays, checked against the chain's inputs before anything is sent."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgechain.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgechain.spec.chain import ChainManifest

    Array = NDArray[Any]


def check_inputs(manifest: ChainManifest, given: Mapping[str, Array] | Array) -> dict[int, Array]:
    """Arrays by edge, contiguous, for the names of the signature or of the tensors.

    A chain with one input takes a bare array too. Raises ``InvalidInput`` naming the input.
    """
    if not isinstance(given, dict | Mapping):  # the first is quick to answer
        if len(manifest.inputs) != 1:
            names = ", ".join(port.name for port in manifest.inputs)
            raise InvalidInput(f"the chain has several inputs; name them: {names}")
        given = {manifest.inputs[0].name: given}
    edges = manifest.input_names
    found: dict[int, Array] = {}
    for name, value in given.items():
        if name not in edges:
            raise InvalidInput(_unknown(name, manifest))
        found[edges[name]] = _fit(manifest, edges[name], name, np.asarray(value))
    if len(found) < len(manifest.input_edges):
        for name, edge in _ports(manifest):
            if edge not in found:
                raise InvalidInput(f"input {name!r} is missing")
    return found


def refit(values: Mapping[int, Array], old: ChainManifest, new: ChainManifest) -> dict[int, Array]:
    """Inputs checked against one generation, by the edges of another.

    Raises ``InvalidInput`` when they do not fit it as they are: other names, shapes or types, or
    numbers that mean something else there.
    """
    for port, edge in zip(new.inputs, new.input_edges, strict=True):
        before = next((e for p, e in _ports(old) if p == port.name), None)
        if before is not None and not _same_meaning(old, before, new, edge):
            raise InvalidInput(f"input {port.name!r} is quantized in another way")
    return check_inputs(new, {name: values[edge] for name, edge in _ports(old)})


def _ports(manifest: ChainManifest) -> list[tuple[str, int]]:
    ports = zip(manifest.inputs, manifest.input_edges, strict=True)
    return [(port.name, edge) for port, edge in ports]


def _same_meaning(old: ChainManifest, before: int, new: ChainManifest, edge: int) -> bool:
    return old.edges[before].tensor.quantization == new.edges[edge].tensor.quantization


def _unknown(name: str, manifest: ChainManifest) -> str:
    known = [port.name for port in manifest.inputs]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(map(repr, known))}"
    return f"the chain has no input {name!r}; {hint}"


def _fit(manifest: ChainManifest, edge: int, name: str, value: Array) -> Array:
    spec = manifest.edges[edge].tensor
    dtype = spec.dtype if value.dtype == spec.dtype.numpy else str(value.dtype)
    problem = spec.misfit(dtype, value.shape)
    if problem:
        raise InvalidInput(f"input {name!r} {problem}")
    return np.asarray(value, order="C")  # ascontiguousarray would make a row of a scalar
