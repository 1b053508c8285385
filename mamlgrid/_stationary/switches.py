"""Where the global minimiser switches from one basin to another: intervals of alpha, narrowed until explained."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._results.status import Status
from .evaluator import OnHost
from .lowest import Lowest, candidates
from .row import RATE_DIGITS, Stationary
from .zeros import ZERO

if TYPE_CHECKING:
    from .._points.at import Sample
    from .._points.rounding import Probe

# An interval that is halved this often is no wider than rounding.
_MAX_DEPTH = 64

# A minimiser moves as its rates at both ends say, or as it did on the other half, to this share of the move, or the
# interval is halved.
_LAWFUL = 0.1

# Rows that may be added; where more are needed, what moves there moves without any rule.
_MOST_ROWS = 1024

# From the middle of an interval Newton's method needs five or six rounds; a secant some more.
_NEWTON_ROUNDS = 40

# The lower envelope is looked at between two alphas where another minimum may dip below the lowest, so often.
_DIPS = 4

# Rows that say nothing about where the minimiser is.
_UNKNOWN = (Status.FLAT, Status.NONFINITE, Status.UNRESOLVED)


class Point(NamedTuple):
    """The minimiser at one alpha, and the other minima there.

    Attributes:
        alpha: the inner step size.
        theta: the minimiser.
        value: the meta-loss.
        rate: dtheta/dalpha.
        value_rate: dvalue/dalpha, along the branch.
        accuracy: of theta.
        kind: what theta is; None for a bound.
        smooth: whether theta is a zero of the direction at which Newton's method works.
        tied: whether others have the same value.
        thetas: all minima, bounds among them.
        values: the meta-loss there.
        value_rates: its derivatives in alpha there.
        rates: theirs.
        inside: whether they are not on a bound.
    """

    alpha: float
    theta: float
    value: float
    rate: float
    value_rate: float
    accuracy: float
    kind: int | None
    smooth: bool
    tied: bool
    thetas: np.ndarray
    values: np.ndarray
    value_rates: np.ndarray
    rates: np.ndarray
    inside: np.ndarray


class Switch(NamedTuple):
    """One jump, or an interval in which there must be one."""

    alpha: float
    before: float
    after: float
    value: float
    status: Status


class _Interval(NamedTuple):
    """Between two rows: how often it was halved, how far the minimiser moved on twice of it, and where it began."""

    a: Point
    b: Point
    depth: int = 0
    twice: float = np.nan
    origin: int = 0

    def halves(self, row: Point) -> list[_Interval]:
        move = self.b.theta - self.a.theta
        return [_Interval(*ends, self.depth + 1, move, self.origin) for ends in ((self.a, row), (row, self.b))]


Solve = Callable[[np.ndarray], tuple[Stationary, Lowest]]
"""`alphas -> rows`."""


def points(alphas: np.ndarray, found: Stationary, best: Lowest) -> list[Point | None]:
    """The rows as points; None where a row has no minimiser."""
    kinds, smooth = found.events.kinds, found.events.kinds == ZERO
    slots = kinds.shape[1]
    thetas, values, _, curvatures = candidates(np, found)
    minima = np.isfinite(values)
    value_rates = np.concatenate([found.probe.values_alpha, found.ends.values_alpha], axis=1)
    rates = np.concatenate([found.rates, np.zeros_like(found.ends.values_alpha)], axis=1)
    listed: list[Point | None] = []
    for row, alpha in enumerate(alphas):
        if not np.isfinite(best.thetas[row]) or Status(int(best.status[row])) in _UNKNOWN:
            listed.append(None)
            continue
        slot, these = int(best.slot[row]), minima[row]
        at_slot = best.thetas[row] == thetas[row, slot]
        inside = slot < slots
        listed.append(
            Point(
                alpha, best.thetas[row], best.values[row], best.rates[row],
                value_rates[row, slot] if at_slot else np.nan, best.accuracies[row],
                int(kinds[row, slot]) if inside else None,
                bool(inside and at_slot and smooth[row, slot] and curvatures[row, slot] > 0),
                int(best.status[row]) == Status.TIED,
                thetas[row, these], values[row, these], value_rates[row, these], rates[row, these],
                np.flatnonzero(these) < slots,
            )
        )  # fmt: skip
    return listed


def switches(
    evaluator: OnHost, rows: list[Point | None], solve: Solve, low: Any, high: Any, is_gradient: bool
) -> list[Switch]:
    """All jumps between neighbouring rows, in order of alpha.

    An interval is explained when the minimiser at its one end moves to that at its other end as its rates say; or when
    a pair of minima of equal value is found in it that is the lowest there, which is the jump, and both what is left
    and what is right of it are explained. Else a row is added, where Newton's method got to or in the middle.
    """
    width = float(high - low)
    ends = _without_single_ties([row for row in rows if row is not None])
    work = [_Interval(a, b, origin=i) for i, (a, b) in enumerate(pairwise(ends))]
    found: list[Switch] = []
    room = _MOST_ROWS
    while work:
        open_ = []
        for interval in work:
            if not _continues(interval, width):
                open_.append((interval, None))
            elif is_gradient and interval.depth < _DIPS and (dip := _dip(interval.a, interval.b)) is not None:
                open_.append((interval, dip))
        if not open_:
            break
        room -= len(open_)
        if room < 0:
            found += _given_up([interval for interval, _ in open_])
            break
        work = []
        for (interval, dip), pair, row in zip(
            open_, *_looked_into(evaluator, open_, solve, low, high, is_gradient), strict=True
        ):
            a, b, depth = interval[:3]
            if dip is not None and row is not None and row.tied:
                continue  # it comes as near as rounding, no lower
            if pair is not None and (row is None or row.value >= pair[0].value - _blur(row, pair)):
                before, after = (_among(p, row) for p in pair)
                found.append(Switch(before.alpha, before.theta, after.theta, before.value, Status.OK))
                work += [interval._replace(b=before, depth=depth + 1, twice=np.nan)]
                work += [interval._replace(a=after, depth=depth + 1, twice=np.nan)]
            elif row is None or not a.alpha < row.alpha < b.alpha or depth >= _MAX_DEPTH:
                # Nothing lies between: the two ends are different minima at one alpha. Where the direction is no
                # gradient, what it leads to may be born lower than the others.
                same = abs(a.value - b.value) <= 64 * _eps(a) * max(abs(a.value), abs(b.value)) + _steep(a, b)
                if same or not is_gradient:
                    found.append(Switch(a.alpha, a.theta, b.theta, a.value, _kind(a, b) if is_gradient else Status.OK))
            else:
                work += interval.halves(row)
    return _once(sorted(found), width)


def _looked_into(
    evaluator: OnHost, open_: list[tuple[_Interval, float | None]], solve: Solve, low: Any, high: Any, is_gradient: bool
) -> tuple[list[tuple[Point, Point] | None], list[Point | None]]:
    """A pair of equal minima in each interval, if Newton's method finds one, and the row there or in the middle."""
    switching = [interval for interval, dip in open_ if dip is None]
    solved = iter(_equal_values(evaluator, switching, low, high, is_gradient) if switching else [])
    pairs = [next(solved) if dip is None else None for _, dip in open_]
    places = []
    for (interval, dip), pair in zip(open_, pairs, strict=True):
        middle = interval.a.alpha + (interval.b.alpha - interval.a.alpha) / 2
        places.append(pair[0].alpha if pair else middle if dip is None else dip)
    alphas = np.array(places, evaluator.alphas.dtype)
    return pairs, points(alphas, *solve(alphas))


def _given_up(intervals: list[_Interval]) -> list[Switch]:
    """One UNRESOLVED for each interval of the axis that more could not be told of."""
    first = {interval.origin: interval for interval in reversed(intervals)}
    return [Switch(i.a.alpha, i.a.theta, i.b.theta, i.a.value, Status.UNRESOLVED) for i in first.values()]


def _among(point: Point, row: Point | None) -> Point:
    """The point with the other minima of a row."""
    if row is None:
        return point
    return point._replace(
        thetas=row.thetas, values=row.values, value_rates=row.value_rates, rates=row.rates, inside=row.inside
    )


def _eps(point: Point) -> float:
    return float(np.finfo(np.asarray(point.theta).dtype).eps)


def _steep(a: Point, b: Point) -> float:
    """How much the values of two rows may differ because of the distance between their alphas."""
    rates = [abs(r) for r in (a.value_rate, b.value_rate) if np.isfinite(r)]
    return 4 * abs(b.alpha - a.alpha) * max(rates, default=0.0)


def _kind(a: Point, b: Point) -> Status:
    """What an enclosed jump is worth: two minima without Newton's help, to rounding, or not to be told."""
    return Status.OK if not (a.smooth and b.smooth) else Status.NOT_CONVERGED


def _blur(row: Point, pair: tuple[Point, Point]) -> float:
    """What rounding leaves undecided between the value of a pair and the lowest one."""
    return 64 * _eps(row) * (abs(row.value) + abs(pair[0].value)) + abs(pair[0].value - pair[1].value)


def _without_single_ties(rows: list[Point]) -> list[Point]:
    """Rows but those of a tie at a single alpha: a point on the way from one basin to another, or beside it."""
    kept = []
    for i, row in enumerate(rows):
        neighbours = [rows[j].tied for j in (i - 1, i + 1) if 0 <= j < len(rows)]
        if not row.tied or any(neighbours) or len(neighbours) < 2:
            kept.append(row)
    return kept


def _continues(interval: _Interval, width: float) -> bool:
    """Whether the minimiser moves from one row to the other without a jump."""
    a, b = interval.a, interval.b
    move = b.theta - a.theta
    if abs(move) <= 4 * max(a.accuracy, b.accuracy) + 64 * _eps(a) * width:
        return True
    if a.kind == b.kind and not a.smooth and not b.smooth:
        # A kink or a jump of the value has no rate: it must have moved as far on either half of twice the interval.
        return abs(move - interval.twice / 2) <= _LAWFUL * abs(interval.twice)
    step = b.alpha - a.alpha
    if a.smooth and b.smooth and not np.isfinite(a.rate + b.rate):
        # So near to a fold that rounding leaves a rate less than three digits, which is within a thousand accuracies;
        # from there to a known rate theta moves like a root, by at most twice what that rate says.
        nearby = 4 / RATE_DIGITS * max(a.accuracy, b.accuracy)
        like_a_root = 2.5 * step * np.fmax(abs(a.rate), abs(b.rate))
        known = abs(move) <= np.fmax(nearby, like_a_root)
        return bool(known and _is_nearest(a.theta, b) and _is_nearest(b.theta, a))
    if not abs(move - step * (a.rate + b.rate) / 2) <= _LAWFUL * abs(move):
        return False
    # Where it is going is nearer to where it came from than to any other minimum.
    return _is_nearest(a.theta + step * a.rate, b) and _is_nearest(b.theta - step * b.rate, a)


def _is_nearest(theta: float, point: Point) -> bool:
    others = np.abs(point.thetas - theta)
    return abs(point.theta - theta) <= np.fmin.reduce(others, initial=np.inf) * (1 + 1e-6) + 1e-300


def _dip(a: Point, b: Point) -> float | None:
    """An alpha between two rows at which another minimum may lie below the lowest one, there and back.

    By how much it lies above, as a function of alpha, is mostly convex, and a convex function lies above its tangents:
    where those at both ends meet above zero it does not get there.
    """
    if max(a.thetas.size, b.thetas.size) < 2:
        return None
    step = b.alpha - a.alpha
    equal = 64 * _eps(a) * max(abs(a.value), abs(b.value))
    above = [point.values - point.value for point in (a, b)]
    slopes = [(point.value_rates - point.value_rate) * step for point in (a, b)]
    here, there = _partners(a, b, step)
    lone = [np.setdiff1d(np.arange(x.size), known) for x, known in zip(above, (here, there), strict=True)]
    heights, slopes_here = (above[0][here], above[1][there]), (slopes[0][here], slopes[1][there])
    with np.errstate(all="ignore"):
        share = (heights[1] - slopes_here[1] - heights[0]) / (slopes_here[0] - slopes_here[1])
        dips = (slopes_here[0] < 0) & (slopes_here[1] > 0) & (np.minimum(*heights) > equal)
        dips &= (share > 0) & (share < 1) & (heights[0] + share * slopes_here[0] < 0)
    shares = [share[dips]]
    # One that comes or goes between the two, by its tangent alone.
    for height, slope, some in zip(above, (slopes[0], -slopes[1]), lone, strict=True):
        sinks = (height[some] > equal) & (height[some] + slope[some] < 0)
        shares.append(np.full(sinks.sum(), 0.5))
    every = np.concatenate(shares)
    return a.alpha + step * float(every[0]) if every.size else None


def _partners(a: Point, b: Point, step: float) -> tuple[np.ndarray, np.ndarray]:
    """The minima of two rows that are one: each is nearest to where the other is going, both on a bound or neither."""
    rates = [np.where(np.isfinite(point.rates), point.rates, 0) for point in (a, b)]
    forwards = np.abs(a.thetas[:, None] + step * rates[0][:, None] - b.thetas)
    backwards = np.abs(b.thetas - step * rates[1] - a.thetas[:, None])
    if not forwards.size:
        return np.zeros(0, int), np.zeros(0, int)
    there = forwards.argmin(axis=1)
    mutual = backwards.argmin(axis=0)[there] == np.arange(a.thetas.size)
    mutual &= a.inside == b.inside[there]
    return np.flatnonzero(mutual), there[mutual]


def _equal_values(
    evaluator: OnHost, intervals: list[_Interval], low: Any, high: Any, is_gradient: bool
) -> list[tuple[Point, Point] | None]:
    """The alpha in each interval at which the branches of its two minimisers have equal values, by Newton's method.

    In each round both thetas are brought back to stationarity by two Newton steps of their own, and alpha by one on the
    difference of values, whose derivative is that of the values at fixed theta (envelope theorem); for a direction that
    is no gradient, by the secant. None where it leads out of the interval, or to one and the same minimum.
    """
    dtype = evaluator.alphas.dtype
    eps = np.finfo(dtype).eps
    ends = [interval[:2] for interval in intervals]
    between, starts, rates = (
        np.array([[getattr(p, field) for p in pair] for pair in ends], dtype) for field in ("alpha", "theta", "rate")
    )
    moving = np.array([[p.smooth for p in pair] for pair in ends])
    open_ = np.array([all(p.smooth or p.kind is None for p in pair) for pair in ends])
    width = between[:, 1] - between[:, 0]
    alphas = between[:, 0] + width / 2
    thetas = starts + np.where(moving, np.nan_to_num(rates), 0) * (alphas[:, None] - between)
    steps, before = np.full_like(alphas, np.inf), None
    for _ in range(_NEWTON_ROUNDS):
        thetas, at, probe = _restored(evaluator, alphas, thetas, moving, open_, low, high)
        difference = at.values[:, 1] - at.values[:, 0]
        slope = probe.values_alpha[:, 1] - probe.values_alpha[:, 0]
        if not is_gradient and before is not None:
            secant = (difference - before[1]) / (alphas - before[0])
            slope = np.where(np.isfinite(secant) & (secant != 0), secant, slope)
        before = alphas, difference
        following = np.where(difference == 0, 0, difference / slope)
        open_ &= np.abs(following) <= width
        going = open_ & (np.abs(following) > 2 * eps * np.maximum(np.abs(alphas), width))
        steps = np.where(open_, following, steps)
        if not going.any():
            break
        rates = np.where(moving, -probe.directions_alpha / at.jacobians, 0)
        thetas = np.where(going[:, None], thetas - rates * steps[:, None], thetas)
        alphas = np.where(going, alphas - steps, alphas)
    thetas, at, probe = _restored(evaluator, alphas, thetas, moving, open_, low, high)
    # What rounding keeps moving is good enough when it is no more than that.
    open_ &= np.abs(steps) <= np.sqrt(eps) * np.maximum(np.abs(alphas), width)
    open_ &= (between[:, 0] <= alphas) & (alphas <= between[:, 1]) & ~(moving & ~(at.jacobians > 0)).any(axis=1)
    open_ &= np.abs(np.diff(thetas, axis=1)[:, 0]) >= np.abs(np.diff(starts, axis=1)[:, 0]) / 2
    rates = np.where(moving, -probe.directions_alpha / at.jacobians, 0)

    def point(i: int, side: int) -> Point:
        return ends[i][side]._replace(
            alpha=alphas[i], theta=thetas[i, side], value=at.values[i, side], rate=rates[i, side],
            value_rate=probe.values_alpha[i, side], tied=True,
        )  # fmt: skip

    return [(point(i, 0), point(i, 1)) if found else None for i, found in enumerate(open_)]


def _restored(
    evaluator: OnHost,
    alphas: np.ndarray,
    thetas: np.ndarray,
    moving: np.ndarray,
    open_: np.ndarray,
    low: Any,
    high: Any,
) -> tuple[np.ndarray, Sample, Probe]:
    """Thetas `[pairs, 2]` after two Newton steps towards stationarity, and what is there."""
    here = OnHost(evaluator.meta, alphas, evaluator.memory_budget)
    wanted = open_[:, None] & np.ones(2, bool)
    for _ in range(2):
        at = here.sample(thetas, wanted)
        shift = np.where(moving, at.directions / at.jacobians, 0)
        thetas = np.where(np.abs(shift) <= high - low, np.clip(thetas - shift, low, high), thetas)
    return thetas, here.sample(thetas, wanted), here.probe(thetas, wanted)


def _once(found: list[Switch], width: float) -> list[Switch]:
    """Each jump once: two in a row between the same positions are one, found from both sides."""
    kept: list[Switch] = []
    for one in found:
        close = np.sqrt(float(np.finfo(np.asarray(one.before).dtype).eps)) * width
        last = kept[-1] if kept else None
        if last is None or abs(last.before - one.before) > close or abs(last.after - one.after) > close:
            kept.append(one)
    return kept
