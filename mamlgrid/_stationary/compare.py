"""Algorithms beside each other: where each ends up, what that costs, and where it climbs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import axis, checked_bits, checked_bounds, checked_count, even, is_traced, said
from .._base.progress import shown
from .._meta.explained import theta_is_a_number
from .._meta.meta_loss import MetaLoss, checked_meta
from .._points.memory import MEMORY_BUDGET, checked_budget
from .._results import Part, Provenance, Result, coordinate, origin, part, provenance, result, static, variable
from .._results.status import Status
from . import fixed_points
from .optimum import OptimalTheta, optimal_theta

if TYPE_CHECKING:
    import xarray

    from .._base.types import Array, ArrayLike, Bool, Float, Int


@result
class Labels(Part):
    """The names of the algorithms: static, so that they travel through jit beside the arrays."""

    names: tuple[str, ...] = static("in the order of the algorithm axis")


@result
class Comparison(Result):
    """Algorithms beside each other, for each alpha."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    thetas: Float[Array, "thetas"] = coordinate(
        "theta", "initial parameter", "the grid that was searched, and that `uphill` is given on"
    )
    labels: Labels = static("`labels.names`, the names of the algorithms in the order of their axis")
    fixed_points: Float[Array, "algorithms alphas points"] = variable(
        "algorithm alpha point",
        "fixed point of the outer direction",
        "all zeros of each algorithm's direction in the bounds, in order of theta; filled up with NaN",
    )
    jacobians: Float[Array, "algorithms alphas points"] = variable(
        "algorithm alpha point",
        "derivative of the outer direction at the fixed point",
        "the true derivative of the direction there",
    )
    attracting: Bool[Array, "algorithms alphas points"] = variable(
        "algorithm alpha point",
        "whether the fixed point attracts",
        "whether small outer steps lead there; else they lead away",
    )
    values: Float[Array, "algorithms alphas points"] = variable(
        "algorithm alpha point",
        "true meta-loss at the fixed point",
        "the true meta-loss (that of the reference) there",
    )
    regrets: Float[Array, "algorithms alphas points"] = variable(
        "algorithm alpha point",
        "true meta-loss above its optimum",
        "`values` minus the true optimum of that alpha",
    )
    status: Int[Array, "algorithms alphas points"] = variable(
        "algorithm alpha point",
        "status",
        "int8: OK, DEGENERATE, PLATEAU, ONE_SIDED, UNRESOLVED; NOT_CONVERGED at a kink, where the direction jumps "
        "through zero; NONFINITE at a pole, or where there is none, but the direction is not finite everywhere; FLAT "
        "where every theta is one; TRUNCATED in the last place where there is no room for all; ABSENT where there is "
        "none",
    )
    uphill: Bool[Array, "algorithms alphas thetas"] = variable(
        "algorithm alpha theta",
        "whether the direction climbs the true meta-loss",
        "whether the direction and the true gradient have opposite signs, beyond rounding: descending the one climbs "
        "the other",
    )
    optimum: OptimalTheta = part("the `OptimalTheta` of the reference")
    provenance: Provenance = origin()

    def position(self, label: str) -> int:
        """The place of an algorithm on the algorithm axis."""
        if label not in self.labels.names:
            raise ValueError(f"no algorithm {label!r}; there are {', '.join(map(repr, self.labels.names))}")
        return self.labels.names.index(label)

    def to_xarray(self) -> xarray.Dataset:
        """An `xarray.Dataset` whose `algorithm` coordinate has the names (extra `xarray`)."""
        return super().to_xarray().assign_coords(algorithm=list(self.labels.names))


@theta_is_a_number
def compare(
    metas: Mapping[str, MetaLoss],
    alphas: ArrayLike,
    bounds: tuple[float, float] | ArrayLike,
    *,
    reference: str | None = None,
    max_points: int | None = None,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = False,
) -> Comparison:
    """The fixed points of each algorithm by alpha, their stability and regret, and where the algorithm climbs.

    A fixed point is a zero of the outer direction, `G(theta*, alpha) = 0`. It attracts small outer steps where
    `dG/dtheta > 0`. They are the stationary points that `mg.optimal_theta` finds the lowest of, by the same search: all
    zeros, those included that touch without a change of sign. The regret is measured in the true meta-loss, that of the
    reference.

    Args:
        metas: label -> meta-loss; theta is a scalar here. `"MAML"` first is the usual reference.
        alphas: `[alphas]`, finite, floating, strictly increasing.
        bounds: `(low, high)`, searched on 513 even points; or `[thetas]`, three or more in increasing order, to
            search on. Two fixed points in one cell may be missed.
        reference: the label of the meta-loss that regrets and climbing are measured in; the first when None.
        max_points: room for so many fixed points for each alpha, static; as many as there are when None, which a
            transformation cannot count.
        memory_budget: bytes of temporaries that one chunk of alphas may take, static.
        progress: count the points that were evaluated in a bar (extra `progress`); not inside `jit` and `vmap`.

    Returns:
        A `Comparison`.

    Raises:
        ValueError, TypeError: no meta-losses, something else among them, an unknown reference, bad alphas or bounds;
            more fixed points than `max_points`.

    >>> import numpy as np, mamlgrid as mg
    >>> tasks = mg.cases.quadratics([1.0, 3.0], [0.0, 1.0])
    >>> loss, data = mg.cases.quadratic_loss, mg.Tasks((tasks.curvatures, tasks.centers))
    >>> both = mg.compare({"MAML": mg.maml(loss, data), "FOMAML": mg.fomaml(loss, data)}, np.array([0.25]), (-4.0, 4.0))
    >>> [round(float(t), 4) for t in both.fixed_points[:, 0, 0]], [round(float(r), 4) for r in both.regrets[:, 0, 0]]
    ([0.25, 0.5], [0.0, 0.0234])
    """
    if not isinstance(metas, Mapping) or not metas:
        raise ValueError(
            f'metas must map labels to meta-losses, such as {{"MAML": mg.maml(losses)}}, got {said(metas)}'
        )
    metas = {str(label): checked_meta(meta, f"metas[{label!r}]") for label, meta in metas.items()}
    reference = next(iter(metas)) if reference is None else reference
    if reference not in metas:
        raise ValueError(f"reference must be one of {', '.join(map(repr, metas))}, got {reference!r}")
    alphas = checked_bits(axis("alphas", alphas, increasing=True))
    grid = _grid(bounds, alphas.dtype)
    checked_budget(memory_budget)

    origin = provenance("compare", alphas.dtype, metas=metas, reference=reference)
    still, known, on = jax.lax.stop_gradient((tuple(metas.values()), alphas, grid))
    inside = any(map(is_traced, jax.tree.leaves((still, known, on))))
    if inside and max_points is None:
        raise ValueError("under a transformation fixed points cannot be counted: give max_points=")
    most = None if max_points is None else checked_count("max_points", max_points)
    find = fixed_points.inside if inside else fixed_points.on_host
    edges = grid if is_traced(grid) else np.asarray(grid)
    ends: Any = edges[0], edges[-1]
    with shown(progress, "points", (still, known, on)):
        points, uphill = find(still, list(metas).index(reference), known, on, most, memory_budget)
        optimum = optimal_theta(metas[reference], alphas, ends, num_thetas=grid.size, memory_budget=memory_budget)
    if any(map(is_traced, jax.tree.leaves((metas, alphas)))):
        # The search runs on values alone; derivatives of its results come from the equations they solve.
        points = fixed_points.differentiable(tuple(metas.values()), metas[reference], alphas, points)
    optimum, regrets = _with_what_was_seen(optimum, points)
    return Comparison(
        alphas, grid, Labels(tuple(metas)), points.thetas, points.jacobians, points.attracting,
        points.values, regrets, points.status, uphill, optimum, origin,
    )  # fmt: skip


@np.errstate(all="ignore")  # what is not finite has a status
def _with_what_was_seen(
    optimum: OptimalTheta, points: fixed_points.FixedPoints
) -> tuple[OptimalTheta, Float[Array, "algorithms alphas points"]]:
    """The optimum, where a fixed point of some algorithm lies below it that point with status UNRESOLVED; the regrets.

    With NumPy where the numbers are known: each of the thirty operations would be a program to compile.
    """
    known = not any(map(is_traced, jax.tree.leaves((optimum, points))))
    xp: Any = np if known else jnp
    if known:
        best, points = jax.tree.map(np.asarray, (optimum, points))
    else:
        best = optimum
    thetas, values = (xp.moveaxis(x, 0, 1).reshape(x.shape[1], -1) for x in (points.thetas, points.values))
    heights = xp.where(xp.isfinite(values), values, xp.inf)
    deepest = xp.argmin(heights, axis=1)[:, None]
    theta, value = (xp.take_along_axis(x, deepest, axis=1)[:, 0] for x in (thetas, heights))
    # Beyond rounding: 4 ulp of a sum, and what rounding does inside the losses.
    rounding = 8 * points.value_noise.max(axis=0) + 64 * xp.finfo(value.dtype).eps * xp.abs(value)
    missed = value < best.values - rounding
    nan = xp.where(missed, xp.nan, 0).astype(value.dtype)
    lowest = xp.where(missed, value, best.values)
    changed = {
        "thetas": xp.where(missed, theta, best.thetas),
        "values": lowest,
        "curvatures": best.curvatures + nan,
        "rates": best.rates + nan,
        "accuracies": best.accuracies + nan,
        "ties": best.ties + nan[:, None],
        "status": xp.where(missed, np.int8(Status.UNRESOLVED), best.status),
    }
    regrets = points.values - lowest[:, None]
    changed, regrets = jax.device_put((changed, regrets))
    return dataclasses.replace(optimum, **changed), regrets


def _grid(bounds: Any, dtype: Any) -> Float[Array, "thetas"]:
    """The points to search on."""
    if isinstance(bounds, np.ndarray | jax.Array) and bounds.shape != (2,):
        points = axis("bounds", bounds, increasing=True).astype(dtype)
        if points.size < 3:
            raise ValueError(f"a grid to search on needs three or more points, got {points.size}; or give (low, high)")
        return points
    return even(*checked_bounds(bounds, dtype))
