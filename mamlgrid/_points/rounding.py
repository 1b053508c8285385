"""What rounding leaves undecided: how far a value or a direction can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from .._base.rule import rule
from .at import with_derivative

if TYPE_CHECKING:
    from .._base.types import Alpha, Array, Theta
    from .._meta.meta_loss import MetaLoss
    from .._meta.tasks import Task

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
        def term(task: Task, theta: Theta, alpha: Alpha) -> Array:
            return meta.value(InexactTask(task, move[2]), theta, alpha)

        def with_direction(alpha: Array) -> tuple[Array, Array]:
            moved = theta * (1 + move[0])
            return with_derivative(lambda t: meta.map_tasks(term, t, alpha), moved)

        return with_derivative(with_direction, alpha * (1 + move[1]))

    def over_tasks(values: Array) -> Array:
        return (jnp.mean(values) if meta.reduce == "mean" else jnp.sum(values)).astype(theta.dtype)

    def wrong(values: Array) -> Array:
        spread = jnp.max(jnp.abs(values[1:] - values[:1]), axis=0)
        return over_tasks(spread + change * jnp.abs(values[0]))

    values, in_alpha = jax.vmap(terms)(moves)
    value_alpha, direction_alpha = (over_tasks(x[0]) for x in in_alpha)
    return Probe(value_alpha, direction_alpha, wrong(values[0]), wrong(values[1]), wrong(in_alpha[1]))


@rule
class InexactTask:
    """A task that judges theta' with a relative error.

    Attributes:
        task: judges it as it is.
        error: traced.
    """

    task: Task
    error: Array

    def support(self, theta: Theta) -> Array:
        """That of the task."""
        return self.task.support(theta)

    def query(self, adapted: Theta) -> Array:
        """The loss beside theta'."""
        return self.task.query(jax.tree.map(lambda p: p + p * self.error.astype(p.dtype), adapted))
