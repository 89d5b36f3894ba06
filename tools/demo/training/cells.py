"""The cells of the demo network: three grids over one 160x160 image, coarser and coarser.

Their order is the order of the network's output columns: grid by grid, row by row. Positions are
fractions of the image, 0..1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 160
CLASSES = 10
GRIDS = (SIDE // 8, SIDE // 16, SIDE // 32)
CELLS = sum(grid * grid for grid in GRIDS)


def cell_centres() -> NDArray[np.float32]:
    """Centre x, y of every cell: float32 [CELLS, 2]."""
    return np.concatenate([_grid_centres(grid) for grid in GRIDS])


def cell_widths() -> NDArray[np.float32]:
    """Side of every cell: float32 [CELLS]."""
    return per_cell([1.0 / grid for grid in GRIDS])


def per_cell(values: list[float]) -> NDArray[np.float32]:
    """One value for every grid, repeated for its cells: float32 [CELLS]."""
    return np.repeat(np.array(values, np.float32), [grid * grid for grid in GRIDS])


def _grid_centres(grid: int) -> NDArray[np.float32]:
    middle = (np.arange(grid, dtype=np.float32) + 0.5) / grid
    across, down = np.meshgrid(middle, middle)
    return np.stack([across.ravel(), down.ravel()], axis=1)
