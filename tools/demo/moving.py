"""A camera that moves: digits drift and bounce over a cluttered background that pans slowly.

The demo's frame source. Deterministic from its seed; units are those of ``scenes``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.demo.scenes import (
    PLACING_TRIES,
    REFERENCE_SIDE,
    Digits,
    Image,
    Ink,
    Pose,
    Scene,
    SceneObject,
    Stamp,
    contrasting_colour,
    draw_background,
    paint,
    stamp_digit,
    with_noise,
)

# The moving camera: about 13 s for one pan and 2 s for one swing at 30 frames a second.
PAN_FRAMES = 400
SWING_STEP = 0.1  # radians a frame
CAMERA_NOISE = 4  # grey levels


@dataclass(frozen=True, slots=True, eq=False)
class Mover:
    """A digit of the moving camera: what it shows and how it drifts, in pixels a frame.

    It swings around upright by up to ``swing`` degrees as ``phase`` (radians) advances, and keeps
    others at a distance of ``radius`` pixels.
    """

    bitmap: NDArray[np.uint8]
    label: int
    colour: Ink
    pose: Pose
    vx: float
    vy: float
    swing: float
    phase: float

    @property
    def radius(self) -> float:
        """Half its height, pixels."""
        return self.pose.size / 2

    def stamp(self) -> Stamp:
        """Its ink as it stands now."""
        tilt = self.swing * math.sin(self.phase)
        return stamp_digit(self.bitmap, replace(self.pose, tilt=tilt))


def moving_camera(
    seed: int,
    frames: int | None,
    digits: Digits,
    *,
    width: int = REFERENCE_SIDE,
    height: int = REFERENCE_SIDE,
    cast: int = 5,
) -> Iterator[Scene]:
    """A smooth synthetic video: up to `cast` digits drift and bounce over a panning background.

    Frame n depends on the seed and the other arguments only. `frames` None never ends.
    """
    rng = np.random.default_rng(seed)
    world = draw_background(rng, width * 3 // 2, height * 3 // 2)
    movers = _choose_cast(rng, digits, world, (width, height), cast)
    phases = rng.uniform(0, 2 * math.pi, 2)
    for number in itertools.count() if frames is None else range(frames):
        image = _pan(world, width, height, 2 * math.pi * number / PAN_FRAMES + phases)
        yield Scene(with_noise(rng, _populate(image, movers), CAMERA_NOISE), _boxes(movers, image))
        movers = advance(movers, width, height)


def advance(movers: tuple[Mover, ...], width: int, height: int) -> tuple[Mover, ...]:
    """One frame later: digits bounce off each other like billiard balls, and off the edges."""
    speeds = [np.array([one.vx, one.vy]) for one in movers]
    for i, j in itertools.combinations(range(len(movers)), 2):
        one, other = movers[i], movers[j]
        apart = np.array([other.pose.x - one.pose.x, other.pose.y - one.pose.y])
        distance = float(np.linalg.norm(apart))
        closing = float((speeds[i] - speeds[j]) @ apart) / max(distance, 1e-9)
        if distance < one.radius + other.radius and closing > 0:
            push = closing * apart / distance
            speeds[i], speeds[j] = speeds[i] - push, speeds[j] + push
    return tuple(
        _moved(one, float(vx), float(vy), width, height)
        for one, (vx, vy) in zip(movers, speeds, strict=True)
    )


def _choose_cast(
    rng: np.random.Generator, digits: Digits, world: Image, frame: tuple[int, int], cast: int
) -> tuple[Mover, ...]:
    """Up to `cast` digits at places where none touches another."""
    movers: list[Mover] = []
    for _ in range(cast * PLACING_TRIES):
        one = _random_mover(rng, digits, world, *frame)
        gaps = (
            math.hypot(one.pose.x - other.pose.x, one.pose.y - other.pose.y)
            - (one.radius + other.radius)
            for other in movers
        )
        if len(movers) < cast and all(gap > 0 for gap in gaps):
            movers.append(one)
    return tuple(movers)


def _random_mover(
    rng: np.random.Generator, digits: Digits, world: Image, width: int, height: int
) -> Mover:
    unit = max(width, height) / REFERENCE_SIDE
    index = int(rng.integers(len(digits)))
    size = min(unit * float(rng.uniform(26, 60)), min(width, height) / 2)
    x, y = rng.uniform((size / 2, size / 2), (width - size / 2, height - size / 2))
    speed, heading = unit * rng.uniform(0.4, 1.3), rng.uniform(0, 2 * math.pi)
    return Mover(
        bitmap=digits.bitmaps[index],
        label=int(digits.labels[index]),
        colour=contrasting_colour(rng, world),
        pose=Pose(float(x), float(y), size, 0.0, float(rng.uniform(-0.15, 0.15))),
        vx=float(speed * math.cos(heading)),
        vy=float(speed * math.sin(heading)),
        swing=float(rng.uniform(3, 12)),
        phase=float(rng.uniform(0, 2 * math.pi)),
    )


def _moved(one: Mover, vx: float, vy: float, width: int, height: int) -> Mover:
    x, vx = _bounced(one.pose.x + vx, vx, one.radius, width - one.radius)
    y, vy = _bounced(one.pose.y + vy, vy, one.radius, height - one.radius)
    pose = replace(one.pose, x=x, y=y)
    return replace(one, pose=pose, vx=vx, vy=vy, phase=one.phase + SWING_STEP)


def _bounced(at: float, speed: float, low: float, high: float) -> tuple[float, float]:
    """Position and speed after a step that may have crossed an edge."""
    if at < low:
        return low, abs(speed)
    if at > high:
        return high, -abs(speed)
    return at, speed


def _pan(world: Image, width: int, height: int, phases: NDArray[np.float64]) -> Image:
    """The part of the world the camera sees, on a slow closed path inside it."""
    room = np.array([world.shape[1] - width, world.shape[0] - height]) / 2
    middle = np.array([world.shape[1], world.shape[0]]) / 2
    centre = middle + room * 0.98 * np.sin(phases * (1.0, 0.7)) - 0.5
    view: Image = cv2.getRectSubPix(world, (width, height), centre.tolist()).astype(np.uint8)
    return view


def _populate(image: Image, movers: tuple[Mover, ...]) -> Image:
    for one in movers:
        paint(image, one.stamp(), one.colour)
    return image


def _boxes(movers: tuple[Mover, ...], image: Image) -> tuple[SceneObject, ...]:
    """The tight boxes of the digits, cut off at the edges of the image."""
    height, width = image.shape[:2]
    boxes = ((one.label, one.stamp().tight_box()) for one in movers)
    return tuple(
        SceneObject(label, max(x1, 0), max(y1, 0), min(x2, width), min(y2, height))
        for label, (x1, y1, x2, y2) in ((label, box) for label, box in boxes if box)
    )
