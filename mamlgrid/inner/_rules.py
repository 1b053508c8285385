"""Inner rules: how theta' comes from theta, in steps. Gradient descent, and any optax optimiser.

A rule is a frozen dataclass and a pytree; its call `rule(loss, theta, alpha)` returns theta'. `alpha` is a scalar, or a
pytree prefix of theta with a rate for each layer or parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from .._base.arguments import checked_count, numpys_rules
from .._base.rule import rule, static
from ._rates import checked_rates
from ._scan import scan

if TYPE_CHECKING:
    import optax as optax_

    from .._base.types import Alpha, Loss, PyTree, State, Theta


@rule
class InnerRule:
    """`num_steps` steps from theta to theta', each `step(loss, state, rate) -> state`.

    A state is the pair `(theta, memory)`. A rule of your own defines `step`; and `init(loss, theta) -> state` where it
    remembers anything. That is enough for every algorithm, Reptile included, as long as a step is linear in its rate.

    Attributes:
        num_steps: static.
        per_step: alpha has a leading axis with one rate for each step (MAML++), static.
        checkpoint: keep only about every sqrt(num_steps)-th state for the backward pass and compute the others again:
            memory grows with the root of `num_steps`, time by two more forward passes. Static. A function on a grid of
            single numbers does so by itself, since there it is faster.
        may_fail: of the class: a step may fail, and theta' is NaN then.

    >>> @rule
    ... class Newton(InnerRule):
    ...     def step(self, loss, state, rate):
    ...         theta, memory = state
    ...         return theta - rate * jax.grad(loss)(theta) / jax.hessian(loss)(theta), memory
    >>> float(Newton(num_steps=2)(lambda t: (t - 1) ** 2, jnp.asarray(5.0), 0.5))
    2.0
    """

    num_steps: int = static(default=1, kw_only=True)
    per_step: bool = static(default=False, kw_only=True)
    checkpoint: bool = static(default=False, kw_only=True)
    may_fail: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a number of steps that is none."""
        object.__setattr__(self, "num_steps", checked_count("num_steps", self.num_steps))

    def init(self, loss: Loss, theta: Theta) -> State:
        """The state before the first step."""
        return theta, None

    def step(self, loss: Loss, state: State, rate: Alpha) -> State:
        """The state after one step.

        Args:
            loss: of the task.
            state: `(theta, memory)`.
            rate: a number, or the prefix of theta that alpha is; `mg.inner.move(theta, rate, u)` is `theta - rate u`
                for all of them.
        """
        raise NotImplementedError(f"{type(self).__name__} must define step(loss, state, rate)")

    def step_and_direction(self, loss: Loss, state: State, rate: Alpha) -> tuple[State, Theta]:
        """The state after one step, and what Reptile sums: the u of `theta - rate u`, that is `-dtheta / drate`.

        To be defined only where a step is not linear in its rate.
        """
        theta, memory = state
        ones = jax.tree.map(jnp.ones_like, rate)

        def step(rate: Alpha) -> State:
            return self._checked(theta, self.step(loss, (theta, memory), rate))

        def change(rate: Alpha) -> tuple[Theta, Theta, PyTree]:
            return jax.jvp(step, (rate,), (ones,), has_aux=True)

        if depends(lambda rate: change(rate)[1], rate):
            raise TypeError(
                f"a step of {self} is not linear in its rate: for Reptile define step_and_direction, which returns "
                "beside the state what a step subtracts before the rate scales it"
            )
        after, slope, memory = change(rate)
        return (after, memory), jax.tree.map(jnp.negative, slope)

    def rates(self, theta: Theta, alpha: Alpha) -> Alpha:
        """`alpha` as arrays that fit theta and, with `per_step`, the number of steps."""
        return checked_rates(theta, alpha, self.num_steps if self.per_step else None)

    def __call__(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The adapted parameters theta'."""
        return self.truncated(loss, theta, alpha)(None)

    def truncated(
        self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int | None = None, *, along: bool = False
    ) -> Callable[[Theta | None], Theta]:
        """The adapted theta' as a function of a shift put on the parameters before the last `num_last` steps.

        Its derivative at zero is that of the last steps alone.

        Args:
            loss: of the task.
            theta: before all steps.
            alpha: the rates.
            num_last: all steps when None.
            along: the parameters after every step in place of the last; those before the shift move with it.
        """
        alpha = self.rates(theta, alpha)
        border = 0 if num_last is None else max(self.num_steps - num_last, 0)

        def body(state: State, rate: Alpha) -> tuple[State, Theta | None]:
            state = self._checked(state[0], self.step(loss, state, rate))
            return state, state[0] if along else None

        (before, memory), head = self._loop(body, self._checked(theta, self.init(loss, theta)), alpha, 0, border)

        def resumed(shift: Theta | None) -> Theta:
            start = shifted(before, shift), memory
            (adapted, _), tail = self._loop(body, start, alpha, border, self.num_steps)
            parts = [part for part in (shifted(head, shift), tail) if part is not None]
            return jax.tree.map(lambda *steps: jnp.concatenate(steps), *parts) if along else adapted

        return resumed

    def displacement(self, loss: Loss, theta: Theta, alpha: Alpha) -> tuple[Theta, Theta]:
        """The adapted theta', and the sum of the directions of all steps: well defined at alpha = 0 too."""
        alpha, nothing = self.rates(theta, alpha), jax.tree.map(jnp.zeros_like, theta)
        start, memory = self._checked(theta, self.init(loss, theta))
        if self.per_step:

            def body(carry: Any, rate: Alpha) -> Any:
                state, total = carry
                state, u = self.step_and_direction(loss, state, rate)
                return (state, jax.tree.map(jnp.add, total, u)), None

            ((adapted, _), total), _ = self._loop(body, ((start, memory), nothing), alpha, 0, self.num_steps)
            return adapted, total

        # With one rate for all steps the total tells where theta is, and nothing else has to be carried.
        def body(carry: Any, rate: Alpha) -> Any:
            total, memory = carry
            (_, memory), u = self.step_and_direction(loss, (move(start, rate, total), memory), rate)
            return (jax.tree.map(jnp.add, total, u), memory), None

        (total, _), _ = self._loop(body, (nothing, memory), alpha, 0, self.num_steps)
        return move(start, alpha, total), total

    def _loop(self, body: Callable[..., Any], carry: Any, alpha: Alpha, start: int, stop: int) -> tuple[Any, Any]:
        """`body(carry, rate)` for the steps from `start` to `stop`."""
        if start == stop:
            return carry, None
        if not self.per_step:
            return scan(lambda c, _: body(c, alpha), carry, None, stop - start, self.checkpoint)
        rates = jax.tree.map(lambda r: r[start:stop], alpha)
        return scan(body, carry, rates, stop - start, self.checkpoint)

    def _checked(self, theta: Theta, state: Any) -> State:
        """A state that a rule returned, refused where it is none."""
        if not isinstance(state, tuple) or len(state) != 2:
            raise TypeError(f"{type(self).__name__} must return states (theta, memory), got {state!r}")
        # Nodes of other packages may know no equality: their structures do.
        wanted, given = ((jax.tree.structure(t), [jnp.shape(x) for x in jax.tree.leaves(t)]) for t in (theta, state[0]))
        if wanted != given:
            wanted, given = (jax.tree.map(jnp.shape, tree) for tree in (theta, state[0]))
            raise ValueError(f"{type(self).__name__} made of parameters of shapes {wanted} some of {given}")
        return state


@rule
class GradientDescent(InnerRule):
    """`num_steps` steps of gradient descent: `theta <- theta - alpha * grad(loss)(theta)`.

    >>> float(GradientDescent(2)(lambda t: t**2 / 2, jnp.asarray(1.0), 0.5))
    0.25

    Source: Finn, Abbeel, Levine (2017), Model-Agnostic Meta-Learning, eq. (1); with one rate for each parameter it is
    Meta-SGD (Li et al. 2017, eq. 2), with one for each step and layer that of MAML++ (Antoniou et al. 2019, section 4).
    """

    num_steps: int = static(default=1)

    def step(self, loss: Loss, state: State, rate: Alpha) -> State:
        """Down the gradient."""
        theta, memory = state
        return move(theta, rate, jax.grad(loss)(theta)), memory


@rule
class Path(InnerRule):
    """The whole way of a rule in place of its end: what step weights are put on.

    Attributes:
        inner: the rule.
    """

    inner: InnerRule

    def truncated(
        self, loss: Loss, theta: Theta, alpha: Alpha, num_last: int | None = None, *, along: bool = True
    ) -> Callable[[Theta | None], Theta]:
        """The parameters after each step, with a leading step axis."""
        return self.inner.truncated(loss, theta, alpha, num_last, along=along)


def optax(
    make_optimizer: Callable[[float], optax_.GradientTransformation],
    num_steps: int = 1,
    *,
    per_step: bool = False,
    checkpoint: bool = False,
) -> Optax:
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
        checkpoint: trade time for memory, as in `InnerRule`.

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
    from ._optax_checks import checked_optimizer

    checked = checked_optimizer(make_optimizer, checked_count("num_steps", num_steps))
    return Optax(checked, num_steps=num_steps, per_step=per_step, checkpoint=checkpoint)


@rule
class Optax(InnerRule):
    """Steps by an optax optimiser: made, and checked, by `inner.optax`.

    Attributes:
        make_optimizer: learning rate -> optax optimiser, static.
    """

    make_optimizer: Callable[..., Any] = static()

    def init(self, loss: Loss, theta: Theta) -> State:
        """Theta and the state of the optimiser."""
        return theta, self.make_optimizer(1.0).init(theta)

    def step(self, loss: Loss, state: State, rate: Alpha) -> State:
        """The update at learning rate one, scaled."""
        theta, memory = state
        slope = jax.grad(loss)(theta)
        with numpys_rules():  # those of optax
            updates, memory = self.make_optimizer(1.0).update(slope, memory, theta)
        return move(theta, rate, jax.tree.map(jnp.negative, updates)), memory


def move(theta: Theta, rate: Alpha, u: Theta) -> Theta:
    """`theta - rate u` with a rate for all, or one for each leaf or part of a leaf.

    The rate takes the dtype of the leaf it moves, so that a float64 alpha keeps float32 parameters float32.

    >>> moved = move({"body": 1.0, "head": 1.0}, {"body": 0.0, "head": 0.5}, {"body": 1.0, "head": 1.0})
    >>> {name: float(leaf) for name, leaf in moved.items()}
    {'body': 1.0, 'head': 0.5}
    """
    rates = jax.tree.broadcast(rate, theta)
    return jax.tree.map(lambda p, r, d: p - jnp.asarray(r, jnp.result_type(p)) * d, theta, rates, u)


def shifted(theta: Theta | None, shift: Theta | None) -> Theta | None:
    """`theta + shift`, also along a path; None is no shift, or nothing to be shifted."""
    return theta if theta is None or shift is None else jax.tree.map(jnp.add, theta, shift)


def depends(function: Callable[[Any], Any], x: PyTree) -> bool:
    """Whether the derivative of `function` is more than the zero of what does not read its argument."""
    found = []

    @jax.custom_jvp
    def watched(y: PyTree) -> PyTree:
        return y

    def record(primals: Any, tangents: Any) -> Any:
        found.extend(leaf for leaf in jax.tree.leaves(tangents) if not isinstance(leaf, SymbolicZero))
        return primals[0], tangents[0]

    watched.defjvp(record, symbolic_zeros=True)
    ones = jax.tree.map(jnp.ones_like, x)
    jax.eval_shape(lambda x: jax.jvp(lambda x: watched(function(x)), (x,), (ones,)), x)
    return bool(found)
