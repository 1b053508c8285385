"""Pieces of curves between two vertices: whether a cubic through both ends, with their slopes, is one.

A piece is a function of alpha, or near a fold one of theta: `alpha(theta)`. It is accepted when the slopes at both
ends agree with the move between them, and when G vanishes on the cubic in between and has a Jacobian of the right sign.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .plane_newton import Evaluate

# Where between its ends a piece is looked at: at no round shares, so that a symmetric problem is not met in its centre.
_SHARES = (0.3819, 0.7236)

# Moves may differ from what the slopes at both ends say by this share of them, and zeros from the cubic by that.
_TRAPEZOID, _CUBIC = 0.25, 0.05

# Beside a special point the cubic has one slope less to go by.
_CUBIC_BESIDE = 0.12

# Slopes that a cubic may have at its ends, in units of the chord.
_CHORDS = 3.5


class Arms(NamedTuple):
    """Pieces, `[pieces]` or `[pieces, 2]` for both ends, the one with the smaller alpha first.

    Attributes:
        vertices: the numbers of both ends.
        alphas: where.
        thetas: where.
        slopes: dtheta/dalpha: inf where the curve is vertical, NaN where it is not known.
        stabilities: of the piece.
        special: whether one end is a special point.
        smooth: whether Newton's method works along it.
        rooms: how far the nearest other zero is.
    """

    vertices: np.ndarray
    alphas: np.ndarray
    thetas: np.ndarray
    slopes: np.ndarray
    stabilities: np.ndarray
    special: np.ndarray
    smooth: np.ndarray
    rooms: np.ndarray


def are_pieces(evaluate: Evaluate, arms: Arms, width: float, eps: float) -> np.ndarray:
    """Which of the arms are pieces of curves.

    Args:
        evaluate: the jets.
        arms: what to look at.
        width: of the bounds; two thetas nearer than its `sqrt(eps)`-th part are joined however they move.
        eps: of the precision.
    """
    floor = np.sqrt(eps) * width
    step, move = np.diff(arms.alphas, axis=1)[:, 0], np.diff(arms.thetas, axis=1)[:, 0]
    rates = _completed(arms.slopes, move / step)
    inverse = _completed(1 / arms.slopes, step / move)
    size = np.abs(step) * np.abs(rates).sum(axis=1) / 2
    missed = np.abs(move - step * rates.sum(axis=1) / 2)
    along_alpha = (missed <= _TRAPEZOID * size + floor) & (missed <= arms.rooms / 2)
    along_theta = np.abs(step - move * inverse.sum(axis=1) / 2) <= _TRAPEZOID * np.abs(step)
    along_theta &= (inverse * (step / move)[:, None] >= 0).all(axis=1)
    # Between a special point and a zero only the cubic tells: of a fold it knows one slope, and no third order.
    along_alpha |= arms.special & arms.smooth & np.isfinite(rates).all(axis=1)
    along_theta |= arms.special & _monotone(inverse, step / move)

    share = np.array(_SHARES)[:, None]
    thetas = np.stack([_cubic(arms.thetas, rates * step[:, None], share), arms.thetas[:, 0] + share * move])
    alphas = np.stack([arms.alphas[:, 0] + share * step, _cubic(arms.alphas, inverse * move[:, None], share)])
    at = evaluate(thetas.ravel(), alphas.ravel())
    g, g_t, g_a = (x.reshape(thetas.shape) for x in (at.g, at.g_t, at.g_a))
    same = g_t * arms.stabilities > 0
    near = np.where(arms.special, _CUBIC_BESIDE, _CUBIC)
    by_alpha = (same[0] & (np.abs(g[0] / g_t[0]) <= near * (size + np.abs(move)) + floor)).all(axis=0)
    by_theta = (same[1] & (np.abs(g[1] / g_a[1]) <= near * np.abs(step))).all(axis=0)
    # Beside a kink or a jump there is no Jacobian to go by; two rates make one of the sides at least.
    known = np.isfinite(arms.slopes).all(axis=1) | (np.abs(move) <= floor)
    along: np.ndarray = (along_alpha & by_alpha) | (along_theta & by_theta)
    return np.where(arms.smooth, along, along_alpha & known)


def _completed(slopes: np.ndarray, chord: np.ndarray) -> np.ndarray:
    """Slopes with those that are not known replaced by that of the parabola through the rest."""
    other = 2 * chord[:, None] - slopes[:, ::-1]
    other = np.where(np.isnan(other), chord[:, None], other)
    return np.where(np.isnan(slopes), other, slopes)


def _monotone(slopes: np.ndarray, chord: np.ndarray) -> np.ndarray:
    """Whether the cubic with these slopes goes one way only, or as good as: none exceeds some three chords.

    Three is the slope of a pure cubic, which is what a hysteresis point is to first order.
    """
    share = slopes / chord[:, None]
    inside: np.ndarray = (share >= 0) & (share <= _CHORDS)
    return np.asarray(inside.all(axis=1))


def _cubic(ends: np.ndarray, slopes: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The cubic with these values and slopes `[pieces, 2]` at shares 0 and 1."""
    move = ends[:, 1] - ends[:, 0]
    bend = share * (1 - share) * ((slopes[:, 0] - move) * (1 - share) - (slopes[:, 1] - move) * share)
    return ends[:, 0] + share * move + bend
