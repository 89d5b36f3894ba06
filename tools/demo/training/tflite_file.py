"""From a trained network to one finished `.tflite`: int8, named, labelled, counted."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np
import tensorflow as tf  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numpy.typing import NDArray
from tensorflow.lite.python import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    schema_py_generated as schema,
)
from tensorflow.python.framework.convert_to_constants import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    convert_variables_to_constants_v2,
)
from training.cells import SIDE
from training.network import Model, Tensor, detections

LABELS_FILE = "labels.txt"
IMAGE, DETECTIONS = "image", "detections"
Flatbuffer = Any
# What the converter makes of a Keras layer's name, here the layer `fine.split`:
# "functional_1/fine.split_1/split;functional_1/fine.split_1/split1".
LAYER = re.compile(r"functional_\d+/([a-z]+(?:\.[a-z]+)*)_\d+/")
CONVOLUTIONS = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)


def convert(network: Model, images: NDArray[np.uint8]) -> bytes:
    """Quantise fully to int8 with uint8 at both ends; `images` [n, 160, 160, 3] calibrate it."""
    with tempfile.TemporaryDirectory() as folder:
        _save(network, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _samples(images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        return _named(converter.convert())


def write(path: Path, content: bytes, labels: tuple[str, ...]) -> None:
    """Write the model and append its labels as a zip, as TFLite metadata does.

    A flatbuffer is read from its start and a zip from its end, so both stay readable.
    """
    path.write_bytes(content)
    entry = zipfile.ZipInfo(LABELS_FILE)  # carries a fixed date: same model, same bytes
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, "\n".join(labels) + "\n")


def operator_counts(content: bytes) -> dict[str, int]:
    """How often each TFLite operator occurs, most frequent first."""
    model = _unpacked(content)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    codes = [names[code.builtinCode] for code in model.operatorCodes]
    counts = Counter(codes[one.opcodeIndex] for one in model.subgraphs[0].operators)
    return dict(counts.most_common())


def multiply_accumulates(content: bytes) -> int:
    """MACs of all convolutions for one image; other operators hardly count."""
    model = _unpacked(content)
    graph = model.subgraphs[0]
    total = 0
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode in CONVOLUTIONS:
            weights = graph.tensors[operator.inputs[1]].shape
            places = graph.tensors[operator.outputs[0]].shape[:3]
            total += int(np.prod(places) * np.prod(weights))
    return total


def _save(network: Model, folder: str) -> None:
    """A SavedModel whose one signature has the names the `.tflite` should have."""
    spec = tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32, name=IMAGE)
    whole = tf.function(lambda image: detections(network, image), input_signature=[spec])
    # Calibration cannot read variables, so they become constants before it starts.
    frozen = convert_variables_to_constants_v2(whole.get_concrete_function())

    def serve(image: Tensor) -> dict[str, Tensor]:
        return {DETECTIONS: frozen(image)[0]}

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=[spec])
    tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})


def _samples(images: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    for image in images:
        sample = image[None].astype(np.float32) / 255.0
        # Black and white in every sample pin the input's range: one grey level is one step.
        sample[0, 0, 0], sample[0, 0, 1] = 0.0, 1.0
        yield [sample]


def _named(content: bytes) -> bytes:
    """Name tensors after the layer that makes them: a cut can then be asked for by that name.

    Both ends get the names of the signature. What belongs to no layer keeps the converter's name.
    """
    model = _unpacked(content)
    graph = model.subgraphs[0]
    taken: Counter[str] = Counter()
    for operator in graph.operators:
        found = LAYER.search(graph.tensors[operator.outputs[0]].name.decode())
        if found:
            for index, name in _tensor_names(model, operator, found[1]):
                taken[name] += 1
                graph.tensors[index].name = name if taken[name] == 1 else f"{name}:{taken[name]}"
    graph.tensors[graph.inputs[0]].name = IMAGE
    graph.tensors[graph.outputs[0]].name = DETECTIONS
    return _packed(model)


def _tensor_names(model: Flatbuffer, operator: Flatbuffer, layer: str) -> Iterator[tuple[int, str]]:
    """Index and wanted name of what an operator makes, and of a convolution's constants."""
    for index in operator.outputs:
        yield index, layer
    if model.operatorCodes[operator.opcodeIndex].builtinCode in CONVOLUTIONS:
        yield operator.inputs[1], f"{layer}/weights"
        yield operator.inputs[2], f"{layer}/bias"


def _unpacked(content: bytes) -> Flatbuffer:
    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def _packed(model: Flatbuffer) -> bytes:
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
