"""A meta-loss on many points, for loops that run on the host: one compiled program for any number of points.

A program works through its points in blocks of a fixed size, as many as there are: so a grid, a round of Newton and a
single probe are the same program, compiled once, and its memory does not grow with the number of points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.progress import done
from .memory import jaxpr_bytes

if TYPE_CHECKING:
    from .._base.types import Array
    from .._meta.meta_loss import MetaLoss

# Points that are evaluated side by side: enough for a grid to take no longer than with more, few enough that a round of
# Newton for a handful of points does not wait for many that nobody asked for. Fewer where a point takes much memory.
_BLOCK = 256

# Blocks that one call may work through; a larger request is several calls.
_BLOCKS = 64

# What the temporaries of one block may take unless the budget is smaller: they should stay in a cache.
_BLOCK_BYTES = 2**26


def on_points(
    at: Callable[..., Any], meta: MetaLoss, thetas: np.ndarray, alphas: np.ndarray, memory_budget: int
) -> Any:
    """`at(meta, theta, alpha)` at each of the points, as NumPy arrays.

    Args:
        at: what to compute at one point; a function of a module, so that its program is compiled once.
        meta: the meta-loss, with known numbers.
        thetas: `[points]`.
        alphas: `[points]`.
        memory_budget: bytes of temporaries.
    """
    block = _block(at, meta, thetas.dtype, memory_budget)
    room = _BLOCKS * block
    parts = []
    for start in range(0, max(thetas.size, 1), room):
        some = slice(start, start + room)
        number = thetas[some].size
        blocks = -(-number // block)
        pair = np.empty((2, _BLOCKS, block), thetas.dtype)
        for flat, points in zip(pair.reshape(2, -1), (thetas, alphas), strict=True):
            flat[:number], flat[number : blocks * block] = points[some], 0
        found = _blocks(meta, pair, np.int32(blocks), at=at)
        parts.append(jax.tree.map(lambda x, n=number: np.asarray(x).reshape(-1)[:n], found))
        done(number)
    return jax.tree.map(lambda *leaves: leaves[0] if len(leaves) == 1 else np.concatenate(leaves), *parts)


@partial(jax.jit, static_argnames="at")
def _blocks(meta: MetaLoss, pair: Array, number: Array, *, at: Callable[..., Any]) -> Any:
    """`at` on the first `number` of the blocks of points."""
    shapes = jax.eval_shape(partial(at, meta), *pair[:, 0, 0])
    buffers = jax.tree.map(lambda s: jnp.zeros(pair.shape[1:], s.dtype), shapes)

    def advance(i: Array, buffers: Any) -> Any:
        found = jax.vmap(partial(at, meta))(*pair[:, i])
        return jax.tree.map(lambda b, f: jax.lax.dynamic_update_index_in_dim(b, f, i, 0), buffers, found)

    return jax.lax.fori_loop(0, number, advance, buffers)


def _block(at: Callable[..., Any], meta: MetaLoss, dtype: Any, memory_budget: int) -> int:
    """The size of a block: a power of two whose temporaries fit into the budget."""
    structure = jax.tree.structure(meta)
    leaves = tuple((jnp.shape(x), str(jnp.result_type(x))) for x in jax.tree.leaves(meta))
    key = (at, structure, leaves, str(dtype), memory_budget, jax.config.read("jax_enable_x64"))
    if key not in _SIZES:
        one = jax.ShapeDtypeStruct((), dtype)
        per_point = jaxpr_bytes(jax.make_jaxpr(partial(at, meta))(one, one).jaxpr)
        most = min(memory_budget, _BLOCK_BYTES) // max(per_point, 1)
        if len(_SIZES) >= _MOST_SIZES:
            _SIZES.clear()
        _SIZES[key] = 1 << min(_BLOCK.bit_length() - 1, max(0, int(math.log2(max(most, 1)))))
    return _SIZES[key]


# Sizes of blocks by problem: to ask the jaxpr anew costs as much as to trace it. A few hundred are kept.
_SIZES: dict[Any, int] = {}
_MOST_SIZES = 512
