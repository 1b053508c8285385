"""Inner rules that make steps: gradient descent, and any optax optimiser.

A rule is a frozen dataclass and a pytree; its call `rule(loss, theta, alpha)` returns theta'. `alpha` is a scalar, or a
pytree prefix of theta with a rate for each layer or parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ._grid import checked_count
from ._rates import checked_rates
from ._rule import rule, static
from ._scan import scan
from ._status import Status, code

if TYPE_CHECKING:
    import optax as optax_

    from ._types import Alpha, Array, Int, Loss, PyTree, Theta

    _State = tuple[Theta, PyTree]


@rule
class InnerRule:
    """What every inner rule is: a call that adapts. A new one needs no more than that for MAML and FOMAML."""

    def __call__(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The adapted parameters theta'."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(loss, theta, alpha)")

    def rates(self, theta: Theta, alpha: Alpha) -> Alpha:
        """`alpha` as arrays that fit theta, or an error that says what does not fit."""
        return checked_rates(theta, alpha)

    def truncated(self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int) -> Callable[[Theta | None], Theta]:
        """The adapted theta' as a function of a shift put on the parameters before the last `num_last` steps.

        Its derivative at zero is that of the last steps alone; with `num_last=0`, the identity.
        """
        if num_last:
            raise TypeError(f"{self} has no steps to differentiate the last {num_last} of; use outer.Truncated(0)")
        adapted = self(loss, theta, alpha)
        return lambda shift: shifted(adapted, shift)

    def displacement(self, loss: Loss, theta: Theta, alpha: Alpha) -> tuple[Theta, Theta]:
        """The adapted theta', and the sum of what the steps subtracted before alpha scaled it."""
        raise TypeError(f"{self} defines no displacement(loss, theta, alpha), which Reptile descends")

    def path(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The parameters after each step, with a leading step axis."""
        raise TypeError(f"{self} has no steps whose losses could be weighted; leave step_weights out")

    def truncated_path(self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int) -> Callable[[Theta | None], Theta]:
        """`path` as a function of a shift: the steps before the last `num_last` move with it as they are."""
        raise TypeError(f"{self} has no steps whose losses could be weighted; leave step_weights out")

    def status(self, loss: Loss, theta: Theta, alpha: Alpha) -> Int[Array, ""]:
        """Whether the adaptation succeeded, an int8 `Status`: OK here, since steps cannot fail."""
        return code(Status.OK)

    @property
    def may_fail(self) -> bool:
        """Whether `status` can be anything but OK."""
        return type(self).status is not InnerRule.status


@rule
class Descent(InnerRule):
    """Steps `theta <- theta - alpha u`, with `u` what `update` makes of the gradient.

    Attributes:
        num_steps: static.
        per_step: alpha has a leading axis with one rate for each step (MAML++), static.
        checkpoint: keep only about every sqrt(num_steps)-th theta for the backward pass and compute the others again:
            memory grows with the root of `num_steps`, time by two more forward passes. Static. A function on a grid of
            single numbers does so by itself, since there it is faster.
    """

    num_steps: int = static(default=1)
    per_step: bool = static(default=False)
    checkpoint: bool = static(default=False)

    def __post_init__(self) -> None:
        """Refuse a number of steps that is none."""
        object.__setattr__(self, "num_steps", checked_count("num_steps", self.num_steps))

    def init(self, theta: Theta) -> PyTree:
        """What the rule remembers between steps (momentum and the like)."""
        return None

    def update(self, slope: Theta, memory: PyTree, theta: Theta) -> tuple[Theta, PyTree]:
        """What one step subtracts, before alpha scales it; and the new memory."""
        raise NotImplementedError(f"{type(self).__name__} must define update(slope, memory, theta)")

    def rates(self, theta: Theta, alpha: Alpha) -> Alpha:
        """`alpha` as arrays that fit theta and, with `per_step`, the number of steps."""
        return checked_rates(theta, alpha, self.num_steps if self.per_step else None)

    def __call__(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The parameters after all steps."""
        return self.truncated(loss, theta, alpha, self.num_steps)(None)

    def path(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The parameters after each step, with a leading step axis."""
        return self.truncated_path(loss, theta, alpha, self.num_steps)(None)

    def truncated(self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int) -> Callable[[Theta | None], Theta]:
        """The adapted theta' as a function of a shift put on the parameters before the last `num_last` steps."""
        step, border = self._step(loss), max(self.num_steps - num_last, 0)

        def body(state: _State, rate: Alpha) -> tuple[_State, None]:
            return step(state, rate)[0], None

        before, memory = theta, self.init(theta)
        if border:
            (before, memory), _ = self._loop(body, (before, memory), alpha, 0, border)
        return lambda shift: self._loop(body, (shifted(before, shift), memory), alpha, border, self.num_steps)[0][0]

    def truncated_path(self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int) -> Callable[[Theta | None], Theta]:
        """`path` as a function of a shift: the steps before the last `num_last` move with it as they are."""
        step, border = self._step(loss), max(self.num_steps - num_last, 0)

        def body(state: _State, rate: Alpha) -> tuple[_State, Theta]:
            state, _ = step(state, rate)
            return state, state[0]

        (before, memory), head = self._loop(body, (theta, self.init(theta)), alpha, 0, border)

        def resumed(shift: Theta | None) -> Theta:
            start = (shifted(before, shift), memory)
            tail = self._loop(body, start, alpha, border, self.num_steps)[1]
            return jax.tree.map(lambda *parts: jnp.concatenate(parts), shifted(head, shift), tail)

        return resumed

    def displacement(self, loss: Loss, theta: Theta, alpha: Alpha) -> tuple[Theta, Theta]:
        """The adapted theta', and the sum of the `u` of all steps: well defined at alpha = 0 too."""
        step, nothing = self._step(loss), jax.tree.map(jnp.zeros_like, theta)
        if self.per_step:

            def body(carry: Any, rate: Alpha) -> Any:
                state, total = carry
                state, u = step(state, rate)
                return (state, jax.tree.map(jnp.add, total, u)), None

            ((adapted, _), total), _ = self._loop(body, ((theta, self.init(theta)), nothing), alpha, 0, self.num_steps)
            return adapted, total

        # With one rate for all steps the total tells where theta is, and nothing else has to be carried.
        def body(carry: Any, rate: Alpha) -> Any:
            total, memory = carry
            (_, memory), u = step((moved(theta, rate, total), memory), rate)
            return (jax.tree.map(jnp.add, total, u), memory), None

        (total, _), _ = self._loop(body, (nothing, self.init(theta)), alpha, 0, self.num_steps)
        return moved(theta, alpha, total), total

    def _step(self, loss: Loss) -> Callable[[_State, Alpha], tuple[_State, Theta]]:
        """One step as a function of (theta, memory) and its rate; also what it subtracted, unscaled."""

        def step(state: _State, rate: Alpha) -> tuple[_State, Theta]:
            theta, memory = state
            u, memory = self.update(jax.grad(loss)(theta), memory, theta)
            return (moved(theta, rate, u), memory), u

        return step

    def _loop(self, body: Callable[..., Any], carry: Any, alpha: Alpha, start: int, stop: int) -> tuple[Any, Any]:
        """`body(carry, rate)` for the steps from `start` to `stop`."""
        if not self.per_step:
            return scan(lambda c, _: body(c, alpha), carry, None, stop - start, self.checkpoint)
        rates = jax.tree.map(lambda r: r[start:stop], alpha)
        return scan(body, carry, rates, stop - start, self.checkpoint)


@rule
class GradientDescent(Descent):
    """`num_steps` steps of gradient descent: `theta <- theta - alpha * grad(loss)(theta)`.

    >>> float(GradientDescent(2)(lambda t: t**2 / 2, jnp.asarray(1.0), 0.5))
    0.25

    Source: Finn, Abbeel, Levine (2017), Model-Agnostic Meta-Learning, eq. (1); with one rate for each parameter it is
    Meta-SGD (Li et al. 2017, eq. 2), with one for each step and layer that of MAML++ (Antoniou et al. 2019, section 4).
    """

    def update(self, slope: Theta, memory: PyTree, theta: Theta) -> tuple[Theta, PyTree]:
        """The gradient itself."""
        return slope, memory


@rule
class Path(InnerRule):
    """The whole way of a descent in place of its end: what step weights are put on.

    Attributes:
        inner: the descent.
    """

    inner: InnerRule

    def __call__(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The parameters after each step, with a leading step axis."""
        return self.inner.path(loss, theta, alpha)

    def truncated(self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int) -> Callable[[Theta | None], Theta]:
        """The path as a function of a shift put on the parameters before the last `num_last` steps."""
        return self.inner.truncated_path(loss, theta, alpha, num_last)


def optax(
    make_optimizer: Callable[[float], optax_.GradientTransformation],
    num_steps: int = 1,
    *,
    per_step: bool = False,
    checkpoint: bool = False,
) -> Descent:
    """Inner steps by an optax optimiser, its state carried along: momentum, adam, rmsprop, clipping, ...

    `theta <- theta + alpha * updates`, with the updates of `make_optimizer(1.0)`: every optimiser whose update is
    proportional to its learning rate, which is all but those with a line search. So alpha stays what it is elsewhere:
    traced, of any sign, zero, one for each parameter.

    A meta-gradient runs through the optimiser. `optax.adam(rate)` divides by `sqrt(v)`, whose derivative at a zero
    gradient is infinite, and the meta-gradient NaN: `optax.adam(rate, eps_root=1e-8)` divides by `sqrt(v + 1e-8)` and
    has a finite one. Likewise `optax.clip_by_global_norm`, in whose place there is `mg.inner.clip_by_global_norm`. A
    configuration that gives NaN is refused here.

    Args:
        make_optimizer: learning rate -> optax optimiser, such as `optax.rmsprop` or
            `lambda rate: optax.sgd(rate, momentum=0.9)`.
        num_steps: static.
        per_step: alpha has a leading axis, one rate for each step.
        checkpoint: trade time for memory, as in `Descent`.

    Returns:
        An inner rule: give it to `mg.maml(..., inner=...)` and the others.

    Raises:
        TypeError: no function of a learning rate; an optimiser that needs the value or other extra arguments.
        ValueError: an update that is not proportional to the learning rate, or has no finite derivative at zero.

    >>> import optax, mamlgrid as mg
    >>> meta = mg.maml([lambda t: t**2 / 2], inner=mg.inner.optax(lambda rate: optax.sgd(rate, momentum=0.5), 2))
    >>> float(meta.adapt(1.0, 0.5)[0])
    0.0
    """
    from ._inner_optax import checked_optimizer

    checked = checked_optimizer(make_optimizer, checked_count("num_steps", num_steps))
    return Optax(num_steps, per_step, checkpoint, checked)


@rule
class Optax(Descent):
    """Steps by an optax optimiser: made, and checked, by `inner.optax`.

    Attributes:
        make_optimizer: learning rate -> optax optimiser, static.
    """

    make_optimizer: Callable[..., Any] = static(default=None)

    def init(self, theta: Theta) -> PyTree:
        """The state of the optimiser."""
        return self.make_optimizer(1.0).init(theta)

    def update(self, slope: Theta, memory: PyTree, theta: Theta) -> tuple[Theta, PyTree]:
        """What the optimiser subtracts at learning rate one."""
        updates, memory = self.make_optimizer(1.0).update(slope, memory, theta)
        return jax.tree.map(jnp.negative, updates), memory


def shifted(theta: Theta, shift: Theta | None) -> Theta:
    """`theta + shift`, also along a path; None is no shift."""
    return theta if shift is None else jax.tree.map(jnp.add, theta, shift)


def moved(theta: Theta, rate: Alpha, u: Theta) -> Theta:
    """`theta - rate u` with a rate for all, or one for each leaf or part of a leaf.

    The rate takes the dtype of the leaf it moves, so that a float64 alpha keeps float32 parameters float32.
    """
    rates = jax.tree.broadcast(rate, theta)
    return jax.tree.map(lambda p, r, d: p - jnp.asarray(r, p.dtype) * d, theta, rates, u)
