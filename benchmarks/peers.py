"""The peers, written by hand from the formulas of case 2 of the post. Nothing here knows mamlgrid or jax.

    L_M = u^4 / 4 + (1 - alpha)^2 (theta - 1)^2 / 2,    u = theta - alpha theta^3
    G   = u^3 (1 - 3 alpha theta^2) + (1 - alpha)^2 (theta - 1)

Numba, SciPy and PyTorch are imported by the peers that use them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]

LEARNING_RATE, BETA1, BETA2, EPS = 0.01, 0.9, 0.999, 1e-8


def largest_error(found: Any, exact: Any) -> float:
    """The largest difference, relative where the exact number exceeds one; NaN where one is found."""
    return float(np.max(np.abs(found - exact) / np.maximum(1, np.abs(exact))))


def printed_meta_loss(theta: Any, alpha: Any) -> Any:
    """The meta-loss as the post prints it."""
    return (theta - alpha * theta**3) ** 4 / 4 + (1 - alpha) ** 2 * (theta - 1) ** 2 / 2


def printed_meta_grad(theta: Any, alpha: Any) -> Any:
    """Its derivative in theta as the post prints it."""
    u = theta - alpha * theta**3
    return u**3 * (1 - 3 * alpha * theta**2) + (1 - alpha) ** 2 * (theta - 1)


def meta_loss(theta: Any, alpha: Any) -> Any:
    """The same in products, in the dtype of its arguments: NumPy takes longer over a power."""
    u = theta - alpha * (theta * theta * theta)
    v = (1 - alpha) * (theta - 1)
    return 0.25 * (u * u) * (u * u) + 0.5 * (v * v)


def meta_grad(theta: Any, alpha: Any) -> Any:
    """The derivative in theta, likewise."""
    square = theta * theta
    u = theta - alpha * (square * theta)
    return u * u * u * (1 - 3 * alpha * square) + (1 - alpha) * (1 - alpha) * (theta - 1)


def numpy_printed_surface(alphas: np.ndarray, thetas: np.ndarray) -> Arrays:
    """Value and gradient `[alphas, thetas]` from the printed formulas."""
    return printed_meta_loss(thetas, alphas[:, None]), printed_meta_grad(thetas, alphas[:, None])


def numpy_surface(alphas: np.ndarray, thetas: np.ndarray) -> Arrays:
    """The same in products; what depends on alpha or theta alone is computed once."""
    a, t = alphas[:, None], thetas[None, :]
    square, offset = t * t, t - 1
    weight = (1 - a) * (1 - a)
    u = t - a * (square * t)
    u2 = u * u
    return 0.25 * (u2 * u2) + weight * (0.5 * (offset * offset)), u2 * u * (1 - 3 * a * square) + weight * offset


def numba_surface() -> Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], None]:
    """A kernel `(alphas, thetas, values, grads)` that writes into the last two, rows in parallel."""
    import numba

    one, three = np.float32(1), np.float32(3)
    quarter, half = np.float32(0.25), np.float32(0.5)

    @numba.njit(parallel=True, error_model="numpy")
    def kernel(alphas: Any, thetas: Any, values: Any, grads: Any) -> None:
        for i in numba.prange(alphas.shape[0]):
            a = alphas[i]
            weight = (one - a) * (one - a)
            for j in range(thetas.shape[0]):
                t = thetas[j]
                u = t - a * t * t * t
                u2 = u * u
                values[i, j] = quarter * u2 * u2 + half * weight * (t - one) * (t - one)
                grads[i, j] = u2 * u * (one - three * a * t * t) + weight * (t - one)

    return kernel


# Value, slope and curvature of both losses.
_LOSSES = (
    (lambda t: t**4 / 4, lambda t: t**3, lambda t: 3 * t**2),
    (lambda t: (t - 1) ** 2 / 2, lambda t: t - 1, np.ones_like),
)


def maml(theta: np.ndarray, alpha: np.ndarray, num_steps: int, *, momentum: float = 0.0) -> Arrays:
    """Value and direction of MAML after `num_steps` inner steps: the derivative runs along with the recursion."""
    parts = []
    for value, slope, curvature in _LOSSES:
        end, spread, _ = _descended(slope, curvature, theta, alpha, num_steps, momentum)
        parts.append((value(end), slope(end) * spread))
    return _summed(parts)


def fomaml(theta: np.ndarray, alpha: np.ndarray, num_steps: int) -> Arrays:
    """Value and direction of first-order MAML."""
    ends = [
        (value, slope, _descended(slope, curvature, theta, alpha, num_steps)) for value, slope, curvature in _LOSSES
    ]
    return _summed([(value(end), slope(end)) for value, slope, (end, _, _) in ends])


def reptile(theta: np.ndarray, alpha: np.ndarray, num_steps: int) -> Arrays:
    """Value and direction of Reptile."""
    ends = [(value, _descended(slope, curvature, theta, alpha, num_steps)) for value, slope, curvature in _LOSSES]
    return _summed([(value(end), total) for value, (end, _, total) in ends])


def imaml(theta: np.ndarray, alpha: np.ndarray, num_steps: int = 0) -> Arrays:
    """Value and direction of implicit MAML with strength 1 / alpha."""
    parts = []
    for value, slope, curvature in _LOSSES:
        end = _proximal(slope, curvature, theta, alpha)
        parts.append((value(end), slope(end) / (1 + alpha * curvature(end))))
    return _summed(parts)


def moreau(theta: np.ndarray, alpha: np.ndarray, num_steps: int = 0) -> Arrays:
    """Value of the same, and the gradient of the Moreau envelopes."""
    ends = [(value, slope, _proximal(slope, curvature, theta, alpha)) for value, slope, curvature in _LOSSES]
    return _summed([(value(end), slope(end)) for value, slope, end in ends])


def _descended(
    slope: Callable[..., Any],
    curvature: Callable[..., Any],
    theta: Any,
    alpha: Any,
    num_steps: int,
    momentum: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the steps end, its derivative in theta, and the sum of what was subtracted before alpha scaled it."""
    end, alpha = np.broadcast_arrays(theta, alpha)
    spread, update, update_spread, total = np.ones_like(end), 0.0, 0.0, np.zeros_like(end)
    for _ in range(num_steps):
        update, update_spread = slope(end) + momentum * update, curvature(end) * spread + momentum * update_spread
        total = total + update
        end, spread = end - alpha * update, spread - alpha * update_spread
    return end, spread, total


def _proximal(slope: Callable[..., Any], curvature: Callable[..., Any], theta: Any, alpha: Any) -> np.ndarray:
    """The root of `phi - theta + alpha slope(phi)`, which increases in phi, by Newton's method."""
    phi, alpha = np.broadcast_arrays(theta, alpha)
    for _ in range(60):
        phi = phi - (phi - theta + alpha * slope(phi)) / (1 + alpha * curvature(phi))
    return phi


def _summed(parts: list[Arrays]) -> Arrays:
    (value, direction), (other_value, other_direction) = parts
    return value + other_value, direction + other_direction


def scipy_optimal_theta(
    alphas: np.ndarray,
    bounds: tuple[float, float],
    value: Callable[[Any, Any], Any],
    gradient: Callable[[Any, Any], Any] | None = None,
) -> np.ndarray:
    """The global minimiser for each alpha: the best of 4,001 points, then Brent beside it, to 1e-12.

    Args:
        alphas: `[alphas]`.
        bounds: the interval of the grid.
        value: the meta-loss `(theta, alpha)`.
        gradient: its derivative, for Brent's root finder; without it, his minimiser runs on the values.
    """
    from scipy.optimize import brentq, minimize_scalar

    grid = np.linspace(*bounds, 4001)
    best = np.empty_like(alphas)
    for i, alpha in enumerate(alphas.tolist()):
        k = int(np.clip(np.argmin(value(grid, alpha)), 1, grid.size - 2))
        low, middle, high = grid[k - 1 : k + 2].tolist()
        if gradient is None:
            found: Any = minimize_scalar(value, (low, middle, high), args=(alpha,), method="brent", tol=1e-12)
            best[i] = found.x
        else:
            best[i] = brentq(gradient, low, high, args=(alpha,), xtol=1e-12)
    return best


def numpy_adam(alphas: np.ndarray, theta0: float, num_steps: int, *, trace: bool = False) -> Any:
    """The thetas after `num_steps` steps of adam, all alphas at once, in the dtype of `alphas`.

    With `trace`, thetas and values `[alphas, num_steps]` after each step.
    """
    theta = np.full_like(alphas, theta0)
    m, v = np.zeros_like(alphas), np.zeros_like(alphas)
    thetas, values = (np.empty((2, alphas.size, num_steps), alphas.dtype)) if trace else (None, None)
    for step in range(num_steps):
        grad = meta_grad(theta, alphas)
        m = BETA1 * m + (1 - BETA1) * grad
        v = BETA2 * v + (1 - BETA2) * (grad * grad)
        unbiased_m, unbiased_v = m / (1 - BETA1 ** (step + 1)), v / (1 - BETA2 ** (step + 1))
        theta = theta - LEARNING_RATE * unbiased_m / (np.sqrt(unbiased_v) + EPS)
        if thetas is not None and values is not None:
            thetas[:, step], values[:, step] = theta, meta_loss(theta, alphas)
    return (thetas, values) if trace else theta


def numba_adam(*, lanes: int = 1, trace: bool = False) -> Callable[..., Any]:
    """`(alphas, theta0, num_steps) -> theta`, one alpha after another on each core, in float32.

    Args:
        lanes: alphas advanced together, so that the compiler can use vector instructions across them.
        trace: return `(thetas, values)` `[alphas, num_steps]` after each step instead.
    """
    import numba

    f = np.float32
    one, three, rate, eps = f(1), f(3), f(LEARNING_RATE), f(EPS)
    beta1, beta2, rest1, rest2 = f(BETA1), f(BETA2), f(1 - BETA1), f(1 - BETA2)
    quarter, half = f(0.25), f(0.5)

    @numba.njit(error_model="numpy")
    def step(t: Any, m: Any, v: Any, powers: Any, a: Any) -> Any:
        u = t - a * t * t * t
        g = u * u * u * (one - three * a * t * t) + (one - a) * (one - a) * (t - one)
        m = beta1 * m + rest1 * g
        v = beta2 * v + rest2 * g * g
        return t - rate * (m / (one - powers[0])) / (math.sqrt(v / (one - powers[1])) + eps), m, v

    @numba.njit(error_model="numpy")
    def value(t: Any, a: Any) -> Any:
        u = t - a * t * t * t
        return quarter * u * u * u * u + half * (one - a) * (one - a) * (t - one) * (t - one)

    @numba.njit(parallel=True, error_model="numpy")
    def last(alphas: Any, theta0: Any, num_steps: Any) -> Any:
        theta = np.empty_like(alphas)
        for i in numba.prange(alphas.size):
            t, m, v, powers = theta0, f(0), f(0), (one, one)
            for _ in range(num_steps):
                powers = powers[0] * beta1, powers[1] * beta2
                t, m, v = step(t, m, v, powers, alphas[i])
            theta[i] = t
        return theta

    @numba.njit(parallel=True, error_model="numpy")
    def last_of_lanes(alphas: Any, theta0: Any, num_steps: Any) -> Any:
        theta = np.empty_like(alphas)
        for block in numba.prange((alphas.size + lanes - 1) // lanes):
            a = alphas[block * lanes : (block + 1) * lanes]
            t, m, v = np.full_like(a, theta0), np.zeros_like(a), np.zeros_like(a)
            powers = one, one
            for _ in range(num_steps):
                powers = powers[0] * beta1, powers[1] * beta2
                for j in range(a.size):
                    t[j], m[j], v[j] = step(t[j], m[j], v[j], powers, a[j])
            theta[block * lanes : (block + 1) * lanes] = t
        return theta

    @numba.njit(parallel=True, error_model="numpy")
    def every(alphas: Any, theta0: Any, num_steps: Any) -> Any:
        thetas = np.empty((alphas.size, num_steps), alphas.dtype)
        values = np.empty_like(thetas)
        for i in numba.prange(alphas.size):
            t, m, v, powers = theta0, f(0), f(0), (one, one)
            for k in range(num_steps):
                powers = powers[0] * beta1, powers[1] * beta2
                t, m, v = step(t, m, v, powers, alphas[i])
                thetas[i, k], values[i, k] = t, value(t, alphas[i])
        return thetas, values

    return every if trace else last_of_lanes if lanes > 1 else last


def torch_adam(alphas: np.ndarray, theta0: float, num_steps: int) -> np.ndarray:
    """The thetas after `num_steps` steps of `torch.optim.Adam`, differentiating through the adaptation."""
    torch = import_module("torch")
    losses = (lambda t: t**4 / 4, lambda t: (t - 1) ** 2 / 2)
    alpha = torch.from_numpy(alphas)
    theta = torch.full_like(alpha, theta0).requires_grad_()
    optimizer = torch.optim.Adam([theta], lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPS)

    def adapted_loss(loss: Callable[[Any], Any]) -> Any:
        (slope,) = torch.autograd.grad(loss(theta).sum(), theta, create_graph=True)
        return loss(theta - alpha * slope).sum()

    for _ in range(num_steps):
        optimizer.zero_grad()
        (adapted_loss(losses[0]) + adapted_loss(losses[1])).backward()
        optimizer.step()
    return theta.detach().numpy()
