"""The scenes of an evaluation: its curve, and the lowest value for each alpha on its map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._results.status import Status
from ._axes import without_rounding
from ._looks import BEST, GONE, TESTED, UNCONFIRMED
from ._scene import Curve, Marks, Piece, Scene, apart, limits, span_of
from ._scene_optimum import told

if TYPE_CHECKING:
    from .._base.types import Numbers


def evaluation_scene(result: Any) -> tuple[Scene, bool]:
    """The values against alpha, and whether it is the alpha of the test."""
    values, status, thetas = np.asarray(result.values), np.asarray(result.status), result.thetas
    over_test = values.ndim == 2 and values.shape[0] == 1
    x = np.asarray(result.alphas_test if over_test else result.alphas)
    order = np.argsort(x)
    x, values, status = x[order], without_rounding(values.ravel()[order]), status.ravel()[order]
    heights = [values]
    if not over_test and getattr(thetas, "ndim", 0) == 1:
        heights.append(np.asarray(thetas)[order])
    good = np.where(status == Status.OK, values, np.nan)
    at = apart(*heights)
    middles, none = (x[at] + x[at + 1]) / 2, np.full(at.size, np.nan)
    along = np.argsort(np.concatenate([x, middles]), kind="stable")
    curve = Curve(
        TESTED.label,
        np.concatenate([x, middles])[along],
        np.concatenate([good, none])[along],
        np.concatenate([values, none])[along],
        ("tested",) * along.size,
        (Piece(slice(0, along.size), TESTED),),
    )
    lost = (status == Status.NONFINITE) | ~np.isfinite(values)
    marks = [
        Marks(kind, look, x[here], values[here], values[here], tuple(map(told, status[here])), on_edge=gone)
        for kind, look, here, gone in (
            ("value in doubt", UNCONFIRMED, (status != Status.OK) & ~lost, False),
            ("no value", GONE, lost, True),
        )
        if here.any()
    ]
    return Scene(limits(x), span_of(values), (curve,), (), tuple(marks)), over_test


def best_scene(x: Numbers, y: Numbers, values: Numbers, status: Any) -> Scene:
    """For each alpha of the training the lowest of the confirmed values `[alphas, alphas_test]`, as they are."""
    known = np.where(status == Status.OK, values, np.inf)
    rows = np.flatnonzero(np.isfinite(known).any(axis=1))
    best = known[rows].argmin(axis=1)
    marks = Marks("best", BEST, x[rows], y[best], known[rows, best], ("lowest of those tested",) * rows.size)
    return Scene(limits(x), limits(y), marks=(marks,))
