"""The scene of a bifurcation diagram: its branches with what happens on them, over the optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._diagram.stretches import stretches
from .._results.status import Status
from ._axes import number, without_rounding
from ._looks import (
    BY_STABILITY,
    BY_STATUS,
    CROSSING,
    FOLD_BORN,
    FOLD_DIES,
    FORK,
    HYSTERESIS,
    LIMIT,
    ON_AN_INTERVAL,
    OPTIMAL_UNDER,
    PITCHFORK,
    PLATEAU,
    TRANSCRITICAL,
    UNCONFIRMED,
    UNNAMED_BRANCHING,
    UNRESOLVED,
    VALUE_JUMPS,
    VERTICAL,
    confirmed,
)
from ._scene import Band, Curve, Marks, Piece, Scene, limits, some_rows, split
from ._scene_optimum import optimum_scene, told, visible

if TYPE_CHECKING:
    from .._base.types import Numbers

_STABILITY_WORDS = {1: "attracting", -1: "repelling", 0: "semistable"}

_END_WORDS = {
    "axis": "an end of the α axis",
    "low": "the lower bound of θ",
    "high": "the upper bound of θ",
    "branch point": "a branch point",
    "unresolved": "where it could not be followed",
}

# What the optimum says beyond the stationary points themselves.
_OF_THE_OPTIMUM = (Status.AT_BOUND, Status.TIED)


def diagram_scene(diagram: Any) -> Scene:
    """Everything that a `BifurcationDiagram` holds: its branches, and the optimum with its jumps under them."""
    under = optimum_scene(diagram.optimum, look=OPTIMAL_UNDER, jumps=diagram.jumps, statuses=_OF_THE_OPTIMUM)
    over = branch_scene(diagram)
    # Jumps come first where there is no room for every label.
    jumps = tuple(mark for mark in under.marks if mark.kind == "jump")
    marks = jumps + over.marks + under.marks[len(jumps) :]
    windows = hysteresis_bands(diagram.jumps, limits(diagram.alphas))
    return over._replace(curves=over.curves + under.curves, bands=(*windows, *under.bands, *over.bands), marks=marks)


def branch_scene(diagram: Any) -> Scene:
    """The branches of a diagram with what happens on them, without the optimum."""
    scale = np.concatenate([np.zeros(0), *(np.asarray(branch.values) for branch in diagram.branches)])

    def clean(part: Any) -> Any:
        return replace(part, values=without_rounding(part.values, scale))

    folds, points, crossings = (clean(part) for part in (diagram.folds, diagram.points, diagram.branch_points))
    branches = [clean(branch) for branch in diagram.branches]
    births, vertical = np.asarray(folds.births, bool), np.asarray(folds.status) == Status.DEGENERATE
    marks = [
        *_branch_point_marks(crossings),
        *_fold_marks(folds, births & ~vertical),
        *_fold_marks(folds, ~births & ~vertical),
        *_vertical_marks(folds, vertical),
        *point_marks(diagram.alphas, points.thetas, points.values, points.status, points.kinds, points.accuracies),
        *_lost_ends(branches),
    ]
    return Scene(
        limits(diagram.alphas),
        limits(diagram.bounds),
        tuple(branch_curve(branch, f"branch {k + 1}") for k, branch in enumerate(branches)),
        unresolved_bands(diagram.unresolved, np.asarray(diagram.alphas)),
        tuple(marks),
    )


def branch_curve(branch: Any, name: str) -> Curve:
    """A branch as one curve that changes its look where its stability changes."""
    columns = (branch.alphas, branch.thetas, branch.values, branch.stabilities)
    x, y, values, stabilities = (np.asarray(a) for a in columns)
    if branch.closed and (x[0], y[0]) != (x[-1], y[-1]):
        x, y, values, stabilities = (np.append(a, a[:1]) for a in (x, y, values, stabilities))
    start, stop = (_END_WORDS.get(end, end) for end in branch.ends)
    way = "a closed loop" if branch.closed else f"from {start} to {stop}"
    words = tuple(_STABILITY_WORDS[int(s)] for s in stabilities)
    pieces = tuple(Piece(part, BY_STABILITY[stability]) for part, stability in stretches(stabilities))
    return Curve(f"{name}, {way}", x, y, values, words, pieces)


def point_marks(
    alphas: Any, thetas: Any, values: Any, status: Any, kinds: Any = 0, accuracies: Any = 0.0
) -> tuple[Marks, ...]:
    """The stationary points, `[alphas, points]`, that are not plain zeros: limits, plateaus, and what is in doubt."""
    alphas, thetas, values, status = (np.asarray(a) for a in (alphas, thetas, values, status))
    kinds, accuracies = (np.broadcast_to(a, thetas.shape) for a in (kinds, accuracies))
    known = confirmed(status) & np.isfinite(thetas)
    limit = (kinds == VALUE_JUMPS) | (status == Status.ONE_SIDED)
    plateau = (kinds == ON_AN_INTERVAL) | (status == Status.PLATEAU)
    doubtful = np.isfinite(thetas) & ~known & (status != Status.ABSENT)
    degenerate = known & (status == Status.DEGENERATE)
    reached = "the value jumps here: it is approached from one side, and not attained"
    interval = "the direction is zero on an interval around here"

    def made(kind: str, look: Any, here: Any, words: str | None, bars: bool, thin: bool) -> tuple[Marks, ...]:
        rows = np.flatnonzero(here.any(axis=1))
        chosen = np.isin(np.arange(alphas.size), some_rows(rows) if thin else rows)
        row, column = np.nonzero(here & chosen[:, None])
        if not row.size:
            return ()
        texts = tuple(words or told(code) for code in status[row, column])
        sizes = accuracies[row, column] if bars else np.zeros(0)
        place = alphas[row], thetas[row, column], values[row, column]
        return (Marks(kind, look, *place, texts, (), sizes, kind != "point in doubt"),)

    return (
        *made("plateau", PLATEAU, known & plateau, interval, True, False),
        *made("degenerate point", BY_STATUS[Status.DEGENERATE], degenerate & ~plateau & ~limit, None, True, True),
        *made("one-sided limit", LIMIT, known & limit, reached, False, True),
        *made("point in doubt", UNCONFIRMED, doubtful, None, False, False),
    )


def hysteresis_bands(jumps: Any, axis: tuple[float, float]) -> tuple[Band, ...]:
    """The range of alpha around each confirmed jump in which both minima exist; a NaN is beyond the axis."""
    bands = []
    for alpha, code, window in zip(*(np.asarray(a) for a in (jumps.alphas, jumps.status, jumps.windows)), strict=True):
        if confirmed(code) and np.isfinite(alpha):
            ends = [float(end) if np.isfinite(end) else edge for end, edge in zip(window, axis, strict=True)]
            words = [number(end) if np.isfinite(end) else "beyond the axis" for end in window]
            what = f"hysteresis around the jump at α = {number(alpha)}: from {words[0]} to {words[1]}"
            bands.append(Band(HYSTERESIS, min(ends), max(ends), f"{what} both minima exist"))
    return tuple(bands)


def unresolved_bands(unresolved: Any, alphas: Numbers) -> tuple[Band, ...]:
    """The ranges of alpha that could not be settled, with the reasons; those that would be drawn as one are one."""
    starts, stops = np.asarray(unresolved.starts), np.asarray(unresolved.stops)
    groups: list[list[int]] = []
    reach = -np.inf
    for k in np.argsort(starts).tolist():
        left, right = visible(float(starts[k]), float(stops[k]), alphas)
        if left > reach:
            groups.append([])
        groups[-1].append(k)
        reach = max(reach, right)
    bands = []
    for group in groups:
        start, stop = float(starts[group].min()), float(stops[group].max())
        many = f" in {len(group)} ranges" if len(group) > 1 else ""
        why = "; ".join(dict.fromkeys(unresolved.reasons[k] for k in group))
        words = f"not settled{many} from α = {number(start)} to {number(stop)}: {why}"
        bands.append(Band(UNRESOLVED, *visible(start, stop, alphas), words))
    return tuple(bands)


def _fold_marks(folds: Any, here: Any) -> tuple[Marks, ...]:
    """The folds at which a pair is born, or those at which one dies: the mark points to where there is none."""
    if not here.any():
        return ()
    born = bool(np.asarray(folds.births)[here][0])
    alphas, status = np.asarray(folds.alphas)[here], np.asarray(folds.status)[here]
    place = alphas, np.asarray(folds.thetas)[here], np.asarray(folds.values)[here]
    event = "two stationary points are born as α grows" if born else "two stationary points meet and vanish as α grows"
    words = [f"fold: {event}" + ("" if code == Status.OK else f"; {told(code)}") for code in status]
    labels = [f"fold at α = {number(alpha)}" for alpha in alphas]
    return split("fold", FOLD_BORN if born else FOLD_DIES, status, place, words, labels)


def _vertical_marks(folds: Any, here: Any) -> tuple[Marks, ...]:
    """Two folds in one: the curve is vertical there, but goes on, and no point is born or dies."""
    alphas, thetas, values, status = (
        np.asarray(a)[here] for a in (folds.alphas, folds.thetas, folds.values, folds.status)
    )
    words = ["the branch is vertical here, but goes on: two folds in one"] * alphas.size
    labels = [f"vertical at α = {number(alpha)}" for alpha in alphas]
    return split("vertical point", VERTICAL, status, (alphas, thetas, values), words, labels)


def _branch_point_marks(points: Any) -> tuple[Marks, ...]:
    """The branch points by their normal form."""
    alphas, thetas, values, kinds, status = (
        np.asarray(a) for a in (points.alphas, points.thetas, points.values, points.kinds, points.status)
    )
    marks: list[Marks] = []
    named = (("pitchfork", FORK, PITCHFORK), ("transcritical point", CROSSING, TRANSCRITICAL))
    rest = ~np.isin(kinds, [code for *_, code in named])
    for kind, look, here in (
        *((kind, look, kinds == code) for kind, look, code in named),
        ("degenerate branch point", UNNAMED_BRANCHING, rest),
    ):
        place = alphas[here], thetas[here], values[here]
        words = [f"{kind}: branches cross" + ("" if code == Status.OK else f"; {told(code)}") for code in status[here]]
        labels = [f"{kind.split()[0]} at α = {number(alpha)}" for alpha in alphas[here]]
        marks += split(kind, look, status[here], place, words, labels)
    return tuple(marks)


def _lost_ends(branches: Sequence[Any]) -> tuple[Marks, ...]:
    """Where branches stop because they could not be followed."""
    ends = [
        tuple(float(np.asarray(a)[place]) for a in (branch.alphas, branch.thetas, branch.values))
        for branch in branches
        for end, place in zip(branch.ends, (0, -1), strict=True)
        if end == "unresolved"
    ]
    if not ends:
        return ()
    x, y, values = np.array(ends).T
    words = ("the branch could not be followed beyond this point",) * x.size
    return (Marks("lost end", UNCONFIRMED, x, y, values, words, confirmed=False),)
