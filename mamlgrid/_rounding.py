"""What rounding leaves undecided: how far a value or a direction can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ._tasks import map_tasks

if TYPE_CHECKING:
    from ._meta import MetaLoss
    from ._types import Array

# Relative change of theta, alpha and theta' that stands for the rounding inside a loss: a handful of operations, each
# wrong by half an eps, some of them twice (forwards and backwards).
_ULPS = 4


class Probe(NamedTuple):
    """At one point: the derivatives of value and direction in alpha, and what rounding does to each.

    Attributes:
        values_alpha: dL/dalpha.
        directions_alpha: dG/dalpha.
        value_noise: how far L can be wrong.
        direction_noise: how far G can be wrong.
        directions_alpha_noise: how far dG/dalpha can be wrong.
    """

    values_alpha: Any
    directions_alpha: Any
    value_noise: Any
    direction_noise: Any
    directions_alpha_noise: Any


@jax.jit
def probe(meta: MetaLoss, theta: Array, alpha: Array) -> Probe:
    """Derivatives in alpha, and how far value and direction at one point can be wrong through rounding.

    Backward error, task by task: a computed term f_i is the exact term of slightly other numbers. So the noise of the
    sum is `sum_i (max |f_i(moved) - f_i| + d |f_i|)`, where theta, alpha and the adapted theta' are moved, one after
    the other, by the factor `1 +- d`, d = 4 eps. Terms that cancel in the sum (as gradients do at an optimum) do not
    cancel here. The moves are finite, not derivatives: at a minimum like theta^4 all derivatives vanish, the noise
    does not.
    """
    change = _ULPS * float(jnp.finfo(theta.dtype).eps)
    moves = change * jnp.concatenate([jnp.zeros((1, 3)), jnp.eye(3), -jnp.eye(3)]).astype(theta.dtype)

    def terms(move: Array) -> Any:
        def per_task(theta: Array, alpha: Array) -> Array:
            return map_tasks(meta._term(theta, alpha, move[2]), meta.loss, meta.tasks)

        def with_direction(alpha: Array) -> tuple[Array, Array]:
            moved = theta * (1 + move[0])
            return jax.jvp(lambda t: per_task(t, alpha), (moved,), (jnp.ones_like(theta),))

        return jax.jvp(with_direction, (alpha * (1 + move[1]),), (jnp.ones_like(alpha),))

    def wrong(values: Array) -> Array:
        spread = jnp.max(jnp.abs(values[1:] - values[0]), axis=0)
        return meta._scaled(jnp.sum(spread + change * jnp.abs(values[0]))).astype(theta.dtype)

    values, in_alpha = jax.vmap(terms)(moves)
    value_alpha, direction_alpha = (meta._scaled(jnp.sum(x[0])).astype(theta.dtype) for x in in_alpha)
    return Probe(value_alpha, direction_alpha, wrong(values[0]), wrong(values[1]), wrong(in_alpha[1]))
