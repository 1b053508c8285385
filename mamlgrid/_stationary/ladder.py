"""How well an event is known, and of what order it is: the direction in distances `width / 4^j` on both its sides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from .._points.rounding import Probe
    from .evaluator import Evaluator
    from .zeros import Events


# A direction that grows towards the point like 1 / distance or faster belongs to a value that falls without end; the
# rungs, counted from the nearest, between which that is told: far enough from where a bracket was given up.
_POLE, _POLE_RUNGS = -0.95, (6, 11)

# Places beside a jump of the value, each four times nearer.
_BESIDE = 12

# A handful of differences of rounding errors shows about half of the largest one.
_ROUGH = 2


class Ladder(NamedTuple):
    """What is seen from an event, `[rows, slots]`.

    Attributes:
        accuracies: the distance within which rounding hides the sign of the direction.
        orders: `[rows, slots, 2]`, the power of the distance with which the direction grows on each side, just where
            it can be seen: 1 at a simple zero, 0 at a kink, 2 or 3 at a double or triple zero, -1 or less at a pole.
            NaN where too little can be seen.
        blind: `[rows, slots, 2]`, whether nothing is seen on that side up to halfway to the next event.
        signs: `[rows, slots, 2]`, of the direction at the end of that way, 0 where rounding hides it.
        bends: how much the Jacobian changes within the accuracy.
        value_noise: what rounding does to the value, as seen on the nearest rungs or said before, whichever is more.
        direction_noise: the same for the direction.
    """

    accuracies: Any
    orders: Any
    blind: Any
    signs: Any
    bends: Any
    value_noise: Any
    direction_noise: Any


def ladder(evaluator: Evaluator, events: Events, wanted: Any, probe: Probe, low: Any, high: Any) -> Ladder:
    """The direction around each event.

    The accuracy is the smallest of the distances from which on, up to halfway to the next event, the direction has the
    sign it should have, beyond rounding. The order is told from the direction at 4 and at 16 times the accuracy.

    Args:
        evaluator: where to evaluate.
        events: `[rows, slots]`, in order of theta.
        wanted: `[rows, slots]`, where to look.
        probe: what rounding does there.
        low: the lower bound.
        high: the upper bound.
    """
    xp = evaluator.xp
    dtype = events.thetas.dtype
    width = high - low
    steps = math.ceil(math.log(1 / float(xp.finfo(dtype).eps), 4)) + 1
    distances = width * xp.asarray(4.0, dtype) ** -xp.arange(steps, dtype=dtype)
    edges = xp.stack([events.lefts, events.rights], axis=-1)
    sides = xp.asarray([-1, 1], dtype=dtype)
    signs = xp.stack([events.before, events.after], axis=-1)
    places = edges[..., None] + sides[:, None] * distances
    reach = _reach(xp, events, low, high)
    within = (distances <= reach[..., None]) & (places >= low) & (places <= high)
    at = evaluator.sample(places, within & wanted[..., None, None])
    # Where the loss overflows there is nothing to see, and nothing is hidden.
    looked, within = within, within & ~xp.isnan(at.directions)
    sizes = xp.abs(at.directions)
    # Near a pole rounding has no scale, but the direction grows all the way to it.
    near, far = sizes[..., -_POLE_RUNGS[0]], sizes[..., -_POLE_RUNGS[1]]
    growth = xp.log(far / near) / math.log(4) / (_POLE_RUNGS[1] - _POLE_RUNGS[0])
    smooth = within[..., 1:] & within[..., :-1] & ~(growth <= _POLE)[..., None]
    # Not so near that what lies at the event, perhaps a kink, is among them.
    eps = xp.finfo(dtype).eps
    smooth &= (distances[1:] >= 16 * eps * width) & (distances[:-1] <= eps ** (2 / 3) * width)
    length = places[..., :-1] - places[..., 1:]
    value_noise = xp.fmax(probe.value_noise, roughness(xp, at.values, at.directions, length, smooth))
    noise = xp.fmax(probe.direction_noise, roughness(xp, at.directions, at.jacobians, length, smooth))
    seen = (signs[..., None] * at.directions > noise[..., None, None]) | (signs[..., None] == 0)

    # Counted from the farthest distance that is within reach: how many in a row are seen.
    hidden = within & ~seen
    shortest = xp.where(hidden, distances, 0).max(axis=-1) * 4
    farthest = xp.where(within, distances, 0).max(axis=-1)
    blind = (shortest > farthest) & (farthest > 0)
    blind |= (farthest == 0) & (looked.any(axis=-1) | ((reach > 0) & (reach < distances[-1])))
    end = _at_distance(xp, distances, within, at.directions, farthest)
    far_signs = xp.where(xp.abs(end) > noise[..., None], xp.sign(end), 0)
    floor = distances[-1] * (farthest > 0)
    sided = xp.where(blind, xp.maximum(reach, 0), xp.maximum(shortest, floor))
    accuracies = xp.where(wanted, sided.max(axis=-1) + (events.rights - events.lefts) / 2, xp.nan)
    blind &= wanted[..., None]

    # As far as the worse side is known: the event itself may lie anywhere within that.
    known = xp.where(blind, 0, sided).max(axis=-1, keepdims=True) * xp.ones_like(sided)
    near, far = (_at_distance(xp, distances, within, sizes, known * k) for k in (4, 16))
    orders = xp.where(blind, xp.nan, xp.log(far / near) / math.log(4))
    orders = xp.where(growth <= _POLE, growth, orders)
    jacobians = _at_distance(xp, distances, within, at.jacobians, sided)
    bends = xp.where(xp.isfinite(jacobians), xp.abs(jacobians[..., 1:] - jacobians[..., :1]), 0)[..., 0]
    return Ladder(accuracies, orders, blind, far_signs, bends, value_noise, noise)


def roughness(xp: Any, values: Any, slopes: Any, length: Any, smooth: Any) -> Any:
    """How far values on neighbouring rungs are from what the slopes between them say: `[rows, slots]`.

    So near to a point the trapezoidal rule is exact to rounding, and what is left is the rounding inside the loss, such
    as large terms that cancel.
    """
    mean = (slopes[..., :-1] + slopes[..., 1:]) / 2
    rest = xp.abs(values[..., :-1] - values[..., 1:] - length * mean)
    return _ROUGH * xp.where(smooth & xp.isfinite(rest), rest, 0).max(axis=(-1, -2))


def noise_beside(evaluator: Evaluator, lefts: Any, rights: Any, wanted: Any, low: Any, high: Any) -> Any:
    """What rounding inside the loss does to the value left and right of brackets: `[rows, slots]`.

    Terms that cancel in a loss (a polynomial written out, near its root) make steps of the value that no move of theta
    or alpha tells of. They are seen in any two places far enough apart. A kink beside the bracket shows in one pair of
    places on its side, so the third largest is taken.
    """
    xp = evaluator.xp
    eps = float(xp.finfo(lefts.dtype).eps)
    # Up to where the trapezoidal rule is exact to rounding.
    reach = xp.asarray(eps ** (1 / 3) * 4.0 ** -np.arange(_BESIDE), lefts.dtype) * (high - low)[..., None]
    places = xp.stack([lefts[..., None] - reach, rights[..., None] + reach], axis=-2)
    places = xp.clip(places, low[..., None, None], high[..., None, None])
    at = evaluator.sample(places, wanted[..., None, None])
    mean = (at.directions[..., :-1] + at.directions[..., 1:]) / 2
    rest = xp.abs(xp.diff(at.values) - xp.diff(places) * mean)
    rest = xp.where(xp.isfinite(rest), rest, 0).reshape(*rest.shape[:-2], -1)
    return _ROUGH * xp.sort(rest, axis=-1)[..., -3]


def _reach(xp: Any, events: Events, low: Any, high: Any) -> Any:
    """Half of the distance to the next event, or all of that to a bound: `[rows, slots, 2]`."""
    left, right = events.lefts, xp.where(events.exists, events.rights, high)
    # What does not exist comes last.
    following = xp.concatenate([xp.where(events.exists, left, high)[:, 1:], xp.full_like(left[:, :1], high)], axis=1)
    more = xp.concatenate([events.exists[:, 1:], xp.zeros_like(events.exists[:, :1])], axis=1)
    before = xp.concatenate([xp.full_like(right[:, :1], low), right[:, :-1]], axis=1)
    less = xp.concatenate([xp.zeros_like(events.exists[:, :1]), events.exists[:, 1:]], axis=1)
    to_left = (left - before) * xp.where(less, 0.5, 1)
    to_right = (following - right) * xp.where(more, 0.5, 1)
    return xp.stack([to_left, to_right], axis=-1).astype(left.dtype)


def _at_distance(xp: Any, distances: Any, within: Any, values: Any, wanted: Any) -> Any:
    """`values` `[..., distances]` at the distance `wanted` `[...]`, NaN where that is out of reach."""
    here = within & (xp.abs(xp.log(distances / wanted[..., None])) < math.log(2))
    return xp.where(here.any(axis=-1), xp.where(here, values, 0).sum(axis=-1), xp.nan)
