"""How fast is the whole bifurcation diagram, and how much of it is found, beside the continuation of a curve?

JaxCont follows the curve through the one zero at alpha = 0. The one zero at the largest alpha lies on the same curve,
so whoever starts at the ends sees no other; the closed curves around alpha = 1 and those that come from far away have
no point there. Its continuation compiles anew in each call, because it wraps the function it is given.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ._question import Call, Entry, Question, Row, Target

_NUM_ALPHAS, _ALPHAS, _BOUNDS = 257, (0.0, 1.5), (-5.0, 5.0)
_TOLERANCE = 1e-12
_PEER_TOLERANCE = 1e-6  # the residual at which JaxCont stops refining a fold, which is no setting
_MOST_STEPS = 2000

_Places = list[tuple[float, float]]
"""alpha and theta of folds."""


def question(quick: bool) -> Question:
    """All stationary points of case 2, and the folds among them."""
    del quick  # small enough as it is
    ours, peer = "mamlgrid", "JaxCont, the curve through the zero at alpha = 0"
    exact_from = ("mpmath",)
    entries = (
        Entry(ours, _mamlgrid, _error, _TOLERANCE, requires=exact_from, found=_found),
        Entry(peer, _jaxcont, _error, _PEER_TOLERANCE, requires=("jaxcont", *exact_from), found=_found),
    )
    targets = (
        Target("folds missed", ours, None, what="missed", at_most=0.0),
        Target("a further call", ours, None, at_most=0.2, reason=_seconds),
        Target("the first call, compilation included", ours, None, what="first_seconds", at_most=4.0, reason=_seconds),
        Target("times faster than JaxCont", ours, peer, at_least=1.0),
        Target("error beside JaxCont", ours, peer, what="error", at_most=1.0),
    )
    title = (
        f"Bifurcation diagram of case 2 on {list(_ALPHAS)} x {list(_BOUNDS)} (alpha x theta), {_NUM_ALPHAS} alphas, "
        f"float64; the error is that in alpha of the folds found"
    )
    return Question("bifurcation_diagram", title, entries, targets, counted="folds found")


def _mamlgrid() -> Call:
    import jax

    import mamlgrid as mg

    jax.config.update("jax_enable_x64", True)
    meta, alphas = mg.cases.quartic().meta(), jax.numpy.linspace(*_ALPHAS, _NUM_ALPHAS)

    def call() -> _Places:
        folds = jax.block_until_ready(mg.bifurcation_diagram(meta, alphas, _BOUNDS)).folds
        return list(zip(folds.alphas.tolist(), folds.thetas.tolist(), strict=True))

    return call


def _jaxcont() -> Call:
    import jax
    import jaxcont

    import mamlgrid as mg

    jax.config.update("jax_enable_x64", True)
    meta = mg.cases.quartic().meta()
    step = (_ALPHAS[1] - _ALPHAS[0]) / (_NUM_ALPHAS - 1)
    # Points as dense as ours, on a curve that is somewhat longer than the axis.
    settings = jaxcont.ContinuationPar(ds=step, ds_max=step, max_steps=_MOST_STEPS, newton_tol=_TOLERANCE)
    start = jax.numpy.array([0.68])  # the first thing it does is Newton's method from there

    def direction(u: Any, p: Any, args: Any) -> Any:
        return jax.grad(meta)(u[0], p)[None]

    def call() -> _Places:
        problem = jaxcont.bif_problem(direction, start, _ALPHAS[0])
        followed = jaxcont.continuation(problem, p_span=_ALPHAS, settings=settings, events=[jaxcont.Fold()])
        return [(hit.p, float(hit.u[0])) for hit in followed.events if hit.info["converged"]]

    return call


def _error(places: _Places) -> float:
    """The largest distance in alpha from the exact fold that is nearest."""
    return max((abs(alpha - _nearest(alpha, theta)[0]) for alpha, theta in places), default=np.inf)


def _found(places: _Places) -> tuple[int, int]:
    """How many different folds of how many."""
    return len({_nearest(*place) for place in places}), len(exact_folds())


def _nearest(alpha: float, theta: float) -> tuple[float, float]:
    return min(exact_folds(), key=lambda fold: abs(fold[0] - alpha) + abs(fold[1] - theta))


@cache
def exact_folds() -> tuple[tuple[float, float], ...]:
    """All folds of case 2 in the box, from the real roots of one polynomial, to 50 digits.

    With s = alpha theta^2 the two equations G = G_theta = 0, less (1 - alpha)^2, are linear in theta: theta = n(s) /
    d(s); what is left of G is a polynomial in s. Its double root s = 1 is that of the branch points at alpha = 1.
    """
    import mpmath

    s = np.polynomial.Polynomial([0, 1])
    n, d = 3 - 24 * s + 33 * s**2, 2 - 20 * s + 30 * s**2
    # The coefficients are integers below 2^53: exact.
    left, _ = divmod(n**7 * (1 - s) ** 2 + (n**2 - s * d**2) ** 2 * d**2, (1 - s) ** 2)
    with mpmath.workdps(50):
        roots = mpmath.polyroots([mpmath.mpf(c) for c in left.coef], asc=True, maxsteps=500, extraprec=500)
        real = [mpmath.re(root) for root in roots if abs(mpmath.im(root)) < mpmath.mpf("1e-40")]
        thetas = [(3 - 24 * s + 33 * s**2) / (2 - 20 * s + 30 * s**2) for s in real]
        places = [(float(s / theta**2), float(theta)) for s, theta in zip(real, thetas, strict=True)]
    (first, last), (low, high) = _ALPHAS, _BOUNDS
    return tuple(sorted(p for p in places if first <= p[0] <= last and low <= p[1] <= high))


def _seconds(rows: dict[str, Row]) -> str:
    row = rows["mamlgrid"]
    return f"the first call takes {row['first_seconds']:.3g} s, a further one {row['seconds']['median']:.3g} s"
