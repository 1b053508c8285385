"""Folds of polynomial meta-losses: all common zeros of G and dG/dtheta in a box, by elimination over the rationals.

The resultant in theta has their alphas among its roots, the resultant in alpha their thetas. A pair is one where both
functions, in ball arithmetic with a hundred digits, contain zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import flint
import mpmath as mp
from flint import Ordering, fmpq_mpoly, fmpq_mpoly_ctx, fmpq_poly

from .oracles_stationary import DIGITS, Coefficients, as_mpf, rational, real_roots

Box = tuple[float, float]

_RING = fmpq_mpoly_ctx.get(("theta", "alpha"), Ordering.lex)
_THETA, _ALPHA = _RING.gens()


def direction(losses: Sequence[Coefficients], num_steps: int = 1, algorithm: str = "MAML") -> fmpq_mpoly:
    """The direction of "MAML" or "FOMAML" as a polynomial in theta and alpha."""
    total = _RING.constant(0)
    for loss in losses:
        coefficients = [rational(float(c)) for c in loss]
        slope = [k * c for k, c in enumerate(coefficients)][1:]
        adapted = _THETA
        for _ in range(num_steps):
            adapted = adapted - _ALPHA * _horner(slope, adapted)
        if algorithm == "MAML":
            total += _horner(coefficients, adapted).derivative("theta")
        else:
            total += _horner(slope, adapted)
    return total


def from_matrix(coefficients: Sequence[Coefficients]) -> fmpq_mpoly:
    """`sum c[i][j] theta^i alpha^j`."""
    return _horner([_horner([rational(float(c)) for c in line], _ALPHA) for line in coefficients], _THETA)


class Fold(NamedTuple):
    """A common zero of G and dG/dtheta."""

    alpha: mp.mpf
    theta: mp.mpf
    curvature: mp.mpf
    """d2G / dtheta2."""
    transversality: mp.mpf
    """dG / dalpha."""
    births: bool
    """Whether the two zeros that meet are on the side of larger alpha."""
    degenerate: bool
    """Whether one of the two numbers is zero: no fold, but a branch point or a hysteresis point."""


def folds(g: fmpq_mpoly, alphas: Box, thetas: Box) -> list[Fold]:
    """All folds, and what looks like one, in order of alpha."""
    slope = g.derivative("theta")
    in_alpha = _one_variable(g.resultant(slope, "theta"), 1)
    in_theta = _one_variable(g.resultant(slope, "alpha"), 0)
    derivatives = [slope.derivative("theta"), g.derivative("alpha")]
    found = []
    for theta in _distinct(in_theta, *thetas):
        for alpha in _distinct(in_alpha, *alphas):
            with flint.ctx.workdps(5 * DIGITS):
                if not all(_at(f, theta, alpha).contains(0) for f in (g, slope)):
                    continue
                curvature, transversality = (_at(f, theta, alpha) for f in derivatives)
            degenerate = curvature.contains(0) or transversality.contains(0)
            births = bool(curvature * transversality < 0)
            numbers = (as_mpf(x) for x in (alpha, theta, curvature, transversality))
            found.append(Fold(*numbers, births, degenerate))
    return sorted(found)


def crossings_of_bound(g: fmpq_mpoly, alphas: Box, theta: float) -> list[mp.mpf]:
    """The alphas at which a zero of G passes `theta`."""
    fixed = g.compose(_RING.constant(rational(float(theta))), _ALPHA, ctx=_RING)
    return [as_mpf(a) for a, _ in real_roots(_one_variable(fixed, 1), *alphas)]


def at_alpha(g: fmpq_mpoly, alpha: float) -> fmpq_poly:
    """G as a polynomial in theta."""
    return _one_variable(g.compose(_THETA, _RING.constant(rational(float(alpha))), ctx=_RING), 0)


def _horner(coefficients, x):
    value = _RING.constant(0)
    for c in reversed(coefficients):
        value = value * x + c
    return value


def _one_variable(p: fmpq_mpoly, position: int) -> fmpq_poly:
    powers = {monomial[position]: c for monomial, c in p.terms()}
    return fmpq_poly([powers.get(k, 0) for k in range(max(powers, default=0) + 1)])


def _distinct(p: fmpq_poly, low: float, high: float) -> list[flint.arb]:
    """The distinct real roots, to a few hundred digits: evaluated there, two functions tell whether both vanish."""
    if p.is_zero():
        raise ValueError("G and its slope have a common factor: a whole curve of multiple zeros")
    squarefree = fmpq_poly([1])
    for factor, _ in p.factor_squarefree()[1]:
        squarefree *= factor
    rough = real_roots(squarefree, low, high)
    with flint.ctx.workdps(6 * DIGITS):
        exact = [r.real for r, _ in squarefree.complex_roots() if r.imag.is_zero()]
        return [next(x for x in exact if x.overlaps(r)) for r, _ in rough]


def _at(p: fmpq_mpoly, theta: flint.arb, alpha: flint.arb) -> flint.arb:
    value = flint.arb(0)
    for (i, j), c in p.terms():
        value += flint.arb(c) * theta**i * alpha**j
    return value


def window(g: fmpq_mpoly, alpha: float, before: float, after: float, box: tuple[Box, Box]) -> tuple[mp.mpf, mp.mpf]:
    """The hysteresis window of a jump: where the minimum `after` is born, where the minimum `before` dies.

    NaN where that does not happen in the box. Each minimum is followed by exact roots in small steps.
    """
    _, thetas = box
    events = [f for f in folds(g, *box) if not f.degenerate]

    def end(theta: float, going_down: bool) -> mp.mpf:
        wanted = [f for f in events if f.births == going_down and (f.alpha < alpha) == going_down]
        for fold in sorted(wanted, reverse=going_down):
            inside = float(fold.alpha) + (1e-7 if going_down else -1e-7)
            reached = _followed(g, theta, alpha, inside, thetas)
            # The branch ends like a square root: sqrt(2 |G_alpha / G_theta,theta| 1e-7) away.
            near = 2 * mp.sqrt(2 * abs(fold.transversality / fold.curvature) * mp.mpf("1e-7"))
            if reached is not None and abs(reached - fold.theta) < near:
                return fold.alpha
        return mp.nan

    return end(after, True), end(before, False)


def _followed(g: fmpq_mpoly, theta: float, start: float, stop: float, thetas: Box) -> mp.mpf | None:
    """The attracting zero at `stop` that goes on from `theta` at `start`; None where it ends on the way."""
    steps, place = 400, mp.mpf(theta)
    for k in range(steps + 1):
        p = at_alpha(g, start + (stop - start) * k / steps)
        slope = p.derivative()
        roots = [r for r, _ in real_roots(p, *thetas)]
        attracting = [as_mpf(r) for r in roots if flint.arb_poly(slope)(r) > 0]
        nearest = min(attracting, key=lambda r: abs(r - place), default=None)
        repelling = [as_mpf(r) for r in roots if flint.arb_poly(slope)(r) < 0]
        # Another minimum is behind a maximum.
        if nearest is None or any(min(place, nearest) < r < max(place, nearest) for r in repelling):
            return None
        place = nearest
    return place
