"""Curves of stationary points, walked from end to end through the graph of their pieces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .linking import Graph
from .special_points import Form

_NONE = -1


class Curve(NamedTuple):
    """One curve, `[points]` in order along it.

    Attributes:
        alphas: inner step sizes.
        thetas: stationary points.
        values: the meta-loss.
        jacobians: G_theta.
        stabilities: 1 attracting, -1 repelling, 0 where that changes.
        ends: how it starts and stops.
    """

    alphas: np.ndarray
    thetas: np.ndarray
    values: np.ndarray
    jacobians: np.ndarray
    stabilities: np.ndarray
    ends: tuple[str, str]

    @property
    def closed(self) -> bool:
        """Whether the last point goes on to the first."""
        return self.ends[0] == "closed"


def curves(graph: Graph, axis: np.ndarray, low: float) -> list[Curve]:
    """All curves, in order of where they start.

    Args:
        graph: the pieces.
        axis: `[alphas]`.
        low: the lower bound of theta.
    """
    neighbours = _neighbours(graph)
    stabilities = _stabilities(graph)
    names = _end_names(graph, axis, low)
    number = np.count_nonzero(neighbours != _NONE, axis=1)
    seen = np.zeros(number.size, bool)
    walked = []
    for start in [*np.flatnonzero(number == 1), *np.flatnonzero(number == 2)]:
        if not seen[start]:
            path = _walked(neighbours, int(start))
            seen[path] = True
            walked.append(_curve(graph, path, stabilities, names, closed=number[start] == 2))
    if axis.size == 1:
        walked += [_curve(graph, [int(v)], stabilities, names, False) for v in np.flatnonzero(number == 0)]
    return sorted(walked, key=lambda c: (c.alphas[0], c.thetas[0]))


def _neighbours(graph: Graph) -> np.ndarray:
    """The vertices next to each, `[vertices, 2]`."""
    found = np.full((graph.columns.alphas.size, 2), _NONE)
    ends = np.concatenate([graph.edges, graph.edges[:, ::-1]])
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    first = np.ones(ends.shape[0], bool)
    first[1:] = ends[1:, 0] != ends[:-1, 0]
    third = ~first & np.concatenate([[False], ~first[:-1]])
    assert not third.any(), "a curve branches at a vertex"
    found[ends[first, 0], 0] = ends[first, 1]
    found[ends[~first, 0], 1] = ends[~first, 1]
    return found


def _walked(neighbours: np.ndarray, start: int) -> list[int]:
    """From a vertex on, until the curve ends or is back."""
    path, before, here = [start], _NONE, start
    while True:
        one, other = (int(n) for n in neighbours[here])
        following = other if one == before and before != _NONE else one
        if following in (_NONE, start) or following == before:
            return path
        path.append(following)
        before, here = here, following


def _curve(graph: Graph, path: list[int], stabilities: np.ndarray, names: dict[int, str], closed: bool) -> Curve:
    columns = graph.columns
    if closed:
        first = int(np.argmin(columns.alphas[path]))
        path = path[first:] + path[:first]
    elif (columns.alphas[path[0]], columns.thetas[path[0]]) > (columns.alphas[path[-1]], columns.thetas[path[-1]]):
        path = path[::-1]
    ends = ("closed", "closed") if closed else (names.get(path[0], "unresolved"), names.get(path[-1], "unresolved"))
    alphas, thetas, values, jacobians, *_ = (x[path] for x in columns)
    return Curve(alphas, thetas, values, jacobians, stabilities[path], ends)


def _stabilities(graph: Graph) -> np.ndarray:
    """Those of the vertices: at a special point that of the pieces on both sides where they agree, else 0."""
    known = graph.columns.stabilities.astype(np.int8)
    total = np.zeros(known.size, int)
    np.add.at(total, graph.edges.ravel(), np.repeat(graph.stabilities, 2))
    number = np.bincount(graph.edges.ravel(), minlength=known.size)
    special = np.array([v for e in graph.events for v in e.vertices] + graph.dead_ends, int)
    agreed = np.where(np.abs(total) == number, np.sign(total), 0)
    known[special] = agreed[special]
    return known


def _end_names(graph: Graph, axis: np.ndarray, low: float) -> dict[int, str]:
    """How a curve ends that ends at a vertex."""
    alphas = graph.columns.alphas
    slack = 64 * np.finfo(axis.dtype).eps * max(abs(axis[0]), abs(axis[-1]))
    names = {int(v): "axis" for v in np.flatnonzero((alphas <= axis[0] + slack) | (alphas >= axis[-1] - slack))}
    for event in graph.events:
        special = event.special
        at_bound = "low" if special.theta == low else "high"
        name = at_bound if special.form == Form.BOUND else "branch point"
        names |= {v: name for v in event.vertices if v not in names}
    return names | {v: "branch point" for v in graph.dead_ends}


def window(found: list[Curve], alpha: float, before: float, after: float) -> tuple[float, float]:
    """The hysteresis window of a jump: where the minimum after it is born, and where that before it dies.

    Each is followed along its curve until that turns; NaN where it does not turn on the axis.
    """
    return _turn(found, alpha, after, -1), _turn(found, alpha, before, 1)


def _turn(found: list[Curve], alpha: float, theta: float, way: int) -> float:
    """The alpha at which the attracting part of the curve through a point ends, in direction `way` of alpha."""
    best: tuple[float, float] = (np.inf, np.nan)
    for curve in found:
        order = np.arange(curve.alphas.size)
        order = np.append(order, 0) if curve.closed else order
        alphas, thetas, signs = curve.alphas[order], curve.thetas[order], curve.stabilities[order]
        left, right = np.minimum(alphas[:-1], alphas[1:]), np.maximum(alphas[:-1], alphas[1:])
        attracting = (signs[:-1] > 0) | (signs[1:] > 0)
        for k in np.flatnonzero((left <= alpha) & (alpha <= right) & attracting):
            share = (alpha - alphas[k]) / (alphas[k + 1] - alphas[k])
            distance = abs(thetas[k] + share * (thetas[k + 1] - thetas[k]) - theta)
            if distance < best[0]:
                forwards = (alphas[k + 1] > alphas[k]) == (way > 0)
                best = distance, _followed(curve, int(k) + forwards, 1 if forwards else -1)
    return best[1]


def _followed(curve: Curve, start: int, step: int) -> float:
    """Where the stability ends from a point on, in one direction along the curve."""
    size = curve.alphas.size
    for number in range(size):
        place = start + step * number
        if not curve.closed and not 0 <= place < size:
            return np.nan
        if curve.stabilities[place % size] <= 0:
            return float(curve.alphas[place % size])
    return np.nan
