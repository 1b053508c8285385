"""How fast and how exact is the global minimiser for each alpha, beside SciPy?"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from . import peers
from ._question import Call, Entry, Question, Target

_NUM_ALPHAS = 256
_BOUNDS = (-4.0, 4.0)
_TOLERANCE = 1e-12
_MINIMISER_TOLERANCE = 1e-4  # comparing values gives half the digits at best, and fewer where the minimum is flat


def question(quick: bool) -> Question:
    """The global minimiser of case 2."""
    del quick  # small enough as it is
    ours = "mamlgrid"
    plain, tuned = (
        "SciPy, minimiser on the formula",
        "SciPy, root finder on the gradient, powers multiplied out",
    )
    entries = (
        Entry(ours, _mamlgrid, lambda found: _error(found.thetas), _TOLERANCE, _NUM_ALPHAS),
        Entry(
            plain,
            lambda: lambda: peers.scipy_optimal_theta(_alphas(), _BOUNDS, peers.printed_meta_loss),
            _error,
            _MINIMISER_TOLERANCE,
            _NUM_ALPHAS,
            ("scipy",),
        ),
        Entry(
            tuned,
            lambda: lambda: peers.scipy_optimal_theta(_alphas(), _BOUNDS, peers.meta_loss, peers.meta_grad),
            _error,
            _TOLERANCE,
            _NUM_ALPHAS,
            ("scipy",),
        ),
    )
    targets = (
        Target("times faster than SciPy's minimiser", ours, plain, at_least=10.0),
        Target("error beside SciPy's minimiser", ours, plain, what="error", at_most=1.0),
        Target("times faster than SciPy's root finder by hand", ours, tuned, at_least=1.0),
        Target("error beside SciPy's root finder by hand", ours, tuned, what="error", at_most=1.0),
    )
    title = f"Global minimiser of case 2 for {_NUM_ALPHAS} alphas, bounds {list(_BOUNDS)}, to 1e-12 in float64"
    return Question("optimal_theta", title, entries, targets, unit="alphas")


def _alphas() -> np.ndarray:
    return np.linspace(0, 1.2, _NUM_ALPHAS)  # alpha = 1, where three thetas tie, is not among them


def _mamlgrid() -> Call:
    import jax

    import mamlgrid as mg

    jax.config.update("jax_enable_x64", True)
    meta, alphas = mg.cases.quartic().meta(), jax.numpy.asarray(_alphas())
    return lambda: jax.block_until_ready(mg.optimal_theta(meta, alphas, _BOUNDS))


def _error(thetas: Any) -> float:
    """The largest distance from the exact minimiser."""
    return max(
        abs(float(Decimal(float(theta)) - exact_optimal_theta(alpha)))
        for theta, alpha in zip(np.asarray(thetas), _alphas(), strict=True)
    )


def exact_optimal_theta(alpha: float) -> Decimal:
    """The global minimiser of case 2 to 50 digits: the best of the real roots of the gradient, a polynomial.

    The roots in float64 come from a companion matrix; Newton's method in 50 digits finishes them.
    """
    theta = np.polynomial.Polynomial([0, 1])
    cubic = theta - alpha * theta**3
    gradient = cubic**3 * (1 - 3 * alpha * theta**2) + (1 - alpha) ** 2 * (theta - 1)
    with localcontext() as context:
        context.prec = 50
        a = Decimal(alpha)

        def value(t: Decimal) -> Decimal:
            return (t - a * t**3) ** 4 / 4 + ((1 - a) * (t - 1)) ** 2 / 2

        def slope_and_curvature(t: Decimal) -> tuple[Decimal, Decimal]:
            u, du = t - a * t**3, 1 - 3 * a * t**2
            return u**3 * du + (1 - a) ** 2 * (t - 1), 3 * u**2 * du**2 - 6 * a * t * u**3 + (1 - a) ** 2

        def polished(t: Decimal) -> Decimal:
            for _ in range(100):
                slope, curvature = slope_and_curvature(t)
                if not slope or abs(slope / curvature) < Decimal("1e-45"):
                    return t
                t -= slope / curvature
            raise ArithmeticError(f"Newton's method did not settle at alpha = {alpha}")

        roots = gradient.trim().roots()
        # A root of the companion matrix that should be real may have a small imaginary part.
        real = [Decimal(float(r.real)) for r in roots if abs(r.imag) < 1e-6 and _BOUNDS[0] <= r.real <= _BOUNDS[1]]
        return min((polished(t) for t in real), key=value)
