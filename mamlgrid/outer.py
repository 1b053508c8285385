"""Outer rules: how the direction that an algorithm descends is taken.

A rule is a frozen dataclass and a pytree. To write a new one, subclass `OuterRule` and define `value_and_direction`:
the meta-loss of one task, and the direction G of that task, both ordinary code. A meta-loss made with it has the value
as its value and G as its `jax.grad`; further derivatives are the true derivatives of G, and of the value in alpha and
the tasks. (The number that `jax.value_and_grad` returns beside G is the value as computed: differentiated once more, it
has its own true derivative, not G.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from ._base.arguments import checked_count
from ._base.names import listed
from ._base.rule import rule, static

if TYPE_CHECKING:
    from ._base.types import Alpha, Array, Float, InnerRule, Loss, Theta
    from ._meta.tasks import Task

__all__ = ["Displacement", "OuterRule", "ThroughAdaptation", "Truncated"]

__dir__ = listed(__name__)


@rule
class OuterRule:
    """What every outer rule is: the value of a task, with the rule's direction as its derivative in theta."""

    is_gradient: ClassVar[bool] = False
    """Whether the direction is the gradient of the value: only then does a jump of the value make a minimum."""

    def value_and_direction(
        self, inner: InnerRule, support: Loss, query: Loss, theta: Theta, alpha: Alpha
    ) -> tuple[Float[Array, ""], Theta]:
        """The meta-loss of one task and its outer direction.

        Args:
            inner: `inner(support, theta, alpha)` is theta'.
            support: the loss that the inner rule descends.
            query: the loss that theta' is judged by.
            theta: the parameters.
            alpha: the inner rate, a scalar or a prefix of theta.
        """
        raise NotImplementedError(f"{type(self).__name__} must define value_and_direction")

    def value(self, inner: InnerRule, task: Task, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
        """The meta-loss of one task, with the direction as its derivative in theta."""
        return _directed(theta, (alpha, inner, self, task))


@rule
class ThroughAdaptation(OuterRule):
    """MAML: the true gradient, `G = d/dtheta L(theta')`, differentiated through the adaptation.

    With a `Proximal` inner rule it is iMAML.

    Source: Finn, Abbeel, Levine (2017), Algorithm 1, line 8; Rajeswaran et al. (2019), eq. (6).
    """

    is_gradient: ClassVar[bool] = True

    def value(self, inner: InnerRule, task: Task, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
        """The value as it is: its derivative is the direction already."""
        return task.query(inner(task.support, theta, alpha))

    def value_and_direction(
        self, inner: InnerRule, support: Loss, query: Loss, theta: Theta, alpha: Alpha
    ) -> tuple[Float[Array, ""], Theta]:
        """The value and its true gradient."""
        return jax.value_and_grad(lambda t: query(inner(support, t, alpha)))(theta)


@rule
class Truncated(OuterRule):
    """Differentiate through the last `num_last` inner steps only; the ones before count as a constant shift.

    `Truncated(0)` is first-order MAML: `G = grad L(theta')`. `Truncated(num_steps)` is MAML.

    Source: Finn, Abbeel, Levine (2017), section 5.2 (first order); Shaban et al. (2019), Truncated Back-propagation
    for Bilevel Optimization, section 3.
    """

    num_last: int = static(default=0)

    def __post_init__(self) -> None:
        """Refuse a number of steps that is none."""
        object.__setattr__(self, "num_last", checked_count("num_last", self.num_last))

    def value_and_direction(
        self, inner: InnerRule, support: Loss, query: Loss, theta: Theta, alpha: Alpha
    ) -> tuple[Float[Array, ""], Theta]:
        """The value and the derivative of its last steps."""
        adapted = inner.truncated(support, theta, alpha, self.num_last)
        return jax.value_and_grad(lambda shift: query(adapted(shift)))(jax.tree.map(jnp.zeros_like, theta))


@rule
class Displacement(OuterRule):
    """Reptile: go where the adaptation went, `G = (theta - theta') / alpha`, the sum of the inner gradients.

    The sum has no division, so alpha = 0 is an ordinary point. With a `Proximal` inner rule it is the gradient of the
    Moreau envelope, `strength (theta - theta')`. The query loss is the value; the direction does not look at it.

    Source: Nichol, Achiam, Schulman (2018), On First-Order Meta-Learning Algorithms, Algorithm 1 and section 5.
    """

    def value_and_direction(
        self, inner: InnerRule, support: Loss, query: Loss, theta: Theta, alpha: Alpha
    ) -> tuple[Float[Array, ""], Theta]:
        """The value, and the displacement."""
        adapted, direction = inner.displacement(support, theta, alpha)
        return query(adapted), direction


def _evaluated(theta: Theta, rest: Any) -> tuple[Float[Array, ""], Theta]:
    alpha, inner, outer, task = rest
    value, direction = outer.value_and_direction(inner, task.support, task.query, theta, alpha)
    wanted, given = jax.tree.map(jnp.shape, theta), jax.tree.map(jnp.shape, direction)
    if wanted != given:
        raise ValueError(f"{outer} returned a direction of shapes {given}; it must have those of theta, {wanted}")
    return value, direction


# Everything that is differentiated, mapped or traced is an argument: a custom_jvp function must not close over it.
@jax.custom_jvp
def _directed(theta: Theta, rest: Any) -> Float[Array, ""]:
    return _evaluated(theta, rest)[0]


def _directed_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    """The value, and `<G, dtheta>` plus its true derivative along everything else."""
    (theta, rest), (theta_dot, rest_dot) = primals, tangents
    value, direction = _evaluated(theta, rest)
    parts = [
        jnp.vdot(g, d).astype(value.dtype)
        for g, d in zip(jax.tree.leaves(direction), jax.tree.leaves(theta_dot), strict=True)
        if not isinstance(d, SymbolicZero)
    ]
    leaves, structure = jax.tree.flatten(rest)
    dots = structure.flatten_up_to(rest_dot)
    moving = [i for i, d in enumerate(dots) if not isinstance(d, SymbolicZero)]
    if moving:

        def value_of(*moved: Array) -> Array:
            placed = dict(zip(moving, moved, strict=True))
            full = [placed.get(i, leaf) for i, leaf in enumerate(leaves)]
            return _evaluated(theta, structure.unflatten(full))[0]

        parts.append(jax.jvp(value_of, [leaves[i] for i in moving], [dots[i] for i in moving])[1])
    return value, sum(parts, jnp.zeros_like(value))


_directed.defjvp(_directed_jvp, symbolic_zeros=True)
