"""Real models on real photographs: what is found, and that nothing is added to what they said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgechain.client.sight import Sight, sight_of
from edgechain.errors import InvalidMedia
from edgechain.runtime.interpreter import open_interpreter
from edgechain.vision.findings import Finding
from edgechain.vision.labels import read_labels
from edgechain.vision.pictures import read_picture
from tests.client.whole import WholeModel, whole_model

pytestmark = [pytest.mark.models, pytest.mark.images]


def look(chain: WholeModel, sight: Sight, path: Path) -> tuple[Finding, ...]:
    inputs, geometry = sight.prepare(read_picture(path))
    return sight.read(chain.run(inputs), geometry).items


def labels_in(items: tuple[Finding, ...]) -> list[str]:
    return sorted(item.label for item in items)


def area_resized(path: Path, side: int) -> NDArray[np.uint8]:
    """The picture as the models' input, by OpenCV alone."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    found: NDArray[np.uint8] = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bus.jpg", ["bus", "person", "person", "person"]),
        ("cat_720p.jpg", ["cat"]),
        ("pets.jpg", ["dog", "dog"]),
        ("parrot.jpg", ["bird"]),
    ],
)
def test_ssd_finds_what_is_there(
    models: Path, images: Path, name: str, expected: list[str]
) -> None:
    labels = read_labels(models / "labelmap.txt")
    with whole_model(models / "detect.tflite") as chain:
        found = look(chain, sight_of(chain.manifest, labels=labels), images / name)
    assert labels_in(found) == expected


@pytest.mark.parametrize("name", ["bus.jpg", "cat_720p.jpg"])
def test_ssd_says_exactly_what_the_model_said(models: Path, images: Path, name: str) -> None:
    image = read_picture(images / name)
    tall, wide = image.shape[:2]
    model = (models / "detect.tflite").read_bytes()
    with open_interpreter(model) as whole:
        boxes, classes, scores, _ = whole.run([area_resized(images / name, 300)[np.newaxis]])
    direct = [
        (int(number), float(score), tuple(map(float, (x1 * wide, y1 * tall, x2 * wide, y2 * tall))))
        for (y1, x1, y2, x2), number, score in zip(
            boxes[0].astype(np.float64), classes[0], scores[0], strict=True
        )
        if score >= 0.3
    ]
    with whole_model(models / "detect.tflite") as chain:
        found = look(chain, sight_of(chain.manifest, threshold=0.3), images / name)
    assert [(item.number, item.score, item.box) for item in found] == direct
    assert len(direct) >= 2


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("parrot.jpg", "macaw"),
        ("cat_720p.jpg", "Egyptian cat"),
        ("pets.jpg", "Boston bull, Boston terrier"),
    ],
)
def test_classification(models: Path, images: Path, name: str, best: str) -> None:
    file = models / "mobilenet_v2_1.0_224_quant.tflite"
    labels = read_labels(models / "imagenet_labels.txt")
    with whole_model(file) as chain:
        found = look(chain, sight_of(chain.manifest, labels=labels), images / name)
    with open_interpreter(file.read_bytes()) as whole:
        (stored,) = whole.run([area_resized(images / name, 224)[np.newaxis]])
    assert found[0].label == best
    assert found[0].score == stored.max() / 256


def test_yolo_with_the_names_in_its_own_metadata(models: Path, images: Path) -> None:
    with whole_model(models / "yolov8n_int8.tflite") as chain:
        sight = sight_of(chain.manifest)
        bus = look(chain, sight, images / "bus.jpg")
        pets = look(chain, sight, images / "pets.jpg")
    assert labels_in(bus) == ["bus", "person", "person", "person", "person"]
    assert labels_in(pets) == ["dog", "dog"]
    (coach,) = (item.box for item in bus if item.label == "bus" and item.box)
    # Where anybody sees it in the photograph of 810 x 1080.
    np.testing.assert_allclose(coach, (25, 230, 800, 750), atol=25)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("deeplabv3_257_mv_gpu.tflite", "look like a segmentation .float32 1x257x257x21"),
        ("movenet_single_pose_lightning_ptq.tflite", "look like a pose"),
        ("yamnet.tflite", "cannot feed input"),
        ("split_concat.tflite", "takes 3 inputs"),
        ("keras_lstm_mnist_ptq.tflite", "cannot feed input"),
    ],
)
def test_models_that_are_not_for_a_camera(models: Path, file: str, reason: str) -> None:
    with whole_model(models / file) as chain, pytest.raises(InvalidMedia, match=reason) as caught:
        sight_of(chain.manifest)
    assert "\n" not in str(caught.value)
