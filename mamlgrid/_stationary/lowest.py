"""The global minimum of each row: the lowest of its stationary points and bounds, and of all that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .._results.status import Status
from .evaluator import pick

if TYPE_CHECKING:
    from .evaluator import Evaluator
    from .row import Stationary


class Lowest(NamedTuple):
    """The global minimiser of each row, `[rows]`; `ties` is `[rows, candidates]`.

    Attributes:
        slot: which stationary point; the number of slots for the lower bound, one more for the upper one.
        thetas: the minimiser; NaN where there is none, the leftmost where several tie.
        values: the value there.
        curvatures: the derivative of the direction there.
        rates: dtheta/dalpha; 0 at a bound.
        accuracies: the distance within which rounding hides the sign of the direction.
        ties: thetas of all that have the same value to rounding, in order, NaN elsewhere; all NaN where it is single.
        status: int8.
    """

    slot: Any
    thetas: Any
    values: Any
    curvatures: Any
    rates: Any
    accuracies: Any
    ties: Any
    status: Any


def lowest(evaluator: Evaluator, found: Stationary, is_gradient: bool) -> Lowest:
    """The lowest minimum of each row."""
    xp = evaluator.xp
    nodes, looked, events = found.nodes, found.looked, found.events
    thetas, values, noise, curvatures = candidates(xp, found)
    eps = xp.finfo(nodes.dtype).eps
    best = xp.where(xp.isfinite(values), values, xp.inf).min(axis=1)
    error = noise + 4 * eps * xp.abs(values)
    place = xp.argmin(xp.where(xp.isfinite(values), values, xp.inf), axis=1)[:, None]
    tied = xp.isfinite(values) & (values - error <= pick(evaluator, values + error, place))
    slot = xp.argmin(xp.where(tied, thetas, xp.inf), axis=1)[:, None]

    def chosen(x: Any) -> Any:
        return pick(evaluator, x, slot)[:, 0]

    slots = events.thetas.shape[1]
    nan = xp.full_like(nodes[:, :2], xp.nan)
    accuracies = chosen(xp.concatenate([found.accuracies, xp.zeros_like(nan)], axis=1))
    own = chosen(xp.concatenate([found.status, xp.zeros(nan.shape, "int8")], axis=1))
    # A bound that is itself stationary is a minimiser like any other.
    at_bound = (slot[:, 0] >= slots) & (
        xp.abs(pick(evaluator, looked.directions[:, xp.asarray([0, -1])], xp.maximum(slot - slots, 0))[:, 0])
        > pick(evaluator, found.ends.direction_noise, xp.maximum(slot - slots, 0))[:, 0]
    )
    rates = xp.where(slot[:, 0] >= slots, 0, chosen(xp.concatenate([found.rates, nan], axis=1)))
    apart = tied & (
        xp.abs(thetas - chosen(thetas)[:, None]) > 2 * xp.where(xp.isfinite(accuracies), accuracies, 0)[:, None]
    )
    several = apart.any(axis=1)

    status = xp.where(at_bound, int(Status.AT_BOUND), own)
    status = xp.where(several & (own != int(Status.NONFINITE)), int(Status.TIED), status)
    theta, value, curvature = chosen(thetas), chosen(values), chosen(curvatures)
    if is_gradient:
        # What was looked at may be lower still: then the point it belongs to was not found.
        heights = xp.where(xp.isfinite(looked.values), looked.values, xp.inf)
        deepest = xp.argmin(heights, axis=1)[:, None]
        depth = pick(evaluator, heights, deepest)[:, 0]
        blur = evaluator.probe(pick(evaluator, nodes, deepest), xp.ones(deepest.shape, bool)).value_noise[:, 0]
        missed = depth < value - 4 * (chosen(error) + blur) - 64 * eps * xp.abs(depth)
        missed |= ~xp.isfinite(best) & xp.isfinite(depth)
        status = xp.where(missed, int(Status.UNRESOLVED), status)
        theta = xp.where(missed, pick(evaluator, nodes, deepest)[:, 0], theta)
        value, curvature = xp.where(missed, depth, value), xp.where(missed, xp.nan, curvature)
        rates, several = xp.where(missed, xp.nan, rates), several & ~missed
    status = xp.where(found.settled, status, int(Status.UNRESOLVED))
    broken = ~xp.isfinite(value) | _falls_off(xp, found, value) | (status == int(Status.NONFINITE))
    status = xp.where(found.flat, int(Status.FLAT), xp.where(broken, int(Status.NONFINITE), status)).astype("int8")
    none = broken | found.flat
    value = xp.where(
        broken,
        xp.nan,
        xp.where(found.flat, xp.where(xp.isfinite(looked.values), looked.values, xp.inf).min(axis=1), value),
    )
    theta, curvature, rates, accuracies = (xp.where(none, xp.nan, x) for x in (theta, curvature, rates, accuracies))
    ties = xp.sort(xp.where((several & ~none)[:, None] & tied, thetas, xp.nan), axis=1)
    return Lowest(slot[:, 0], theta, value, curvature, rates, accuracies, ties, status)


def candidates(xp: Any, found: Stationary) -> tuple[Any, Any, Any, Any]:
    """Attracting points and the two bounds, `[rows, slots + 2]`: thetas, values (inf where none), noise, curvatures."""
    ends = xp.asarray([0, found.nodes.shape[1] - 1])
    slopes = found.looked.directions[:, ends] * xp.asarray([1, -1], dtype=found.nodes.dtype)
    heights = xp.where(slopes > 0, found.looked.values[:, ends], xp.inf)
    own = xp.where(found.attracting, found.at.values, xp.inf)
    values = xp.concatenate([own, heights], axis=1)
    thetas = xp.concatenate([found.events.thetas, found.nodes[:, ends]], axis=1)
    noise = xp.concatenate([found.probe.value_noise, xp.zeros_like(heights)], axis=1)
    noise = xp.where(xp.isfinite(noise), noise, 0)
    curvatures = xp.concatenate([found.at.jacobians, found.looked.jacobians[:, ends]], axis=1)
    return thetas, xp.where(xp.isnan(values), xp.inf, values), noise, curvatures


def _falls_off(xp: Any, found: Stationary, value: Any) -> Any:
    """Whether the loss still falls, below `value`, where it stops being finite: no minimum can be claimed there."""
    at = found.looked
    finite = xp.isfinite(at.values) & xp.isfinite(at.directions)
    to_right = finite[:, :-1] & ~finite[:, 1:] & (at.directions[:, :-1] < 0) & (at.values[:, :-1] < value[:, None])
    to_left = finite[:, 1:] & ~finite[:, :-1] & (at.directions[:, 1:] > 0) & (at.values[:, 1:] < value[:, None])
    return (to_right | to_left).any(axis=1) | (at.values == -xp.inf).any(axis=1)
