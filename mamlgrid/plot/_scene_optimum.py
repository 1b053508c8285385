"""The scene of an optimum: its curve with a gap at every jump, flat stretches, ties, and all that is not plain OK."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._results.status import Status
from ._axes import number, without_rounding
from ._looks import AFTER_JUMP, BEFORE_JUMP, BY_STATUS, FLAT, OPTIMAL, TIED_TO_FLOAT32, LineLook
from ._scene import Band, Curve, Marks, Piece, Scene, limits, some_rows, split

if TYPE_CHECKING:
    from .._base.types import Numbers

# Statuses whose theta lies on the curve; of the others it is not known, or there is none.
_ON_CURVE = (Status.OK, Status.AT_BOUND, Status.DEGENERATE, Status.ONE_SIDED, Status.PLATEAU)

# Accuracies that are drawn as bars; elsewhere they are rounding.
_WITH_BARS = (Status.DEGENERATE, Status.PLATEAU)

# Ties at fewer alphas happen: an optimum that jumps at a point of the axis.
_MANY = 3

# Alphas closer than this are the same: a few times the rounding of float32, much less than a pixel.
_SAME = 1e-6

# A band narrower than this share of the alpha axis could be overlooked.
NARROWEST = 0.01


def optimum_scene(
    optimum: Any, *, look: LineLook = OPTIMAL, jumps: Any = None, statuses: Any = tuple(BY_STATUS)
) -> Scene:
    """Everything that an `OptimalTheta` holds.

    Args:
        optimum: the result.
        look: of the curve.
        jumps: instead of those of the optimum.
        statuses: those to mark.
    """
    jumps = optimum.jumps if jumps is None else jumps
    if jumps is not None:
        jumps = replace(jumps, values=without_rounding(jumps.values, optimum.values))
    optimum = replace(optimum, values=without_rounding(optimum.values))
    codes = [status for status in BY_STATUS if status in statuses]
    marks = [mark for status in codes for mark in _status_marks(optimum, status)]
    return Scene(
        limits(optimum.alphas),
        limits(optimum.bounds),
        (_curve(optimum, jumps, look), *_tied_curves(optimum, look)),
        flat_bands(optimum),
        (*jump_marks(jumps), *marks),
    )


def jump_marks(jumps: Any) -> tuple[Marks, ...]:
    """Both ends of every jump: filled before, open after; hollow and grey where the jump was not confirmed."""
    if jumps is None:
        return ()
    status, alphas, values = (np.asarray(a) for a in (jumps.status, jumps.alphas, jumps.values))
    before, after = np.asarray(jumps.thetas_before), np.asarray(jumps.thetas_after)
    labels = [f"jump at α = {number(alpha)}" for alpha in alphas]
    words = [
        f"θ from {number(b)} to {number(a)}" + ("" if code == Status.OK else f"; {told(code)}")
        for b, a, code in zip(before, after, status, strict=True)
    ]
    sides = (("before", before, BEFORE_JUMP, labels), ("after", after, AFTER_JUMP, ()))
    return tuple(
        mark
        for side, thetas, look, texts in sides
        for mark in split("jump", look, status, (alphas, thetas, values), [f"jump, {side}: {w}" for w in words], texts)
    )


def told(code: Any) -> str:
    """A status in words."""
    return Status(int(code)).message


def flat_bands(optimum: Any) -> tuple[Band, ...]:
    """A band over each run of flat alphas, reaching halfway to its neighbours and wide enough to be seen."""
    alphas, values = np.asarray(optimum.alphas), np.asarray(optimum.values)
    flat = np.pad((np.asarray(optimum.status) == Status.FLAT).astype(int), 1)
    edges = np.concatenate([alphas[:1], (alphas[1:] + alphas[:-1]) / 2, alphas[-1:]])
    bands = []
    for start, stop in zip(*(np.flatnonzero(np.diff(flat) == step) for step in (1, -1)), strict=True):
        left, right = visible(float(edges[start]), float(edges[stop]), alphas)
        first, last = limits(alphas[start:stop])
        which = number(first) + (f" to {number(last)}" if last > first else "")
        words = f"α = {which}: every θ is optimal"
        bands.append(Band(FLAT, left, right, words, alphas[start:stop], values[start:stop]))
    return tuple(bands)


def visible(left: float, right: float, alphas: Numbers) -> tuple[float, float]:
    """A range of alpha, widened where it is too narrow to be seen."""
    least = NARROWEST * float(np.ptp(alphas)) or 0.2
    grow = max(0.0, least - (right - left)) / 2
    return left - grow, right + grow


def _curve(optimum: Any, jumps: Any, look: LineLook) -> Curve:
    """The optimum as one line with NaN wherever it is not continuous; it reaches both ends of every jump."""
    alphas, thetas, values, status = (
        np.asarray(a) for a in (optimum.alphas, optimum.thetas, optimum.values, optimum.status)
    )
    lasting = _lasting_ties(status)
    y = np.where(np.isin(status, _ON_CURVE) | lasting, thetas, np.nan)
    words = ["global minimum" if code == Status.OK else told(code) for code in status]
    if jumps is None:
        # Nobody looked for jumps: a line might go through one.
        whole = (Piece(slice(0, alphas.size), look._replace(dash="none")),)
        return Curve("optimal θ*, jumps not looked for", alphas, y, values, tuple(words), whole)
    here = np.flatnonzero(np.isfinite(np.asarray(jumps.alphas)))
    at, before, after, heights = (
        np.asarray(a)[here] for a in (jumps.alphas, jumps.thetas_before, jumps.thetas_after, jumps.values)
    )
    gaps = _gaps(optimum, lasting)
    none = np.full(gaps.size, np.nan)
    x = np.concatenate([alphas, at, at, at, gaps])
    y = np.concatenate([y, before, np.full(at.size, np.nan), after, none])
    values = np.concatenate([values, heights, heights, heights, none])
    words += ["jump"] * (3 * at.size) + ["gap"] * gaps.size
    # At the alpha of a jump the order is: end of the branch, gap, start of the next. A grid point there, to rounding,
    # adds nothing, and might lie on the other side.
    there = np.isclose(alphas[:, None], at, rtol=_SAME, atol=_SAME * float(np.abs(alphas).max())).any(axis=1)
    rank = np.repeat([3, 0, 1, 2, 3], [alphas.size, at.size, at.size, at.size, gaps.size])
    keep = np.flatnonzero(np.concatenate([~there, np.ones(x.size - alphas.size, bool)]))
    order = keep[np.lexsort((rank[keep], x[keep]))]
    whole = (Piece(slice(0, order.size), look),)
    return Curve("optimal θ*", x[order], y[order], values[order], tuple(words[i] for i in order), whole)


def _tied_curves(optimum: Any, look: LineLook) -> tuple[Curve, ...]:
    """Where ties last, the curves of all minimisers but the leftmost, which the curve of the optimum goes through."""
    alphas, values = np.asarray(optimum.alphas), np.asarray(optimum.values)
    ties, lasting = np.asarray(optimum.ties), _lasting_ties(np.asarray(optimum.status))
    gaps = _gaps(optimum, lasting)
    x = np.concatenate([alphas, gaps])
    order, none = np.argsort(x), np.full(gaps.size, np.nan)
    words = (told(Status.TIED),) * x.size
    whole = (Piece(slice(0, x.size), look if optimum.jumps is not None else look._replace(dash="none")),)
    rows = [np.concatenate([np.where(lasting, tie, np.nan), none])[order] for tie in ties.T[1:]]
    heights = np.concatenate([values, none])[order]
    return tuple(Curve("optimal θ*, tied", x[order], y, heights, words, whole) for y in rows if np.isfinite(y).any())


def _lasting_ties(status: Any) -> Any:
    """Which alphas are tied with a neighbour that is: branches, while a tie at one alpha only is points beside them."""
    tied = np.pad(status == Status.TIED, 1)
    return tied[1:-1] & (tied[:-2] | tied[2:])


def _gaps(optimum: Any, lasting: Any) -> Numbers:
    """Between which alphas the number of tied minimisers changes: the leftmost may be another one there."""
    alphas, ties = np.asarray(optimum.alphas), np.asarray(optimum.ties)
    numbers = np.where(lasting, np.isfinite(ties).sum(axis=1), 1)
    at = np.flatnonzero(np.diff(numbers))
    return (alphas[at] + alphas[at + 1]) / 2


def _status_marks(optimum: Any, status: Status) -> tuple[Marks, ...]:
    """Where the optimum has this status; of tied minima all."""
    alphas, thetas, values = (np.asarray(a) for a in (optimum.alphas, optimum.thetas, optimum.values))
    rows = np.flatnonzero(np.asarray(optimum.status) == status)
    if not rows.size:
        return ()
    if status not in (Status.NOT_CONVERGED, Status.PLATEAU):
        rows = some_rows(rows)
    places = np.asarray(optimum.ties)[rows] if status == Status.TIED else thetas[rows, None]
    row, column = np.nonzero(np.isfinite(places))
    at = rows[row]
    bars = np.asarray(optimum.accuracies)[at] if status in _WITH_BARS else np.zeros(0)
    words = (told(status),) * at.size
    look = BY_STATUS[status]
    if status == Status.TIED and np.unique(at).size >= _MANY and thetas.dtype == np.float32:
        look = TIED_TO_FLOAT32
    good = status not in (Status.NOT_CONVERGED, Status.UNRESOLVED, Status.TRUNCATED)
    mark = Marks(look.label, look, alphas[at], places[row, column], values[at], words, (), bars, good)
    return (mark,) if at.size else ()
