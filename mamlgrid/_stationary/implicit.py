"""Solutions as differentiable functions of what they depend on: the implicit function theorem, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from .._base.types import Array


def implicit_root(equations: Callable[[Array], Array], solution: Array) -> Array:
    """`solution`, with the derivatives that the implicit function theorem gives a root of `equations`.

    A solution that is NaN (none was found) has derivative zero, so that it does not spoil those of its neighbours.
    The equations are differentiated backwards, which every loss can be that has a direction.

    Args:
        equations: `[n] -> [n]`, or a scalar function; what they close over may be differentiated.
        solution: `[n]` or a scalar.
    """
    exists = jnp.isfinite(solution).all()
    # Equations are looked at where they are finite even when there is no solution.
    start = jax.lax.stop_gradient(jnp.where(exists, solution, 0))
    explicit, given = jax.closure_convert(equations, start)
    return jnp.where(exists, _root(explicit, start, exists, given), jnp.nan)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _root(equations: Callable[..., Array], root: Array, exists: Array, given: list[Array]) -> Array:
    return root


@_root.defjvp
def _tangent(equations: Callable[..., Array], primals: Any, tangents: Any) -> tuple[Array, Array]:
    """`equations(x, *given) = 0`, so `dx = -(d equations / dx)^-1 (d equations / d given) dgiven`."""
    root, exists, given = primals
    solved = _root(equations, root, exists, given)  # a function of what is given, for further derivatives
    matrix, *slopes = jax.jacrev(equations, tuple(range(1 + len(given))))(solved, *given)
    matrix = jnp.where(exists, matrix, jnp.eye(solved.size, dtype=solved.dtype).reshape(matrix.shape))
    pairs = zip(slopes, tangents[2], strict=True)
    right = sum((jnp.tensordot(slope, dot, jnp.ndim(dot)) for slope, dot in pairs), jnp.zeros_like(solved))
    change = right / matrix if matrix.ndim == 0 else jnp.linalg.solve(matrix, right)
    return solved, jnp.where(exists, -change.astype(solved.dtype), 0)
