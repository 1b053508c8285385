"""Where the global minimiser switches from one basin to another: intervals of alpha, narrowed until explained."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._results.status import Status
from .equal_values import equal_values
from .evaluator import OnHost
from .lowest import Lowest
from .minima import Point, partners, point, points
from .row import RATE_DIGITS, Stationary

# An interval that is divided this often is no wider than rounding.
_MAX_DEPTH = 64

# A minimiser moves as its rates at both ends say to this share of the move, and where it has no rate on neighbouring
# intervals alike to twice that, or the interval is divided.
_LAWFUL = 0.1

# Rates at both ends differ by at most this factor, or the way between them is this short, of the bounds.
_ALIKE, _SHORT = 4, 1e-3

# Rows that may be added; where more are needed, what moves there moves without any rule.
_MOST_ROWS = 2048

# The lower envelope is looked at between two alphas where another minimum may dip below the lowest, so often.
_DIPS = 4

# Shares of an interval at which it is divided: a call costs more than a few rows. Where the values at both ends tell
# where two minima cross, so near to that on both sides.
_EVENLY = np.arange(1, 5) / 5
_AROUND = 1 / 256


class Switch(NamedTuple):
    """One jump, or an interval in which there must be one."""

    alpha: float
    before: float
    after: float
    value: float
    status: Status


class _Interval(NamedTuple):
    """Between two rows: how often it was divided, how fast the minimiser moves beside it, and where it began."""

    a: Point
    b: Point
    depth: int = 0
    beside: tuple[float, ...] = ()
    origin: int = 0

    @property
    def slope(self) -> float:
        """How fast the minimiser moves from one end to the other."""
        return (self.b.theta - self.a.theta) / (self.b.alpha - self.a.alpha)

    def divided(self, rows: list[Point]) -> list[_Interval]:
        """At rows inside it."""
        ends = pairwise([self.a, *rows, self.b])
        parts = [_Interval(*pair, self.depth + 1, origin=self.origin) for pair in ends]
        slopes = [part.slope for part in parts]
        return [
            part._replace(beside=(self.slope, *slopes[max(i - 1, 0) : i], *slopes[i + 1 : i + 2]))
            for i, part in enumerate(parts)
        ]


Solve = Callable[[np.ndarray], tuple[Stationary, Lowest]]
"""`alphas -> rows`."""


def switches(
    evaluator: OnHost, rows: list[Point | None], solve: Solve, low: Any, high: Any, is_gradient: bool
) -> list[Switch]:
    """All jumps between neighbouring rows, in order of alpha.

    An interval is explained when the minimiser at its one end moves to that at its other end as its rates say; or when
    a pair of minima of equal value is found in it that is the lowest there, which is the jump, and both what is left
    and what is right of it are explained. Else rows are added, where Newton's method got to or inside it.
    """
    width = float(high - low)
    ends = _continued(_without_single_ties([row for row in rows if row is not None]))
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
        if room < 0:
            found += _given_up([interval for interval, _ in open_])
            break
        pairs, added = _looked_into(evaluator, open_, solve, low, high, is_gradient)
        room -= sum(map(len, added))
        work = []
        for (interval, dip), pair, listed in zip(open_, pairs, added, strict=True):
            a, b, depth = interval[:3]
            here = [row for row in listed if row is not None]
            if dip is not None and here and here[0].tied:
                continue  # it comes as near as rounding, no lower
            if pair is not None and (not here or here[0].value >= pair[0].value - _blur(here[0], pair)):
                before, after = (p._replace(minima=here[0].minima) if here else p for p in pair)
                found.append(Switch(before.alpha, before.theta, after.theta, before.value, Status.OK))
                work += [_Interval(a, before, depth + 1, origin=interval.origin)]
                work += [_Interval(after, b, depth + 1, origin=interval.origin)]
            elif here and depth < _MAX_DEPTH:
                work += interval.divided(_continued([a, *here])[1:])
            else:
                # Nothing lies between: the two ends are different minima at one alpha. Where the direction is no
                # gradient, what it leads to may be born lower than the others.
                one, other = a.lowest, b.lowest
                same = abs(one - other) <= 64 * a.eps * max(abs(one), abs(other)) + _steep(a, b)
                if same or not is_gradient:
                    found.append(Switch(a.alpha, a.theta, b.theta, a.value, _kind(a, b) if is_gradient else Status.OK))
    return _once(sorted(found), width)


def _looked_into(
    evaluator: OnHost, open_: list[tuple[_Interval, float | None]], solve: Solve, low: Any, high: Any, is_gradient: bool
) -> tuple[list[tuple[Point, Point] | None], list[list[Point | None]]]:
    """A pair of equal minima in each interval, if Newton's method finds one, and the row there, or rows inside it."""
    switching = [interval[:2] for interval, dip in open_ if dip is None]
    solved = iter(equal_values(evaluator, switching, low, high, is_gradient) if switching else [])
    pairs = [next(solved) if dip is None else None for _, dip in open_]
    dtype = evaluator.alphas.dtype
    places = []
    for (interval, dip), pair in zip(open_, pairs, strict=True):
        a, b = interval.a.alpha, interval.b.alpha
        if pair:
            places.append(np.array([pair[0].alpha], dtype))
            continue
        some = np.unique(np.array([dip] if dip is not None else a + (b - a) * _shares(interval), dtype))
        places.append(some[(a < some) & (some < b)])
    alphas = np.concatenate(places)
    if not alphas.size:
        return pairs, [[] for _ in places]
    rows = iter(points(alphas, *solve(alphas)))
    return pairs, [[next(rows) for _ in some] for some in places]


def _shares(interval: _Interval) -> np.ndarray:
    """Where an interval is divided: closely around the place at which its two minima cross, or evenly."""
    a, b = interval.a, interval.b
    here, there = partners(a, b)
    of_a, of_b = there[here == a.minima.nearest(a.theta)], here[there == b.minima.nearest(b.theta)]
    if of_a.size and of_b.size:
        above_a = a.minima.values[of_b[0]] - a.value
        above_b = b.minima.values[of_a[0]] - b.value
        if above_a > 0 and above_b > 0:
            share = above_a / (above_a + above_b)
            return np.array([share - _AROUND, share, share + _AROUND, 0.5])
    return _EVENLY


def _continued(rows: list[Point]) -> list[Point]:
    """The rows, those that tie at the minimum that continues the row before: which is the leftmost is for rounding.

    Where one minimum has become two, both continue it, and the leftmost is as good as the other.
    """
    chosen = rows[:1]
    for row in rows[1:]:
        last = chosen[-1]
        going = last.theta + np.nan_to_num(last.rate) * (row.alpha - last.alpha)
        nearest = row.minima.nearest(going)
        clearly = abs(row.minima.thetas[nearest] - going) < abs(row.theta - going) / 2
        chosen.append(point(row.alpha, row.minima, nearest) if clearly and row.minima.tied[nearest] else row)
    return chosen


def _given_up(intervals: list[_Interval]) -> list[Switch]:
    """One UNRESOLVED for each interval of the axis that more could not be told of."""
    first = {interval.origin: interval for interval in reversed(intervals)}
    return [Switch(i.a.alpha, i.a.theta, i.b.theta, i.a.value, Status.UNRESOLVED) for i in first.values()]


def _steep(a: Point, b: Point) -> float:
    """How much the values of two rows may differ because of the distance between their alphas."""
    rates = [abs(r) for r in (a.value_rate, b.value_rate) if np.isfinite(r)]
    return 4 * abs(b.alpha - a.alpha) * max(rates, default=0.0)


def _kind(a: Point, b: Point) -> Status:
    """What an enclosed jump is worth: two minima without Newton's help, to rounding, or not to be told."""
    return Status.OK if not (a.smooth and b.smooth) else Status.NOT_CONVERGED


def _blur(row: Point, pair: tuple[Point, Point]) -> float:
    """What rounding leaves undecided between the value of a pair and the lowest one."""
    return 64 * row.eps * (abs(row.value) + abs(pair[0].value)) + abs(pair[0].value - pair[1].value)


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
    if abs(move) <= 4 * max(a.accuracy, b.accuracy) + 64 * a.eps * width:
        return True
    step = b.alpha - a.alpha
    if not np.isfinite(a.rate + b.rate):
        # A kink and a jump of the value have no rate, and rounding may hide that of a zero: it must move as fast as it
        # does beside this interval, or on twice of it.
        slope = interval.slope
        known = any(abs(slope - other) <= 2 * _LAWFUL * abs(other) for other in interval.beside)
        if a.smooth and b.smooth:
            # So near to a fold that rounding leaves a rate less than three digits, which is within a thousand
            # accuracies; from there to a known rate theta moves like a root, by at most twice what that rate says.
            nearby = 4 / RATE_DIGITS * max(a.accuracy, b.accuracy)
            like_a_root = 2.5 * step * np.fmax(abs(a.rate), abs(b.rate))
            known |= abs(move) <= np.fmax(nearby, like_a_root)
        return bool(known and _is_nearest(a.theta, b) and _is_nearest(b.theta, a))
    if not abs(move - step * (a.rate + b.rate) / 2) <= _LAWFUL * abs(move):
        return False
    # Beside a fold the rate grows without bound: then the mean of the rates fits a jump as well, by chance.
    steep, gentle = sorted(map(abs, (a.rate, b.rate)))[::-1]
    if steep > _ALIKE * gentle and step * steep > _SHORT * width:
        return False
    # Where it is going is nearer to where it came from than to any other minimum.
    return _is_nearest(a.theta + step * a.rate, b) and _is_nearest(b.theta - step * b.rate, a)


def _is_nearest(theta: float, point: Point) -> bool:
    others = np.abs(point.minima.thetas - theta)
    return abs(point.theta - theta) <= np.fmin.reduce(others, initial=np.inf) * (1 + 1e-6) + 1e-300


def _dip(a: Point, b: Point) -> float | None:
    """An alpha between two rows at which another minimum may lie below the lowest one, there and back.

    By how much it lies above, as a function of alpha, is mostly convex, and a convex function lies above its tangents:
    where those at both ends meet above zero it does not get there.
    """
    if max(a.minima.thetas.size, b.minima.thetas.size) < 2:
        return None
    step = b.alpha - a.alpha
    equal = 64 * a.eps * max(abs(a.value), abs(b.value))
    above = [p.minima.values - p.value for p in (a, b)]
    slopes = [(p.minima.value_rates - p.value_rate) * step for p in (a, b)]
    here, there = partners(a, b)
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


def _once(found: list[Switch], width: float) -> list[Switch]:
    """Each jump once: two in a row between the same positions are one, found from both sides.

    One that is taken back at once is none. A minimum that dips below another on a way of length d does so by about
    `d**2`, which rounding hides when d is less than the root of eps: what is seen there is rounding, or how a minimum
    is born.
    """
    kept: list[Switch] = []
    for one in found:
        root = np.sqrt(float(np.finfo(np.asarray(one.before).dtype).eps))
        last = kept[-1] if kept else None
        if last is None:
            kept.append(one)
            continue
        same = max(abs(last.before - one.before), abs(last.after - one.after)) <= root * width
        back = max(abs(last.before - one.after), abs(last.after - one.before)) <= _LAWFUL * abs(
            last.after - last.before
        )
        if back and abs(one.alpha - last.alpha) <= root * abs(one.alpha):
            kept.pop()
        elif not same:
            kept.append(one)
    return kept
