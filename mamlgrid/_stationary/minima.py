"""Rows as points on the lower envelope: the minimiser at one alpha, and the other minima there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._results.status import Status
from .lowest import Lowest, candidates
from .zeros import ZERO

if TYPE_CHECKING:
    from .row import Stationary

# What stands for the kind of a minimum that is a bound.
BOUND = -1

# Rows that say nothing about where the minimiser is.
_UNKNOWN = (Status.FLAT, Status.NONFINITE, Status.UNRESOLVED)


class Minima(NamedTuple):
    """All minima of one row, `[minima]`.

    Attributes:
        thetas: where they are.
        values: the meta-loss there.
        rates: dtheta/dalpha; 0 at a bound.
        value_rates: the derivative of the meta-loss in alpha.
        accuracies: of theta.
        kinds: what they are; -1 for a bound.
        smooth: whether they are zeros of the direction at which Newton's method works.
        tied: where several have the lowest value to rounding, these and others that may have it in the next row.
    """

    thetas: np.ndarray
    values: np.ndarray
    rates: np.ndarray
    value_rates: np.ndarray
    accuracies: np.ndarray
    kinds: np.ndarray
    smooth: np.ndarray
    tied: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Which of them are not on a bound."""
        return self.kinds != BOUND

    def nearest(self, theta: float) -> int:
        """The one nearest to theta."""
        return int(np.abs(self.thetas - theta).argmin())


class Point(NamedTuple):
    """The minimiser at one alpha, and all minima there.

    Attributes:
        alpha: the inner step size.
        theta: the minimiser.
        value: the meta-loss.
        rate: dtheta/dalpha.
        value_rate: dvalue/dalpha, along the branch.
        accuracy: of theta.
        kind: what theta is; -1 for a bound.
        smooth: whether theta is a zero of the direction at which Newton's method works.
        minima: all there are.
    """

    alpha: float
    theta: float
    value: float
    rate: float
    value_rate: float
    accuracy: float
    kind: int
    smooth: bool
    minima: Minima

    @property
    def tied(self) -> bool:
        """Whether others have the same value."""
        return bool(self.minima.tied.any())

    @property
    def lowest(self) -> float:
        """The value of the lowest minimum; where several tie, the minimiser may be another one of them."""
        return float(self.minima.values.min())

    @property
    def eps(self) -> float:
        """Of its precision."""
        return float(np.finfo(self.minima.thetas.dtype).eps)


def point(alpha: float, minima: Minima, place: int) -> Point:
    """One of the minima at alpha."""
    theta, value, rate, value_rate, accuracy, kind, smooth, _ = (x[place] for x in minima)
    return Point(alpha, theta, value, rate, value_rate, accuracy, kind, smooth, minima)


def points(alphas: np.ndarray, found: Stationary, best: Lowest) -> list[Point | None]:
    """The rows as points; None where a row has no minimiser."""
    kinds = found.events.kinds
    thetas, values, noise, curvatures = candidates(np, found)
    # Rounding decides anew in each row which of them tie: four times as much is on the safe side of that.
    blur = noise + 4 * np.finfo(values.dtype).eps * np.abs(values)
    close = values - best.values[:, None] <= 4 * (blur + np.take_along_axis(blur, best.slot[:, None], axis=1))
    several = np.isfinite(best.ties).any(axis=1)
    at_bounds = np.zeros((kinds.shape[0], 2), thetas.dtype)
    every = Minima(
        thetas, values,
        np.concatenate([found.rates, at_bounds], axis=1),
        np.concatenate([found.probe.values_alpha, found.ends.values_alpha], axis=1),
        np.concatenate([found.accuracies, at_bounds], axis=1),
        np.concatenate([kinds, np.full_like(at_bounds, BOUND, kinds.dtype)], axis=1),
        np.concatenate([kinds == ZERO, at_bounds > 0], axis=1) & (curvatures > 0),
        close & several[:, None],
    )  # fmt: skip
    exist = np.isfinite(values)
    known = np.isfinite(best.thetas) & ~np.isin(best.status, _UNKNOWN)
    listed: list[Point | None] = []
    for row, alpha in enumerate(alphas):
        minima = Minima(*(x[row, exist[row]] for x in every))
        place = int(exist[row, : best.slot[row]].sum())
        listed.append(point(alpha, minima, place) if known[row] else None)
    return listed


def partners(a: Point, b: Point) -> tuple[np.ndarray, np.ndarray]:
    """The minima of two rows that are one: each is nearest to where the other is going, both on a bound or neither."""
    step = b.alpha - a.alpha
    rates = [np.where(np.isfinite(p.minima.rates), p.minima.rates, 0) for p in (a, b)]
    forwards = np.abs(a.minima.thetas[:, None] + step * rates[0][:, None] - b.minima.thetas)
    backwards = np.abs(b.minima.thetas - step * rates[1] - a.minima.thetas[:, None])
    if not forwards.size:
        return np.zeros(0, int), np.zeros(0, int)
    there = forwards.argmin(axis=1)
    mutual = backwards.argmin(axis=0)[there] == np.arange(a.minima.thetas.size)
    mutual &= a.minima.inside == b.minima.inside[there]
    return np.flatnonzero(mutual), there[mutual]
