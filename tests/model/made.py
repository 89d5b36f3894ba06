"""Small models built by hand, operator by operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as generated
from numpy.typing import NDArray

from edgechain.model import schema
from edgechain.model.source import Model, parse_model

_TYPES = {
    "float32": generated.TensorType.FLOAT32,
    "float16": generated.TensorType.FLOAT16,
    "int8": generated.TensorType.INT8,
    "uint8": generated.TensorType.UINT8,
    "int32": generated.TensorType.INT32,
    "int64": generated.TensorType.INT64,
    "bool": generated.TensorType.BOOL,
    "string": generated.TensorType.STRING,
    "resource": generated.TensorType.RESOURCE,
    "int4": generated.TensorType.INT4,
}


@dataclass
class Graph:
    """One subgraph under construction. Indexes are given out in order."""

    made: Made
    name: str = "main"
    tensors: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def tensor(
        self,
        name: str,
        shape: Sequence[int] = (1, 4),
        dtype: str = "float32",
        *,
        data: NDArray[Any] | None = None,
        buffer: int | None = None,
        **more: Any,
    ) -> int:
        """A tensor; ``data`` makes it a constant, ``buffer`` one that shares its data."""
        if data is not None:
            shape, dtype = data.shape, str(data.dtype)
            buffer = self.made.buffer(data.tobytes())
        tensor = schema.TensorT(
            shape=list(shape),
            type=_TYPES[dtype],
            buffer=buffer or 0,
            name=name.encode() if name else None,
            **more,
        )
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def input(self, name: str, *args: Any, **more: Any) -> int:
        """A tensor that is fed."""
        self.inputs.append(self.tensor(name, *args, **more))
        return self.inputs[-1]

    def operator(
        self,
        kind: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        **more: Any,
    ) -> int:
        """An operator; a kind the schema does not have is a custom one."""
        number = 0
        if options is not None:
            number = getattr(generated.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.operators.append(
            schema.OperatorT(
                opcodeIndex=self.made.code(kind),
                inputs=list(inputs),
                outputs=list(outputs),
                builtinOptionsType=number,
                builtinOptions=options,
                **more,
            )
        )
        return len(self.operators) - 1

    def add(self, name: str, left: int, right: int, shape: Sequence[int] = (1, 4)) -> int:
        """left + right; the new tensor."""
        out = self.tensor(name, shape)
        self.operator("ADD", [left, right], [out], generated.AddOptionsT())
        return out

    def relu(self, name: str, source: int, shape: Sequence[int] = (1, 4), **more: Any) -> int:
        """max(source, 0); the new tensor."""
        out = self.tensor(name, shape, **more)
        self.operator("RELU", [source], [out])
        return out


@dataclass
class Made:
    """A model under construction."""

    graphs: list[Graph] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    codes: list[str] = field(default_factory=list)
    signatures: list[Any] = field(default_factory=list)
    metadata: list[Any] = field(default_factory=list)

    def graph(self, name: str = "main") -> Graph:
        """A new subgraph; the first one is the main one."""
        self.graphs.append(Graph(self, name))
        return self.graphs[-1]

    def buffer(self, data: bytes) -> int:
        """A buffer's number."""
        self.buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return len(self.buffers) - 1

    def code(self, kind: str) -> int:
        """An operator code's number."""
        if kind not in self.codes:
            self.codes.append(kind)
        return self.codes.index(kind)

    def sign(
        self, key: str, inputs: dict[str, int], outputs: dict[str, int], graph: int = 0
    ) -> None:
        """Add a signature."""
        ports = [
            [schema.TensorMapT(name=n.encode(), tensorIndex=i) for n, i in side.items()]
            for side in (inputs, outputs)
        ]
        self.signatures.append(
            schema.SignatureDefT(
                inputs=ports[0], outputs=ports[1], signatureKey=key.encode(), subgraphIndex=graph
            )
        )

    def describe(self, name: str, data: bytes) -> None:
        """Add a metadata entry."""
        self.metadata.append(schema.MetadataT(name=name.encode(), buffer=self.buffer(data)))

    def content(self) -> bytes:
        """The packed model."""
        tree = schema.ModelT(
            version=3,
            operatorCodes=[_code(kind) for kind in self.codes],
            subgraphs=[
                schema.SubGraphT(
                    tensors=g.tensors,
                    inputs=g.inputs,
                    outputs=g.outputs,
                    operators=g.operators,
                    name=g.name.encode(),
                )
                for g in self.graphs
            ],
            buffers=self.buffers,
            metadata=self.metadata,
            signatureDefs=self.signatures,
        )
        return schema.write(tree)

    def model(self) -> Model:
        """The model as it is read back."""
        return parse_model(self.content())


def _code(kind: str) -> Any:
    known = getattr(generated.BuiltinOperator, kind, None)
    if known is None:
        custom = generated.BuiltinOperator.CUSTOM
        return schema.OperatorCodeT(
            deprecatedBuiltinCode=custom, builtinCode=custom, customCode=kind.encode()
        )
    return schema.OperatorCodeT(deprecatedBuiltinCode=min(known, 127), builtinCode=known)


def floats(*values: float) -> NDArray[np.float32]:
    """A constant row."""
    return np.array([values], np.float32)


def row(count: int = 4) -> Made:
    """input -> RELU -> ADD constant -> ADD constant ...: ``count`` operators in a row."""
    made = Made()
    main = made.graph()
    last = main.relu("t0", main.input("input"))
    for number in range(1, count):
        weight = main.tensor(f"w{number}", data=floats(1, 2, 3, number))
        last = main.add(f"t{number}", last, weight)
    main.outputs.append(last)
    return made


def diamond() -> Made:
    """input -> a -> (b, c) -> d = b + c -> e = d + a: a fork, a join, a tensor that skips."""
    made = Made()
    main = made.graph()
    a = main.relu("a", main.input("input"))
    b = main.add("b", a, main.tensor("wb", data=floats(1, 2, 3, 4)))
    c = main.add("c", a, main.tensor("wc", data=floats(5, 6, 7, 8)))
    d = main.add("d", b, c)
    main.outputs.append(main.add("e", d, a))
    return made
