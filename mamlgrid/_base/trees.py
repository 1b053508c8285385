"""Pytrees of parameters taken as one vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from .types import Array, PyTree


def largest(tree: PyTree) -> Array:
    """The largest absolute entry; NaN where there is one."""
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(tree)]))


def dot(a: PyTree, b: PyTree) -> Array:
    """The inner product over all leaves."""
    return jax.tree.reduce(jnp.add, jax.tree.map(jnp.vdot, a, b))
