"""Solutions as differentiable functions of what they depend on: the implicit function theorem, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from .._base.types import Array, PyTree


def implicit_root(equations: Callable[..., Array], solution: Array, *given: PyTree) -> Array:
    """`solution`, with the derivatives in `given` that the implicit function theorem gives a root of `equations`.

    A solution that is NaN (none was found) has derivative zero, so that it does not spoil those of its neighbours.
    The equations are differentiated backwards, as every loss can be that has a direction.

    Args:
        equations: `(x, *given) -> [n]` for `x` `[n]`, or a scalar function of a scalar; it closes over no arrays.
        solution: `[n]` or a scalar.
        given: what the equations depend on.
    """
    exists = jnp.isfinite(solution).all()
    # Equations are looked at where they are finite even when there is no solution.
    root = _root(equations, jax.lax.stop_gradient(jnp.where(exists, solution, 0)), exists, given)
    return jnp.where(exists, root, jnp.nan)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _root(equations: Callable[..., Array], solution: Array, exists: Array, given: PyTree) -> Array:
    return solution


@_root.defjvp
def _tangent(equations: Callable[..., Array], primals: Any, tangents: Any) -> tuple[Array, Array]:
    _, exists, given = primals
    leaves, structure = jax.tree.flatten(given)
    dots = jax.tree.leaves(tangents[2])
    moving = [k for k, leaf in enumerate(leaves) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)]

    def residuals(x: Array, some: list[Array]) -> Array:
        replaced = dict(zip(moving, some, strict=True))
        return equations(x, *jax.tree.unflatten(structure, [replaced.get(k, leaf) for k, leaf in enumerate(leaves)]))

    root = _root(equations, *primals)
    matrix, slopes = jax.jacrev(residuals, (0, 1))(root, [leaves[k] for k in moving])
    matrix = jnp.where(exists, matrix, jnp.eye(root.size, dtype=root.dtype).reshape(matrix.shape))
    change = jnp.zeros_like(root)
    for k, slope in zip(moving, slopes, strict=True):
        change -= jnp.tensordot(slope, dots[k], jnp.ndim(dots[k])).astype(root.dtype)
    change = change / matrix if matrix.ndim == 0 else jnp.linalg.solve(matrix, change)
    return root, jnp.where(exists, change, 0)
