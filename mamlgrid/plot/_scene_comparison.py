"""The scenes of a comparison: fixed points of all algorithms against alpha, or what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import THICK, decades, window
from ._colours import ALGORITHMS, BLACK, OPTIMUM_FAINT, of
from ._looks import LineLook, MarkLook, confirmed
from ._scene import Marks, Scene, limits, span_of
from ._scene_diagram import point_marks
from ._scene_optimum import optimum_scene

if TYPE_CHECKING:
    from .._base.types import Numbers

# The algorithms differ in shape as well as in colour; attracting points are large, repelling ones small.
_SHAPES = ("circle", "square", "triangle-up", "diamond")

# Sizes of both, for a few alphas and for more than that.
_FEW, _SIZES = 41, {True: (5.5, 2.2), False: (4.0, 1.6)}

# The first is in front: those behind are wider, so that they are seen where fixed points coincide.
_WIDER = 1.0

# Regrets below so many units of rounding of the largest loss are rounding: on a logarithmic axis they would be all
# there is to see.
_ROUNDINGS = 64

_UNDER = LineLook("optimum", OPTIMUM_FAINT, 3 * THICK)


def fixed_point_scene(result: Any, *, only: int | None = None) -> Scene:
    """The fixed points of all algorithms, or of one, over the optimum of the reference."""
    best = optimum_scene(result.optimum, look=_UNDER)
    rows = [slice(None)] if only is None else [slice(only, only + 1)]
    doubts = [
        mark
        for row in rows
        for thetas, values, status in zip(
            *(np.asarray(a)[row] for a in (result.fixed_points, result.values, result.status)), strict=True
        )
        for mark in point_marks(result.alphas, thetas, values, status)
        if mark.kind in ("one-sided limit", "point in doubt")
    ]
    found = _points(result, np.asarray(result.fixed_points), only)
    return Scene(limits(result.alphas), limits(result.thetas), best.curves, best.bands, (*doubts, *found))


def attracting_range(result: Any, scene: Scene) -> tuple[float, float]:
    """The thetas to show: what attracts is what a reader looks for, a repelling point far away would squeeze it."""
    stable = np.asarray(result.fixed_points)[np.asarray(result.attracting)]
    return window(np.concatenate([stable, *(curve.y for curve in scene.curves)]), scene.bounds)


def regret_scene(result: Any) -> Scene:
    """The regret of each fixed point, zero and what is rounding left out; `bounds` are the decades around them."""
    regrets, values = np.asarray(result.regrets), np.asarray(result.values)
    largest = np.max(np.abs(values), initial=0, where=np.isfinite(values) & np.asarray(result.attracting))
    rounding = _ROUNDINGS * np.finfo(values.dtype).eps * largest
    found = _points(result, np.where(regrets > rounding, regrets, np.nan), None)
    heights = np.concatenate([np.zeros(0), *(mark.y for mark in found)])
    return Scene(limits(result.alphas), decades(*span_of(heights)) if heights.size else (0.1, 1.0), marks=found)


def _points(result: Any, heights: Numbers, only: int | None) -> tuple[Marks, ...]:
    """The fixed points of the algorithms at `heights`, `[algorithms, alphas, points]`; small ones are named once."""
    alphas = np.broadcast_to(np.asarray(result.alphas)[:, None], result.status.shape[1:])
    values, attracting = np.asarray(result.values), np.asarray(result.attracting)
    there = confirmed(result.status) & np.isfinite(heights)
    large, small = _SIZES[alphas.shape[0] <= _FEW]
    marks = []
    for number, name in enumerate(result.labels.names):
        if only not in (None, number):
            continue
        look = MarkLook(name, of(ALGORITHMS, number), of(_SHAPES, number), size=large + _WIDER * (number % 4))
        for word, looks in (
            ("attracting", look),
            ("repelling", look._replace(label="", symbol="circle", size=small)),
        ):
            here = there[number] & (attracting[number] == (word == "attracting"))
            if here.any():
                place = alphas[here], heights[number][here], values[number][here]
                marks.append(Marks(f"fixed point of {name}, {word}", looks, *place, (word,) * int(here.sum())))
    if any(mark.kind.endswith("repelling") for mark in marks):
        look, none = MarkLook("repelling", BLACK, "circle", size=small), np.zeros(0)
        marks.append(Marks("name", look, none, none, none, ()))
    return tuple(marks)
