"""Folds and branch points: found by Newton's method from many starts, told apart by their normal forms."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._points.jet import Jet
from .plane_newton import (
    Equations,
    Evaluate,
    Found,
    critical_equations,
    fold_equations,
    hysteresis_equations,
    plane_newton,
)

# How far an iteration may get from its start, in units of the box.
_REACH = 0.5


Noise = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""`(thetas, alphas) -> how far G can be wrong`, `[points]`."""


class Form(enum.IntEnum):
    """What happens at a special point."""

    TRANSCRITICAL = 0
    PITCHFORK = 1
    DEGENERATE = 2
    FOLD = 3
    EXTREMUM = 4
    BOUND = 5
    HYSTERESIS = 6


class Special(NamedTuple):
    """One special point.

    Attributes:
        form: fold, branch point (the first three, with codes that are public), critical point of G that is no zero, a
            curve that meets a bound, or a hysteresis point (two folds in one: a curve that is vertical, but goes on).
        alpha: where.
        theta: where.
        at: the jet there, of numbers.
        step: the last Newton step, in units of the box.
        slow: whether it is known to less than rounding, as a multiple root is.
    """

    form: Form
    alpha: float
    theta: float
    at: Jet
    step: float
    slow: bool

    @property
    def births(self) -> bool:
        """Of a fold: whether its pair is on the side of larger alpha."""
        return bool(self.at.g_tt * self.at.g_a < 0)

    @property
    def is_isolated(self) -> bool:
        """Whether G has a strict extremum there: if it is zero, it is so at this point alone."""
        return not self.slow and self.at.g_tt * self.at.g_aa > self.at.g_ta**2

    @property
    def slopes(self) -> tuple[float, ...]:
        """dtheta/dalpha of the curves through it: inf for a vertical one, NaN where the normal form does not say."""
        at = self.at
        if self.form in (Form.FOLD, Form.HYSTERESIS):
            return (np.inf,)
        if self.form == Form.BOUND:
            return (-at.g_a / at.g_t if at.g_t else np.inf,)
        if self.form == Form.PITCHFORK:
            return (-at.g_aa / (2 * at.g_ta), np.inf)
        if self.form == Form.TRANSCRITICAL:
            # Both roots of g_tt r^2 + 2 g_ta r + g_aa, without cancellation.
            q = -(at.g_ta + np.copysign(np.sqrt(at.g_ta**2 - at.g_tt * at.g_aa), at.g_ta))
            return tuple(sorted((q / at.g_tt, at.g_aa / q)))
        return (np.nan,)

    @property
    def side_bend(self) -> float:
        """Of a pitchfork: its side branch is `alpha + side_bend (theta - theta_0)^2 / 2`."""
        return -self.at.g_ttt / (3 * self.at.g_ta)


class Box(NamedTuple):
    """Where the diagram lies."""

    first: float
    last: float
    low: float
    high: float
    eps: float

    @property
    def scales(self) -> np.ndarray:
        """Its size in theta and alpha."""
        return np.array([self.high - self.low, max(self.last - self.first, self.eps * abs(self.last), 1e-300)])

    @property
    def alpha_tolerance(self) -> float:
        """Alphas that are nearer to each other are the same."""
        return 64 * self.eps * max(abs(self.first), abs(self.last), self.last - self.first)

    def tolerance(self, special: Special) -> float:
        """Alphas that are nearer to a special point than that are its own."""
        known = self.eps**0.5 * (self.last - self.first) if special.slow else 0
        return max(self.alpha_tolerance, known)

    def holds(self, thetas: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """Which points lie in it, its edge included."""
        slack = 64 * self.eps * max(abs(self.low), abs(self.high))
        inside = (thetas >= self.low - slack) & (thetas <= self.high + slack)
        return inside & (alphas >= self.first - self.alpha_tolerance) & (alphas <= self.last + self.alpha_tolerance)


def critical_points(
    evaluate: Evaluate, noise: Noise, thetas: np.ndarray, alphas: np.ndarray, box: Box
) -> list[Special]:
    """The critical points of G that starts lead to: branch points where G is zero there, to rounding, else extrema."""
    found = _solved(evaluate, critical_equations, thetas, alphas, box)
    blur = 8 * noise(found.thetas, found.alphas)
    return [_critical(found, k, float(blur[k]), box) for k in np.flatnonzero(found.converged)]


def folds(evaluate: Evaluate, thetas: np.ndarray, alphas: np.ndarray, box: Box) -> list[Special]:
    """The folds and hysteresis points that starts lead to."""
    found = _solved(evaluate, fold_equations, thetas, alphas, box)
    listed = [_special(found, k, Form.FOLD) for k in np.flatnonzero(found.converged & ~found.slow)]
    double = found.converged & found.slow
    if double.any():
        found = _solved(evaluate, hysteresis_equations, found.thetas[double], found.alphas[double], box)
        slope = np.abs(found.at.g_t) <= np.sqrt(box.eps) * np.abs(found.at.g_ttt) * (box.high - box.low) ** 2
        listed += [_special(found, k, Form.HYSTERESIS) for k in np.flatnonzero(found.converged & ~found.slow & slope)]
    return [special for special in listed if not _is_spurious(special, box)]


def _is_spurious(special: Special, box: Box) -> bool:
    """Whether it is a multiple root in disguise: another theta, too near to be told from it, is a branch point.

    For a fold also: whether it is a hysteresis point.
    """
    at, near = special.at, np.sqrt(box.eps) * (box.high - box.low)
    drifts = abs(at.g_a) > near * abs(at.g_ta)
    bends = special.form == Form.HYSTERESIS or abs(at.g_tt) > near * abs(at.g_ttt)
    return not (drifts and bends)


def is_same(one: Special, other: Special, box: Box) -> bool:
    """Whether two are one, found twice."""
    share = box.eps ** (0.25 if one.slow or other.slow else 0.4)
    width, span = box.scales
    near = abs(one.theta - other.theta) <= share * width and abs(one.alpha - other.alpha) <= share * span
    if one.form == other.form == Form.FOLD and near:
        # Two folds may lie close to each other, then on different sides of an inflection.
        return bool(one.at.g_tt * other.at.g_tt > 0)
    return near


def _solved(evaluate: Evaluate, equations: Equations, thetas: np.ndarray, alphas: np.ndarray, box: Box) -> Found:
    reach = np.full(thetas.size, _REACH)
    found = plane_newton(evaluate, equations, thetas, alphas, box.scales, reach)
    return found._replace(converged=found.converged & box.holds(found.thetas, found.alphas))


def _special(found: Found, k: np.intp, form: Form) -> Special:
    at = Jet(*(float(x[k]) for x in found.at))
    place = float(found.alphas[k]), float(found.thetas[k])
    return Special(form, *place, at, float(found.steps[k]), bool(found.slow[k]))


def _critical(found: Found, k: np.intp, blur: float, box: Box) -> Special:
    point = _special(found, k, Form.DEGENERATE)
    at, (width, span) = point.at, box.scales
    # The terms of the normal form over the box, and what rounding leaves of them.
    bend, mixed, cubic = at.g_tt * width**2, at.g_ta * width * span, at.g_ttt * width**3
    largest = max(abs(bend), abs(mixed), abs(cubic))
    small = np.sqrt(box.eps) * largest
    if abs(at.g) > max(blur, box.eps * largest):
        return point._replace(form=Form.EXTREMUM)
    if point.slow:
        return point
    if abs(at.g_tt * at.g_aa - at.g_ta**2) * (width * span) ** 2 <= box.eps * largest**2:
        return point._replace(form=Form.EXTREMUM)  # one of a whole curve of critical points: a double curve of zeros
    if abs(bend) <= small:
        clear = abs(cubic) > small and abs(mixed) > small
        return point._replace(form=Form.PITCHFORK if clear else Form.DEGENERATE)
    return point._replace(form=Form.TRANSCRITICAL) if at.g_ta**2 > at.g_tt * at.g_aa else point
