"""Stationary points of polynomial meta-losses in one dimension, exact by FLINT: none is missed, none is made up.

Losses are lists of coefficients, lowest power first, taken exactly (a float is a fraction). FLINT certifies which
roots are real; a root is then known to DIGITS digits and given as an mpmath number.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import flint
import mpmath as mp
from flint import fmpq, fmpq_poly

DIGITS = 40

Coefficients = Sequence[float | Fraction]


def rational(x: float | Fraction) -> fmpq:
    """A float or a fraction, exactly."""
    return fmpq(*(int(i) for i in x.as_integer_ratio()))


def polynomial(coefficients: Coefficients) -> fmpq_poly:
    """Coefficients, lowest power first, taken exactly."""
    return fmpq_poly([rational(c if isinstance(c, Fraction) else float(c)) for c in coefficients])


def as_mpf(ball: flint.arb) -> mp.mpf:
    """The middle of a ball, exactly."""
    mantissa, exponent = (int(x) for x in ball.mid().man_exp())
    with mp.workprec(max(53, mantissa.bit_length())):
        return mp.ldexp(mp.mpf(mantissa), exponent)


class MetaPolynomials(NamedTuple):
    """A meta-loss at one alpha, as polynomials in theta."""

    value: fmpq_poly
    direction: fmpq_poly
    value_rate: fmpq_poly
    """dL / dalpha."""
    direction_rate: fmpq_poly
    """dG / dalpha."""


def meta_polynomials(
    losses: Sequence[Coefficients],
    alpha: float | Fraction,
    num_steps: int = 1,
    algorithm: str = "MAML",
    queries: Sequence[Coefficients] | None = None,
) -> MetaPolynomials:
    """Value and direction of "MAML", "FOMAML" or "Reptile"; `losses` are adapted on, `queries` judge."""
    rate = rational(alpha)
    zero = fmpq_poly([0])
    value, direction, value_rate, direction_rate = zero, zero, zero, zero
    supports = [polynomial(c) for c in losses]
    for support, query in zip(supports, supports if queries is None else map(polynomial, queries), strict=True):
        slope, curvature = support.derivative(), support.derivative().derivative()
        query_slope = query.derivative()
        adapted, moved = fmpq_poly([0, 1]), zero  # theta' and its derivative in alpha
        for _ in range(num_steps):
            step = slope(adapted)
            step_rate = curvature(adapted) * moved
            if algorithm == "Reptile":
                direction, direction_rate = direction + step, direction_rate + step_rate
            adapted, moved = adapted - rate * step, moved - step - rate * step_rate
        value, value_rate = value + query(adapted), value_rate + query_slope(adapted) * moved
        if algorithm == "FOMAML":
            direction += query_slope(adapted)
            direction_rate += query_slope.derivative()(adapted) * moved
    if algorithm == "MAML":
        direction, direction_rate = value.derivative(), value_rate.derivative()
    return MetaPolynomials(value, direction, value_rate, direction_rate)


def real_roots(p: fmpq_poly, low: float, high: float) -> list[tuple[flint.arb, int]]:
    """All distinct real roots in `[low, high]`, ascending, as balls of DIGITS digits with their multiplicities."""
    if p.is_zero():
        raise ValueError("the polynomial is identically zero")
    if p.degree() < 1:
        return []
    ends = [rational(float(b)) for b in (low, high)]
    with flint.ctx.workdps(DIGITS):
        roots = [(r.real, m) for r, m in p.complex_roots() if r.imag.is_zero()]
        kept = []
        for root, multiplicity in roots:
            below, above = root < ends[0], root > ends[1]
            if root.overlaps(flint.arb(ends[0])) or root.overlaps(flint.arb(ends[1])):
                below = above = not any(p(end) == 0 and root.overlaps(flint.arb(end)) for end in ends)
            if not (below or above):
                kept.append((root, multiplicity))
        return sorted(kept, key=lambda r: as_mpf(r[0]))


class Point(NamedTuple):
    """One zero of the direction."""

    theta: mp.mpf
    multiplicity: int
    value: mp.mpf
    jacobian: mp.mpf
    """dG / dtheta."""
    rate: mp.mpf
    """dtheta / dalpha; NaN at a multiple root."""
    attracting: bool
    """Whether G goes from minus to plus."""


def _at(p: fmpq_poly, theta: flint.arb) -> mp.mpf:
    return as_mpf(flint.arb_poly(p)(theta))


def stationary_points(
    losses: Sequence[Coefficients],
    alpha: float | Fraction,
    bounds: tuple[float, float],
    num_steps: int = 1,
    algorithm: str = "MAML",
    queries: Sequence[Coefficients] | None = None,
) -> list[Point]:
    """Every zero of the direction in the bounds, ascending."""
    meta = meta_polynomials(losses, alpha, num_steps, algorithm, queries)
    jacobian = meta.direction.derivative()
    points = []
    with mp.workdps(DIGITS), flint.ctx.workdps(3 * DIGITS):  # the values at a root lose digits to cancellation
        for theta, multiplicity in real_roots(meta.direction, *bounds):
            bend, simple = _at(jacobian, theta), multiplicity == 1
            rate = -_at(meta.direction_rate, theta) / bend if simple else mp.nan
            odd = meta.direction
            for _ in range(multiplicity):
                odd = odd.derivative()
            attracting = multiplicity % 2 == 1 and _at(odd, theta) > 0
            value = _at(meta.value, theta)
            points.append(Point(as_mpf(theta), multiplicity, value, bend if simple else mp.mpf(0), rate, attracting))
    return points


class Minimum(NamedTuple):
    """One local minimum of a meta-loss on an interval, its ends included."""

    theta: mp.mpf
    value: mp.mpf
    value_rate: mp.mpf
    """dL / dalpha there, which by the envelope theorem is that of the minimum as it moves."""
    at_bound: bool
    index: int
    """Its place among all stationary points and ends, ascending: two rows alike are linked by it."""


class Row(NamedTuple):
    """The landscape of one alpha."""

    minima: list[Minimum]
    """Ascending in theta."""
    kinds: tuple[str, ...]
    """What the ends and stationary points are, in order."""

    @property
    def best(self) -> list[Minimum]:
        """The lowest minima: several where values agree to 25 digits."""
        lowest = min(m.value for m in self.minima)
        return [m for m in self.minima if m.value - lowest <= mp.mpf(10) ** -25 * (1 + abs(lowest))]


def row(
    losses: Sequence[Coefficients],
    alpha: float | Fraction,
    bounds: tuple[float, float],
    num_steps: int = 1,
    queries: Sequence[Coefficients] | None = None,
) -> Row:
    """All local minima of MAML's meta-loss on the bounds. The meta-loss must not be constant."""
    meta = meta_polynomials(losses, alpha, num_steps, "MAML", queries)
    low, high = (rational(float(b)) for b in bounds)
    with mp.workdps(DIGITS), flint.ctx.workdps(2 * DIGITS):
        inner = [r for r, _ in real_roots(meta.direction, *bounds) if not (r.contains(low) or r.contains(high))]
        places = [flint.arb(low), *inner, flint.arb(high)]
        between = [(a.mid() + b.mid()) / 2 for a, b in itertools.pairwise(places)]
        rising = [bool(flint.arb_poly(meta.direction)(x) > 0) for x in between]
        sides = list(zip([None, *rising], [*rising, None], strict=True))  # rising before and after each place
        kinds = tuple(f"{'-+'[b] if b is not None else '|'}{'-+'[a] if a is not None else '|'}" for b, a in sides)
        minima = [
            Minimum(as_mpf(x), _at(meta.value, x), _at(meta.value_rate, x), i in (0, len(places) - 1), i)
            for i, (x, (before, after)) in enumerate(zip(places, sides, strict=True))
            if not before and after is not False
        ]
        return Row(minima, kinds)


class Jump(NamedTuple):
    """Where the global minimiser changes from one basin to another."""

    alpha: mp.mpf
    theta_before: mp.mpf
    theta_after: mp.mpf
    value: mp.mpf


def jumps(
    losses: Sequence[Coefficients],
    span: tuple[float, float],
    bounds: tuple[float, float],
    num_steps: int = 1,
    queries: Sequence[Coefficients] | None = None,
    num_alphas: int = 301,
) -> list[Jump]:
    """All jumps of MAML's global minimiser for alphas in `span`, to 35 digits; of tied minima the leftmost counts.

    Rows with the same kinds of points are linked point by point. Where the lowest minimum is another one, or where
    kinds differ, the interval is halved; an exchange is then "equal values, both stationary", solved by Newton.
    Two exchanges that undo each other between neighbours of an even grid of `num_alphas` are not seen.
    """
    least = Fraction(1, 2**26)

    def at(alpha: Fraction) -> Row:
        return row(losses, alpha, bounds, num_steps, queries)

    def within(a: Fraction, at_a: Row, b: Fraction, at_b: Row) -> list[Jump]:
        one, two = at_a.best[0], at_b.best[0]
        alike = at_a.kinds == at_b.kinds
        if alike and one.index == two.index:
            return []
        if b - a > least:
            middle = (a + b) / 2
            at_middle = at(middle)
            return within(a, at_a, middle, at_middle) + within(middle, at_middle, b, at_b)
        if abs(one.theta - two.theta) < 1e-3 * (bounds[1] - bounds[0]):
            return []  # a fold or a pitchfork is in between, and the lowest minimum goes on
        return [_refined(losses, num_steps, queries, (a + b) / 2, one, two)]

    start, end = Fraction(float(span[0])), Fraction(float(span[1]))
    alphas = [start + (end - start) * k / (num_alphas - 1) for k in range(num_alphas)]
    rows = [(alpha, at(alpha)) for alpha in alphas]
    return [jump for one, two in itertools.pairwise(rows) for jump in within(*one, *two)]


def _refined(losses, num_steps, queries, alpha: Fraction, one: Minimum, two: Minimum) -> Jump:
    """Newton on the alpha of equal values: `d = L_one - L_two`, `d' = dL_one/dalpha - dL_two/dalpha`."""

    def near(row: Row, minimum: Minimum) -> Minimum:
        return min(row.minima, key=lambda m: abs(m.theta - minimum.theta))

    with mp.workdps(DIGITS):
        for _ in range(20):
            low, high = (float(m) for m in _bounds_around(one, two))
            here = row(losses, alpha, (low, high), num_steps, queries)
            one, two = near(here, one), near(here, two)
            change = (one.value - two.value) / (one.value_rate - two.value_rate)
            # The next alpha as a short fraction: 45 digits.
            alpha = Fraction(int(mp.nint(mp.mpf(2) ** 150 * (_mpf(alpha) - change))), 2**150)
            if abs(change) < mp.mpf(10) ** (3 - DIGITS):
                return Jump(_mpf(alpha), one.theta, two.theta, one.value)
        raise ArithmeticError(f"no jump near {float(alpha)}")


def _bounds_around(one: Minimum, two: Minimum) -> tuple[mp.mpf, mp.mpf]:
    """Bounds that keep an end an end, and leave room around what is none."""
    left, right = sorted((one, two), key=lambda m: m.theta)
    return left.theta - (0 if left.at_bound else 1), right.theta + (0 if right.at_bound else 1)


def _mpf(x: Fraction) -> mp.mpf:
    return mp.mpf(x.numerator) / x.denominator
