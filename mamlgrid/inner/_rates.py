"""Inner rates: one for all parameters, or a pytree prefix of theta with one for each layer or parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import as_float

if TYPE_CHECKING:
    from .._base.types import Alpha, Array, Theta


def checked_rates(theta: Theta, alpha: Alpha, num_steps: int | None = None) -> Alpha:
    """`alpha` as floating arrays that fit theta.

    Args:
        theta: the parameters.
        alpha: a scalar, or a pytree whose leaves stand for subtrees of theta and broadcast to each leaf there.
        num_steps: with it, every rate has a leading axis of this length.
    """
    if alpha is None:
        _floating(alpha)
    # Inside a pytree None is no leaf, as in theta, which then must have it too.
    alpha = jax.tree.map(_floating, alpha)
    try:
        full = jax.tree.broadcast(alpha, theta)
    except ValueError as error:
        raise ValueError(
            f"alpha with the structure {jax.tree.structure(alpha)} is no prefix of theta, which has "
            f"{jax.tree.structure(theta)}: give one rate for all, or one for each subtree"
        ) from error
    jax.tree.map(lambda rate, leaf: _check_shape(jnp.shape(rate), jnp.shape(leaf), num_steps), full, theta)
    # In the precision of what they move, so that a float64 alpha keeps float32 parameters float32.
    return jax.tree.map(lambda rate, moved: rate.astype(jnp.result_type(*jax.tree.leaves(moved))), alpha, theta)


def _check_shape(rate: tuple[int, ...], leaf: tuple[int, ...], num_steps: int | None) -> None:
    if num_steps is not None:
        if not rate or rate[0] != num_steps:
            raise ValueError(
                f"with per_step=True alpha must have a leading axis of {num_steps} steps, got shape {rate}; "
                "mg.scale_rates(meta, rates) makes of a number a rate for each step"
            )
        rate = rate[1:]
    fits = len(rate) <= len(leaf) and all(r in (1, n) for r, n in zip(rate[::-1], leaf[::-1], strict=False))
    if not fits:
        raise ValueError(
            f"alpha must be a scalar or fit the parameters it moves: got shape {rate} for parameters of shape {leaf}; "
            "use jax.vmap for many alphas, per_step=True for one for each step"
        )


def _floating(rate: Any) -> Array:
    if not isinstance(rate, jax.Array | np.ndarray | np.generic | int | float | complex):
        raise TypeError(f"alpha must be a number, or a pytree of numbers, got {rate!r}")
    array = jnp.asarray(rate) if isinstance(rate, complex) else as_float(rate)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"alpha must be a real floating number, got dtype {array.dtype}")
    return array
