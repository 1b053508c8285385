"""How much memory a function takes, and evaluation over a long axis within a budget of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from .._types import Array

# Temporaries of one call stay below this many bytes unless the caller says otherwise: small enough for a laptop,
# large enough that a grid of a few million cells of a few scalars is never split.
MEMORY_BUDGET = 2**30

# What stands for a loop in a jaxpr: values carried through one are stored, scalars too.
_LOOPS = ("scan", "while")


def checked_budget(memory_budget: object) -> int:
    """`memory_budget` as a positive number of bytes."""
    if not isinstance(memory_budget, int) or memory_budget <= 0:
        raise ValueError(f"memory_budget must be a positive number of bytes, got {memory_budget!r}")
    return memory_budget


def mapped(function: Callable[[Array], Any], points: Array, memory_budget: int, per_point: int | None = None) -> Any:
    """`jax.vmap(function)(points)`, in as many batches as keep the temporaries within the budget.

    Args:
        function: what to do at one point.
        points: `[points]`.
        memory_budget: bytes.
        per_point: bytes that one point takes; what its jaxpr says when None.
    """
    if per_point is None:
        per_point = temporary_bytes(function, points[0])
    batch = memory_budget // per_point if per_point else points.size
    if batch >= points.size:
        return jax.vmap(function)(points)
    return jax.lax.map(function, points, batch_size=max(1, batch))


def temporary_bytes(function: Callable[..., Any], *args: Array) -> int:
    """Bytes of the temporaries of one call: an upper bound of what XLA keeps at once."""
    return jaxpr_bytes(jax.make_jaxpr(function)(*args).jaxpr)


def jaxpr_bytes(jaxpr: Any) -> int:
    """Bytes of what the equations of a jaxpr make.

    Scalars count only where there is a loop: without one, over a grid, they fuse and are never stored.
    """
    return _bytes(jaxpr, scalars=_has_loop(jaxpr))


def _has_loop(jaxpr: Any) -> bool:
    from jax.extend.core import jaxprs_in_params

    return any(e.primitive.name in _LOOPS or any(map(_has_loop, jaxprs_in_params(e.params))) for e in jaxpr.eqns)


def _bytes(jaxpr: Any, scalars: bool) -> int:
    from jax.extend.core import jaxprs_in_params

    total = 0
    for equation in jaxpr.eqns:
        total += sum(v.aval.size * v.aval.dtype.itemsize for v in equation.outvars if v.aval.shape or scalars)
        total += sum(_bytes(sub, scalars) for sub in jaxprs_in_params(equation.params))
    return total
