"""What rounding leaves undecided: how far a value or a direction can be trusted."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ._inner import InnerRule
from ._rule import rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._meta import MetaLoss
    from ._types import Alpha, Array, Loss, Theta

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
        moved = dataclasses.replace(meta, inner=Inexact(meta.inner, move[2]))
        point, rate = theta * (1 + move[0]), alpha * (1 + move[1])
        return jax.jvp(lambda theta: moved.per_task(theta, rate), (point,), (jnp.ones_like(theta),))

    def total(values: Array) -> Any:
        spread = jnp.max(jnp.abs(values[1:] - values[0]), axis=0)
        terms = spread + change * jnp.abs(values[0])
        return (jnp.mean(terms) if meta.reduce == "mean" else jnp.sum(terms)).astype(theta.dtype)

    value, direction = jax.tree.map(total, jax.vmap(terms)(moves))
    return value, direction


@rule
class Inexact(InnerRule):
    """An inner rule whose theta' has a relative error.

    Attributes:
        inner: the rule.
        error: traced.
    """

    inner: InnerRule
    error: Array

    def __call__(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The theta' with its error."""
        return self._off(self.inner(loss, theta, alpha))

    def rates(self, theta: Theta, alpha: Alpha) -> Alpha:
        """Those of the rule."""
        return self.inner.rates(theta, alpha)

    def truncated(self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int) -> Callable[[Theta | None], Theta]:
        """As that of the rule."""
        adapted = self.inner.truncated(loss, theta, alpha, num_last)
        return lambda shift: self._off(adapted(shift))

    def displacement(self, loss: Loss, theta: Theta, alpha: Alpha) -> tuple[Theta, Theta]:
        """The theta' with its error; the displacement as it is."""
        adapted, total = self.inner.displacement(loss, theta, alpha)
        return self._off(adapted), total

    def _off(self, adapted: Theta) -> Theta:
        return jax.tree.map(lambda p: p + p * self.error.astype(p.dtype), adapted)
