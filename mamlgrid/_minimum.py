"""The global minimum of a meta-loss in theta, at one alpha: the grid finds the candidates, Newton finishes them."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from ._rounding import noise
from ._status import Status, code
from ._surface import cell

if TYPE_CHECKING:
    from ._meta import MetaLoss
    from ._types import Array, Bool, Float, Int

# Minima that are finished for each alpha, lowest first. More than a few matter only where many are tied.
_CANDIDATES = 8

# Newton halves its step or bisects, so eps is reached after log2(1 / eps) = 52 rounds of either, in whatever order.
_MAX_STEPS = 120


class Minimum(NamedTuple):
    """The global minimiser on the bounds, for one alpha.

    Attributes:
        theta: the minimiser; NaN where there is none.
        value: the meta-loss there.
        curvature: the derivative of the direction there.
        accuracy: half-width of the interval around `theta` in which rounding hides the sign of the direction.
        blunt: whether the minimum is flatter than quadratic, so that its curvature says nothing.
        status: int8.
    """

    theta: Float[Array, ""]
    value: Float[Array, ""]
    curvature: Float[Array, ""]
    accuracy: Float[Array, ""]
    blunt: Bool[Array, ""]
    status: Int[Array, ""]


class _Candidates(NamedTuple):
    """Places to look, `[candidates]`: a bracket around a stationary point, or a single point (left = right)."""

    left: Array
    right: Array
    exists: Array
    off_finite: Array  # the loss still falls where it stops being finite: no minimum can be claimed there


@jax.jit
def slope_and_curvature(meta: MetaLoss, theta: Array, alpha: Array) -> tuple[Array, Array]:
    """The outer direction and its derivative in theta."""
    return jax.jvp(lambda t: jax.grad(meta)(t, alpha), (theta,), (jnp.ones_like(theta),))


def sensitivity(meta: MetaLoss, theta: Array, alpha: Array) -> Array:
    """dtheta*/dalpha of a stationary point, by the implicit function theorem."""
    mixed = jax.jvp(lambda a: jax.grad(meta)(theta, a), (alpha,), (jnp.ones_like(alpha),))[1]
    return -mixed / slope_and_curvature(meta, theta, alpha)[1]


@partial(jax.jit, static_argnames="num_thetas")
def global_minimum(meta: MetaLoss, alpha: Array, low: Array, high: Array, num_thetas: int) -> Minimum:
    """The global minimiser of `meta(., alpha)` on `[low, high]`.

    Every sign change of the direction from minus to plus on the grid is a candidate, as is a bound from which the
    loss rises. The lowest few are finished by Newton inside their brackets, and compared. Where the loss overflows,
    it is taken as high; a loss that falls towards such a place is NONFINITE.
    """
    grid = low + (high - low) * jnp.linspace(0, 1, num_thetas, dtype=low.dtype)
    points, values, slopes = scan_grid(meta, alpha, grid)
    found = _candidates(points, values, slopes)
    theta, converged, value, curvature = jax.vmap(lambda a, b: finish(meta, alpha, a, b, high - low))(
        found.left, found.right
    )
    # What rounding hides: at the candidates, and at nine places across the bounds.
    across = jnp.linspace(0, points.size - 1, 9).astype(int)
    errors, slope_errors = jax.vmap(lambda t: noise(meta, t, alpha))(jnp.concatenate([theta, points[across]]))
    error, slope_error, slope_error_across = (
        errors[: theta.size],
        slope_errors[: theta.size],
        slope_errors[theta.size :],
    )

    value = jnp.where(found.exists, value, jnp.inf)
    best = jnp.argmin(value)
    tied = found.exists & (value - error <= value[best] + error[best])
    leftmost = jnp.argmin(jnp.where(tied, theta, jnp.inf))
    accuracy, blunt = _accuracy(meta, alpha, theta[leftmost], slope_error[leftmost], curvature[leftmost], low, high)
    apart = tied & (jnp.abs(theta - theta[leftmost]) > 2 * accuracy)

    at_bound = (found.left == found.right)[leftmost]
    status = jnp.where(blunt & ~at_bound, code(Status.DEGENERATE), code(Status.OK))
    status = jnp.where(at_bound, code(Status.AT_BOUND), status)
    status = jnp.where(apart.any(), code(Status.TIED), status)
    status = jnp.where(converged[leftmost], status, code(Status.NOT_CONVERGED))
    # Flat: nowhere in the bounds does the slope rise above rounding.
    hidden = jnp.abs(slopes[across]) <= slope_error_across
    flat = hidden.all() & (jnp.abs(slopes) <= slope_error_across.max()).all()
    status = jnp.where(flat, code(Status.FLAT), status)
    broken = ~found.exists.any() | found.off_finite[leftmost] | (values == -jnp.inf).any()
    status = jnp.where(broken, code(Status.NONFINITE), status)

    nan = jnp.full((), jnp.nan, theta.dtype)
    none = flat | broken
    return Minimum(
        theta=jnp.where(none, nan, theta[leftmost]),
        value=jnp.where(broken, nan, jnp.where(flat, values.min(), value[leftmost])),
        curvature=jnp.where(none, nan, curvature[leftmost]),
        accuracy=jnp.where(none, nan, jnp.where(at_bound, 0, accuracy)),
        blunt=blunt,
        status=status,
    )


def scan_grid(meta: MetaLoss, alpha: Array, grid: Array) -> tuple[Array, Array, Array]:
    """Points with values and slopes: those of a grid, and in each cell one more.

    The extra point is where the curvature changes sign, if it does: there the slope is extreme, so that a minimum and
    a maximum hidden in one cell, between slopes of one sign, still show. Else it is the middle.
    """
    value, slope, curvature = jax.vmap(lambda t: jnp.stack(cell(meta, t, alpha, 2)), out_axes=1)(grid)
    here, there = curvature[:-1], curvature[1:]
    share = jnp.where(here * there < 0, here / (here - there), 0.5)
    between = grid[:-1] + share * (grid[1:] - grid[:-1])
    value_between, slope_between = jax.vmap(lambda t: jnp.stack(cell(meta, t, alpha, 1)), out_axes=1)(between)

    def woven(at_grid: Array, at_between: Array) -> Array:
        pairs = jnp.stack([at_grid[:-1], at_between], axis=1).ravel()
        return jnp.concatenate([pairs, at_grid[-1:]])

    return woven(grid, between), woven(value, value_between), woven(slope, slope_between)


def _candidates(points: Array, values: Array, slopes: Array) -> _Candidates:
    """The lowest places where a minimum can be."""
    finite = jnp.isfinite(values) & jnp.isfinite(slopes)
    left, right = points[:-1], points[1:]
    falls, rises = finite & (slopes < 0), finite & (slopes >= 0)
    bracket = falls[:-1] & rises[1:]
    off_right, off_left = falls[:-1] & ~finite[1:], rises[1:] & ~finite[:-1]

    # How low the minimum of a bracket will be, from slopes that change linearly: the triangle below each end.
    share = slopes[:-1] / jnp.where(bracket, slopes[:-1] - slopes[1:], -1)
    from_left = values[:-1] + slopes[:-1] * share * (right - left) / 2
    from_right = values[1:] - slopes[1:] * (1 - share) * (right - left) / 2
    heights = jnp.where(bracket, jnp.minimum(from_left, from_right), jnp.inf)
    heights = jnp.where(off_right, values[:-1], jnp.where(off_left, values[1:], heights))
    starts, stops = jnp.where(off_left, right, left), jnp.where(off_right, left, right)

    # The bounds themselves, as brackets without width.
    ends = jnp.array([0, -1])
    at_ends = jnp.where(jnp.stack([rises[0], falls[-1]]), values[ends], jnp.inf)
    heights = jnp.concatenate([heights, at_ends])
    starts, stops = (jnp.concatenate([edge, points[ends]]) for edge in (starts, stops))
    off_finite = jnp.concatenate([off_left | off_right, jnp.zeros(2, bool)])

    at = _lowest(heights, min(_CANDIDATES, heights.size))
    return _Candidates(starts[at], stops[at], heights[at] < jnp.inf, off_finite[at])


def _lowest(heights: Array, count: int) -> Array:
    """The indices of the `count` smallest entries: as `lax.top_k`, but by minima of blocks, which is far faster."""
    size = math.isqrt(heights.size - 1) + 1
    blocks = jnp.pad(heights, (0, size * size - heights.size), constant_values=jnp.inf).reshape(size, size)

    def take(blocks: Array, _: None) -> tuple[Array, Array]:
        block = jnp.argmin(blocks.min(axis=1))
        entry = jnp.argmin(blocks[block])
        # An entry that is taken becomes NaN in its own block's minimum no more: inf, like one that never was.
        return blocks.at[block, entry].set(jnp.inf), block * size + entry

    return jnp.minimum(jax.lax.scan(take, blocks, None, length=count)[1], heights.size - 1)


def finish(meta: MetaLoss, alpha: Array, left: Array, right: Array, width: Array) -> tuple[Array, ...]:
    """The root of the slope between `left`, where it is negative, and `right`, by Newton inside the bracket.

    A Newton step that leaves the bracket or does not halve the step before it is replaced by a bisection. Stops when
    a step is at most `2 eps max(|theta|, width)`; one more Newton step then makes the error far smaller than that.

    Returns:
        The root, whether the search ended, and the value and curvature there.
    """
    eps = jnp.finfo(left.dtype).eps

    class Search(NamedTuple):
        left: Array
        right: Array
        theta: Array
        step: Array
        rounds: Array

    def unfinished(s: Search) -> Array:
        return (jnp.abs(s.step) > 2 * eps * jnp.maximum(jnp.abs(s.theta), width)) & (s.rounds < _MAX_STEPS)

    def advance(s: Search) -> Search:
        slope, curvature = slope_and_curvature(meta, s.theta, alpha)
        left = jnp.where(slope < 0, s.theta, s.left)
        right = jnp.where(slope < 0, s.right, s.theta)
        newton = s.theta - slope / curvature
        good = between(newton, left, right) & (jnp.abs(newton - s.theta) <= 0.5 * jnp.abs(s.step))
        theta = jnp.where(slope == 0, s.theta, jnp.where(good, newton, left + (right - left) / 2))
        return Search(left, right, theta, theta - s.theta, s.rounds + 1)

    start = Search(left, right, left + (right - left) / 2, right - left, jnp.asarray(0))
    end = jax.lax.while_loop(unfinished, advance, start)
    value, slope, curvature = cell(meta, end.theta, alpha, 2)
    polished = end.theta - slope / curvature
    return jnp.where(between(polished, end.left, end.right), polished, end.theta), ~unfinished(end), value, curvature


def between(theta: Array, one: Array, other: Array) -> Array:
    """Whether `theta` lies between the two, in whatever order they are."""
    return (theta >= jnp.minimum(one, other)) & (theta <= jnp.maximum(one, other))


def _accuracy(
    meta: MetaLoss, alpha: Array, theta: Array, slope_error: Array, curvature: Array, low: Array, high: Array
) -> tuple[Array, Array]:
    """How far from `theta` the slope must be looked at to rise above rounding, and whether the minimum is flat there.

    The slope is looked at in distances `width / 4^j` on both sides. The accuracy is the smallest distance from which
    two in a row show it beyond rounding. The minimum is flatter than quadratic where, just beyond that distance, the
    slope grows faster than distance^(3/2), or is more than twice what the curvature makes of the distance.
    """
    eps = float(jnp.finfo(theta.dtype).eps)
    distances = (high - low) * 4.0 ** -jnp.arange(math.ceil(math.log(1 / eps, 4)) + 1, dtype=theta.dtype)

    def one_side(sign: Array) -> tuple[Array, Array]:
        places = theta + sign * distances
        slopes = sign * jax.vmap(lambda t: jax.grad(meta)(t, alpha))(places)
        seen = (slopes > slope_error) | (places < low) | (places > high)
        steady = seen[1:] & seen[:-1]  # seen at this distance and at the next larger one
        nearest = jnp.max(jnp.where(steady, jnp.arange(1, distances.size), 0))
        # At 4 and 16 times the accuracy rounding no longer matters: their ratio is 4 when linear, 64 when cubic.
        near, far = slopes[jnp.maximum(nearest - 1, 0)], slopes[jnp.maximum(nearest - 2, 0)]
        distance = distances[nearest]
        return distance, (far > 8 * near) | (near > 2 * curvature * 4 * distance + slope_error)

    sides, flat_sides = jax.vmap(one_side)(jnp.array([-1, 1], theta.dtype))
    return sides.max(), flat_sides.any()
