"""Whether an optax optimiser can run inside an inner loop and be differentiated through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    import optax

_REMEDY = (
    "adam and its like take an eps inside their square root (lambda rate: optax.adam(rate, eps_root=1e-8)); to clip by "
    "the norm use mg.inner.clip_by_global_norm, or optax.clip, which clips each entry"
)


def clip_by_global_norm(max_norm: float) -> optax.GradientTransformation:
    """Clipping by the norm of the whole gradient, with a finite derivative at a zero gradient.

    `u -> u min(1, max_norm / |u|)`: the values of `optax.clip_by_global_norm`, whose derivative at zero is NaN.

    Args:
        max_norm: positive.

    Returns:
        An optax transformation, to be chained with an optimiser.

    Raises:
        ValueError: a norm that is not positive.

    >>> import jax, jax.numpy as jnp
    >>> clip = clip_by_global_norm(1.0)
    >>> [float(clip.update(jnp.asarray(u), clip.init(u))[0]) for u in (0.5, 3.0)]
    [0.5, 1.0]
    >>> float(jax.grad(lambda u: clip.update(u, clip.init(u))[0])(0.0))
    1.0
    """
    import optax

    if not max_norm > 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        square = jax.tree.reduce(jnp.add, jax.tree.map(lambda u: jnp.sum(u * u), updates))
        outside = square > max_norm**2
        # The root is taken only where it matters: at zero its derivative is infinite.
        scale = jnp.where(outside, max_norm / jnp.sqrt(jnp.where(outside, square, 1)), 1)
        return jax.tree.map(lambda u: u * scale.astype(u.dtype), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def checked_optimizer(make_optimizer: Callable[[float], Any], num_steps: int) -> Callable[[float], Any]:
    """`make_optimizer`, after a trial of all the steps that it will make."""
    import optax

    if not callable(make_optimizer) or isinstance(make_optimizer, optax.GradientTransformation):
        raise TypeError(
            "inner.optax needs a function from a learning rate to an optimiser, such as optax.adam or "
            f"lambda rate: optax.sgd(rate, momentum=0.9); got {make_optimizer!r}"
        )
    made = make_optimizer(1.0)
    if not isinstance(made, optax.GradientTransformation):
        raise TypeError(f"make_optimizer(1.0) must return an optax optimiser, got {made!r}")
    theta = jnp.array([0.5, -0.25])

    def steps(slope: Any, rate: float, count: int) -> Any:
        optimizer = make_optimizer(rate)

        def step(state: Any, _: None) -> tuple[Any, Any]:
            updates, state = optimizer.update(slope, state, theta)
            return state, updates

        return jax.lax.scan(step, optimizer.init(theta), None, count)[1]

    count, trial = max(num_steps, 2), jnp.array([0.3, -0.2])
    try:
        one, half = steps(trial, 1.0, count), steps(trial, 0.5, count)
    except Exception as error:  # whatever an optimiser raises when it is not given what it asks for
        raise TypeError(
            f"{made} cannot take steps on a vector of two parameters, given its gradient, the state and the parameters "
            f"alone ({error}). Inner steps have no value and no extra arguments to give; to treat parts of theta "
            "differently, use rates for each part (zeros freeze) in place of optax.masked and optax.multi_transform"
        ) from error
    if not np.allclose(one, 2 * half, rtol=1e-4):
        at = int(np.argmax(~np.isclose(one, 2 * half, rtol=1e-4).all(axis=1)))
        raise ValueError(
            "the update must be proportional to the learning rate, since alpha scales that of make_optimizer(1.0): "
            f"in step {at + 1} it is {np.asarray(one[at])} at rate 1 and {np.asarray(half[at])} at rate 1/2"
        )
    # Backwards, as the meta-gradient goes; all of the gradient zero, and a part of it.
    for slope in (jnp.zeros(2), jnp.array([0.3, 0.0])):
        slopes = jax.jacrev(lambda s: steps(s, 1.0, 2))(slope)
        if not np.isfinite(slopes).all():
            raise ValueError(
                f"the derivative of this optimiser's update at the gradient {np.asarray(slope)} is not finite, and so "
                f"would be the meta-gradient: {_REMEDY}"
            )
    return make_optimizer
