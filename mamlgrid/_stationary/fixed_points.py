"""The stationary points of several algorithms on one grid, and what they cost in the value of one of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import numpys_rules
from .._points.at import value_at
from .._results.status import Status
from .evaluator import OnHost, Traced
from .implicit import implicit_root
from .row import Stationary, looked_at, stationary, with_middles
from .rows import settled_rows
from .zeros import KINK

if TYPE_CHECKING:
    from .._base.types import Array
    from .._meta.meta_loss import MetaLoss


class FixedPoints(NamedTuple):
    """`[algorithms, alphas, points]`, in order of theta, filled up with ABSENT."""

    thetas: Any
    jacobians: Any
    attracting: Any
    values: Any
    status: Any
    value_noise: Any
    """`[alphas]`, what rounding does to the true meta-loss at its own stationary points."""


def on_host(
    metas: tuple[MetaLoss, ...], reference: int, alphas: Array, grid: Array, most: int | None, memory_budget: int
) -> tuple[FixedPoints, Array]:
    """The fixed points of each algorithm, as many as there are, and where each climbs the reference."""
    axis, thetas = np.asarray(alphas), np.asarray(grid)
    with np.errstate(all="ignore"):  # what is not finite has a status
        evaluators = [OnHost(meta, axis, memory_budget) for meta in metas]
        rows = [
            settled_rows(evaluator, _nodes(evaluator, thetas), evaluator.meta.outer.is_gradient)[0]
            for evaluator in evaluators
        ]
        number = max(int(row.events.exists.sum(axis=1).max()) for row in rows)
        if most is not None and number > most:
            raise ValueError(f"there are up to {number} fixed points for one alpha, but max_points={most}")
        slots = max(1, number) if most is None else most
        points = [_points(row, evaluators[reference], slots, rows[reference]) for row in rows]
        uphill = _uphill(np, evaluators, rows, reference)
    # Put there as they are: `jax_debug_nans` would take the NaN of an empty slot for a fault.
    return jax.device_put((FixedPoints(*(np.stack(x) for x in zip(*points, strict=True))), np.asarray(uphill)))


@partial(jax.jit, static_argnums=(1, 4, 5))
def inside(
    metas: tuple[MetaLoss, ...], reference: int, alphas: Array, grid: Array, most: int, memory_budget: int
) -> tuple[FixedPoints, Array]:
    """The same inside a program, with room for `most`; where there are more, the last of them is TRUNCATED."""
    with numpys_rules():
        return _inside(metas, reference, alphas, grid, most, memory_budget)


def _inside(
    metas: tuple[MetaLoss, ...], reference: int, alphas: Array, grid: Array, most: int, memory_budget: int
) -> tuple[FixedPoints, Array]:
    evaluators = [Traced(meta, alphas, memory_budget) for meta in metas]
    rows = [
        stationary(
            evaluator, *looked_at(evaluator, _nodes(evaluator, grid)), grid[0], grid[-1],
            evaluator.meta.outer.is_gradient, most,
        )
        for evaluator in evaluators
    ]  # fmt: skip
    points = []
    for row in rows:
        found = _points(row, evaluators[reference], most, rows[reference])
        crowded = (row.number > most)[:, None] & (jnp.arange(most) == most - 1)
        points.append(found._replace(status=jnp.where(crowded, int(Status.TRUNCATED), found.status).astype(jnp.int8)))
    uphill = _uphill(jnp, evaluators, rows, reference)
    return FixedPoints(*(jnp.stack(x) for x in zip(*points, strict=True))), uphill


@jax.jit
def differentiable(metas: tuple[MetaLoss, ...], true: MetaLoss, alphas: Array, points: FixedPoints) -> FixedPoints:
    """The same numbers as functions of the alphas and of the tasks."""

    def one(meta: MetaLoss, theta: Array, value: Array, alpha: Array, status: Array) -> tuple[Array, Array]:
        simple = status == int(Status.OK)
        root = implicit_root(lambda t: jax.grad(meta)(t, alpha), jnp.where(simple, theta, jnp.nan))
        theta = jnp.where(simple, root, theta)
        exists = jnp.isfinite(theta)
        return theta, jnp.where(exists, value_at(true, jnp.where(exists, theta, 0), alpha), value)

    along = jax.vmap(jax.vmap(one, (None, 0, 0, None, 0)), (None, 0, 0, 0, 0))
    found = [along(meta, points.thetas[i], points.values[i], alphas, points.status[i]) for i, meta in enumerate(metas)]
    thetas, values = (jnp.stack(x) for x in zip(*found, strict=True))
    return points._replace(thetas=thetas, values=values)


def _nodes(evaluator: Any, grid: Any) -> Any:
    """The grid, with one more node in every cell of it, for each alpha."""
    return with_middles(evaluator, evaluator.xp.broadcast_to(grid, (evaluator.alphas.shape[0], grid.size)))


def _points(row: Stationary, true: Any, slots: int, reference: Stationary) -> FixedPoints:
    """The points of one algorithm, with so many slots, and the true meta-loss there."""
    xp = true.xp
    events = row.events
    exists = events.exists
    values = true.sample(events.thetas, exists).values
    # A direction that jumps from one sign to the other has no zero there.
    status = xp.where(exists & (events.kinds == KINK), int(Status.NOT_CONVERGED), row.status)
    broken = ~(xp.isfinite(row.looked.values) & xp.isfinite(row.looked.directions)).all(axis=1)
    nothing = xp.where(row.flat, int(Status.FLAT), xp.where(broken, int(Status.NONFINITE), int(Status.ABSENT)))
    first = (xp.arange(exists.shape[1]) == 0) & ~exists.any(axis=1)[:, None]
    status = xp.where(exists, status, xp.where(first, nothing[:, None], int(Status.ABSENT))).astype("int8")

    def fit(x: Any, fill: Any) -> Any:
        have = x.shape[1]
        if have >= slots:
            return x[:, :slots]
        return xp.concatenate([x, xp.full((x.shape[0], slots - have), fill, dtype=x.dtype)], axis=1)

    nan = xp.nan
    return FixedPoints(
        fit(xp.where(exists, events.thetas, nan), nan), fit(xp.where(exists, row.at.jacobians, nan), nan),
        fit(row.attracting, False), fit(xp.where(exists, values, nan), nan), fit(status, int(Status.ABSENT)),
        xp.where(reference.events.exists, reference.probe.value_noise, 0).max(axis=1),
    )  # fmt: skip


def _uphill(xp: Any, evaluators: list[Any], rows: list[Stationary], reference: int) -> Any:
    """Whether each direction has another sign than that of the reference, beyond rounding, on the grid.

    Rounding is looked at only where the signs differ.
    """
    directions = [row.looked.directions[:, ::2] for row in rows]
    differ = [xp.sign(direction) != xp.sign(directions[reference]) for direction in directions]

    def beyond_rounding(k: int, wanted: Any) -> Any:
        noise = evaluators[k].probe(rows[k].nodes[:, ::2], wanted).direction_noise
        return wanted & (xp.abs(directions[k]) > noise)

    known = beyond_rounding(reference, xp.stack(differ).any(axis=0))
    return xp.stack(
        [
            xp.zeros_like(known) if k == reference else beyond_rounding(k, wanted & known)
            for k, wanted in enumerate(differ)
        ]
    )
