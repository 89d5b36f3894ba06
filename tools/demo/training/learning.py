"""The loss of the demo network and the loop that lowers it.

Scores learn the overlap their own box reaches, with empty cells weighted as in varifocal loss
(Zhang et al. 2021), so that the best box of a digit is also its best scored one; boxes learn by
generalised IoU (Rezatofighi et al. 2019).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import tensorflow as tf  # type: ignore[import-not-found,import-untyped,unused-ignore]
from training.cells import CLASSES
from training.network import Model, Tensor, decode
from training.targets import Batch

PEAK_RATE = 3e-3
WARM_UP = 200  # steps
WEIGHT_DECAY = 1e-4
BOX_WEIGHT = 2.0
NEGATIVE_WEIGHT, NEGATIVE_FOCUS = 0.75, 2.0  # alpha and gamma of the varifocal paper
REPORT_EVERY = 100


def fit(network: Model, batches: Iterator[Batch], steps: int) -> None:
    """Train in place, one step for every batch; prints the mean loss now and then."""
    step = _training_step(network, steps)
    total, started = 0.0, time.monotonic()
    for number, batch in enumerate(batches, start=1):
        total += float(step(batch.images, batch.labels, batch.boxes))
        if number % REPORT_EVERY == 0:
            elapsed = time.monotonic() - started
            print(
                f"step {number}/{steps} loss {total / REPORT_EVERY:.3f} {elapsed:.0f} s", flush=True
            )
            total = 0.0


def _training_step(network: Model, steps: int) -> Tensor:
    rate = tf.keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - WARM_UP), warmup_target=PEAK_RATE, warmup_steps=WARM_UP
    )
    optimiser = tf.keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, clipnorm=10.0)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator,unused-ignore]
    def step(images: Tensor, labels: Tensor, boxes: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            raw = network(tf.cast(images, tf.float32) / 255.0, training=True)
            value = loss(raw[0], raw[1], labels, boxes)
        slopes = tape.gradient(value, network.trainable_variables)
        optimiser.apply_gradients(zip(slopes, network.trainable_variables, strict=True))
        return value

    return step


def loss(raw_boxes: Tensor, raw_scores: Tensor, labels: Tensor, boxes: Tensor) -> Tensor:
    """One number for raw cells [b, n, 4], [b, n, 10], wanted labels [b, n], boxes [b, n, 4]."""
    centre, size, scores = decode(raw_boxes, raw_scores)
    answering = tf.cast(labels >= 0, tf.float32)
    iou, generalised = _overlaps(tf.concat([centre - size / 2, centre + size / 2], 2), boxes)
    quality = tf.stop_gradient(iou) * answering
    wanted = tf.one_hot(tf.cast(labels, tf.int32), CLASSES) * quality[:, :, None]
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=raw_scores)
    # Where there is a digit every class counts in full: ten similar shapes are the hard part.
    emphasis = tf.where(labels[:, :, None] >= 0, 1.0, NEGATIVE_WEIGHT * scores**NEGATIVE_FOCUS)
    count = tf.maximum(tf.reduce_sum(answering), 1.0)
    score_loss = tf.reduce_sum(each * tf.stop_gradient(emphasis)) / count
    return score_loss + BOX_WEIGHT * tf.reduce_sum((1.0 - generalised) * answering) / count


def _overlaps(ones: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of corresponding boxes [..., 4] as x1, y1, x2, y2."""
    greater, lesser = tf.maximum(ones, others), tf.minimum(ones, others)
    shared = _area(lesser[..., 2:] - greater[..., :2])
    hull = _area(greater[..., 2:] - lesser[..., :2])
    union = _area(ones[..., 2:] - ones[..., :2]) + _area(others[..., 2:] - others[..., :2]) - shared
    iou = shared / tf.maximum(union, 1e-7)
    return iou, iou - (hull - union) / tf.maximum(hull, 1e-7)


def _area(extent: Tensor) -> Tensor:
    return tf.reduce_prod(tf.maximum(extent, 0.0), axis=-1)
