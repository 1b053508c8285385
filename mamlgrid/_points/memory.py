"""How much memory a function takes, and evaluation over long axes within a budget of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .._base.arguments import said

if TYPE_CHECKING:
    from .._base.types import Array, PyTree

# Temporaries of one call stay below this many bytes unless the caller says otherwise: small enough for a laptop,
# large enough that a grid of a few million cells of a few scalars is never split.
MEMORY_BUDGET = 2**30


def checked_budget(memory_budget: object) -> int:
    """`memory_budget` as a positive number of bytes."""
    if not isinstance(memory_budget, int) or memory_budget <= 0:
        raise ValueError(f"memory_budget must be a positive number of bytes, got {said(memory_budget)}")
    return memory_budget


def on_grid(at: Callable[[Any, Array], Any], rows: PyTree, columns: Array, memory_budget: int) -> Any:
    """`at(row, column)` for every pair, results with two leading axes, within the budget.

    Args:
        at: what to do at one point.
        rows: arrays with a leading axis.
        columns: `[columns]`.
        memory_budget: bytes of temporaries.
    """
    at = jax.jit(at, inline=True)  # traced once, for its memory and for its values
    per_cell = temporary_bytes(at, _first(rows), columns[0])

    def along(row: Any) -> Any:
        return mapped(lambda c: at(row, c), columns, memory_budget, per_cell)

    # A row of scalar temporaries is fused and takes no memory, however long; else it takes as much as its cells.
    return mapped(along, rows, memory_budget, per_cell * columns.size)


def mapped(function: Callable[[Any], Any], points: PyTree, memory_budget: int, per_point: int | None = None) -> Any:
    """`jax.vmap(function)(points)`, in as many batches as keep the temporaries within the budget.

    Args:
        function: what to do at one point.
        points: arrays with a leading axis.
        memory_budget: bytes.
        per_point: bytes that one point takes; what its jaxpr says when None.
    """
    if per_point is None:
        per_point = temporary_bytes(function, _first(points))
    number = jax.tree.leaves(points)[0].shape[0]
    batch = memory_budget // per_point if per_point else number
    if batch >= number:
        return jax.vmap(function)(points)
    return in_batches(function, points, number, max(1, batch))


def in_batches(function: Callable[[Any], Any], points: PyTree, number: int, batch: int) -> Any:
    """`jax.vmap(function)(points)`, `batch` of them at once, written into place.

    The last batch begins early enough to be full, so that there is one program for all.
    """

    def some(i: Array) -> tuple[Array, Any]:
        start = jnp.minimum(i * batch, number - batch)
        return start, jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, batch), points)

    def advance(i: Array, found: Any) -> Any:
        start, here = some(i)
        new = jax.vmap(function)(here)
        return jax.tree.map(lambda a, n: jax.lax.dynamic_update_slice_in_dim(a, n, start, 0), found, new)

    shapes = jax.eval_shape(jax.vmap(function), points)
    start = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    return jax.lax.fori_loop(0, -(-number // batch), advance, start)


def _first(points: PyTree) -> Any:
    return jax.tree.map(lambda leaf: leaf[0], points)


def temporary_bytes(function: Callable[..., Any], *args: Any) -> int:
    """Bytes of the temporaries of one call: an upper bound of what XLA keeps at once."""
    return jaxpr_bytes(jax.make_jaxpr(function)(*args).jaxpr)


def jaxpr_bytes(jaxpr: Any) -> int:
    """Bytes of what the equations of a jaxpr make.

    Scalars count only where there is a loop, which stores what it carries: without one, over a grid, they fuse.
    """
    return _bytes(jaxpr, scalars=_has_loop(jaxpr))


def _has_loop(jaxpr: Any) -> bool:
    from jax.extend.core import jaxprs_in_params

    def is_loop(equation: Any) -> bool:
        name, params = equation.primitive.name, equation.params
        # A scan that is unrolled to its end is none.
        return name == "while" or (name == "scan" and params["unroll"] < params["length"])

    return any(is_loop(e) or any(map(_has_loop, jaxprs_in_params(e.params))) for e in jaxpr.eqns)


def _bytes(jaxpr: Any, scalars: bool) -> int:
    from jax.extend.core import jaxprs_in_params

    total = 0
    for equation in jaxpr.eqns:
        total += sum(v.aval.size * v.aval.dtype.itemsize for v in equation.outvars if v.aval.shape or scalars)
        total += sum(_bytes(sub, scalars) for sub in jaxprs_in_params(equation.params))
    return total
