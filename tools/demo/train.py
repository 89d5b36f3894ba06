"""Train, quantise and measure the demo model: `digits.tflite`, `digits.json`, `digits.npz`.

    python tools/demo/train.py --out tools/demo --seed 1

Runs in an environment of its own (`requirements-train.txt`); edgechain neither imports it nor is
imported by it. The digits are scikit-learn's `load_digits`: 1,797 handwritten 8x8 digits. A
quarter of them is held out, by image: the model never sees those, and both the accuracy in
`digits.json` and the demo's camera use only those.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numpy.typing import NDArray
from scenes import LABELS, Digits, Scene
from scoring import Accuracy, Found, Truth, evaluate
from sklearn.datasets import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    load_digits,
)
from training.cells import CELLS, SIDE
from training.learning import fit
from training.network import Model, build_network, detections
from training.targets import batches, camera_scene
from training.tflite_file import convert, multiply_accumulates, operator_counts, write

BATCH = 32
STEPS = 4500
HELD_OUT = 0.25
CALIBRATION_SCENES = 256
TEST_SCENES = 500
THRESHOLD = 0.5
# Below this a detection still counts towards mAP50; a score is a multiple of 1/256 in int8.
LOWEST_SCORE = 0.02
NMS_IOU = 0.4
TIMED_RUNS = 200
# Kinds of scenes drawn from one seed, kept apart: no test scene is ever a training scene.
TRAINING, CALIBRATION, TEST = 0, 1, 2

Floats = NDArray[np.float32]
Detector = Callable[[NDArray[np.uint8]], Floats]


def main() -> None:
    """Do it all: about half an hour on two cores, nearly all of it training."""
    options = _options()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(options.seed)
    known, held_out = split_digits(options.seed)
    started = time.monotonic()
    network = build_network()
    scenes = batches((options.seed, TRAINING), known, BATCH, options.steps)
    fit(network, scenes, options.steps)
    seconds = time.monotonic() - started
    content = quantised(network, known, options.seed)
    save_sheet(options.out / "digits.npz", held_out)
    write(options.out / "digits.tflite", content, LABELS)
    report = measure(network, options.out / "digits.tflite", held_out, options.seed)
    report["training"] = _training_record(options, len(known), len(held_out), seconds)
    (options.out / "digits.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def split_digits(seed: int) -> tuple[Digits, Digits]:
    """All digits, split by image into those to learn from and those held out."""
    source = load_digits()
    order = np.random.default_rng(seed).permutation(len(source.target))
    held_out = round(len(order) * HELD_OUT)
    bitmaps, labels = source.images.astype(np.uint8), source.target.astype(np.uint8)
    return (
        Digits(bitmaps[order[held_out:]], labels[order[held_out:]]),
        Digits(bitmaps[order[:held_out]], labels[order[:held_out]]),
    )


def save_sheet(path: Path, digits: Digits) -> None:
    """Write digits the way `scenes.load_digits_sheet` reads them."""
    np.savez_compressed(path, bitmaps=digits.bitmaps, labels=digits.labels)


def quantised(network: Model, digits: Digits, seed: int) -> bytes:
    """The int8 model, calibrated on scenes with the digits it was trained on."""
    scenes = list(_scenes((seed, CALIBRATION), digits, CALIBRATION_SCENES))
    return convert(network, np.stack([scene.image for scene in scenes]))


def measure(network: Model, path: Path, held_out: Digits, seed: int) -> dict[str, object]:
    """Accuracy of both models on held-out scenes, and the size and speed of the file."""
    scenes = list(_scenes((seed, TEST), held_out, TEST_SCENES))
    content = path.read_bytes()
    operators = operator_counts(content)
    int8, milliseconds = _int8_detector(path)
    return {
        "float": asdict(accuracy(_float_detector(network), scenes)),
        "int8": asdict(accuracy(int8, scenes)),
        "suppression_iou": NMS_IOU,
        "file_bytes": len(content),
        "parameters": network.count_params(),
        "macs": multiply_accumulates(content),
        "operators": sum(operators.values()),
        "operator_counts": operators,
        "milliseconds_one_thread": milliseconds,
    }


def accuracy(detector: Detector, scenes: list[Scene]) -> Accuracy:
    """Run the detector over the scenes and compare."""
    found = [_found(detector(scene.image)) for scene in scenes]
    return evaluate(found, [_truth(scene) for scene in scenes], threshold=THRESHOLD)


def _scenes(seed: tuple[int, ...], digits: Digits, count: int) -> Iterator[Scene]:
    rng = np.random.default_rng(seed)
    return (camera_scene(rng, digits) for _ in range(count))


def _truth(scene: Scene) -> Truth:
    boxes = np.array([one.box for one in scene.objects], np.float32).reshape(-1, 4)
    return Truth(boxes, np.array([one.label for one in scene.objects], np.int64))


def _found(cells: Floats) -> Found:
    """Decode one output [14, n]: best class, lowest score, suppression within each class."""
    scores, labels = cells[4:].max(axis=0), cells[4:].argmax(axis=0)
    likely = np.flatnonzero(scores >= LOWEST_SCORE)
    centre, size = cells[0:2, likely].T, cells[2:4, likely].T
    corners = np.concatenate([centre - size / 2, centre + size / 2], axis=1) * SIDE
    scores, labels = scores[likely], labels[likely]
    # Boxes of different classes are moved apart, so one pass suppresses within each class.
    apart = np.concatenate([corners[:, :2] + labels[:, None] * 2.0 * SIDE, size * SIDE], axis=1)
    kept = cv2.dnn.NMSBoxes(apart.tolist(), scores.tolist(), LOWEST_SCORE, NMS_IOU)
    index = np.array(kept, np.int64).reshape(-1)
    return Found(corners[index], labels[index], scores[index])


def _float_detector(network: Model) -> Detector:
    run = tf.function(lambda image: detections(network, image))

    def detect(image: NDArray[np.uint8]) -> Floats:
        output: Floats = run(image[None].astype(np.float32) / 255.0).numpy()[0]
        return output

    return detect


def _int8_detector(path: Path) -> tuple[Detector, float]:
    """The finished file as it will be used, and its median milliseconds on one thread."""
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    run = interpreter.get_signature_runner("serving_default")
    scale, zero = run.get_output_details()["detections"]["quantization"]

    def detect(image: NDArray[np.uint8]) -> Floats:
        output: Floats = run(image=image[None])["detections"][0].astype(np.float32)
        return (output - np.float32(zero)) * np.float32(scale)

    return detect, _median_milliseconds(detect)


def _median_milliseconds(detect: Detector) -> float:
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    times = []
    for _ in range(TIMED_RUNS):
        started = time.perf_counter()
        detect(image)
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)), 2)


def _training_record(
    options: argparse.Namespace, known: int, held_out: int, seconds: float
) -> dict[str, object]:
    packages = ("tensorflow-cpu", "scikit-learn", "numpy", "opencv-python-headless")
    return {
        "command": f"python tools/demo/train.py --out tools/demo --seed {options.seed}"
        f" --steps {options.steps}",
        "seed": options.seed,
        "steps": options.steps,
        "batch": BATCH,
        "cells": CELLS,
        "digits": {"training": known, "held_out": held_out},
        "minutes": round(seconds / 60, 1),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in packages},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the files to")
    parser.add_argument("--seed", type=int, default=1, help="of digits, scenes and weights")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {BATCH} scenes each")
    parser.add_argument("--threads", type=int, default=2, help="for the training step")
    return parser.parse_args()


if __name__ == "__main__":
    main()
