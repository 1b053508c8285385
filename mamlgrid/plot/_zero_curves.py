"""Where a gradient on a grid is zero, told apart by whether it is a minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import THICK, THIN

if TYPE_CHECKING:
    from ._axes import Points


def zero_curves(alphas: Points, thetas: Points, grads: Points) -> list[tuple[Points, Points, bool]]:
    """Polylines `(alphas, thetas, stable)` along which the gradient is zero.

    A contour line is traced with the higher side on its left. Where it runs towards larger alpha, left is larger
    theta: the gradient rises through zero there, which is a minimum. Where it turns back is a fold. So no curvature
    needs to be interpolated, and a fold lies exactly at the vertex where the line turns.

    Args:
        alphas: `[alphas]`, increasing.
        thetas: `[thetas]`, increasing.
        grads: `[alphas, thetas]`; cells that are not finite are left out.

    Returns:
        Pieces of one kind each. An alpha whose whole row is zero to rounding, where all is stationary, is passed over.
    """
    import contourpy

    rows = ~flat_rows(grads)
    if rows.sum() < 2:
        return []
    field = np.ma.masked_invalid(grads[rows]).T
    pieces = []
    lines: Any = contourpy.contour_generator(alphas[rows], thetas, field).lines(0.0)
    for line in lines:
        forward = _smooth(_forward(line[:, 0]))
        turns = np.flatnonzero(np.diff(forward)) + 1
        for start, stop in zip([0, *turns], [*turns, forward.size], strict=True):
            pieces.append((line[start : stop + 1, 0], line[start : stop + 1, 1], bool(forward[start])))
    return pieces


def zero_lines(alphas: Points, thetas: Points, grads: Points) -> list[tuple[Points, str, dict[str, Any]]]:
    """The zero curves as at most two lines to draw, `([2, points], label, style)`, their pieces parted by NaN."""
    curves = zero_curves(alphas, thetas, grads)
    lines = []
    for stable, name, style in (
        (True, "minimum", {"linewidth": THICK}),
        (False, "maximum", {"linewidth": THIN, "linestyle": (0, (4, 2))}),
    ):
        pieces = [np.pad([x, y], ((0, 0), (0, 1)), constant_values=np.nan) for x, y, kind in curves if kind == stable]
        if pieces:
            lines.append((np.concatenate(pieces, axis=1), name, style))
    return lines


def flat_rows(grads: Points) -> Any:
    """Rows of zeros to rounding, `[alphas]`: every theta is stationary there."""
    finite = np.where(np.isfinite(grads), np.abs(grads), 0)
    scale = np.finfo(grads.dtype).eps * finite.max(initial=0)
    return np.isfinite(grads).all(axis=1) & (finite.max(axis=1) <= scale)


def _forward(alphas: Points) -> Any:
    """Whether each segment runs towards larger alpha; one that stays where it is goes the way of its neighbour."""
    steps = np.diff(alphas)
    moving = np.flatnonzero(np.abs(steps) > 4 * np.finfo(alphas.dtype).eps * np.abs(alphas).max())
    if not moving.size:
        return steps > 0
    nearest = moving[np.maximum(np.searchsorted(moving, np.arange(steps.size), side="right") - 1, 0)]
    return steps[nearest] > 0


def _smooth(forward: Any) -> Any:
    """`forward` without flickers: in a steep stretch linear interpolation makes single segments turn back."""
    forward = forward.copy()
    for i in range(1, forward.size - 1):
        if forward[i - 1] == forward[i + 1] != forward[i]:
            forward[i] = forward[i - 1]
    return forward
