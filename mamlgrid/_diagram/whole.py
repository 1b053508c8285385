"""The whole diagram on the host: rows on the axis, their lowest minima and jumps, and the curves between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._stationary.rows import Rows, Solver
from .branches import Curve, curves
from .linking import Graph, Linking
from .special_points import Box

if TYPE_CHECKING:
    from .._base.types import Array
    from .._meta.meta_loss import MetaLoss


class Whole(NamedTuple):
    """Everything that is known.

    Attributes:
        rows: what lies on each row, and the jumps of the lowest minimum.
        graph: pieces of curves and special points.
        curves: the curves.
    """

    rows: Rows
    graph: Graph
    curves: list[Curve]


def whole(meta: MetaLoss, alphas: Array, low: Array, high: Array, num_thetas: int, memory_budget: int) -> Whole:
    """All of it."""
    axis = np.asarray(alphas)
    solve = Solver(meta, low, high, num_thetas, memory_budget)
    with np.errstate(all="ignore"):  # what is not finite has a status
        rows = solve.rows(axis)
        box = Box(float(axis[0]), float(axis[-1]), float(low), float(high), float(np.finfo(axis.dtype).eps))
        linking = Linking(meta, lambda some: solve(some)[0], box, axis.dtype, memory_budget)
        graph = linking.linked(rows.alphas, rows.found)
    return Whole(rows, graph, curves(graph, rows.alphas, float(low)))
