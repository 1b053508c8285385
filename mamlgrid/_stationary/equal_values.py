"""Where two minima have equal values: Newton's method on alpha, both kept stationary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluator import OnHost
from .minima import BOUND

if TYPE_CHECKING:
    from .._points.at import Sample
    from .._points.rounding import Probe
    from .minima import Point

# From the middle of an interval Newton's method needs five or six rounds; a secant some more.
_NEWTON_ROUNDS = 40


def equal_values(
    evaluator: OnHost, intervals: list[tuple[Point, Point]], low: Any, high: Any, is_gradient: bool
) -> list[tuple[Point, Point] | None]:
    """The alpha in each interval at which the branches of its two minimisers have equal values, by Newton's method.

    In each round both thetas are brought back to stationarity by two Newton steps of their own, and alpha by one on the
    difference of values, whose derivative is that of the values at fixed theta (envelope theorem); for a direction that
    is no gradient, by the secant. None where it leads out of the interval, or to one and the same minimum.
    """
    dtype = evaluator.alphas.dtype
    eps = np.finfo(dtype).eps
    between, starts, rates = (
        np.array([[getattr(p, field) for p in pair] for pair in intervals], dtype)
        for field in ("alpha", "theta", "rate")
    )
    moving = np.array([[p.smooth for p in pair] for pair in intervals])
    open_ = np.array([all(p.smooth or p.kind == BOUND for p in pair) for pair in intervals])
    width = between[:, 1] - between[:, 0]
    alphas = between[:, 0] + width / 2
    thetas = starts + np.where(moving, np.nan_to_num(rates), 0) * (alphas[:, None] - between)
    steps, before = np.full_like(alphas, np.inf), None
    for _ in range(_NEWTON_ROUNDS):
        thetas, at, probe = _restored(evaluator, alphas, thetas, moving, open_, low, high)
        difference = at.values[:, 1] - at.values[:, 0]
        slope = probe.values_alpha[:, 1] - probe.values_alpha[:, 0]
        if not is_gradient and before is not None:
            secant = (difference - before[1]) / (alphas - before[0])
            slope = np.where(np.isfinite(secant) & (secant != 0), secant, slope)
        before = alphas, difference
        following = np.where(difference == 0, 0, difference / slope)
        open_ &= np.abs(following) <= width
        going = open_ & (np.abs(following) > 2 * eps * np.maximum(np.abs(alphas), width))
        steps = np.where(open_, following, steps)
        if not going.any():
            break
        rates = np.where(moving, -probe.directions_alpha / at.jacobians, 0)
        thetas = np.where(going[:, None], thetas - rates * steps[:, None], thetas)
        alphas = np.where(going, alphas - steps, alphas)
    thetas, at, probe = _restored(evaluator, alphas, thetas, moving, open_, low, high)
    # What rounding keeps moving is good enough when it is no more than that.
    open_ &= np.abs(steps) <= np.sqrt(eps) * np.maximum(np.abs(alphas), width)
    open_ &= (between[:, 0] <= alphas) & (alphas <= between[:, 1]) & ~(moving & ~(at.jacobians > 0)).any(axis=1)
    open_ &= np.abs(np.diff(thetas, axis=1)[:, 0]) >= np.abs(np.diff(starts, axis=1)[:, 0]) / 2
    rates = np.where(moving, -probe.directions_alpha / at.jacobians, 0)

    def point(i: int, side: int) -> Point:
        return intervals[i][side]._replace(
            alpha=alphas[i], theta=thetas[i, side], value=at.values[i, side], rate=rates[i, side],
            value_rate=probe.values_alpha[i, side],
        )  # fmt: skip

    return [(point(i, 0), point(i, 1)) if found else None for i, found in enumerate(open_)]


def _restored(
    evaluator: OnHost,
    alphas: np.ndarray,
    thetas: np.ndarray,
    moving: np.ndarray,
    open_: np.ndarray,
    low: Any,
    high: Any,
) -> tuple[np.ndarray, Sample, Probe]:
    """Thetas `[pairs, 2]` after two Newton steps towards stationarity, and what is there."""
    here = OnHost(evaluator.meta, alphas, evaluator.memory_budget)
    wanted = open_[:, None] & np.ones(2, bool)
    for _ in range(2):
        at = here.sample(thetas, wanted)
        shift = np.where(moving, at.directions / at.jacobians, 0)
        thetas = np.where(np.abs(shift) <= high - low, np.clip(thetas - shift, low, high), thetas)
    return thetas, here.sample(thetas, wanted), here.probe(thetas, wanted)
