"""What each algorithm descends, found without the package: NumPy and mpmath only, on the polynomials of `oracles`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import mpmath as mp
import numpy as np

from .oracles import WORKING_DIGITS, as_mpf, derivative, evaluate, polynomial

# --- quadratics ------------------------------------------------------------------------------------


def direction_weights(algorithm, matrices, alpha, num_steps=1, *, strength=1.0, num_last=0, rates=None) -> np.ndarray:
    """`[num_tasks, dim, dim]`: the outer direction of an algorithm on quadratics is `sum_i W_i (theta - c_i)`.

    Each step multiplies `theta - c_i` by `I - D A_i`, with `D = alpha` or the rates of the parameters on a diagonal.
    """
    eye = np.eye(np.shape(matrices)[-1])
    return np.array(
        [_direction_weight(algorithm, A, alpha, num_steps, strength, num_last, rates, eye) for A in matrices]
    )


def _direction_weight(algorithm, A, alpha, num_steps, strength, num_last, rates, eye):
    D = alpha * eye if rates is None else np.diag(rates)
    shrink, resolvent = eye - D @ A, np.linalg.inv(A + strength * eye)
    adapted = np.linalg.matrix_power(shrink, num_steps)
    match algorithm:
        case "MAML":
            return adapted.T @ A @ adapted
        case "FOMAML":
            return A @ adapted
        case "truncated":
            return np.linalg.matrix_power(shrink, min(num_last, num_steps)).T @ A @ adapted
        case "Reptile":  # (I - (I - alpha A)^K) / alpha without the division
            return sum((A @ np.linalg.matrix_power(shrink, k) for k in range(num_steps)), 0 * A)
        case "iMAML":
            return strength**2 * resolvent @ A @ resolvent
        case "Moreau":
            return strength * A @ resolvent
    raise ValueError(algorithm)


def fixed_point(weights, centers) -> np.ndarray:
    """Where `sum_i W_i (theta - c_i)` is zero."""
    return np.linalg.solve(weights.sum(0), np.einsum("nij,nj->i", weights, centers))


# --- the outer directions, with the digits of mpmath -----------------------------------------------

# Differences over 10^-24 of functions known to 120 digits: central ones are right to 48 digits, second ones as well.
_STEP = mp.mpf(10) ** -24


def _plain(slope, memory, k):
    return slope, memory


def _momentum(slope, memory, k, decay=0.9):
    trace = slope + mp.mpf(decay) * (memory or 0)
    return trace, trace


def _rmsprop(slope, memory, k, decay=0.9, eps=1e-8):
    square = mp.mpf(decay) * (memory or 0) + (1 - mp.mpf(decay)) * slope**2
    return slope / mp.sqrt(square + mp.mpf(eps)), square


def _adam(slope, memory, k, b1=0.9, b2=0.999, eps=1e-8, eps_root=1e-4):
    m, v = memory or (0, 0)
    b1, b2 = mp.mpf(b1), mp.mpf(b2)
    m, v = b1 * m + (1 - b1) * slope, b2 * v + (1 - b2) * slope**2
    root = mp.sqrt(v / (1 - b2 ** (k + 1)) + mp.mpf(eps_root))
    return m / (1 - b1 ** (k + 1)) / (root + mp.mpf(eps)), (m, v)


UPDATES: dict[str, Callable] = {"sgd": _plain, "momentum": _momentum, "rmsprop": _rmsprop, "adam": _adam}


def adapt(loss, theta, alpha, num_steps, optimizer="sgd"):
    """Theta after each inner step on a polynomial, the start first, and what the steps subtracted before alpha."""
    slope, path, updates, memory = derivative(polynomial(loss)), [theta], [], None
    for k in range(num_steps):
        update, memory = UPDATES[optimizer](evaluate(slope, path[-1]), memory, k)
        updates.append(update)
        path.append(path[-1] - alpha * update)
    return path, updates


def proximal(loss, theta, strength):
    """`argmin L(phi) + strength / 2 (phi - theta)^2` of a convex polynomial, by Newton's method."""
    slope = derivative(polynomial(loss))
    bend, phi = derivative(slope), theta
    for _ in range(200):
        step = (evaluate(slope, phi) + strength * (phi - theta)) / (evaluate(bend, phi) + strength)
        phi -= step
        if abs(step) < mp.mpf(10) ** (10 - WORKING_DIGITS):
            return phi
    raise ArithmeticError("Newton's method did not end")


def value_of(algorithm, tasks, theta, alpha, num_steps=1, *, strength=1, optimizer="sgd"):
    """The sum over tasks `(support, query)`, polynomials, of the query loss after adaptation."""
    total = mp.mpf(0)
    for support, query in tasks:
        if algorithm in ("iMAML", "Moreau"):
            adapted = proximal(support, theta, strength)
        else:
            adapted = adapt(support, theta, alpha, num_steps, optimizer)[0][-1]
        total += evaluate(polynomial(query), adapted)
    return total


def direction_of(algorithm, tasks, theta, alpha, num_steps=1, *, strength=1, optimizer="sgd", num_last=0):
    """The outer direction by its definition in the literature, summed over tasks."""
    if algorithm in ("MAML", "iMAML"):
        return central(
            lambda t: value_of(algorithm, tasks, t, alpha, num_steps, strength=strength, optimizer=optimizer), theta
        )
    total = mp.mpf(0)
    for support, query in tasks:
        path, updates = adapt(support, theta, alpha, num_steps, optimizer)
        slope, bend = derivative(polynomial(query)), derivative(derivative(polynomial(support)))
        match algorithm:
            case "Reptile":
                total += sum(updates)
            case "Moreau":
                total += strength * (theta - proximal(support, theta, strength))
            case "FOMAML":
                total += evaluate(slope, path[-1])
            case "truncated":  # the last steps of plain gradient descent
                chain = [1 - alpha * evaluate(bend, t) for t in path[max(num_steps - num_last, 0) : num_steps]]
                total += evaluate(slope, path[-1]) * mp.fprod(chain)
            case _:
                raise ValueError(algorithm)
    return total


def central(function, x):
    """The derivative to more digits than anyone asks for: mpmath's differences over `_STEP`."""
    return (function(x + _STEP) - function(x - _STEP)) / (2 * _STEP)


class Direction(NamedTuple):
    value: float
    direction: float
    jacobian: float
    """d direction / dtheta."""
    value_in_alpha: float
    direction_in_alpha: float


def derivatives(algorithm, tasks, theta, alpha, num_steps=1, **settings) -> Direction:
    """Value, outer direction and their true derivatives."""
    plain = {k: v for k, v in settings.items() if k != "num_last"}
    with mp.workdps(WORKING_DIGITS):
        theta, alpha = mp.mpf(float(theta)), mp.mpf(float(alpha))
        found = Direction(
            value_of(algorithm, tasks, theta, alpha, num_steps, **plain),
            direction_of(algorithm, tasks, theta, alpha, num_steps, **settings),
            central(lambda t: direction_of(algorithm, tasks, t, alpha, num_steps, **settings), theta),
            central(lambda a: value_of(algorithm, tasks, theta, a, num_steps, **plain), alpha),
            central(lambda a: direction_of(algorithm, tasks, theta, a, num_steps, **settings), alpha),
        )
        return Direction(*map(float, found))


def in_coefficient(function, tasks, part, task, power):
    """The derivative of `function(tasks)` in one coefficient of the support (0) or query (1) loss of one task."""

    def moved(c):
        pairs = [[[Fraction(x) for x in loss] for loss in pair] for pair in tasks]
        pairs[task][part][power] += c
        return function(pairs)

    step = Fraction(1, 10**24)
    with mp.workdps(WORKING_DIGITS):
        return float((moved(step) - moved(-step)) / (2 * as_mpf(step)))


# --- small alpha -----------------------------------------------------------------------------------


def cubed_residuals(w, batch):
    """Gradient and Hessian of `sum_j (x_j w - y_j)^4 / 4` over a minibatch `(x, y)`."""
    x, y = batch
    residual = x @ w - y
    return x.T @ residual**3, x.T @ (3 * residual[:, None] ** 2 * x)


def small_alpha_terms(w, batches) -> tuple[np.ndarray, np.ndarray]:
    """`(average gradient, average inner-product gradient)` of two minibatches: `(H_1 g_2 + H_2 g_1) / 2` the second.

    Source: Nichol, Achiam, Schulman (2018), section 5.1.
    """
    (g1, h1), (g2, h2) = (cubed_residuals(w, batch) for batch in batches)
    return (g1 + g2) / 2, (h1 @ g2 + h2 @ g1) / 2
