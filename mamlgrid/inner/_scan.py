"""The one loop of the inner rules: written out when short, scanned when long, checkpointed when asked."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from .._base.types import Body, PyTree

# A loop this short is written out, so that XLA fuses it with what surrounds it; a longer one is a scan, so that
# compile time does not grow with the number of steps.
_LONGEST_UNROLLED = 4
_longest_unrolled = ContextVar("longest_unrolled", default=_LONGEST_UNROLLED)


@contextlib.contextmanager
def short_programs() -> Iterator[None]:
    """Inside, loops are scans from two steps on: for whom a short program counts for more than a fused one."""
    before = _longest_unrolled.set(1)
    try:
        yield
    finally:
        _longest_unrolled.reset(before)


def scan(body: Body, carry: PyTree, xs: PyTree, length: int, checkpoint: bool) -> tuple[Any, Any]:
    """`jax.lax.scan(body, carry, xs, length)`, written out where it is short.

    With `checkpoint`, the backward pass keeps the carry at every block of about `sqrt(length)` steps and computes what
    lies between again: `O(sqrt(length))` carries, where a plain scan keeps all that every step computed.
    """
    if length <= _longest_unrolled.get():
        return _written_out(body, carry, xs, length)
    if not checkpoint or length <= _LONGEST_UNROLLED:
        return jax.lax.scan(body, carry, xs, length)
    # A few steps written out are one: XLA fuses what it computes again, and one carry is kept for all of them.
    units, rest = divmod(length, _LONGEST_UNROLLED)
    unit = _again(lambda c, x: _written_out(body, c, x, _LONGEST_UNROLLED))
    carry, first = _folded(_in_blocks, unit, carry, xs, units, _LONGEST_UNROLLED)
    carry, last = _written_out(body, carry, jax.tree.map(lambda x: x[length - rest :], xs), rest)
    return carry, _appended(first, last)


def _in_blocks(step: Body, carry: PyTree, xs: PyTree, length: int) -> tuple[Any, Any]:
    """A scan that keeps one carry for each block of `sqrt(length)` steps."""
    size = math.isqrt(length)
    blocks, rest = divmod(length, size)
    block = _again(lambda c, x: jax.lax.scan(step, c, x, size))
    carry, first = _folded(jax.lax.scan, block, carry, xs, blocks, size)
    carry, last = jax.lax.scan(step, carry, jax.tree.map(lambda x: x[blocks * size :], xs), rest)
    return carry, _appended(first, last)


def _folded(loop: Callable[..., Any], block: Body, carry: PyTree, xs: PyTree, blocks: int, size: int) -> Any:
    """`loop` over `blocks` calls of `block`, each of which takes `size` of the xs and returns as many ys."""
    folded = jax.tree.map(lambda x: x[: blocks * size].reshape(blocks, size, *x.shape[1:]), xs)
    carry, ys = loop(block, carry, folded, blocks)
    return carry, jax.tree.map(lambda y: y.reshape(blocks * size, *y.shape[2:]), ys)


def _appended(first: PyTree, last: PyTree) -> PyTree:
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), first, last)


def _again(body: Body) -> Body:
    """`body`, whose inner values are computed again in the backward pass.

    prevent_cse keeps XLA from merging what is computed again with what was computed before; inside a scan nothing can
    be merged, and the barriers would only cost.
    """
    return jax.checkpoint(body, prevent_cse=False)


def _written_out(body: Body, carry: PyTree, xs: PyTree, length: int) -> tuple[Any, Any]:
    """A short loop without a loop.

    Not by the `unroll=` of scan: that is differentiated as a scan first, which costs a network half of its speed.
    """
    if not length:
        return jax.lax.scan(body, carry, xs, length)
    ys = []
    for i in range(length):
        carry, y = body(carry, jax.tree.map(lambda x, i=i: x[i], xs))
        ys.append(y)
    return carry, jax.tree.map(lambda *parts: jnp.stack(parts), *ys)
