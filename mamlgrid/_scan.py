"""The one loop of the inner rules: written out when short, scanned when long, checkpointed when asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from ._types import PyTree

# A loop this short is written out, so that XLA fuses it with what surrounds it; a longer one is a scan, so that
# compile time does not grow with the number of steps.
_LONGEST_UNROLLED = 4


def scan(
    body: Callable[[Any, Any], tuple[Any, Any]], carry: PyTree, xs: PyTree, length: int, checkpoint: bool
) -> tuple[Any, Any]:
    """`jax.lax.scan(body, carry, xs, length)`.

    With `checkpoint`, the backward pass keeps the carry at every block of about `sqrt(length)` steps and computes what
    lies between again: `O(sqrt(length))` carries, where a plain scan keeps all that every step computed.
    """
    if not checkpoint:
        # unroll=0 writes the loop out; unroll=True leaves a loop of one step where there is one step.
        return jax.lax.scan(body, carry, xs, length, unroll=0 if length <= _LONGEST_UNROLLED else 1)
    # prevent_cse keeps XLA from merging what is computed again with what was computed before; inside a scan nothing
    # can be merged, and the barriers would only cost.
    step = jax.checkpoint(body, prevent_cse=False)

    def block(carry: PyTree, xs: PyTree, length: int) -> tuple[Any, Any]:
        return jax.lax.scan(step, carry, xs, length)

    size = max(1, math.isqrt(length))
    blocks, rest = divmod(length, size)
    whole = jax.tree.map(lambda x: x[: blocks * size].reshape(blocks, size, *x.shape[1:]), xs)
    saved = jax.checkpoint(lambda c, x: block(c, x, size), prevent_cse=False)
    carry, ys = jax.lax.scan(saved, carry, whole, blocks)
    ys = jax.tree.map(lambda y: y.reshape(blocks * size, *y.shape[2:]), ys)
    carry, last = block(carry, jax.tree.map(lambda x: x[blocks * size :], xs), rest)
    return carry, jax.tree.map(lambda *parts: jnp.concatenate(parts), ys, last)
