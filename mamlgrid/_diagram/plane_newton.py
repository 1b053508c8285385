"""Newton's method in the plane of theta and alpha, for all starts at once: folds and critical points of G."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._points.jet import Jet

# Quadratic convergence takes a handful of rounds, a multiple root (accelerated) some dozen.
_MAX_ROUNDS = 60

# A step that is this share of the one before, again and again, is that of a multiple root: 1/2 where it is double.
_SLOW, _EVEN = (0.3, 0.9), 0.05

# Steps that grow although they are this small (in units of the box) do so by rounding.
_SMALL = 1e-3

# A step solves the linear equations when it leaves this share of them; where they contradict each other none does.
_SOLVED = 1e-3

Evaluate = Callable[[np.ndarray, np.ndarray], Jet]
"""`(thetas, alphas) -> jets`, `[points]`."""

Equations = Callable[[Jet], tuple[Any, Any]]
"""Two functions of a point, `[points, 2]`, and their matrix of derivatives in (theta, alpha), `[points, 2, 2]`."""


class Found(NamedTuple):
    """Where Newton's method ended, `[points]`.

    Attributes:
        thetas: where.
        alphas: where.
        steps: the length of the last step, in units of the box.
        slow: whether it converged like it does to a multiple root.
        converged: whether the steps came down to rounding.
        at: the jets there.
    """

    thetas: np.ndarray
    alphas: np.ndarray
    steps: np.ndarray
    slow: np.ndarray
    converged: np.ndarray
    at: Jet


def fold_equations(at: Jet) -> tuple[np.ndarray, np.ndarray]:
    """G = G_theta = 0."""
    return np.stack([at.g, at.g_t], -1), _matrix(at.g_t, at.g_a, at.g_tt, at.g_ta)


def critical_equations(at: Jet) -> tuple[np.ndarray, np.ndarray]:
    """G_theta = G_alpha = 0."""
    return np.stack([at.g_t, at.g_a], -1), _matrix(at.g_tt, at.g_ta, at.g_ta, at.g_aa)


def hysteresis_equations(at: Jet) -> tuple[np.ndarray, np.ndarray]:
    """G = G_theta,theta = 0, without the derivative of the latter in alpha, which convergence does not need."""
    return np.stack([at.g, at.g_tt], -1), _matrix(at.g_t, at.g_a, at.g_ttt, 0 * at.g)


def newton_step(equations: Equations, at: Jet, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Newton step, `[points, 2]`, in units of `scales`, and whether it solves the linear equations.

    It is the shortest of them where the matrix is singular.
    """
    values, matrix = equations(at)
    finite = np.isfinite(values).all(axis=-1) & np.isfinite(matrix).all(axis=(-1, -2))
    step, solves = np.full(values.shape, np.nan), np.zeros(finite.size, bool)
    if finite.any():
        matrix = (matrix * scales)[finite].astype(float)
        # Rows in units of their own, so that what is singular does not depend on the units of the equations.
        size = np.abs(matrix).max(axis=-1)
        size = np.where(size > 0, size, 1)
        matrix, right = matrix / size[..., None], values[finite] / size
        step[finite] = -np.einsum("nij,nj->ni", np.linalg.pinv(matrix, rcond=4 * np.finfo(float).eps), right)
        left = np.einsum("nij,nj->ni", matrix, step[finite]) + right
        solves[finite] = np.abs(left).max(axis=-1) <= _SOLVED * np.abs(right).max(axis=-1)
    return step, solves


def plane_newton(
    evaluate: Evaluate, equations: Equations, thetas: np.ndarray, alphas: np.ndarray, scales: np.ndarray,
    reach: np.ndarray,
) -> Found:  # fmt: skip
    """Newton's method from each start.

    It goes on as long as its steps become smaller. Where they do so by the same share three times, as they do at a
    multiple root, the steps to come are taken at once.

    Args:
        evaluate: the jets.
        equations: what is to be zero.
        thetas: `[points]`, where to start.
        alphas: `[points]`.
        scales: `[2]`, the size of the box in theta and alpha.
        reach: `[points]`, how far from its start in units of the box an iteration may get before it is given up.
    """
    number, dtype = thetas.size, thetas.dtype
    eps = float(np.finfo(dtype).eps)
    start = np.stack([thetas, alphas], -1) / scales
    place = start.copy()
    steps, last = np.full(number, np.inf), np.full(number, np.inf)
    shares = np.full((number, 3), np.nan)
    slow, open_ = np.zeros(number, bool), np.ones(number, bool)
    for _ in range(_MAX_ROUNDS):
        some = np.flatnonzero(open_)
        if not some.size:
            break
        t, a = (place[some] * scales).T.astype(dtype)
        delta, solves = newton_step(equations, evaluate(t, a), scales)
        size = np.linalg.norm(delta, axis=-1)
        recent = np.column_stack([shares[some, 1:], size / last[some]])
        even = ((recent > _SLOW[0]) & (recent < _SLOW[1])).all(axis=1) & (np.ptp(recent, axis=1) < _EVEN)
        quick = np.isfinite(recent[:, 1]) & (recent[:, 2] < _SLOW[0])
        tiny = size <= 4 * eps * (1 + np.abs(place[some]).max(axis=-1))
        # Rounding keeps the last steps from becoming smaller: they are not taken.
        worse = ~solves | ((size > last[some]) & (size < _SMALL))
        slow[some] = even | (slow[some] & (worse | ~quick))
        far = ~(np.linalg.norm(place[some] + delta - start[some], axis=-1) <= reach[some])
        ahead = np.where(even, 1 / (1 - recent[:, 2]), 1)[:, None]
        place[some] = np.where((worse | far)[:, None], place[some], place[some] + ahead * delta)
        steps[some] = np.where(far, np.inf, np.where(worse, last[some], size))
        shares[some] = np.where(even[:, None], np.nan, recent)
        last[some] = size
        open_[some] = ~(tiny | worse | far)
    t, a = (place * scales).T.astype(dtype)
    converged = steps <= np.where(slow, eps**0.25, np.sqrt(eps))
    t, a = np.where(converged, t, thetas), np.where(converged, a, alphas)
    return Found(t, a, steps, slow, converged, evaluate(t, a))


def _matrix(a: Any, b: Any, c: Any, d: Any) -> np.ndarray:
    return np.stack([np.stack([a, b], -1), np.stack([c, d], -1)], -2)
