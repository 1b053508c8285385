"""The global minimum of a meta-loss in theta, at one alpha: the grid finds the candidates, Newton finishes them."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from ._grid import even
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


class Found(NamedTuple):
    """Stationary points and bounds that may be the global minimiser, each `[candidates]`.

    Attributes:
        theta: where.
        value: the meta-loss there; inf for an entry that only fills up.
        curvature: the derivative of the direction there.
        converged: whether the search ended.
        at_bound: whether it is an end of the bounds.
        off_finite: whether the loss still falls where it stops being finite: no minimum can be claimed there.
    """

    theta: Array
    value: Array
    curvature: Array
    converged: Array
    at_bound: Array
    off_finite: Array


class Landscape(NamedTuple):
    """What the scan of the bounds says about all of them.

    Attributes:
        places: nine thetas across the bounds.
        slopes: the direction there.
        steepest: the largest direction anywhere.
        lowest: the lowest value anywhere.
    """

    places: Array
    slopes: Array
    steepest: Array
    lowest: Array


class _Candidates(NamedTuple):
    """Places to look, `[candidates]`: a bracket around a stationary point, or a single point (left = right)."""

    left: Array
    right: Array
    exists: Array
    off_finite: Array


@jax.jit
def slope_and_curvature(meta: MetaLoss, theta: Array, alpha: Array) -> tuple[Array, Array]:
    """The outer direction and its derivative in theta."""
    return jax.jvp(lambda t: jax.grad(meta)(t, alpha), (theta,), (jnp.ones_like(theta),))


@jax.jit
def sensitivity(meta: MetaLoss, theta: Array, alpha: Array) -> Array:
    """dtheta*/dalpha of a stationary point, by the implicit function theorem."""
    mixed = jax.jvp(lambda a: jax.grad(meta)(theta, a), (alpha,), (jnp.ones_like(alpha),))[1]
    return -mixed / slope_and_curvature(meta, theta, alpha)[1]


@partial(jax.jit, static_argnames="num_thetas")
def search(meta: MetaLoss, alpha: Array, low: Array, high: Array, num_thetas: int) -> tuple[Found, Landscape]:
    """The places on `[low, high]` that may be the global minimiser of `meta(., alpha)`.

    Every sign change of the direction from minus to plus on the grid is a candidate, as is a bound from which the
    loss rises. The lowest few are finished by Newton inside their brackets. Where the loss overflows, it is taken as
    high.
    """
    points, values, slopes = scan_grid(meta, alpha, even(low, high, num_thetas))
    at = _candidates(points, values, slopes)
    theta, converged, value, curvature = jax.vmap(lambda a, b: finish(meta, alpha, a, b, high - low))(at.left, at.right)
    found = Found(theta, jnp.where(at.exists, value, jnp.inf), curvature, converged, at.left == at.right, at.off_finite)
    across = jnp.linspace(0, points.size - 1, 9).astype(int)
    steepest = jnp.max(jnp.abs(slopes))  # NaN where one is: then nothing is flat
    return found, Landscape(points[across], slopes[across], steepest, jnp.nanmin(values))


@jax.jit
def tracked(meta: MetaLoss, alpha: Array, theta: Array, low: Array, high: Array) -> Found:
    """The minimum that Newton finds from a minimiser of a neighbouring alpha: a further candidate.

    The grid can miss a basin that shares a cell with another one; what one alpha has found is offered to the next.
    """

    def advance(theta: Array, _: None) -> tuple[Array, Array]:
        slope, curvature = slope_and_curvature(meta, theta, alpha)
        step = slope / curvature
        return jnp.clip(theta - step, low, high), jnp.abs(step)

    # From a start that is close eight steps reach rounding; from elsewhere they are not needed.
    end, steps = jax.lax.scan(advance, theta, None, length=8)
    value, _, curvature = cell(meta, end, alpha, 2)
    close = steps[-1] <= 8 * jnp.finfo(theta.dtype).eps * jnp.maximum(jnp.abs(end), high - low)
    good = close & (curvature > 0) & jnp.isfinite(value) & (end > low) & (end < high)
    no = jnp.zeros((), bool)
    return Found(jnp.where(good, end, low), jnp.where(good, value, jnp.inf), curvature, good, no, no)


@jax.jit
def judged(
    meta: MetaLoss, alpha: Array, found: Found, landscape: Landscape, low: Array, high: Array, near: Array
) -> Minimum:
    """The lowest of the candidates, with what can be said about it.

    Args:
        meta: the meta-loss.
        alpha: the inner step size.
        found: `[candidates]`.
        landscape: of the scan that they come from.
        low: the lower bound.
        high: the upper bound.
        near: `[places]`; of several minima that are equal to rounding, the one nearest to any of these is taken.
    """
    theta, value = found.theta, found.value
    # What rounding hides: at the candidates, and at nine places across the bounds.
    errors, slope_errors = jax.vmap(lambda t: noise(meta, t, alpha))(jnp.concatenate([theta, landscape.places]))
    error, slope_error = errors[: theta.size], slope_errors[: theta.size]
    slope_error_across = slope_errors[theta.size :]

    exists = value < jnp.inf
    best = jnp.argmin(value)
    tied = exists & (value - error <= value[best] + error[best])
    distance = jnp.min(jnp.abs(theta[:, None] - near), axis=1)
    chosen = jnp.argmin(jnp.where(tied, distance, jnp.inf))
    accuracy, blunt = _accuracy(meta, alpha, theta[chosen], slope_error[chosen], found.curvature[chosen], low, high)
    apart = tied & (jnp.abs(theta - theta[chosen]) > 2 * accuracy)

    # A bound that is itself stationary is a minimiser like any other.
    slope = jax.grad(meta)(theta[chosen], alpha)
    at_bound = found.at_bound[chosen] & (jnp.abs(slope) > slope_error[chosen])
    status = jnp.where(blunt & ~at_bound, code(Status.DEGENERATE), code(Status.OK))
    status = jnp.where(at_bound, code(Status.AT_BOUND), status)
    status = jnp.where(apart.any(), code(Status.TIED), status)
    status = jnp.where(found.converged[chosen], status, code(Status.NOT_CONVERGED))
    # Flat: nowhere in the bounds does the slope rise above rounding.
    hidden = jnp.abs(landscape.slopes) <= slope_error_across
    flat = hidden.all() & (landscape.steepest <= slope_error_across.max())
    status = jnp.where(flat, code(Status.FLAT), status)
    broken = ~exists.any() | found.off_finite[chosen] | (landscape.lowest == -jnp.inf)
    status = jnp.where(broken, code(Status.NONFINITE), status)

    nan = jnp.full((), jnp.nan, theta.dtype)
    none = flat | broken
    return Minimum(
        theta=jnp.where(none, nan, theta[chosen]),
        value=jnp.where(broken, nan, jnp.where(flat, landscape.lowest, value[chosen])),
        curvature=jnp.where(none, nan, found.curvature[chosen]),
        accuracy=jnp.where(none, nan, jnp.where(at_bound, 0, accuracy)),
        blunt=blunt,
        status=status,
    )


def shared(meta: MetaLoss, alphas: Array, found: Found, low: Array, high: Array) -> Found:
    """The lowest minimum known for each alpha, `[alphas]`, when each has also tried those of its two neighbours.

    Repeated as long as one of them gains by it, which is usually not at all.

    Args:
        meta: the meta-loss.
        alphas: `[alphas]`.
        found: `[alphas, candidates]`.
        low: the lower bound.
        high: the upper bound.
    """
    eps = jnp.finfo(low.dtype).eps
    rows = jnp.arange(alphas.size)
    best = jax.tree.map(lambda leaf: leaf[rows, jnp.argmin(found.value, axis=1)], found)

    def share(state: tuple[Found, Array, Array]) -> tuple[Found, Array, Array]:
        best, _, rounds = state
        # Where the neighbour's minimum will have moved, to first order.
        rates = jax.vmap(lambda t, a: sensitivity(meta, t, a))(best.theta, alphas)
        moves = [jnp.roll(best.theta, s) + jnp.roll(rates, s) * (alphas - jnp.roll(alphas, s)) for s in (1, -1)]
        starts = jnp.clip(jnp.stack(moves), low, high)
        tried = jax.vmap(lambda s: jax.vmap(lambda a, t: tracked(meta, a, t, low, high))(alphas, s))(starts)
        tried = jax.tree.map(lambda leaf: jnp.where(tried.value[0] <= tried.value[1], leaf[0], leaf[1]), tried)
        # Lower by more than rounding, and somewhere else.
        gains = tried.value < best.value - 64 * eps * jnp.abs(best.value)
        gains &= jnp.abs(tried.theta - best.theta) > jnp.sqrt(eps) * (high - low)
        best = jax.tree.map(lambda new, old: jnp.where(gains, new, old), tried, best)
        return best, gains.any(), rounds + 1

    start = (best, jnp.ones((), bool), jnp.asarray(0))
    return jax.lax.while_loop(lambda s: s[1] & (s[2] < alphas.size), share, start)[0]


def joined(*parts: Found) -> Found:
    """Candidates from several places, as one list."""
    return jax.tree.map(lambda *leaves: jnp.concatenate([jnp.atleast_1d(leaf) for leaf in leaves]), *parts)


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
    indices = jnp.arange(size * size).reshape(size, size)

    def take(blocks: Array, _: None) -> tuple[Array, Array]:
        block = jnp.argmin(blocks.min(axis=1))
        entry = jnp.argmin(blocks[block])
        index = block * size + entry
        # An entry that is taken becomes like one that never was. A mask compiles faster than a scatter.
        return jnp.where(indices == index, jnp.inf, blocks), index

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
    slope, curvature = slope_and_curvature(meta, end.theta, alpha)
    polished = end.theta - slope / curvature
    theta = jnp.where(between(polished, end.left, end.right), polished, end.theta)
    value, _, curvature = cell(meta, theta, alpha, 2)
    return theta, ~unfinished(end), value, curvature


def between(theta: Array, one: Array, other: Array) -> Array:
    """Whether `theta` lies between the two, in whatever order they are."""
    return (theta >= jnp.minimum(one, other)) & (theta <= jnp.maximum(one, other))


def _accuracy(
    meta: MetaLoss, alpha: Array, theta: Array, slope_error: Array, curvature: Array, low: Array, high: Array
) -> tuple[Array, Array]:
    """How far from `theta` the slope must be looked at to rise above rounding, and whether the minimum is flat there.

    The slope is looked at in distances `width / 4^j` on both sides. The accuracy is the smallest distance from which
    two in a row show it beyond rounding. The minimum is flatter than quadratic where, just beyond that distance, the
    slope grows faster than distance^(3/2), or is more than twice what the curvature makes of the distance and grows
    about as fast as the distance (at a kink it does not grow).
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
        # Slopes that are as steep at a distance of eps as far away are a kink: seen however small the distance.
        kink = slopes[-1] > slopes[2] / 16
        distance = jnp.where(kink, distances[-1], distance)
        unexplained = (near > 2 * curvature * 4 * distance + slope_error) & (far > 3 * near)
        return distance, ~kink & ((far > 8 * near) | unexplained)

    sides, flat_sides = jax.vmap(one_side)(jnp.array([-1, 1], theta.dtype))
    return sides.max(), flat_sides.any()
