"""All fixed points of an algorithm in theta, at one alpha: the zeros of its outer direction on the bounds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from ._minimum import finish, scan_grid, slope_and_curvature
from ._rounding import noise
from ._status import Status, code

if TYPE_CHECKING:
    from ._meta import MetaLoss
    from ._types import Array, Bool, Float, Int


class FixedPoints(NamedTuple):
    """The zeros of an outer direction in order of theta, filled up with ABSENT.

    Attributes:
        thetas: `[points]`; NaN where ABSENT or FLAT.
        jacobians: `[points]`, the derivative of the direction there.
        attracting: `[points]`, whether small outer steps lead to it: the direction goes from minus to plus.
        status: `[points]`, int8: OK; DEGENERATE: the direction is flat there, so the position is less exact; FLAT: the
            direction is zero to rounding everywhere, no point is given; NOT_CONVERGED: no zero but a discontinuity of
            the direction; NONFINITE: no point, but places where the direction is no number; ABSENT.
    """

    thetas: Float[Array, "points"]
    jacobians: Float[Array, "points"]
    attracting: Bool[Array, "points"]
    status: Int[Array, "points"]


class Crossings(NamedTuple):
    """Where the direction changes sign.

    Attributes:
        points: `[places]`, where the direction was looked at: every other one is a point of the grid.
        slopes: `[places]`, the direction there.
        seen: `[places]`, whether its sign is beyond rounding.
        negative: `[places]`, its sign; at an end of the bounds that is itself a zero, the one that makes it a crossing.
        finite: `[places]`, whether it is a number.
        crosses: `[places - 1]`, whether it changes sign up to the next place, and not by rounding alone.
        flat: whether it is zero to rounding everywhere.
    """

    points: Float[Array, "places"]
    slopes: Float[Array, "places"]
    seen: Bool[Array, "places"]
    negative: Bool[Array, "places"]
    finite: Bool[Array, "places"]
    crosses: Bool[Array, "places-1"]
    flat: Bool[Array, ""]


@jax.jit
def crossings(meta: MetaLoss, alpha: Array, grid: Array) -> Crossings:
    """The sign changes of the direction on a grid, and in the middle (or at a kink of it) of every cell."""
    points, _, slopes = scan_grid(meta, alpha, grid)
    errors = jax.vmap(lambda theta: noise(meta, theta, alpha)[1])(points)
    seen, negative, finite = jnp.abs(slopes) > errors, slopes < 0, jnp.isfinite(slopes)
    for end, neighbour in ((0, 1), (-1, -2)):
        negative = negative.at[end].set(jnp.where(seen[end], negative[end], ~negative[neighbour]))
    crosses = (negative[1:] != negative[:-1]) & finite[1:] & finite[:-1] & (seen[1:] | seen[:-1])
    return Crossings(points, slopes, seen, negative, finite, crosses, ~(seen | ~finite).any())


@partial(jax.jit, static_argnames="max_points")
def refined(meta: MetaLoss, alpha: Array, found: Crossings, max_points: int) -> FixedPoints:
    """The zero in each crossing, by Newton inside its cell, to a few eps of the bounds."""
    (at,) = jnp.nonzero(found.crosses, size=max_points, fill_value=-2)
    exists = at >= 0
    falling = ~found.negative[at]
    negative = jnp.where(falling, found.points[at + 1], found.points[at])
    positive = jnp.where(falling, found.points[at], found.points[at + 1])
    steepest = jnp.maximum(jnp.abs(found.slopes[at]), jnp.abs(found.slopes[at + 1]))
    width = found.points[-1] - found.points[0]
    eps = jnp.finfo(width.dtype).eps

    def one(negative: Array, positive: Array, steepest: Array) -> tuple[Array, Array, Array]:
        theta, converged, _, _ = finish(meta, alpha, negative, positive, width)
        _, jacobian = slope_and_curvature(meta, theta, alpha)
        error = noise(meta, theta, alpha)[1]
        # Next to a zero the direction is nearly zero. Next to a jump from one sign to the other it is as large as at
        # the ends of the cell.
        beside = theta + 8 * eps * jnp.maximum(jnp.abs(theta), width) * jnp.array([-1, 1], theta.dtype)
        jumps = jnp.abs(jax.vmap(lambda t: jax.grad(meta)(t, alpha))(beside)).min() > steepest / 16
        # Known to sqrt(eps) of the bounds or better, unless rounding hides the direction farther than that.
        sharp = error < jnp.sqrt(eps) * width * jnp.abs(jacobian)
        status = jnp.where(sharp, code(Status.OK), code(Status.DEGENERATE))
        return theta, jacobian, jnp.where(converged & ~jumps, status, code(Status.NOT_CONVERGED))

    thetas, jacobians, status = jax.vmap(one)(negative, positive, steepest)
    nothing = jnp.where(found.flat, code(Status.FLAT), code(Status.ABSENT))
    nothing = jnp.where(found.finite.all(), nothing, code(Status.NONFINITE))
    nothing = jnp.where((jnp.arange(max_points) == 0) & ~found.crosses.any(), nothing, code(Status.ABSENT))
    return FixedPoints(
        jnp.where(exists, thetas, jnp.nan),
        jnp.where(exists, jacobians, jnp.nan),
        exists & ~falling,
        jnp.where(exists, status, nothing),
    )
