"""Jumps of the global minimiser: the alphas at which it switches from one basin to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from ._minimum import Minimum, sensitivity, slope_and_curvature
from ._results import Part, result, variable
from ._rounding import noise
from ._status import Status, code
from ._surface import value_at

if TYPE_CHECKING:
    from ._meta import MetaLoss
    from ._types import Array, Float, Int

# Intervals worked on side by side: most curves jump once or twice, so more would idle.
_LANES = 4

# Halving an interval of alphas down to eps takes 52 rounds in float64; Newton usually needs two.
_MAX_ROUNDS = 60

# Points between two minimisers at which the slope is asked for a barrier.
_STEPPING_STONES = 32

# A smooth branch moves as its slopes at both ends say, to this share of the move, or is looked at more closely: small,
# so that a jump whose barrier comes and goes inside an interval of alphas is found; the price is a few more rounds.
_LAWFUL = 0.1

# A minimiser that moves farther than this share of the bounds, and not as its slope in alpha says, is looked at more
# closely even when no barrier shows.
_NOTICEABLE = 1e-3


@result
class Jumps(Part):
    """Where the global minimiser switches between basins, in order of alpha.

    Both thetas are stationary (or ends of the bounds) at the jump and have equal values. Under a transformation the
    arrays have a fixed length and end in NaN.
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
        "int8: OK, or NOT_CONVERGED where the jump is only enclosed (and the middle is given)",
    )


class Interval(NamedTuple):
    """Two alphas with their global minimisers, and how far rounding blurs these."""

    low_alpha: Array
    low_theta: Array
    high_alpha: Array
    high_theta: Array
    blur: Array


def suspicious_intervals(
    meta: MetaLoss, alphas: Array, minima: Minimum, low: Array, high: Array
) -> tuple[Interval, Array]:
    """The intervals between neighbouring alphas, and whether a jump may lie in each."""
    intervals, usable = _neighbours(alphas, minima)
    return intervals, usable & jax.vmap(lambda i: _suspicious(meta, i, low, high))(intervals)


def find_jumps(
    meta: MetaLoss,
    intervals: Interval,
    wanted: Array,
    low: Array,
    high: Array,
    minimum: Callable[[Array, Array], Minimum],
) -> Jumps:
    """All jumps inside the wanted intervals, in a buffer that ends in NaN.

    A worklist: an interval whose ends do not lie in one basin is narrowed until the jump in it is found; what is left
    of it on both sides goes back on the list, so that several jumps between two alphas are found one by one.

    Args:
        meta: the meta-loss.
        intervals: `[intervals]`.
        wanted: `[intervals]`, which of them to look into.
        low: the lower bound of theta.
        high: the upper bound.
        minimum: the global minimum at one alpha; of equal ones that nearest to one of two given thetas.
    """
    suspicious = jax.vmap(lambda i: _suspicious(meta, i, low, high))
    size = 4 * wanted.size + 16
    dtype = low.dtype

    def push(work: Interval, tail: Array, items: Interval, wanted: Array) -> tuple[Interval, Array]:
        # Unwanted items go past the end, where writes are dropped.
        slots = jnp.where(wanted, tail + jnp.cumsum(wanted) - 1, size + _LANES)
        work = jax.tree.map(lambda w, x: w.at[slots].set(x, mode="drop"), work, items)
        return work, jnp.minimum(tail + wanted.sum(), size)

    empty = jnp.full(size + _LANES, jnp.nan, dtype)
    work, tail = push(Interval(*[empty] * 5), jnp.asarray(0), intervals, wanted)
    codes = jnp.full(size + _LANES, code(Status.OK))

    def unfinished(carry: tuple) -> Array:
        return carry[2] < carry[1]

    def advance(carry: tuple) -> tuple:
        work, tail, head, found = carry
        lanes = jax.tree.map(lambda w: jax.lax.dynamic_slice(w, (head,), (_LANES,)), work)
        busy = head + jnp.arange(_LANES) < tail
        jumps = _narrow(meta, lanes, busy, low, high, minimum)
        found = jax.tree.map(lambda f, j: jax.lax.dynamic_update_slice(f, j, (head,)), found, jumps)
        below = lanes._replace(high_alpha=jumps.alphas, high_theta=jumps.thetas_before)
        above = lanes._replace(low_alpha=jumps.alphas, low_theta=jumps.thetas_after)
        rest = jax.tree.map(lambda *sides: jnp.concatenate(sides), below, above)
        # Closer to the jump than this the other minimum is lower by rounding: the same jump, not another one.
        room = 64 * jnp.finfo(dtype).eps * jnp.abs(jnp.tile(jumps.alphas, 2))
        worth = jnp.tile(busy & (jumps.status == Status.OK), 2) & (rest.high_alpha - rest.low_alpha > room)
        work, tail = push(work, tail, rest, worth & suspicious(rest))
        return work, tail, head + _LANES, found

    found = Jumps(empty, empty, empty, empty, codes)
    _, _, _, found = jax.lax.while_loop(unfinished, advance, (work, tail, jnp.asarray(0), found))
    return _once(found, high - low)


def _once(found: Jumps, width: Array) -> Jumps:
    """The jumps in order of alpha, each once.

    A jump on the rim of an interval can be found from both sides. Two in a row between the same two positions are one:
    after a true one the minimiser would have to come back first.
    """
    close = jnp.sqrt(jnp.finfo(width.dtype).eps) * width
    found = jax.tree.map(lambda f: f[jnp.argsort(found.alphas)], found)  # NaN last
    again = [jnp.abs(jnp.diff(f)) <= close for f in (found.thetas_before, found.thetas_after)]
    repeated = jnp.concatenate([jnp.zeros(1, bool), again[0] & again[1]])
    alphas = jnp.where(repeated, jnp.nan, found.alphas)
    found = jax.tree.map(lambda f: f[jnp.argsort(alphas)], found._replace(alphas=alphas))
    gone = jnp.isnan(found.alphas)
    blanked = jax.tree.map(lambda f: jnp.where(gone, jnp.nan, f), found._replace(status=found.alphas))
    return blanked._replace(status=found.status)


def _neighbours(alphas: Array, minima: Minimum) -> tuple[Interval, Array]:
    """Each alpha with the last one before it that has a minimiser to compare with, and whether there is one.

    A tie at a single alpha is a point on the way from one basin to another (or to the same): it is left out. A tie
    that lasts is a symmetry, and its leftmost minimiser is as good as any.
    """
    tied = minima.status == Status.TIED
    lasting = tied & (jnp.roll(tied, 1).at[0].set(False) | jnp.roll(tied, -1).at[-1].set(False))
    counts = jnp.isfinite(minima.theta) & (~tied | lasting)
    index = jax.lax.cummax(jnp.where(counts, jnp.arange(alphas.size), -1))
    before, after = index[:-1], jnp.arange(1, alphas.size)
    blur = jnp.maximum(minima.accuracy[before], minima.accuracy[after])
    interval = Interval(alphas[before], minima.theta[before], alphas[after], minima.theta[after], blur)
    return interval, counts[after] & (before >= 0)


@jax.jit
def _suspicious(meta: MetaLoss, interval: Interval, low: Array, high: Array) -> Array:
    """Whether a jump may lie in the interval.

    It may, when at one of its ends a barrier stands between the two minimisers, or when they are noticeably apart and
    the move is not what their slopes in alpha make of it.
    """
    a, b = interval.low_theta, interval.high_theta
    alphas = jnp.stack([interval.low_alpha, interval.high_alpha])
    stones = a + (b - a) * (jnp.arange(_STEPPING_STONES) + 0.5) / _STEPPING_STONES

    # At the high alpha everything must roll from a to b, at the low alpha from b to a.
    slopes = jax.vmap(lambda alpha: jax.vmap(lambda t: jax.grad(meta)(t, alpha))(stones))(alphas)
    uphill = slopes * (jnp.sign(b - a) * jnp.array([-1, 1]))[:, None]
    errors = jax.vmap(lambda alpha: noise(meta, (a + b) / 2, alpha)[1])(alphas)
    blocked = (uphill > errors[:, None]).any()

    rates = jax.vmap(lambda theta, alpha: sensitivity(meta, theta, alpha))(jnp.stack([a, b]), alphas)
    on_bound = is_end(jnp.stack([a, b]), low, high)
    expected = jnp.where(on_bound, 0, rates).mean() * (alphas[1] - alphas[0])
    odd = ~(jnp.abs(b - a - expected) <= _LAWFUL * jnp.abs(b - a))
    far = jnp.abs(b - a) > _NOTICEABLE * (high - low)
    # Two positions are told apart when they are farther from each other than rounding blurs both.
    apart = jnp.abs(b - a) > 4 * interval.blur + 64 * jnp.finfo(a.dtype).eps * (high - low)
    return apart & (blocked | (odd & far))


def _narrow(
    meta: MetaLoss,
    intervals: Interval,
    busy: Array,
    low: Array,
    high: Array,
    minimum: Callable[[Array, Array], Minimum],
) -> Jumps:
    """The jump inside each interval, or NaN where the minimiser turns out to move without one.

    Each round proposes the alpha at which Newton finds equal values, or the middle. Where the global minimum there is
    no lower than the proposed pair, the jump is found; else the interval shrinks to one of its sides.
    """

    def advance(carry: tuple) -> tuple:
        interval, jumps, open_, rounds = carry
        pair, solved = jax.vmap(lambda i: solve_pair(meta, i, low, high))(interval)
        middle = interval.low_alpha + (interval.high_alpha - interval.low_alpha) / 2
        alpha = jnp.where(solved, pair.alphas, middle)
        # At a tie, which is a point on the way and no jump, stay with one of the two that are compared.
        lowest = jax.vmap(minimum)(alpha, jnp.stack([interval.low_theta, interval.high_theta], axis=1))
        error = jax.vmap(lambda t, a: noise(meta, t, a)[0])(pair.thetas_before, alpha)
        error += jax.vmap(lambda t, a: noise(meta, t, a)[0])(lowest.theta, alpha)
        hit = open_ & solved & (lowest.value >= pair.values - error)
        jumps = jax.tree.map(lambda j, p: jnp.where(hit, p, j), jumps, pair)

        leaves_low = jnp.abs(lowest.theta - interval.low_theta) <= jnp.abs(lowest.theta - interval.high_theta)
        moved = Interval(
            jnp.where(leaves_low, alpha, interval.low_alpha),
            jnp.where(leaves_low, lowest.theta, interval.low_theta),
            jnp.where(leaves_low, interval.high_alpha, alpha),
            jnp.where(leaves_low, interval.high_theta, lowest.theta),
            jnp.maximum(interval.blur, lowest.accuracy),
        )
        open_ = open_ & ~hit
        open_ &= jax.vmap(lambda i: _suspicious(meta, i, low, high))(moved)
        interval = jax.tree.map(lambda m, i: jnp.where(open_, m, i), moved, interval)
        return interval, jumps, open_, rounds + 1

    nan = jnp.full_like(intervals.low_alpha, jnp.nan)
    none = Jumps(nan, nan, nan, nan, jnp.full(nan.shape, code(Status.OK)))
    interval, jumps, open_, _ = jax.lax.while_loop(
        lambda carry: carry[2].any() & (carry[3] < _MAX_ROUNDS),
        advance,
        (intervals, none, busy, jnp.asarray(0)),
    )
    # Two minima that are enclosed but not equal are no jump: the search has missed the lower one on one side.
    ends = jnp.stack([interval.low_theta, interval.high_theta])
    middle = (interval.low_alpha + interval.high_alpha) / 2
    values = jax.vmap(lambda t: jax.vmap(lambda t, a: value_at(meta, t, a))(t, middle))(ends)
    errors = jax.vmap(lambda t: jax.vmap(lambda t, a: noise(meta, t, a)[0])(t, middle))(ends)
    equal = jnp.abs(values[0] - values[1]) <= 2 * errors.sum(axis=0)
    jumps = jax.tree.map(lambda j, n: jnp.where(open_ & ~equal, n, j), jumps, none)
    open_ &= equal
    enclosed = Jumps(
        middle,
        interval.low_theta,
        interval.high_theta,
        values[0],
        jnp.full(nan.shape, code(Status.NOT_CONVERGED)),
    )
    return jax.tree.map(lambda e, j: jnp.where(open_, e, j), enclosed, jumps)


def is_end(theta: Array, low: Array, high: Array) -> Array:
    """Whether theta is an end of the bounds."""
    return (theta <= low) | (theta >= high)


def residuals(meta: MetaLoss, unknowns: Array, fixed: tuple[Array, Array], low: Array, high: Array) -> Array:
    """The three equations of a jump, for `unknowns = (alpha, theta_before, theta_after)`.

    Both thetas stationary (a fixed one is on its bound instead), and equal values.
    """
    alpha, before, after = unknowns
    slope = jax.grad(meta)

    def stationary(theta: Array, on_bound: Array) -> Array:
        nearest = jnp.where(theta - low < high - theta, low, high)
        return jnp.where(on_bound, theta - nearest, slope(theta, alpha))

    difference = value_at(meta, before, alpha) - value_at(meta, after, alpha)
    return jnp.stack([difference, stationary(before, fixed[0]), stationary(after, fixed[1])])


def solve_three(matrix: Array, right_side: Array) -> Array:
    """The solution of three linear equations by Cramer's rule: in a vmapped loop far cheaper than a factorisation.

    Its loss of digits does not matter: it gives the steps of a Newton iteration, and first derivatives.
    """
    a, b, c = matrix.T
    minors = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)])
    return minors @ right_side / jnp.dot(a, minors[0])


@jax.jit
def solve_pair(meta: MetaLoss, interval: Interval, low: Array, high: Array) -> tuple[Jumps, Array]:
    """Newton on `residuals` from the middle of the interval, and whether it ended inside, on two minima."""
    eps = jnp.finfo(interval.low_alpha.dtype).eps
    on_bound = (is_end(interval.low_theta, low, high), is_end(interval.high_theta, low, high))
    start = jnp.stack([(interval.low_alpha + interval.high_alpha) / 2, interval.low_theta, interval.high_theta])

    def system(x: Array) -> Array:
        return residuals(meta, x, on_bound, low, high)

    def advance(x: Array, _: None) -> tuple[Array, Array]:
        step = solve_three(jax.jacfwd(system)(x), system(x))
        return x - step, jnp.abs(step)

    # Quadratic convergence from a start that is close: eight steps reach rounding or never will.
    end, steps = jax.lax.scan(advance, start, None, length=8)
    alpha, before, after = end
    scale = jnp.stack([jnp.abs(alpha), high - low, high - low])
    curvatures = [slope_and_curvature(meta, theta, alpha)[1] for theta in (before, after)]
    solved = (
        (steps[-1] <= jnp.sqrt(eps) * scale).all()
        & (alpha >= interval.low_alpha)
        & (alpha <= interval.high_alpha)
        & (jnp.abs(after - before) > jnp.abs(interval.high_theta - interval.low_theta) / 2)
        & (on_bound[0] | (curvatures[0] > 0))
        & (on_bound[1] | (curvatures[1] > 0))
        & (jnp.minimum(before, after) >= low)
        & (jnp.maximum(before, after) <= high)
    )
    return Jumps(alpha, before, after, value_at(meta, before, alpha), code(Status.OK)), solved
