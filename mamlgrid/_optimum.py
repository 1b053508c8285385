"""The optimal theta for every alpha, with its jumps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from ._chunks import MEMORY_BUDGET, checked_budget, mapped
from ._grid import NUM_THETAS, axis, checked_bounds, checked_count, is_traced
from ._jumps import Interval, Jumps, find_jumps, is_end, residuals, solve_three, suspicious_intervals
from ._meta import MetaLoss, checked_meta, on_grid
from ._minimum import Minimum, joined, judged, search, sensitivity, shared, slope_and_curvature, tracked
from ._results import (
    Provenance,
    Result,
    coordinate,
    described,
    origin,
    part,
    provenance,
    result,
    variable,
)
from ._status import Status
from ._surface import value_at

if TYPE_CHECKING:
    from ._types import Array, ArrayLike, Float, Int

# A derivative in alpha is given when rounding leaves it three digits; below that it says nothing.
_RATE_DIGITS = 1e-3


@result
class OptimalTheta(Result):
    """The global minimiser of a meta-loss on an interval, for each alpha."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    thetas: Float[Array, "alphas"] = variable(
        "alpha", "optimal theta", "the minimiser; NaN where FLAT or NONFINITE; the leftmost where TIED"
    )
    values: Float[Array, "alphas"] = variable("alpha", "meta-loss at the optimum")
    curvatures: Float[Array, "alphas"] = variable("alpha", "second derivative of the meta-loss at the optimum")
    sensitivities: Float[Array, "alphas"] = variable(
        "alpha",
        "derivative of the optimal theta in alpha",
        "dtheta*/dalpha; 0 at a bound; NaN where FLAT, NONFINITE or DEGENERATE, and where rounding leaves it less than "
        "three digits",
    )
    accuracies: Float[Array, "alphas"] = variable(
        "alpha",
        "accuracy of the optimal theta",
        "the distance from `thetas` within which rounding hides the sign of the direction",
    )
    status: Int[Array, "alphas"] = variable(
        "alpha", "status of the optimum", "int8: OK, AT_BOUND, FLAT, TIED, DEGENERATE, NOT_CONVERGED, NONFINITE"
    )
    jumps: Jumps = part("a `Jumps`: where the minimiser switches from one basin to another")
    bounds: tuple[Float[Array, ""], Float[Array, ""]] = variable(
        "", "interval searched", "`(low, high)`, the interval searched"
    )
    provenance: Provenance = origin()


def optimal_theta(
    meta: MetaLoss,
    alphas: ArrayLike,
    bounds: tuple[float, float],
    *,
    num_thetas: int = NUM_THETAS,
    memory_budget: int = MEMORY_BUDGET,
) -> OptimalTheta:
    """The global minimiser of the meta-loss on `bounds` for each alpha, and where it jumps.

    `theta*(alpha) = argmin_theta meta(theta, alpha)`. An even grid of `num_thetas` points and one adaptive point in
    each cell find the candidates; Newton inside their brackets finishes them, until a step is at most
    `2 eps max(|theta|, high - low)`, and once more. Each alpha also tries what its neighbours found.
    `sensitivities` is `-(d2 L / dtheta dalpha) / (d2 L / dtheta2)`.
    Between neighbouring alphas in different basins, the jump is where both minima have equal values, by Newton on
    (both stationary, equal values), checked against the global minimum there.

    `thetas`, `values` and the jumps can be differentiated (by the implicit function theorem) with respect to alphas
    and to the tasks of `meta`.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        alphas: `[alphas]`, finite, floating, strictly increasing; one point is allowed. Jumps are looked for between
            neighbours that lie in different basins: two jumps there and back between them are not seen.
        bounds: `(low, high)`, the interval searched.
        num_thetas: points of the even grid, static. A basin narrower than its cells may be missed.
        memory_budget: bytes of temporaries that one chunk of alphas may take, static.

    Returns:
        An `OptimalTheta`. Its `status`: OK; AT_BOUND: the minimiser is an end of `bounds`; FLAT: the direction is
        zero to rounding everywhere, no theta is given; TIED: several separate minima whose values agree to rounding;
        DEGENERATE: flatter than quadratic, known to `accuracies` only; NOT_CONVERGED; NONFINITE: no finite value,
        or the loss falls towards a place where it is not finite. Cells that overflow elsewhere do not matter.

    Raises:
        ValueError, TypeError: bad alphas or bounds; fewer than 3 `num_thetas`.

    >>> import numpy as np, mamlgrid as mg
    >>> best = mg.optimal_theta(mg.cases.quartic().meta(), np.linspace(0, 0.9, 10), (-4.0, 4.0))
    >>> [round(float(t), 4) for t in best.thetas[:2]]
    [0.6823, 0.6948]
    >>> [round(float(a), 4) for a in best.jumps.alphas]
    [0.3266]
    """
    meta = checked_meta(meta)
    alphas = axis("alphas", alphas, increasing=True)
    low, high = checked_bounds(bounds, alphas.dtype)
    num_thetas = checked_count("num_thetas", num_thetas)
    if num_thetas < 3:
        raise ValueError(f"num_thetas must be 3 or more, got {num_thetas}")
    checked_budget(memory_budget)
    origin = provenance("optimal_theta", alphas.dtype, meta=meta, bounds=described(bounds), num_thetas=num_thetas)
    meta = on_grid(meta)
    minima, sensitivities, intervals, suspicious = _minima(meta, alphas, low, high, num_thetas, memory_budget)
    if is_traced(suspicious):
        jumps, _ = _jumps(meta, intervals, suspicious, low, high, num_thetas)
    else:
        intervals, suspicious = _gathered(intervals, suspicious)
        jumps = _no_jumps(alphas)
        if suspicious.any():
            found, number = _jumps(meta, intervals, suspicious, low, high, num_thetas)
            jumps = jax.tree.map(lambda j: j[: int(number)], found)
    return OptimalTheta(
        alphas, minima.theta, minima.value, minima.curvature, sensitivities, minima.accuracy, minima.status,
        jumps, (low, high), origin,
    )  # fmt: skip


@partial(jax.jit, static_argnames=("num_thetas", "memory_budget"))
def _minima(
    meta: MetaLoss, alphas: Array, low: Array, high: Array, num_thetas: int, memory_budget: int
) -> tuple[Minimum, Array, Interval, Array]:
    """The minima with their derivatives in alpha, and the intervals between them with a mark where one may jump."""
    # The search runs on values alone; the derivatives of its result come from the equations it solves.
    still_meta, still_alphas, low, high = jax.lax.stop_gradient((meta, alphas, low, high))
    found, landscape = mapped(lambda a: search(still_meta, a, low, high, num_thetas), still_alphas, memory_budget)
    best = shared(still_meta, still_alphas, found, low, high)

    def judge(row: Array) -> Minimum:
        own, theirs, across = jax.tree.map(lambda leaf: leaf[row], (found, best, landscape))
        return judged(still_meta, still_alphas[row], joined(own, theirs), across, low, high, low[None])

    minima = mapped(judge, jnp.arange(alphas.size), memory_budget)
    intervals, suspicious = suspicious_intervals(still_meta, still_alphas, minima, low, high)
    minima, sensitivities = jax.vmap(lambda m, a: _attached_minimum(meta, m, a, high - low))(minima, alphas)
    return minima, sensitivities, intervals, suspicious


@partial(jax.jit, static_argnames="num_thetas")
def _jumps(
    meta: MetaLoss, intervals: Interval, wanted: Array, low: Array, high: Array, num_thetas: int
) -> tuple[Jumps, Array]:
    """The jumps inside the wanted intervals, in a buffer that ends in NaN, and their number."""
    still_meta, low, high = jax.lax.stop_gradient((meta, low, high))

    def minimum(alpha: Array, ends: Array) -> Minimum:
        found, landscape = search(still_meta, alpha, low, high, num_thetas)
        near = jax.vmap(lambda theta: tracked(still_meta, alpha, theta, low, high))(ends)
        return judged(still_meta, alpha, joined(found, near), landscape, low, high, ends)

    jumps = find_jumps(still_meta, intervals, wanted, low, high, minimum)
    return jax.vmap(lambda j: _attached_jump(meta, j, low, high))(jumps), jnp.isfinite(jumps.alphas).sum()


def _gathered(intervals: Interval, wanted: Array) -> tuple[Interval, np.ndarray]:
    """Only the wanted intervals, filled up to a power of two: the search for jumps need not compile for each grid."""
    at = np.flatnonzero(wanted)
    slots = np.resize(at, 1 << max(4, int(at.size - 1).bit_length())) if at.size else at
    return jax.tree.map(lambda x: np.asarray(x)[slots], intervals), np.arange(slots.size) < at.size


def _no_jumps(alphas: Array) -> Jumps:
    empty = jnp.zeros(0, alphas.dtype)
    return Jumps(empty, empty, empty, empty, jnp.zeros(0, jnp.int8))


def _attached_minimum(meta: MetaLoss, minimum: Minimum, alpha: Array, width: Array) -> tuple[Minimum, Array]:
    """The minimum as a differentiable function of alpha and the tasks, and its derivative in alpha."""
    exists, inside = jnp.isfinite(minimum.theta), minimum.status != Status.AT_BOUND
    root = _attached(lambda theta: jax.grad(meta)(theta, alpha), minimum.theta)
    theta = jnp.where(inside, root, minimum.theta)
    # Where there is no theta everything is looked at somewhere else and then left out, so that the derivatives of
    # the others are not spoilt.
    place = jnp.where(exists, theta, 0)
    value = jnp.where(exists, value_at(meta, place, alpha), minimum.value)
    curvature = jnp.where(exists, slope_and_curvature(meta, place, alpha)[1], jnp.nan)
    rate = jnp.where(inside, _known_rate(meta, place, minimum.accuracy, alpha, width), 0)
    rate = jnp.where(exists & ~(inside & minimum.blunt), rate, jnp.nan)
    return minimum._replace(theta=theta, value=value, curvature=curvature), rate


def _known_rate(meta: MetaLoss, theta: Array, accuracy: Array, alpha: Array, width: Array) -> Array:
    """dtheta*/dalpha, or NaN where it is not known to three digits.

    theta itself is known to its accuracy only: how much the rate changes over that tells what it is worth.
    """
    rate = sensitivity(meta, theta, alpha)
    reach = jax.lax.stop_gradient(theta + accuracy * jnp.array([-1, 1], theta.dtype))
    spread = jnp.ptp(jax.vmap(lambda t: sensitivity(meta, t, alpha))(reach))
    known = jax.lax.stop_gradient(spread <= _RATE_DIGITS * (jnp.abs(rate) + width))
    return jnp.where(known, rate, jnp.nan)


def _attached_jump(meta: MetaLoss, jump: Jumps, low: Array, high: Array) -> Jumps:
    """The jump as a differentiable function of the tasks."""
    fixed = (is_end(jump.thetas_before, low, high), is_end(jump.thetas_after, low, high))
    point = jnp.stack([jump.alphas, jump.thetas_before, jump.thetas_after])
    alpha, before, after = _attached(lambda x: residuals(meta, x, fixed, low, high), point)
    return Jumps(alpha, before, after, value_at(meta, before, alpha), jump.status)


def _attached(equations: Callable[[Array], Array], solution: Array) -> Array:
    """`solution`, with the derivatives that the implicit function theorem gives a root of `equations`.

    A solution that is NaN (none was found) has derivative zero, so that it does not spoil those of its neighbours.
    """
    exists = jnp.isfinite(solution).all()

    def tangent(linear: Callable[[Array], Array], right_side: Array) -> Array:
        matrix = jax.jacfwd(linear)(jnp.zeros_like(solution))
        matrix = jnp.where(exists, matrix, jnp.eye(solution.size, dtype=solution.dtype).reshape(matrix.shape))
        return right_side / matrix if matrix.ndim == 0 else solve_three(matrix, right_side)

    # Equations are looked at where they are finite even when there is no solution.
    root = jax.lax.custom_root(equations, jnp.where(exists, solution, 0), lambda _, start: start, tangent)
    return jnp.where(exists, root, jnp.nan)
