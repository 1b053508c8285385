"""Solutions as differentiable functions of what they depend on: the implicit function theorem, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from .._points.at import value_and_direction

if TYPE_CHECKING:
    from .._base.types import Array
    from .._meta.meta_loss import MetaLoss


def implicit_root(equations: Callable[[Array], Array], solution: Array) -> Array:
    """`solution`, with the derivatives that the implicit function theorem gives a root of `equations`.

    A solution that is NaN (none was found) has derivative zero, so that it does not spoil those of its neighbours.

    Args:
        equations: `[n] -> [n]`, or a scalar function; what they close over may be differentiated.
        solution: `[n]` or a scalar.
    """
    exists = jnp.isfinite(solution).all()

    def tangent(linear: Callable[[Array], Array], right_side: Array) -> Array:
        matrix = jax.jacfwd(linear)(jnp.zeros_like(solution))
        matrix = jnp.where(exists, matrix, jnp.eye(solution.size, dtype=solution.dtype).reshape(matrix.shape))
        return right_side / matrix if matrix.ndim == 0 else jnp.linalg.solve(matrix, right_side)

    # Equations are looked at where they are finite even when there is no solution.
    root = jax.lax.custom_root(equations, jnp.where(exists, solution, 0), lambda _, start: start, tangent)
    return jnp.where(exists, root, jnp.nan)


def jump_equations(meta: MetaLoss, x: Array) -> Array:
    """At `(alpha, theta, theta')`: the difference of the two values, and both directions; zero at a jump.

    The values are those that `value_and_grad` returns: of those a loss with `jax.custom_vjp` has a derivative forwards.
    """
    alpha, *thetas = x
    (one, slope), (other, other_slope) = (value_and_direction(meta, theta, alpha) for theta in thetas)
    return jnp.stack([one - other, slope, other_slope])
