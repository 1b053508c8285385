"""Meta-losses with a direction that can be written down: any polynomial in theta and alpha.

The parameters are the pair (theta, alpha), nothing is adapted, and the one task is a matrix of coefficients: all of
these meta-losses are one program.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.polynomial import Polynomial

import mamlgrid as mg

_SHAPE = (7, 5)

Terms = dict[tuple[int, int], float]
"""`{(i, j): c}` for `sum c theta^i alpha^j`."""


@mg.rule
class Plane:
    """`(theta, alpha) -> ((theta, alpha), 0)`."""

    def __call__(self, theta: Any, alpha: Any) -> Any:
        """Parameters and rates."""
        return (theta, alpha), 0.0


def _polynomial(parameters: Any, coefficients: Any) -> Any:
    theta, alpha = parameters
    return _powers(theta, coefficients.shape[0]) @ coefficients @ _powers(alpha, coefficients.shape[1])


def _powers(x: Any, number: int) -> Any:
    powers = [jnp.ones_like(x)]
    for _ in range(number - 1):
        powers.append(powers[-1] * x)
    return jnp.stack(powers)


def coefficients(terms: Terms, at: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """`[theta power, alpha power]`, of the polynomial moved so that its origin lies at `at`."""
    matrix = np.zeros(_SHAPE)
    for (i, j), c in terms.items():
        one, other = Polynomial([-at[0], 1]) ** i, Polynomial([-at[1], 1]) ** j
        matrix[: i + 1, : j + 1] += c * np.outer(one.coef, other.coef)
    return matrix


def meta_with_direction(terms: Terms, at: tuple[float, float] = (0.0, 0.0)) -> mg.MetaLoss:
    """The meta-loss whose gradient in theta is this polynomial."""
    g = coefficients(terms, at)
    integral = np.zeros(_SHAPE)
    integral[1:] = g[:-1] / np.arange(1, _SHAPE[0])[:, None]
    joint = mg.maml(_polynomial, mg.Tasks(jnp.asarray(integral[None])), num_steps=0)
    return dataclasses.replace(joint, coordinates=Plane())
