"""The whole model as it lies on disk: its bytes, its tree, and what is attached behind it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgechain.errors import InvalidModel
from edgechain.model import schema, wellformed
from edgechain.model.attached import AttachedFile, attached_files
from edgechain.model.schema import MAX_MODEL_BYTES, ModelT, SubGraphT

MAX_FILE_BYTES = 2 * MAX_MODEL_BYTES
"""A model with its weights behind the flatbuffer may be larger than a flatbuffer; not this much."""


@dataclass(frozen=True)
class Model:
    """A ``.tflite`` that was read and holds together. ``file`` is its name without folders."""

    file: str
    content: bytes
    tree: ModelT
    attached: tuple[AttachedFile, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """Hash of the file, 64 hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def main(self) -> SubGraphT:
        """The subgraph that runs when the model is invoked; the one that is cut."""
        return self.tree.subgraphs[0]


def read_model(path: Path) -> Model:
    """Read a model file. Raises ``InvalidModel`` with the path, the reason and what to do."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise InvalidModel(f"{path}: this is a directory; give the .tflite file itself")
        if size > MAX_FILE_BYTES:
            raise InvalidModel(f"{path}: {size} bytes are more than a .tflite can hold")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidModel(f"{path}: there is no such file; check the path") from error
    except OSError as error:
        raise InvalidModel(f"{path}: cannot be read: {error.strerror}") from error
    return parse_model(content, origin=str(path), file=path.name)


def parse_model(content: bytes, *, origin: str = "model", file: str = "model.tflite") -> Model:
    """Read a model from memory. Raises ``InvalidModel``, and nothing else whatever the bytes."""
    try:
        tree = schema.read(content)
        wellformed.check(tree)
    except InvalidModel as error:
        raise InvalidModel(f"{origin}: {error}") from error
    return Model(file, content, tree, attached_files(content))
