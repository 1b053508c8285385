"""The whole diagram on the host: rows on the axis, their lowest minima and jumps, and the curves between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np

from ._branches import Curve, curves
from ._evaluator import OnHost
from ._linking import Graph, Linking
from ._lowest import Lowest
from ._row import Stationary
from ._rows import _filled_up, _with_inner_status, settled_rows
from ._special_points import Box
from ._switches import Switch, points, switches

if TYPE_CHECKING:
    from .._meta import MetaLoss
    from .._types import Array


class Whole(NamedTuple):
    """Everything that is known.

    Attributes:
        found: the rows of the axis, filled up where it is coarse.
        own: which of these rows are those of the axis.
        best: the lowest minima of the axis alone, as JAX arrays.
        switches: the jumps between them.
        graph: pieces of curves and special points.
        curves: the curves.
    """

    found: Stationary
    own: np.ndarray
    best: Lowest
    switches: list[Switch]
    graph: Graph
    curves: list[Curve]


def whole(meta: MetaLoss, alphas: Array, low: Array, high: Array, num_thetas: int, memory_budget: int) -> Whole:
    """All of it."""
    axis, ends = np.asarray(alphas), (np.asarray(low), np.asarray(high))
    is_gradient = meta.outer.is_gradient

    def solve(some: np.ndarray) -> tuple[Stationary, Lowest]:
        return settled_rows(OnHost(meta, some, memory_budget), *ends, num_thetas, is_gradient)

    with np.errstate(all="ignore"):  # what is not finite has a status
        full, own = _filled_up(axis)
        found, best = solve(full)
        jumps = switches(OnHost(meta, full, memory_budget), points(full, found, best), solve, *ends, is_gradient)
        best = Lowest(*(np.asarray(x)[own] for x in best))
        widest = np.isfinite(best.ties).sum(axis=1).max(initial=0)
        best = best._replace(ties=best.ties[:, :widest], status=_with_inner_status(meta, axis, best, ends))
        eps = float(np.finfo(axis.dtype).eps)
        box = Box(float(axis[0]), float(axis[-1]), float(low), float(high), eps)
        linking = Linking(meta, lambda some: solve(some)[0], box, axis.dtype, memory_budget)
        graph = linking.linked(full, found)
    return Whole(found, own, Lowest(*map(jax.device_put, best)), jumps, graph, curves(graph, full, float(low)))
