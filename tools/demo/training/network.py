"""The demo network: a small YOLO-style detector with three scales and everything inside its graph.

Shaped to be interesting to cut: channel splits, residual additions, a pooling pyramid, a top-down
and a bottom-up path that join tensors from far apart, three heads of two branches each, and the
decoding of all cells in the graph itself. Plain convolutions throughout; batch normalisation
disappears in conversion.

Input: float32 [batch, 160, 160, 3], RGB 0..1. Output of the trainable part: raw boxes
[batch, CELLS, 4] and raw scores [batch, CELLS, 10]. Output of the whole: float32
[batch, 14, CELLS], rows 0..3 cx, cy, w, h as fractions of the image, rows 4..13 class scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numpy.typing import NDArray
from training.cells import CLASSES, SIDE, cell_centres, cell_widths

Tensor = Any  # TensorFlow ships no types
Model = Any

SCALES = ("fine", "middle", "coarse")  # as in `cells.GRIDS`
BOX_REACH = 1.5  # a cell may place a centre this many cells away, so several can share one object

# Starting values of the last biases: boxes of a quarter of the image, and a score of 0.01
# everywhere, so the first steps are not spent on unlearning 5,000 false positives.
FIRST_SIZE_LOGIT = -1.1
FIRST_SCORE_LOGIT = -4.6

layers = tf.keras.layers


def build_network() -> Model:
    """The trainable network: image to raw cells, scale by scale, row by row."""
    image = tf.keras.Input((SIDE, SIDE, 3), name="image")
    scales = dict(zip(SCALES, _neck(*_backbone(image)), strict=True))
    boxes = [_box_branch(scale, f"box.{name}") for name, scale in scales.items()]
    scores = [_class_branch(scale, f"class.{name}") for name, scale in scales.items()]
    every_box = layers.Concatenate(axis=1, name="boxes")(boxes)
    every_score = layers.Concatenate(axis=1, name="scores")(scores)
    return tf.keras.Model(image, (every_box, every_score))


def decode(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Raw cells to centres [b, n, 2], sizes [b, n, 2] and scores [b, n, 10], all 0..1."""
    corner, step = _cell_geometry()
    offset = tf.sigmoid(boxes[:, :, 0:2], name="centre.offset")
    centre = tf.nn.relu(tf.multiply(offset, step, name="centre.reach") + corner, name="centre.at")
    size = tf.sigmoid(boxes[:, :, 2:4], name="size")
    return tf.minimum(centre, 1.0, name="centre"), size, tf.sigmoid(scores, name="score")


def detections(network: Model, image: Tensor) -> Tensor:
    """The whole network, the YOLOv8 layout: [b, 3, ...] in, [b, 4 + classes, cells] out."""
    decoded = decode(*network(image, training=False))
    return tf.transpose(tf.concat(decoded, axis=2, name="cells"), (0, 2, 1))


def _cell_geometry() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What to add to, and what to multiply with, a centre given as 0..1 of its cell's reach."""
    width = cell_widths()[:, None]
    corner = cell_centres() - BOX_REACH * width
    return corner[None], (2 * BOX_REACH * width)[None]


def _conv(x: Tensor, name: str, channels: int, kernel: int = 3, stride: int = 1) -> Tensor:
    x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False)(x)
    return layers.ReLU(name=name)(layers.BatchNormalization(momentum=0.97)(x))


def _depthwise(x: Tensor, name: str) -> Tensor:
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    return layers.ReLU(name=name)(layers.BatchNormalization(momentum=0.97)(x))


def _cross_stage(
    x: Tensor, name: str, channels: int, depth: int = 1, *, residual: bool = True
) -> Tensor:
    """Split the channels, refine one half `depth` times, join everything seen on the way."""
    x = _conv(x, f"{name}.in", channels, kernel=1)
    seen = list(layers.Lambda(_halves, name=f"{name}.split")(x))
    for turn in "abc"[:depth]:
        refined = _conv(seen[-1], f"{name}.{turn}.first", channels // 2)
        refined = _conv(refined, f"{name}.{turn}.second", channels // 2)
        if residual:
            refined = layers.Add(name=f"{name}.{turn}.sum")([seen[-1], refined])
        seen.append(refined)
    return _conv(_join(f"{name}.join", *seen), f"{name}.out", channels, kernel=1)


def _pooling_pyramid(x: Tensor, name: str, channels: int) -> Tensor:
    """One map at four widening views, so a cell of the coarsest grid sees the whole image."""
    seen = [_conv(x, f"{name}.in", channels // 2, kernel=1)]
    for turn in "abc":
        pool = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}.{turn}.max")
        seen.append(pool(seen[-1]))
    return _conv(_join(f"{name}.join", *seen), f"{name}.out", channels, kernel=1)


def _backbone(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Image to the maps of 20x20, 10x10 and 5x5 cells."""
    x = _conv(image, "stem.half", 16, stride=2)
    x = _conv(x, "stem.quarter", 24, stride=2)
    x = _conv(_cross_stage(x, "early", 24), "fine.shrink", 40, stride=2)
    fine = _cross_stage(x, "fine", 40, depth=2)
    x = _conv(fine, "middle.shrink", 48, stride=2)
    middle = _cross_stage(x, "middle", 48, depth=2)
    x = _conv(middle, "coarse.shrink", 56, stride=2)
    return fine, middle, _pooling_pyramid(_cross_stage(x, "coarse", 56), "pyramid", 56)


def _neck(fine: Tensor, middle: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Top-down with resize and join, then bottom-up again, as in a path aggregation network."""
    x = _join("down.middle.meet", _double(coarse, "down.middle.grow"), middle)
    middle_down = _cross_stage(x, "down.middle", 48, residual=False)
    x = _join("down.fine.meet", _double(middle_down, "down.fine.grow"), fine)
    fine_out = _cross_stage(x, "down.fine", 40, residual=False)
    x = _join("up.middle.meet", _conv(fine_out, "up.middle.shrink", 40, stride=2), middle_down)
    middle_out = _cross_stage(x, "up.middle", 48, residual=False)
    x = _join("up.coarse.meet", _conv(middle_out, "up.coarse.shrink", 48, stride=2), coarse)
    return fine_out, middle_out, _cross_stage(x, "up.coarse", 56, residual=False)


def _join(name: str, *maps: Tensor) -> Tensor:
    return layers.Concatenate(name=name)(list(maps))


def _halves(x: Tensor) -> Tensor:
    return tf.split(x, 2, axis=-1)


def _double(x: Tensor, name: str) -> Tensor:
    # Not UpSampling2D: that one becomes reshape and tile operators instead of one resize.
    size = (2 * x.shape[1], 2 * x.shape[2])
    return layers.Lambda(lambda one: tf.image.resize(one, size, "nearest"), name=name)(x)


def _box_branch(x: Tensor, name: str) -> Tensor:
    first = tf.keras.initializers.Constant([0.0, 0.0, FIRST_SIZE_LOGIT, FIRST_SIZE_LOGIT])
    last = layers.Conv2D(4, 1, bias_initializer=first, name=f"{name}.out")
    return layers.Reshape((-1, 4), name=f"{name}.rows")(last(_conv(x, f"{name}.hidden", 28)))


def _class_branch(x: Tensor, name: str) -> Tensor:
    first = tf.keras.initializers.Constant(FIRST_SCORE_LOGIT)
    x = _depthwise(_conv(x, f"{name}.in", 48, kernel=1), f"{name}.spread")
    x = _conv(x, f"{name}.hidden", 48, kernel=1)
    x = layers.Conv2D(CLASSES, 1, bias_initializer=first, name=f"{name}.out")(x)
    return layers.Reshape((-1, CLASSES), name=f"{name}.rows")(x)
