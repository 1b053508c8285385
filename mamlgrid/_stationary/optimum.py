"""The optimal theta for every alpha, with its ties and jumps."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import NUM_THETAS, axis, checked_bits, checked_bounds, checked_count, is_traced
from .._base.progress import shown
from .._meta.explained import theta_is_a_number
from .._meta.meta_loss import MetaLoss, checked_meta
from .._points.at import value_at
from .._points.memory import MEMORY_BUDGET, checked_budget
from .._results import Part, Provenance, Result, coordinate, described, origin, part, provenance, result, variable
from .._results.status import Status
from .implicit import implicit_root, jump_equations
from .rows import Solver, lowest_inside
from .switches import Switch

if TYPE_CHECKING:
    from .._base.types import Array, ArrayLike, Float, Int


@result
class Jumps(Part):
    """Where the global minimiser switches between basins, in order of alpha.

    Both thetas are stationary (or ends of the bounds) at the jump and have equal values. Where the direction is not the
    gradient of the value, as with FOMAML, minima are what it leads to; these may be born or die at a fold, and then the
    values differ and `values` is that just below.
    """

    alphas: Float[Array, "jumps"] = variable("jump", "alpha of the jump", "where it is, refined to near eps")
    thetas_before: Float[Array, "jumps"] = variable(
        "jump", "optimal theta just below the jump", "the minimiser just below"
    )
    thetas_after: Float[Array, "jumps"] = variable(
        "jump", "optimal theta just above the jump", "the minimiser just above"
    )
    values: Float[Array, "jumps"] = variable("jump", "meta-loss at the jump", "the meta-loss there, the same for both")
    status: Int[Array, "jumps"] = variable(
        "jump",
        "status of the jump",
        "int8: OK; NOT_CONVERGED where the jump is only enclosed; UNRESOLVED for an interval of alpha in which there "
        "are more than could be told apart",
    )
    windows: Float[Array, "jumps 2"] = variable(
        "jump end",
        "hysteresis window of the jump",
        "the alpha at which the minimum `after` is born, and that at which `before` dies; NaN where that does not "
        "happen on the axis, and where no `mg.bifurcation_diagram` was made",
    )


@result
class OptimalTheta(Result):
    """The global minimiser of a meta-loss on an interval, for each alpha."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    thetas: Float[Array, "alphas"] = variable(
        "alpha", "optimal theta", "the minimiser; NaN where FLAT or NONFINITE; the leftmost where TIED"
    )
    values: Float[Array, "alphas"] = variable("alpha", "meta-loss at the optimum")
    curvatures: Float[Array, "alphas"] = variable("alpha", "second derivative of the meta-loss at the optimum")
    rates: Float[Array, "alphas"] = variable(
        "alpha",
        "derivative of the optimal theta in alpha",
        "dtheta*/dalpha; 0 at a bound; NaN where theta is no simple zero of the direction (FLAT, NONFINITE, "
        "DEGENERATE, PLATEAU, ONE_SIDED, a kink), and where rounding leaves it less than three digits",
    )
    accuracies: Float[Array, "alphas"] = variable(
        "alpha",
        "accuracy of the optimal theta",
        "the distance from `thetas` within which rounding hides the sign of the direction",
    )
    ties: Float[Array, "alphas ties"] = variable(
        "alpha tie",
        "minimisers of equal value",
        "where TIED all minimisers in order of theta, filled up with NaN; NaN elsewhere",
    )
    status: Int[Array, "alphas"] = variable(
        "alpha",
        "status of the optimum",
        "int8: OK, AT_BOUND, FLAT, TIED, DEGENERATE, PLATEAU, ONE_SIDED, UNRESOLVED, NOT_CONVERGED, TRUNCATED, "
        "NONFINITE",
    )
    jumps: Jumps = part(
        "where the minimiser switches from one basin to another, a `Jumps`; None under a transformation"
    )
    bounds: tuple[Float[Array, ""], Float[Array, ""]] = variable(
        "", "interval searched", "`(low, high)`, the interval searched"
    )
    provenance: Provenance = origin()


@theta_is_a_number
def optimal_theta(
    meta: MetaLoss,
    alphas: ArrayLike,
    bounds: tuple[float, float],
    *,
    num_thetas: int = NUM_THETAS,
    max_points: int = 16,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = False,
) -> OptimalTheta:
    """The global minimiser of the meta-loss on `bounds` for each alpha, and where it jumps.

    `theta*(alpha) = argmin_theta meta(theta, alpha)`, the lowest of all minima on the bounds. Every zero of the
    direction that `2 num_thetas - 1` even points show, by a change of sign or by coming near to zero inside a cell, is
    finished by a safeguarded Newton iteration, until a step is at most `2 eps max(|theta|, high - low)`, and once more;
    kinks, jumps of the value and plateaus are enclosed by bisection. No answer lies above the lowest value that was
    looked at.
    `rates` are `-(d2 L / dtheta dalpha) / (d2 L / dtheta2)`. Between neighbouring alphas the minimiser must move as
    they say, or a jump is looked for, by Newton's method on (both stationary, equal values), checked against the global
    minimum there, or by dividing the interval.

    `thetas` and `values` can be differentiated (by the implicit function theorem) with respect to alphas and to the
    tasks of `meta`; outside `jit` and `vmap` the jumps too.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        alphas: `[alphas]`, finite, floating, strictly increasing; one point is allowed. Fewer than 33 are filled up
            with alphas between them when jumps are looked for.
        bounds: `(low, high)`, the interval searched.
        num_thetas: points of the even grid, static; one more is looked at between any two. Rows in which these extra
            points show zeros that the grid alone would not have shown are looked at again, up to 16 times as finely.
        max_points: room for so many stationary points of each kind and alpha under `jit` and `vmap`, static; elsewhere
            they are counted.
        memory_budget: bytes of temporaries that one chunk may take, static.
        progress: count the points that were evaluated in a bar (extra `progress`); not inside `jit` and `vmap`.

    Returns:
        An `OptimalTheta`. Its `status`: OK; AT_BOUND: the minimiser is an end of `bounds`; FLAT: neither direction nor
        value rise above rounding anywhere, no theta is given; TIED: several separate minima whose values agree to
        rounding, all in `ties`; DEGENERATE: flatter than quadratic, known to `accuracies` only; PLATEAU: an interval of
        minimisers, its middle is given; ONE_SIDED: an infimum beside a jump of the value; UNRESOLVED: not settled;
        NOT_CONVERGED: a proximal inner problem was not solved; TRUNCATED: more points than `max_points`; NONFINITE: no
        finite value, or the loss falls towards a place where it is not finite. Cells that overflow elsewhere do not
        matter.

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
    alphas = checked_bits(axis("alphas", alphas, increasing=True))
    low, high = checked_bounds(bounds, alphas.dtype)
    num_thetas = checked_count("num_thetas", num_thetas)
    if num_thetas < 3:
        raise ValueError(f"num_thetas must be 3 or more, got {num_thetas}")
    checked_budget(memory_budget)
    origin = provenance("optimal_theta", alphas.dtype, meta=meta, bounds=described(bounds), num_thetas=num_thetas)
    still, known, start, stop = jax.lax.stop_gradient((meta, alphas, low, high))
    jumps: Any = None
    if any(map(is_traced, jax.tree.leaves((still, known, start, stop)))):
        settings = {"num_thetas": num_thetas, "max_points": checked_count("max_points", max_points)}
        best = lowest_inside(still, known, start, stop, **settings, memory_budget=memory_budget)
    else:
        with shown(progress, "points", ()):
            rows = Solver(still, start, stop, num_thetas, memory_budget).rows(np.asarray(known))
        best, jumps = rows.best, listed_jumps(rows.switches, known.dtype)
    found = OptimalTheta(
        alphas, best.thetas, best.values, best.curvatures, best.rates, best.accuracies, best.ties, best.status,
        jumps, (low, high), origin,
    )  # fmt: skip
    # The search runs on values alone; derivatives of its results come from the equations they solve.
    moving = any(map(is_traced, jax.tree.leaves((meta, alphas))))
    return _differentiable(meta, found) if moving else found


def listed_jumps(switches: list[Switch], dtype: Any) -> Jumps:
    """The switches as a result."""
    columns = list(zip(*switches, strict=True)) or [()] * 5
    windows = jax.device_put(np.full((len(switches), 2), np.nan, dtype))
    alphas, before, after, values = (jnp.asarray(np.array(column, dtype)) for column in columns[:4])
    return Jumps(alphas, before, after, values, jax.device_put(np.array(columns[4], np.int8)), windows)


@jax.jit
def _differentiable(meta: MetaLoss, found: OptimalTheta) -> OptimalTheta:
    """The same numbers as functions of the alphas and of the tasks."""
    low, high = found.bounds

    def one(theta: Array, value: Array, alpha: Array, status: Array) -> tuple[Array, Array]:
        exists = jnp.isfinite(theta)
        inside = (theta > low) & (theta < high) & exists & (status != int(Status.AT_BOUND))
        theta = jnp.where(inside, implicit_root(lambda t: jax.grad(meta)(t, alpha), theta), theta)
        # Where there is no theta everything is looked at somewhere else and then left out, so that the derivatives of
        # the others are not spoilt.
        return theta, jnp.where(exists, value_at(meta, jnp.where(exists, theta, 0), alpha), value)

    thetas, values = jax.vmap(one)(found.thetas, found.values, found.alphas, found.status)
    jumps = found.jumps
    if jumps is not None and jumps.alphas.size:
        jumps = jax.vmap(partial(_differentiable_jump, meta, found.bounds))(jumps)
    return dataclasses.replace(found, thetas=thetas, values=values, jumps=jumps)


def _differentiable_jump(meta: MetaLoss, bounds: tuple[Array, Array], jump: Jumps) -> Jumps:
    """The jump as a function of the tasks: both thetas stationary, or on their bound, and equal values."""
    point = jnp.stack([jump.alphas, jump.thetas_before, jump.thetas_after])
    fixed = jnp.isin(point[1:], jnp.stack(bounds))

    def equations(x: Array) -> Array:
        level, *slopes = jump_equations(meta, x)
        return jnp.concatenate([level[None], jnp.where(fixed, x[1:] - point[1:], jnp.stack(slopes))])

    alpha, before, after = implicit_root(equations, point)
    return Jumps(alpha, before, after, value_at(meta, before, alpha), jump.status, jump.windows)
