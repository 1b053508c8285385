"""Surfaces as polygons: cut cleanly at a height instead of bent into a plateau, and shaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .._base.types import Numbers
    from ._levels import Levels

# Facets along each axis: matplotlib draws one by one, and finer ones cannot be seen at 8 cm.
MOST_FACETS = 100

# Light from above, from the left and from the front, in the unit box of the axes.
_LIGHT = np.array([-0.5, -0.4, 0.77])


def thinned(x: Numbers, y: Numbers, z: Numbers, most: int = MOST_FACETS) -> tuple[Numbers, Numbers, Numbers]:
    """Every so many rows and columns, the first and the last among them."""
    rows, columns = (np.unique(np.linspace(0, n - 1, min(n, most + 1)).round().astype(int)) for n in z.shape)
    return x[rows], y[columns], z[np.ix_(rows, columns)]


def facets(x: Numbers, y: Numbers, z: Numbers, low: float, high: float, heights: Numbers) -> Numbers:
    """The cells of a grid as polygons `[facets, corners, 3]` between two heights.

    Cells are cut at `low`, `high` and each of `heights`, so that no facet crosses a contour line; those with a corner
    that is not finite are left out. Shorter polygons repeat their last corner.

    Args:
        x: `[rows]`.
        y: `[columns]`.
        z: `[rows, columns]`.
        low: the lowest height kept.
        high: the highest height kept.
        heights: where facets meet.
    """
    grid = np.stack([*np.meshgrid(x, y, indexing="ij"), z], axis=-1).astype(float)
    cells = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]], axis=2).reshape(-1, 4, 3)
    cells = cells[np.isfinite(cells).all(axis=(1, 2))]
    cells = _cut(_cut(cells, low), high, above=False)
    for height in heights:
        z = cells[..., 2] - height
        crossing = (z.min(axis=1) < 0) & (z.max(axis=1) > 0)
        cells = joined(cells[~crossing], _cut(cells[crossing], height), _cut(cells[crossing], height, above=False))
    return cells


def shaded(polygons: Numbers, levels: Levels, box: tuple[Any, Any, Any]) -> Numbers:
    """RGBA of each facet, `[facets, 4]`: the colour of its height, darker where it turns from the light."""
    size = np.array([float(np.ptp(side)) or 1.0 for side in box])
    corners = polygons / size
    # Newell's normal: right for polygons of any number of corners, repeated ones included.
    normal = np.cross(corners, np.roll(corners, -1, axis=1)).sum(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), np.finfo(float).tiny)
    brightness = 0.68 + 0.37 * np.abs(normal @ _LIGHT)
    colors = levels.cmap(levels.norm(polygons[..., 2].mean(axis=1)))
    colors[:, :3] = np.clip(colors[:, :3] * brightness[:, None], 0, 1)
    return colors


def _cut(polygons: Numbers, height: float, *, above: bool = True) -> Numbers:
    """The part of each polygon above a height, or below it (Sutherland and Hodgman 1974)."""
    depth = (polygons[..., 2] - height) * (1 if above else -1)
    whole, part = (depth >= 0).all(axis=1), (depth >= 0).any(axis=1) & (depth < 0).any(axis=1)
    here, there = polygons[part], np.roll(polygons[part], -1, axis=1)
    d, e = depth[part], np.roll(depth[part], -1, axis=1)
    crossing = (d >= 0) != (e >= 0)
    step = np.where(crossing, d / np.where(crossing, d - e, 1), 0)
    met = here + step[..., None] * (there - here)
    # After each corner comes the point where the edge from it meets the plane; those that exist move to the front.
    corners = np.stack([here, met], axis=2).reshape(len(here), 2 * polygons.shape[1], 3)
    kept = np.stack([d >= 0, crossing], axis=2).reshape(len(here), 2 * polygons.shape[1])
    front = np.argsort(~kept, axis=1, kind="stable")
    count = kept.sum(axis=1)
    index = np.minimum(np.arange(count.max(initial=1)), count[:, None] - 1)
    cut = np.take_along_axis(corners, np.take_along_axis(front, index, axis=1)[..., None], axis=1)
    return joined(polygons[whole], cut)


def joined(*groups: Numbers) -> Numbers:
    """Polygons of different numbers of corners in one array, the last corner repeated."""
    most = max(group.shape[1] for group in groups)
    return np.concatenate([np.pad(g, ((0, 0), (0, most - g.shape[1]), (0, 0)), mode="edge") for g in groups])
