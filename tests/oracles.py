"""Answers found without the package: NumPy and mpmath only.

Polynomials are lists of `Fraction`, lowest power first, so that composing losses and isolating roots is
exact; only the last digits of a root are found in floating arithmetic, with DIGITS of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import comb, lcm
from typing import NamedTuple

import mpmath as mp
import numpy as np

DIGITS = 50
# Evaluated with this many digits, a polynomial of the degrees met here still has 50 right ones at its roots.
WORKING_DIGITS = 120

Polynomial = list[Fraction]

# The losses of the post as polynomials, lowest power first.
CASE_1 = ([0, 0, 0.5], [0.5, -1, 0.5])
CASE_2 = ([0, 0, 0, 0, 0.25], [0.5, -1, 0.5])


# --- closed forms of the post, and the size of what is added up in them ----------------------------


def case_1(theta, alpha):
    """Value, gradient and curvature of the meta-loss of case 1."""
    shrink = (1 - alpha) ** 2
    return shrink * ((theta - 0.5) ** 2 + 0.25), shrink * (2 * theta - 1), shrink * 2 + 0 * theta


def case_2(theta, alpha):
    """Value, gradient and curvature of the meta-loss of case 2."""
    t, dt, ddt = theta - alpha * theta**3, 1 - 3 * alpha * theta**2, -6 * alpha * theta
    shrink = (1 - alpha) ** 2
    return (
        t**4 / 4 + shrink * (theta - 1) ** 2 / 2,
        t**3 * dt + shrink * (theta - 1),
        3 * t**2 * dt**2 + t**3 * ddt + shrink,
    )


def case_1_size(theta, alpha):
    """`case_1` before expansion with every minus made a plus: rounding errors are a few eps times this."""
    theta, alpha = np.abs(theta), np.abs(alpha)
    factor, t, u = 1 + alpha, (1 + alpha) * theta, (1 + alpha) * (theta + 1)
    return (t**2 + u**2) / 2, factor * (t + u), 2 * factor**2 + 0 * theta


def case_2_size(theta, alpha):
    """`case_2` with every minus made a plus: rounding errors are a few eps times this."""
    theta, alpha = np.abs(theta), np.abs(alpha)
    t, dt, ddt = theta + alpha * theta**3, 1 + 3 * alpha * theta**2, 6 * alpha * theta
    factor, u = 1 + alpha, (1 + alpha) * (theta + 1)
    return t**4 / 4 + u**2 / 2, t**3 * dt + factor * u, 3 * t**2 * dt**2 + t**3 * ddt + factor**2


# --- quadratics ------------------------------------------------------------------------------------


class Quadratic(NamedTuple):
    theta: np.ndarray
    value: np.ndarray
    curvature: np.ndarray
    sensitivity: np.ndarray


def quadratics(curvatures, centers, alpha, num_steps=1) -> Quadratic:
    """Tasks `a_i (theta - c_i)^2 / 2`: `w_i = a_i (1 - alpha a_i)^{2K}`, optimum `sum w_i c_i / sum w_i`."""
    a, c = np.asarray(curvatures), np.asarray(centers)
    w = a * (1 - alpha * a) ** (2 * num_steps)
    dw = -2 * num_steps * a**2 * (1 - alpha * a) ** max(2 * num_steps - 1, 0)
    theta = (w * c).sum() / w.sum()
    return Quadratic(theta, (w * (theta - c) ** 2).sum() / 2, w.sum(), (dw * (c - theta)).sum() / w.sum())


def matrix_quadratics(matrices, centers, alpha, num_steps=1) -> Quadratic:
    """The same in several dimensions: `W_i = A_i (I - alpha A_i)^{2K}`."""
    eye = np.eye(centers.shape[1])
    weights = np.array([a @ np.linalg.matrix_power(eye - alpha * a, 2 * num_steps) for a in matrices])
    total = weights.sum(0)
    theta = np.linalg.solve(total, sum(w @ c for w, c in zip(weights, centers, strict=True)))
    value = sum((theta - c) @ w @ (theta - c) for w, c in zip(weights, centers, strict=True)) / 2
    return Quadratic(theta, value, total, np.full_like(theta, np.nan))


# --- polynomial losses -----------------------------------------------------------------------------


def polynomial(coefficients: Sequence[float]) -> Polynomial:
    """Coefficients, lowest power first, taken exactly."""
    return [c if isinstance(c, Fraction) else Fraction(float(c)) for c in coefficients]


def plus(p: Polynomial, q: Polynomial) -> Polynomial:
    longer, shorter = (p, q) if len(p) >= len(q) else (q, p)
    return [c + (shorter[i] if i < len(shorter) else 0) for i, c in enumerate(longer)]


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    product = [Fraction(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return product


def derivative(p: Polynomial) -> Polynomial:
    return [k * c for k, c in enumerate(p)][1:] or [Fraction(0)]


def compose(p: Polynomial, q: Polynomial) -> Polynomial:
    """`p(q(theta))`."""
    result = [Fraction(0)]
    for c in reversed(p):
        result = plus(times(result, q), [c])
    while len(result) > 1 and result[-1] == 0:
        result.pop()
    return result


def evaluate(p: Polynomial, theta):
    """`p(theta)`, exactly for a Fraction, in the working precision of mpmath for an mpf."""
    return _horner(p if isinstance(theta, Fraction) else [as_mpf(c) for c in p], theta)


def meta_polynomial(losses, alpha, num_steps=1) -> tuple[Polynomial, Polynomial]:
    """The meta-loss as a polynomial in theta, and its derivative in alpha as another."""
    alpha = Fraction(*alpha.as_integer_ratio())
    total, total_in_alpha = [Fraction(0)], [Fraction(0)]
    for loss in map(polynomial, losses):
        slope = derivative(loss)
        adapted, in_alpha = [Fraction(0), Fraction(1)], [Fraction(0)]
        for _ in range(num_steps):
            step = compose(slope, adapted)
            change = plus(step, [alpha * c for c in times(compose(derivative(slope), adapted), in_alpha)])
            adapted, in_alpha = (
                plus(adapted, [-alpha * c for c in step]),
                plus(in_alpha, [-c for c in change]),
            )
        total = plus(total, compose(loss, adapted))
        total_in_alpha = plus(total_in_alpha, times(compose(slope, adapted), in_alpha))
    return total, total_in_alpha


def meta_size(losses, theta, alpha, num_steps=1) -> np.ndarray:
    """Value and slope of the meta-loss with every minus made a plus: rounding is a few eps times these."""
    theta, alpha = np.broadcast_arrays(np.abs(np.asarray(theta, float)), np.abs(np.asarray(alpha, float)))
    value = slope = 0.0
    for loss in losses:
        p = np.polynomial.Polynomial(np.abs(np.asarray(loss, float)))
        first, second = p.deriv(), p.deriv(2)
        adapted, change = theta, np.ones_like(theta)
        for _ in range(num_steps):
            adapted, change = adapted + alpha * first(adapted), change * (1 + alpha * second(adapted))
        value, slope = value + p(adapted), slope + first(adapted) * change
    return np.array([value, slope])


def real_roots(p: Polynomial, low: float, high: float) -> list[mp.mpf]:
    """All distinct real roots in `[low, high]` to DIGITS digits, ascending.

    Isolated exactly by Descartes' rule of signs in the Bernstein basis (Vincent, Collins, Akritas), so that
    none is missed; a multiple root is where 2^-200 of the interval still shows several.
    """
    p = list(p)
    while p and p[-1] == 0:
        p.pop()
    if not p:
        raise ValueError("the polynomial is identically zero")
    low, width = Fraction(low), Fraction(high) - Fraction(low)
    roots: list[mp.mpf] = []
    with mp.workdps(WORKING_DIGITS):
        in_unit = compose(p, [low, width])
        in_unit += [Fraction(0)] * (len(p) - len(in_unit))
        n = len(in_unit) - 1
        exact = [sum(Fraction(comb(k, i), comb(n, i)) * in_unit[i] for i in range(k + 1)) for k in range(n + 1)]
        scale = lcm(*(b.denominator for b in exact))
        bernstein = [int(b * scale) for b in exact]
        waiting = [(bernstein, 0, 0)]
        while waiting:
            b, position, depth = waiting.pop()
            left, right = Fraction(position, 2**depth), Fraction(position + 1, 2**depth)
            if b[0] == 0 and (position % 2 or depth == 0):  # a first half has the left end of what it halves
                roots.append(as_mpf(low + width * left))
            signs = [c > 0 for c in b if c]
            variations = sum(s != t for s, t in itertools.pairwise(signs))
            if variations == 1 and b[0] and b[-1]:
                roots.append(_bracketed_root(p, low + width * left, low + width * right))
            elif variations and depth == 200:
                roots.append(as_mpf(low + width * (left + right) / 2))
            elif variations:
                first, second = _halves(b)
                waiting += [(second, 2 * position + 1, depth + 1), (first, 2 * position, depth + 1)]
        if bernstein[-1] == 0:
            roots.append(as_mpf(low + width))
    return sorted(roots)


def as_mpf(x: Fraction) -> mp.mpf:
    return mp.mpf(x.numerator) / x.denominator


def _halves(b: list[int]) -> tuple[list[int], list[int]]:
    """De Casteljau at 1/2, kept in integers: both halves times 2^n."""
    n = len(b) - 1
    first, second, row = [b[0] << n], [b[-1] << n], b
    for k in range(1, n + 1):
        row = [x + y for x, y in itertools.pairwise(row)]
        first.append(row[0] << (n - k))
        second.append(row[-1] << (n - k))
    return first, second[::-1]


def _bracketed_root(p: Polynomial, left: Fraction, right: Fraction) -> mp.mpf:
    """The one simple root between `left` and `right`: Newton steps, each kept honest by a sign change."""
    function, slope = [as_mpf(c) for c in p], [as_mpf(c) for c in derivative(p)]
    tolerance = mp.mpf(10) ** (-2 * DIGITS)
    a, b = as_mpf(left), as_mpf(right)
    negative = _horner(function, a) < 0
    while b - a > tolerance * (1 + abs(a)):
        middle = (a + b) / 2
        value, rate = _horner(function, middle), _horner(slope, middle)
        a, b = (middle, b) if (value < 0) == negative else (a, middle)
        newton = middle - value / rate if rate else middle
        if a < newton < b:  # then a tiny interval around it, if the root is inside
            reach = abs(newton - middle) ** 2 / (b - a) + tolerance
            for end in (newton - reach, newton + reach):
                if a < end < b:
                    a, b = (end, b) if (_horner(function, end) < 0) == negative else (a, end)
    return (a + b) / 2


def _horner(coefficients, x):
    value = x * 0
    for c in reversed(coefficients):
        value = value * x + c
    return value


class Minimum(NamedTuple):
    theta: mp.mpf
    value: mp.mpf
    curvature: mp.mpf
    sensitivity: mp.mpf
    """dtheta / dalpha; NaN at a bound or where the curvature is zero."""
    at_bound: bool


def minima(losses, alpha: float, bounds: tuple[float, float], num_steps=1) -> list[Minimum]:
    """Every local minimum of the meta-loss on `bounds`, the best first."""
    value, in_alpha = meta_polynomial(losses, alpha, num_steps)
    slope = derivative(value)
    curvature, cross = derivative(slope), derivative(in_alpha)
    with mp.workdps(WORKING_DIGITS):
        low, high = (mp.mpf(b) for b in bounds)
        inner = [r for r in real_roots(slope, *bounds) if low < r < high]
        ends = [low, *inner, high]
        rising = [evaluate(slope, (a + b) / 2) > 0 for a, b in itertools.pairwise(ends)]
        found = [low] * rising[0]
        found += [r for r, before, after in zip(inner, rising, rising[1:], strict=False) if not before and after]
        found += [high] * (not rising[-1])
        result = []
        for theta in found:
            at_bound, bend = theta in (low, high), evaluate(curvature, theta)
            steep = not at_bound and abs(bend) > mp.mpf(10) ** -DIGITS
            sensitivity = -evaluate(cross, theta) / bend if steep else mp.nan
            result.append(Minimum(theta, evaluate(value, theta), bend, sensitivity, at_bound))
        return sorted(result, key=lambda m: m.value)


class Jump(NamedTuple):
    alpha: mp.mpf
    theta_before: mp.mpf
    theta_after: mp.mpf
    value: mp.mpf


def jumps(losses, alphas: Sequence[float], bounds: tuple[float, float], num_steps=1) -> list[Jump]:
    """Where along `alphas` the best minimum changes from one basin to another, to DIGITS digits.

    Found by halving every interval of `alphas` over which the best minimum moves until it either moves as it
    should or is seen to jump; then "both stationary (or a bound), equal values" is solved by Newton's
    method. None of `alphas` may be an exact tie.
    """

    def best(alpha: float) -> mp.mpf:
        return minima(losses, alpha, bounds, num_steps)[0]

    def within(a, at_a, b, at_b) -> list[Jump]:
        move, width = at_b.theta - at_a.theta, bounds[1] - bounds[0]
        expected = sum(0 if m.at_bound else m.sensitivity for m in (at_a, at_b)) / 2 * (b - a)
        # The same basin: a small move, and the one that the sensitivities make it.
        if abs(move) < 0.05 * width and abs(move - expected) < 1e-3 * width:
            return []
        if b - a < 1e-6:
            return [_refined_jump(losses, num_steps, (a + b) / 2, (at_a, at_b))]
        middle = (a + b) / 2
        at_middle = best(middle)
        return within(a, at_a, middle, at_middle) + within(middle, at_middle, b, at_b)

    points = [(a, best(a)) for a in alphas]
    return [jump for one, two in itertools.pairwise(points) for jump in within(*one, *two)]


def _refined_jump(losses, num_steps, alpha: float, ends: tuple[Minimum, Minimum]) -> Jump:
    """Newton's method on the stationarity of each end that is not a bound and the equality of the values."""

    def unpacked(unknowns):
        rest = iter(unknowns[1:])
        return unknowns[0], *(m.theta if m.at_bound else next(rest) for m in ends)

    def equations(*unknowns):
        alpha, *thetas = unpacked(unknowns)
        (left, left_slope), (right, right_slope) = (_value_and_slope(losses, t, alpha, num_steps) for t in thetas)
        slopes = zip((left_slope, right_slope), ends, strict=True)
        return [left - right, *(slope for slope, m in slopes if not m.at_bound)]

    with mp.workdps(WORKING_DIGITS):
        start = [mp.mpf(alpha), *(m.theta for m in ends if not m.at_bound)]
        solver = {"solver": "mdnewton"} if len(start) > 1 else {}
        solved = mp.findroot(equations, start, tol=mp.mpf(10) ** (-1.8 * DIGITS), **solver)
        alpha, left, right = unpacked(list(solved))
        return Jump(alpha, left, right, _value_and_slope(losses, left, alpha, num_steps)[0])


def _value_and_slope(losses, theta, alpha, num_steps):
    """The meta-loss and its derivative in theta by the chain rule, in the precision of mpmath."""
    value = slope = mp.mpf(0)
    for p in map(polynomial, losses):
        loss, first, second = ([as_mpf(c) for c in q] for q in (p, derivative(p), derivative(derivative(p))))
        adapted, change = theta, mp.mpf(1)
        for _ in range(num_steps):
            step, bend = _horner(first, adapted), _horner(second, adapted)
            adapted, change = adapted - alpha * step, change * (1 - alpha * bend)
        value, slope = value + _horner(loss, adapted), slope + _horner(first, adapted) * change
    return value, slope


# --- a network, adapted by backpropagation written out ---------------------------------------------

Layers = list[tuple[np.ndarray, np.ndarray]]

_ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    # (function, derivative from input and output); both take complex numbers with a tiny imaginary part.
    "tanh": (np.tanh, lambda z, h: 1 - h**2),
    "relu": (lambda z: np.where(z.real > 0, z, 0), lambda z, h: (z.real > 0) * 1.0),
}


def network_loss(layers: Layers, x: np.ndarray, y: np.ndarray, activation: str) -> tuple[complex, Layers]:
    """Mean squared error of a fully connected network and its gradient, by hand."""
    function, slope = _ACTIVATIONS[activation]
    inputs, before = [x], []
    for weight, bias in layers:
        before.append(inputs[-1] @ weight + bias)
        inputs.append(function(before[-1]))
    error = before[-1] - y  # the last layer is linear
    back = 2 * error / error.size
    gradient = []
    for i in reversed(range(len(layers))):
        gradient.append((inputs[i].T @ back, back.sum(0)))
        if i:
            back = (back @ layers[i][0].T) * slope(before[i - 1], inputs[i])
    return (error**2).mean(), gradient[::-1]


def network_meta_loss(layers: Layers, tasks, alpha: float, num_steps: int, activation: str) -> complex:
    """Sum over tasks `((x, y), (x, y))` of the query loss after `num_steps` steps on the support loss."""
    total = 0
    for support, query in tasks:
        adapted = layers
        for _ in range(num_steps):
            gradient = network_loss(adapted, *support, activation)[1]
            adapted = [(w - alpha * dw, b - alpha * db) for (w, b), (dw, db) in zip(adapted, gradient, strict=True)]
        total = total + network_loss(adapted, *query, activation)[0]
    return total


def network_meta_gradient(layers: Layers, tasks, alpha: float, num_steps: int, activation: str) -> Layers:
    """The gradient of `network_meta_loss`, a complex step per parameter: exact to rounding, complete."""
    gradient = [(np.zeros(w.shape), np.zeros(b.shape)) for w, b in layers]
    moved = [(w.astype(complex), b.astype(complex)) for w, b in layers]
    for slot, place in ((g, m) for gs, ms in zip(gradient, moved, strict=True) for g, m in zip(gs, ms, strict=True)):
        for i in np.ndindex(slot.shape):
            place[i] += 1e-100j
            slot[i] = network_meta_loss(moved, tasks, alpha, num_steps, activation).imag / 1e-100
            place[i] = place[i].real
    return gradient


# --- outer loops, one number at a time -------------------------------------------------------------


def gradient_descent(gradient, theta, learning_rate, num_steps, *, momentum=0.0) -> list[float]:
    """Theta after 0, 1, ... steps of gradient descent with (heavy-ball) momentum."""
    path, trace = [theta], 0.0
    for _ in range(num_steps):
        trace = gradient(path[-1]) + momentum * trace
        path.append(path[-1] - learning_rate * trace)
    return path


def adam(gradient, theta, learning_rate, num_steps, *, b1=0.9, b2=0.999, eps=1e-8) -> list[float]:
    """Theta after 0, 1, ... steps of Adam (Kingma, Ba 2015, Algorithm 1)."""
    path, m, v = [theta], 0.0, 0.0
    for t in range(1, num_steps + 1):
        g = gradient(path[-1])
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        path.append(path[-1] - learning_rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps))
    return path
