"""The only door to the flatbuffer schema: bytes to ``ModelT`` and back.

Vectors of integers and of tables are lists here, never ``None``. Rewrites never change a
``ModelT`` they were given; they share what they keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgechain.errors import InvalidModel, MissingDependency
from edgechain.spec.printable import printable

try:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as generated
    from ai_edge_litert.schema_py_generated import (
        BufferT,
        MetadataT,
        ModelT,
        OperatorCodeT,
        OperatorT,
        QuantizationParametersT,
        SignatureDefT,
        SubGraphT,
        TensorMapT,
        TensorT,
    )
except ImportError as error:  # a 32-bit device; models are cut on a laptop
    raise MissingDependency(
        "reading a .tflite needs ai-edge-litert, which has no wheel here; cut on another machine"
    ) from error

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

__all__ = [
    "BufferT",
    "MetadataT",
    "ModelT",
    "OperatorCodeT",
    "OperatorT",
    "QuantizationParametersT",
    "SignatureDefT",
    "SubGraphT",
    "TensorMapT",
    "TensorT",
    "builtin",
    "constant_bytes",
    "is_custom",
    "operator_kind",
    "read",
    "text",
    "type_name",
    "write",
]

IDENTIFIER = b"TFL3"
MAX_MODEL_BYTES = (1 << 31) - 1
"""A flatbuffer's offsets are signed 32-bit numbers."""

MAX_ENTRIES = 1 << 20
"""Tensors and operators together; the largest public models have some ten thousand."""

MAX_NAME_BYTES = 1 << 16
ALIGNMENT = 16
"""``force_align: 16`` of ``Buffer.data`` in schema.fbs; the generated Python code forgets it."""


def _names_of(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}


_KINDS = _names_of(generated.BuiltinOperator)
_TYPES = {number: name.lower() for number, name in _names_of(generated.TensorType).items()}
_CUSTOM = generated.BuiltinOperator.CUSTOM


def builtin(name: str) -> int:
    """The schema's number of a builtin operator. Raises ``AttributeError`` for another name."""
    return int(getattr(generated.BuiltinOperator, name))


def type_name(number: int) -> str:
    """TFLite's own name of a tensor type, in lower case."""
    return _TYPES.get(number, f"type {number}")


def text(raw: bytes | str | None) -> str:
    """A name from the file as printable text; it may come from anybody."""
    decoded = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw or ""
    return printable(decoded)


def operator_kind(code: OperatorCodeT) -> str:
    """``CONV_2D``, or a custom operator's own name.

    Old files keep the number in the 8-bit field that newer ones fill with a placeholder.
    """
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if number == _CUSTOM:
        return text(code.customCode) or "CUSTOM"
    return _KINDS.get(number, f"builtin {number}")


def is_custom(code: OperatorCodeT) -> bool:
    """Whether the operator is not one of TFLite's own."""
    return bool(max(code.builtinCode, code.deprecatedBuiltinCode) == _CUSTOM)


def constant_bytes(model: ModelT, tensor: TensorT) -> Bytes | None:
    """A constant tensor's raw data, or ``None`` for a tensor that is computed or fed."""
    data = model.buffers[tensor.buffer].data
    return data if data is not None and len(data) else None


def read(content: bytes) -> ModelT:
    """Unpack a model. Raises ``InvalidModel``, and nothing else whatever the bytes are.

    What it returns is not checked yet: see ``wellformed.check``.
    """
    _check_frame(content)
    try:
        lazy = generated.Model.GetRootAs(content, 0)
        _check_amount(lazy)
        model = ModelT.InitFromObj(lazy)
        _normalize(model, content)
    except InvalidModel:
        raise
    except Exception as error:
        # The generated reader meets hostile offsets with whatever numpy or struct say.
        raise InvalidModel("the model is truncated or damaged; fetch it again") from error
    return model


def write(model: ModelT) -> bytes:
    """Pack a model. Raises ``InvalidModel`` when it grows beyond what the format holds."""
    aligned = _shallow(model)
    aligned.buffers = [_AlignedBuffer(buffer.data) for buffer in model.buffers]
    weights = sum(len(buffer.data) + 64 for buffer in model.buffers if buffer.data is not None)
    if weights > MAX_MODEL_BYTES:
        raise InvalidModel("a submodel has more than the 2 GB a .tflite can hold; cut into more")
    builder = flatbuffers.Builder(weights + 65536)
    try:
        builder.Finish(aligned.Pack(builder), IDENTIFIER)
    except flatbuffers.builder.BuilderSizeError as error:
        raise InvalidModel("a submodel is larger than the 2 GB a .tflite can hold") from error
    except Exception as error:
        raise InvalidModel(
            f"the model is damaged, a part cannot be written ({_short(error)})"
        ) from error
    return bytes(builder.Output())


@dataclass(slots=True)
class _AlignedBuffer:
    """A ``BufferT`` whose data starts at a multiple of 16, as kernels on ARM expect."""

    data: Bytes | None

    def Pack(self, builder: Any) -> int:  # noqa: N802, the generated code calls it so
        vector = None if self.data is None else self._pack_data(builder, bytes(self.data))
        generated.BufferStart(builder)
        if vector is not None:
            generated.BufferAddData(builder, vector)
        return int(generated.BufferEnd(builder))

    def _pack_data(self, builder: Any, data: bytes) -> int:
        builder.StartVector(1, len(data), ALIGNMENT)
        builder.head = builder.Head() - len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        return int(builder.EndVector())


def _check_frame(content: bytes) -> None:
    if not content:
        raise InvalidModel("the file is empty; fetch it again")
    if len(content) < 16 or content[4:8] != IDENTIFIER:
        raise InvalidModel("this is not a .tflite file (no TFL3 identifier); give a .tflite")


def _check_amount(lazy: Any) -> None:
    """Refuse what would unpack to more than its own size: tables may be shared by many."""
    entries = lazy.OperatorCodesLength() + lazy.BuffersLength() + lazy.SubgraphsLength()
    entries += lazy.MetadataLength() + lazy.SignatureDefsLength()
    for graph in _parts(lazy.SubgraphsLength(), lazy.Subgraphs, entries):
        entries += graph.TensorsLength() + graph.OperatorsLength()
        if entries > MAX_ENTRIES:
            break
        for tensor in _parts(graph.TensorsLength(), graph.Tensors, entries):
            if len(tensor.Name() or b"") > MAX_NAME_BYTES:
                raise InvalidModel("a tensor's name is longer than 64 KiB")
    if entries > MAX_ENTRIES:
        raise InvalidModel(f"the model claims more than {MAX_ENTRIES} tensors and operators")


def _parts(length: int, get: Any, entries: int) -> Iterator[Any]:
    if entries > MAX_ENTRIES:
        raise InvalidModel(f"the model claims more than {MAX_ENTRIES} tensors and operators")
    return (get(index) for index in range(length))


def _normalize(model: ModelT, content: bytes) -> None:
    """Lists instead of ``None`` and of numpy vectors; data from behind the flatbuffer inside."""
    if model.externalBuffers or model.externalBufferGroups:
        raise InvalidModel("its weights are in other files (external buffers): merge them first")
    for field in ("operatorCodes", "subgraphs", "buffers", "metadata", "signatureDefs"):
        setattr(model, field, getattr(model, field) or [])
    for buffer in model.buffers:
        if buffer.offset > 1:  # 0 and 1 say "not there"
            buffer.data = _outside(content, buffer.offset, buffer.size)
    for graph in model.subgraphs:
        _normalize_graph(graph, content)
    for signature in model.signatureDefs:
        signature.inputs, signature.outputs = signature.inputs or [], signature.outputs or []


def _normalize_graph(graph: SubGraphT, content: bytes) -> None:
    graph.tensors, graph.operators = graph.tensors or [], graph.operators or []
    graph.inputs, graph.outputs = _integers(graph.inputs), _integers(graph.outputs)
    for tensor in graph.tensors:
        tensor.shape = _integers(tensor.shape)
        if tensor.shapeSignature is not None:
            tensor.shapeSignature = _integers(tensor.shapeSignature)
    for operator in graph.operators:
        operator.inputs, operator.outputs = _integers(operator.inputs), _integers(operator.outputs)
        operator.intermediates = _integers(operator.intermediates)
        if operator.largeCustomOptionsOffset > 1:
            start, size = operator.largeCustomOptionsOffset, operator.largeCustomOptionsSize
            operator.customOptions = _outside(content, start, size)
            operator.largeCustomOptionsOffset = operator.largeCustomOptionsSize = 0


def _integers(vector: Any) -> list[int]:
    return [] if vector is None else [int(value) for value in vector]


def _outside(content: bytes, start: int, size: int) -> Bytes:
    if start + size > len(content):
        raise InvalidModel("the model is truncated: its weights end behind the file's end")
    return np.frombuffer(content, np.uint8, size, start)


def _shallow(model: ModelT) -> ModelT:
    return ModelT(**vars(model))


def _short(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__
