"""Cluttered scenes with handwritten digits in them, and the exact boxes of those digits.

One generator for the training pool, the held-out scenes that measure the demo model, and (through
``moving``) the synthetic camera the demo runs on. Everything is a function of its seed and of the
digits handed in, so a scene can be drawn again. Needs numpy and OpenCV only.

Units: pixels, with (0, 0) the outer corner of the top left pixel, so a box covers
``image[y1:y2, x1:x2]``. Images are uint8, height x width x 3, RGB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Ink = NDArray[np.float32]
Box = tuple[float, float, float, float]

LABELS = tuple("0123456789")
BITMAP_SIDE = 8
FULL_INK = 16  # the data set counts the set pixels of 4x4 blocks

# Digits are 20 to 80 px tall where the longer side of the image is 160 px, and scale with it:
# a frame that is letterboxed down to the network's 160x160 shows them at the sizes it learnt.
REFERENCE_SIDE = 160
SMALLEST, LARGEST = 20.0, 80.0
MOST_DIGITS = 6
MOST_OVERLAP = 0.1  # of the smaller box: crowded, but every digit stays readable
LEAST_CONTRAST = 70.0  # grey levels, largest channel difference
PLACING_TRIES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Handwritten digits: ``bitmaps`` uint8 [n, 8, 8] with ink 0..16, ``labels`` uint8 [n]."""

    bitmaps: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.bitmaps.shape != (len(self.labels), BITMAP_SIDE, BITMAP_SIDE):
            raise ValueError(f"bitmaps {self.bitmaps.shape} for {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One digit in a scene: its value 0..9 and the tight box around its ink, in pixels."""

    label: int
    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def box(self) -> Box:
        """x1, y1, x2, y2 in pixels."""
        return self.x1, self.y1, self.x2, self.y2


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """``image`` uint8 [height, width, 3] RGB and the digits in it, later ones in front."""

    image: Image
    objects: tuple[SceneObject, ...]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a digit stands: centre and height in pixels, tilt in degrees, shear as dx/dy."""

    x: float
    y: float
    size: float
    tilt: float
    shear: float


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """Ink coverage 0..1, float32 [h, w], whose top left pixel lands on (left, top)."""

    ink: Ink
    left: int
    top: int

    def tight_box(self) -> Box | None:
        """The box around all ink darker than one half, None if there is no such ink."""
        solid = self.ink > 0.5
        columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
        if not len(rows):
            return None
        x, y = self.left, self.top
        x1, x2 = float(columns[0]), float(columns[-1]) + 1.0
        y1, y2 = float(rows[0]), float(rows[-1]) + 1.0
        return x + x1, y + y1, x + x2, y + y2


def load_digits_sheet(path: Path | str) -> Digits:
    """Read the committed sheet of held-out digits (npz: ``bitmaps``, ``labels``)."""
    with np.load(path, allow_pickle=False) as sheet:
        return Digits(sheet["bitmaps"], sheet["labels"])


def draw_scene(
    rng: np.random.Generator,
    digits: Digits,
    *,
    width: int = REFERENCE_SIDE,
    height: int = REFERENCE_SIDE,
) -> Scene:
    """One cluttered still with one to six digits, all wholly inside the image."""
    image = draw_background(rng, width, height)
    placed: list[SceneObject] = []
    for _ in range(int(rng.integers(1, MOST_DIGITS + 1))):
        index = int(rng.integers(len(digits)))
        spot = _find_spot(rng, digits.bitmaps[index], [one.box for one in placed], width, height)
        if spot is None:
            continue
        stamp, box = spot
        paint(image, stamp, contrasting_colour(rng, _crop(image, box)))
        placed.append(SceneObject(int(digits.labels[index]), *box))
    return Scene(_as_seen(rng, image), tuple(placed))


def draw_background(rng: np.random.Generator, width: int, height: int) -> Image:
    """A colour gradient with grain, covered with strokes, bars, boxes and blobs."""
    corners = rng.uniform(0, 255, (int(rng.integers(1, 4)), int(rng.integers(1, 4)), 3))
    grey = corners.mean(axis=2, keepdims=True)
    corners = grey + (corners - grey) * rng.uniform(0.1, 1.0)
    smooth = cv2.resize(corners.astype(np.float32), (width, height))
    coarse = max(2, int(REFERENCE_SIDE * rng.uniform(0.05, 0.6)))
    grain = rng.normal(0, rng.uniform(0, 28), (coarse, coarse, 3)).astype(np.float32)
    smooth = smooth + cv2.resize(grain, (width, height))
    image: Image = np.clip(smooth, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(4, 18))):
        _draw_clutter(rng, image)
    return image


def stamp_digit(bitmap: NDArray[np.uint8], pose: Pose) -> Stamp:
    """Enlarge one 8x8 bitmap (bicubic), tilt and shear it, and sharpen its edge."""
    half = math.ceil(pose.size * 0.75) + 1
    left, top = math.floor(pose.x) - half, math.floor(pose.y) - half
    scale = pose.size / BITMAP_SIDE
    cosine, sine = math.cos(math.radians(pose.tilt)), math.sin(math.radians(pose.tilt))
    turn = np.array([[cosine, -sine], [sine, cosine]]) * scale
    linear = turn @ np.array([[1.0, pose.shear], [0.0, 1.0]])
    middle = np.full(2, (BITMAP_SIDE - 1) / 2)
    shift = np.array([pose.x - left - 0.5, pose.y - top - 0.5]) - linear @ middle
    ink = cv2.warpAffine(
        bitmap.astype(np.float32) / FULL_INK,
        np.column_stack([linear, shift]),
        (2 * half + 1, 2 * half + 1),
        flags=cv2.INTER_CUBIC,
    )
    # Enlarged ten times, the soft 8x8 edge would be a halo several pixels wide.
    return Stamp(np.clip((ink - 0.3) / 0.4, 0.0, 1.0).astype(np.float32), left, top)


def _find_spot(
    rng: np.random.Generator, bitmap: NDArray[np.uint8], taken: list[Box], width: int, height: int
) -> tuple[Stamp, Box] | None:
    """A random pose wholly inside the image that hides no digit already there."""
    for _ in range(PLACING_TRIES):
        stamp = stamp_digit(bitmap, _random_pose(rng, width, height))
        box = stamp.tight_box()
        if box is None or box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
            continue
        if all(overlap_of_smaller(box, other) <= MOST_OVERLAP for other in taken):
            return stamp, box
    return None


def _random_pose(rng: np.random.Generator, width: int, height: int) -> Pose:
    unit = max(width, height) / REFERENCE_SIDE
    size = unit * float(np.exp(rng.uniform(math.log(SMALLEST), math.log(LARGEST))))
    size = min(size, 0.9 * min(width, height))
    reach = size * 0.35
    return Pose(
        x=float(rng.uniform(reach, width - reach)),
        y=float(rng.uniform(reach, height - reach)),
        size=size,
        tilt=float(rng.uniform(-15, 15)),
        shear=float(rng.uniform(-0.2, 0.2)),
    )


def overlap_of_smaller(one: Box, other: Box) -> float:
    """Area both boxes cover, as a fraction of the smaller box, 0..1."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / min(areas)


def _draw_clutter(rng: np.random.Generator, image: Image) -> None:
    """One random thing that is no digit; the strokes are there to be mistaken for one."""
    height, width = image.shape[:2]
    unit = max(width, height) / REFERENCE_SIDE
    colour = [int(value) for value in rng.integers(0, 256, 3)]
    at = rng.uniform((0, 0), (width, height))
    reach = unit * float(np.exp(rng.uniform(math.log(6), math.log(60))))
    pen = max(1, round(unit * rng.uniform(0.5, 5)))
    match int(rng.integers(5)):
        case 0:
            ends = _pixels(at + rng.uniform(-2, 2, (2, 2)) * reach)
            cv2.line(image, ends[0].tolist(), ends[1].tolist(), colour, pen, cv2.LINE_AA)
        case 1:
            ends = _pixels(at + rng.uniform(-1, 1, (2, 2)) * reach)
            fill = -1 if rng.random() < 0.6 else pen
            cv2.rectangle(image, ends[0].tolist(), ends[1].tolist(), colour, fill)
        case 2:
            axes = _pixels(rng.uniform(0.2, 0.8, 2) * reach).tolist()
            fill = -1 if rng.random() < 0.8 else pen
            cv2.ellipse(
                image, _pixels(at).tolist(), axes, rng.uniform(0, 180), 0, 360, colour, fill
            )
        case 3:
            zigzag = _pixels(at + rng.uniform(-0.6, 0.6, (int(rng.integers(3, 6)), 2)) * reach)
            cv2.polylines(image, [zigzag], False, colour, pen, cv2.LINE_AA)
        case _:
            axes = _pixels(rng.uniform(0.2, 0.6, 2) * reach).tolist()
            sweep = rng.uniform(60, 200)
            centre = _pixels(at).tolist()
            cv2.ellipse(
                image, centre, axes, rng.uniform(0, 360), 0, sweep, colour, pen, cv2.LINE_AA
            )


def _pixels(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(points).astype(np.int32)


def _crop(image: Image, box: Box) -> Image:
    x1, y1, x2, y2 = (int(edge) for edge in box)
    return image[y1:y2, x1:x2]


def contrasting_colour(rng: np.random.Generator, region: Image) -> Ink:
    """A random RGB colour that stands out from three quarters of the region."""
    step = max(1, max(region.shape) // 12)
    sample = region[::step, ::step].reshape(-1, 3).astype(np.float32)
    candidates = rng.uniform(0, 255, (12, 3)).astype(np.float32)
    distance = np.abs(sample[None] - candidates[:, None]).max(axis=2)
    contrast = np.percentile(distance, 25, axis=1)
    enough = np.flatnonzero(contrast >= LEAST_CONTRAST)
    chosen: Ink = candidates[enough[0] if len(enough) else int(contrast.argmax())]
    return chosen


def paint(image: Image, stamp: Stamp, colour: Ink) -> None:
    """Lay the stamp over the image in one colour; what hangs over the edge is cut off."""
    height, width = image.shape[:2]
    x1, y1 = max(0, stamp.left), max(0, stamp.top)
    x2 = min(width, stamp.left + stamp.ink.shape[1])
    y2 = min(height, stamp.top + stamp.ink.shape[0])
    ink = stamp.ink[y1 - stamp.top : y2 - stamp.top, x1 - stamp.left : x2 - stamp.left, None]
    under = image[y1:y2, x1:x2].astype(np.float32)
    image[y1:y2, x1:x2] = np.rint(under + (colour - under) * ink).astype(np.uint8)


def _as_seen(rng: np.random.Generator, image: Image) -> Image:
    """What a cheap camera makes of it: sometimes a little blur, always some noise."""
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (3, 3), float(rng.uniform(0.4, 1.0))).astype(np.uint8)
    return with_noise(rng, image, int(rng.integers(1, 10)))


def with_noise(rng: np.random.Generator, image: Image, strength: int) -> Image:
    """Sensor noise of up to `strength` grey levels either way."""
    noise = rng.integers(-strength, strength + 1, image.shape, dtype=np.int16)
    noisy: Image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return noisy
