"""The scenes of an evaluation: its curve, and its map with the lowest value for each alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._results.status import Status
from ._axes import without_rounding
from ._levels import Levels, Scale, levels_of
from ._looks import BEST, GONE, TESTED, UNCONFIRMED
from ._scene import Curve, Marks, Piece, Scene, apart, limits, span_of
from ._scene_optimum import told

if TYPE_CHECKING:
    from .._base.types import Numbers

# On a map there may be many.
_DOUBT = UNCONFIRMED._replace(size=4)


class MapScene(NamedTuple):
    """Values for every alpha of the training and every alpha of the test.

    Attributes:
        trained: `[alphas]`, increasing.
        tested: `[alphas_test]`, increasing.
        values: `[alphas, alphas_test]`.
        levels: where the colours change.
        lost: whether some values are not finite.
        same: the ends of the diagonal, where both alphas are equal; None where there is none.
        marks: the lowest for each alpha of the training, and what is in doubt.
    """

    trained: Numbers
    tested: Numbers
    values: Numbers
    levels: Levels
    lost: bool
    same: tuple[float, float] | None
    marks: Scene


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


def map_scene(result: Any, scale: Scale) -> MapScene:
    """The map; the lowest of the confirmed values for each alpha of the training, as they are."""
    rows, columns = np.argsort(result.alphas), np.argsort(result.alphas_test)
    x, y = np.asarray(result.alphas)[rows], np.asarray(result.alphas_test)[columns]
    values, status = (np.asarray(a)[np.ix_(rows, columns)] for a in (result.values, result.status))
    low, high = max(float(x[0]), float(y[0])), min(float(x[-1]), float(y[-1]))
    known = np.where(status == Status.OK, values, np.inf)
    some = np.flatnonzero(np.isfinite(known).any(axis=1))
    best = known[some].argmin(axis=1)
    marks = [Marks("best", BEST, x[some], y[best], known[some, best], ("lowest of those tested",) * some.size)]
    row, column = np.nonzero((status != Status.OK) & (status != Status.NONFINITE))
    if row.size:
        place, words = (x[row], y[column], values[row, column]), tuple(map(told, status[row, column]))
        marks.insert(0, Marks("value in doubt", _DOUBT, *place, words, confirmed=False))
    return MapScene(
        x,
        y,
        values,
        levels_of(values, False, scale),
        not np.isfinite(values).all(),
        (low, high) if low < high else None,
        Scene(limits(x), limits(y), marks=tuple(marks)),
    )
