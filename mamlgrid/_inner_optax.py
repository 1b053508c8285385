"""Whether an optax optimiser can run inside an inner loop and be differentiated through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_REMEDY = "give it an eps inside its square root, e.g. lambda rate: optax.adam(rate, eps_root=1e-8)"


def checked_optimizer(make_optimizer: Callable[[float], Any]) -> Callable[[float], Any]:
    """`make_optimizer`, after two steps of trial at the door."""
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

    def two_steps(slope: Any, rate: float) -> Any:
        optimizer = make_optimizer(rate)
        state, place = optimizer.init(theta), theta
        _, state = optimizer.update(slope, state, place)
        return optimizer.update(slope, state, place)[0]

    trial = jnp.array([0.3, -0.2])
    try:
        one, half = two_steps(trial, 1.0), two_steps(trial, 0.5)
    except Exception as error:  # whatever an optimiser raises when it is not given what it asks for
        raise TypeError(
            f"{made} cannot take a step from a gradient, its state and the parameters alone ({error}); inner steps "
            "have no value and no extra arguments to give"
        ) from error
    if not np.allclose(one, 2 * half, rtol=1e-4):
        raise ValueError(
            "the update must be proportional to the learning rate, since alpha scales that of make_optimizer(1.0): "
            f"got {np.asarray(one)} at rate 1 and {np.asarray(half)} at rate 1/2"
        )
    slopes = jax.jacfwd(lambda slope: two_steps(slope, 1.0))(jnp.zeros(2))
    if not np.isfinite(slopes).all():
        raise ValueError(
            f"the derivative of this optimiser's update at a zero gradient is {np.asarray(slopes)[0, 0]}, and so would "
            f"be the meta-gradient: {_REMEDY}"
        )
    return make_optimizer
