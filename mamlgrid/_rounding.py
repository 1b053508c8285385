"""What rounding leaves undecided: how far a value or a direction can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ._tasks import map_tasks

if TYPE_CHECKING:
    from ._meta import MetaLoss
    from ._types import Array

# Relative change of theta, alpha and theta' that stands for the rounding inside a loss: a handful of operations, each
# wrong by half an eps, some of them twice (forwards and backwards).
_ULPS = 4


@jax.jit
def noise(meta: MetaLoss, theta: Array, alpha: Array) -> tuple[Array, Array]:
    """How far the value and the outer direction at one point can be wrong through rounding.

    Backward error, task by task: a computed term f_i is the exact term of slightly other numbers. So the noise of the
    sum is `sum_i (max |f_i(moved) - f_i| + d |f_i|)`, where theta, alpha and the adapted theta' are moved, one after
    the other, by the factor `1 +- d`, d = 4 eps. Terms that cancel in the sum (as gradients do at an optimum) do not
    cancel here. The moves are finite, not derivatives: at a minimum like theta^4 all derivatives vanish, the noise
    does not.
    """
    change = _ULPS * float(jnp.finfo(theta.dtype).eps)
    moves = change * jnp.concatenate([jnp.zeros((1, 3)), jnp.eye(3), -jnp.eye(3)]).astype(theta.dtype)

    def terms(move: Array) -> tuple[Array, Array]:
        def per_task(theta: Array) -> Array:
            return map_tasks(meta._term(theta, alpha * (1 + move[1]), move[2]), meta.loss, meta.tasks)

        return jax.jvp(per_task, (theta * (1 + move[0]),), (jnp.ones_like(theta),))

    def total(values: Array) -> Any:
        spread = jnp.max(jnp.abs(values[1:] - values[0]), axis=0)
        return meta._scaled(jnp.sum(spread + change * jnp.abs(values[0]))).astype(theta.dtype)

    value, direction = jax.tree.map(total, jax.vmap(terms)(moves))
    return value, direction
