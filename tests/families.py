"""Polynomial meta-losses whose global minimiser jumps several times, shared by the tests."""

from __future__ import annotations

from typing import NamedTuple

Losses = list[list[float]]

# One well for each position, and depths that cross one after the other.
SIX_JUMPS: Losses = [[1.4375, 0.5625, 0.0625, -0.9375, 0.4375], [-1.875, -1.75, -1.9375, -1.3125, 0.6875]]


class Family(NamedTuple):
    """Losses, lowest power first, and what is known of the jumps of their meta-loss."""

    losses: Losses
    num_jumps: int
    span: tuple[float, float] = (-0.25, 1.0)
    bounds: tuple[float, float] = (-3.0, 3.0)
    num_steps: int = 1
    least_move: float = 0.05
    """On 2,001 thetas and 1,501 alphas the lowest theta moves by less from one alpha to the next unless it jumps."""


FAMILIES = {
    "two": Family([[0.0, 0.125, -0.5, 0.0625, 0.25], [0.0, 0.25, 0.5, -0.25, 0.125]], 2, (-0.5, 1.0)),
    "two of two steps": Family(
        [[0.0, 0.25, -0.5, 0.0, 0.25], [0.5, -0.5, 0.25, 0.0, 0.0]], 2, (-0.25, 0.5), (-2.0, 2.0), 2
    ),
    "four": Family([[0.125, -0.75, -1.4375, -0.4375, 0.46875], [1.8125, 1.875, -1.1875, -1.9375, 1.0625]], 4),
    "six": Family(SIX_JUMPS, 6),
    "eight": Family([[1.1875, 0.5625, 0.3125, -1.0625, 0.46875], [-2.0625, -1.84375, -2.125, -1.53125, 0.84375]], 8),
}
