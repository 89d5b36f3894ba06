"""Training batches: scenes, and what every cell of the network should answer for them.

Drawn in a process of their own, a few batches ahead of the training step. Batch n of a seed is
always the same, whatever the timing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.typing import NDArray
from scenes import Digits, Scene, SceneObject, draw_scene
from training.cells import CELLS, SIDE, cell_centres, cell_widths, per_cell

# Longer sides in px each grid answers for. They overlap, so no size falls between two grids.
SHORTEST, LONGEST = per_cell([0.0, 28.0, 48.0]), per_cell([36.0, 60.0, 1e9])
CENTRES, WIDTHS = cell_centres(), cell_widths()
REACH = 1.0  # cells: up to four cells of a grid answer for one object
BORDER = 114  # the grey that letterboxing leaves beside a frame
LETTERBOXED = 0.3  # share of the scenes drawn as a larger, oblong camera frame
FRAMES = ((320, 240), (240, 320), (320, 180))  # width, height
AHEAD = 4


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Scenes, and the answer wanted of every cell.

    ``images`` uint8 [b, 160, 160, 3]; ``labels`` int8 [b, cells], -1 where there is nothing;
    ``boxes`` float32 [b, cells, 4] as x1, y1, x2, y2 in 0..1, zeros where there is nothing.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int8]
    boxes: NDArray[np.float32]


def batches(seed: tuple[int, ...], digits: Digits, size: int, steps: int) -> Iterator[Batch]:
    """`steps` batches of `size` scenes, drawn ahead by one worker process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[Batch]] = deque()
        for step in range(steps + AHEAD):
            if step < steps:
                waiting.append(pool.submit(draw_batch, (*seed, step), digits, size))
            if step >= AHEAD:
                yield waiting.popleft().result()


def draw_batch(seed: tuple[int, ...], digits: Digits, size: int) -> Batch:
    """The batch that belongs to this seed."""
    cv2.setNumThreads(1)  # the second core belongs to the training step
    rng = np.random.default_rng(seed)
    scenes = [camera_scene(rng, digits) for _ in range(size)]
    answers = [assign(scene.objects) for scene in scenes]
    labels, boxes = zip(*answers, strict=True)
    return Batch(np.stack([scene.image for scene in scenes]), np.stack(labels), np.stack(boxes))


def camera_scene(rng: np.random.Generator, digits: Digits) -> Scene:
    """A 160x160 scene, sometimes shrunk from a larger oblong frame with grey bars added."""
    if rng.random() >= LETTERBOXED:
        return draw_scene(rng, digits)
    width, height = FRAMES[int(rng.integers(len(FRAMES)))]
    return letterboxed(draw_scene(rng, digits, width=width, height=height))


def letterboxed(scene: Scene) -> Scene:
    """The same scene within 160x160, its proportions kept."""
    height, width = scene.image.shape[:2]
    scale = SIDE / max(width, height)
    wide, high = round(width * scale), round(height * scale)
    left, top = (SIDE - wide) // 2, (SIDE - high) // 2
    image = np.full((SIDE, SIDE, 3), BORDER, np.uint8)
    small = cv2.resize(scene.image, (wide, high), interpolation=cv2.INTER_LINEAR)
    image[top : top + high, left : left + wide] = small
    return Scene(image, tuple(_moved(one, scale, left, top) for one in scene.objects))


def assign(objects: tuple[SceneObject, ...]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Label [n] and box [n, 4] every cell should answer with; the nearest object wins a cell."""
    labels = np.full(CELLS, -1, np.int8)
    boxes = np.zeros((CELLS, 4), np.float32)
    nearest = np.full(CELLS, REACH, np.float32)
    for one in objects:
        box = np.array(one.box, np.float32) / SIDE
        distance = np.abs(CENTRES - (box[:2] + box[2:]) / 2).max(axis=1) / WIDTHS
        longest = max(one.x2 - one.x1, one.y2 - one.y1)
        mine = (longest >= SHORTEST) & (longest < LONGEST) & (distance < nearest)
        labels[mine], boxes[mine], nearest[mine] = one.label, box, distance[mine]
    return labels, boxes


def _moved(one: SceneObject, scale: float, left: int, top: int) -> SceneObject:
    x1, y1, x2, y2 = (edge * scale for edge in one.box)
    return SceneObject(one.label, x1 + left, y1 + top, x2 + left, y2 + top)
