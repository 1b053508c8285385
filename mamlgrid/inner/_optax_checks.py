"""Whether an optax optimiser can run inside an inner loop and be differentiated through."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import numpys_rules
from ._proportional import Power, constants, powers

if TYPE_CHECKING:
    import optax

_REMEDY = (
    "adam and its like take an eps inside their square root (lambda rate: optax.adam(rate, eps_root=1e-8)); to clip by "
    "the norm use mg.inner.clip_by_global_norm, or optax.clip, which clips each entry; what divides by the norm of a "
    "gradient or of the parameters (lars, lamb) cannot be differentiated where that is zero"
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
    """`make_optimizer`, after a look at its update, and after a trial of all the steps that it will make."""
    # What is not finite in a trial is an answer.
    with numpys_rules(), jax.debug_nans(False):
        _check(make_optimizer, max(num_steps, 2))
    return make_optimizer


def _check(make_optimizer: Callable[[float], Any], count: int) -> None:
    import optax

    if not callable(make_optimizer) or isinstance(make_optimizer, optax.GradientTransformation):
        raise TypeError(
            "inner.optax needs a function from a learning rate to an optimiser, such as optax.adam or "
            f"lambda rate: optax.sgd(rate, momentum=0.9); got {make_optimizer!r}"
        )
    made = make_optimizer(1.0)
    if not isinstance(made, optax.GradientTransformation):
        raise TypeError(f"make_optimizer(1.0) must return an optax optimiser, got {made!r}")
    try:
        jax.eval_shape(partial(_updates, make_optimizer, 1.0), jnp.zeros((count, 2)), jnp.asarray(_THETA))
    except Exception as error:  # whatever an optimiser raises when it is not given what it asks for
        raise TypeError(
            f"{made} cannot take steps on a vector of two parameters, given its gradient, the state and the parameters "
            f"alone ({error}). Inner steps have no value and no extra arguments to give; to treat parts of theta "
            "differently, use rates for each part (zeros freeze) in place of optax.masked and optax.multi_transform"
        ) from error
    if not _rate_is_a_factor(make_optimizer):
        _try_rates(make_optimizer, count)
    _try_derivatives(make_optimizer, count)


# Two parameters, and a gradient; rates at which a threshold, a floor or a schedule's end shows.
_THETA, _SLOPE = np.array([0.5, -0.25]), np.array([0.3, -0.2])
_RATES = (1.0, 0.5, 2.0**-10)

# Sizes of gradients, whose squares have no overflow in float32.
_SIZES = 10.0 ** np.arange(-8, 9)
_LARGEST = 1e18


def _updates(make_optimizer: Callable[[Any], Any], rate: Any, slopes: Any, theta: Any) -> Any:
    """The updates `[steps, 2]` from gradients `[steps, 2]`."""
    optimizer = make_optimizer(rate)

    def step(state: Any, slope: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(slope, state, theta)
        return state, updates

    return jax.lax.scan(step, optimizer.init(theta), slopes)[1]


def _rate_is_a_factor(make_optimizer: Callable[[Any], Any]) -> bool:
    """Whether the structure of an update shows that the rate is a factor of it, and that its state does not read it.

    False also where the optimiser asks which number the rate is, which only a trial can tell.
    """
    theta = jnp.asarray(_THETA)
    state = make_optimizer(1.0).init(theta)

    def update(rate: Any) -> Any:
        return make_optimizer(rate).update(theta, state, theta)

    try:
        moved, *rest = powers(update, 1.0)
    except jax.errors.JAXTypeError:
        return False
    return moved in (Power.FACTOR, Power.ZERO) and max(rest, default=0) <= Power.FREE


def _try_rates(make_optimizer: Callable[[Any], Any], count: int) -> None:
    """All steps at several rates, on gradients of many sizes, constant ones and others that change with each step.

    Among the sizes are those around each number that stands in the update: it may be a threshold.
    """
    rng = np.random.default_rng(0)
    theta = jnp.asarray(_THETA)
    standing = constants(partial(_updates, make_optimizer), 1.0, jnp.zeros((count, 2)), theta)
    around = [share * x for x in standing for share in (0.1, 1, 10, 100)]
    sizes = np.array(sorted({*_SIZES, *(x for x in around if 1 / _LARGEST < x < _LARGEST)}))
    constant = np.broadcast_to(sizes[:, None, None] * _SLOPE, (sizes.size, count, 2))
    changing = 10.0 ** rng.uniform(-8, 8, (_SIZES.size, count, 1)) * rng.normal(size=(_SIZES.size, count, 2))
    slopes = jnp.asarray(np.concatenate([constant, changing]))

    def updates_at(rate: float) -> np.ndarray:
        return np.asarray(jax.vmap(partial(_updates, make_optimizer, rate), (0, None))(slopes, theta))

    one = updates_at(_RATES[0])
    for rate in _RATES[1:]:
        updates = updates_at(rate)
        good: Any = np.all(np.abs(updates - rate * one) <= 1e-4 * np.abs(updates), axis=-1)
        if not good.all():
            step = int(np.argmin(np.all(good, axis=0)))
            trial = int(np.argmin(good[:, step]))
            raise ValueError(
                "the update must be proportional to the learning rate, since alpha scales that of make_optimizer(1.0): "
                f"in step {step + 1}, at the gradient {np.asarray(slopes[trial, step])}, it is {one[trial, step]} at "
                f"rate 1 and {updates[trial, step]} at rate {rate}. Clip gradients, before the optimiser, in place of "
                "updates; a schedule must be a multiple of the rate all along"
            )


def _try_derivatives(make_optimizer: Callable[[Any], Any], count: int) -> None:
    """The derivatives of all updates in gradients and parameters, backwards, as the meta-gradient takes them.

    At an ordinary point; where the gradient is zero, or a part of it, or from the second step on; at zero parameters.
    """
    steady = np.broadcast_to(_SLOPE, (count, 2))
    first = np.arange(count)[:, None] == 0
    cases = [(steady * share, _THETA) for share in (1, 0, np.array([1, 0]), first)] + [(steady, _THETA * 0)]
    slopes, thetas = (jnp.asarray(np.array(x)) for x in zip(*cases, strict=True))

    def total(slopes: Any, theta: Any) -> Any:
        return _updates(make_optimizer, 1.0, slopes, theta).sum()

    value, slope, bend = jax.vmap(lambda s, t: (total(s, t), *jax.grad(total, (0, 1))(s, t)))(slopes, thetas)
    finite = np.isfinite(value) & np.isfinite(slope).all(axis=(1, 2)) & np.isfinite(bend).all(axis=1)
    if not finite.all():
        at = int(np.argmin(finite))
        raise ValueError(
            f"within {count} steps the derivative of this optimiser's update is not finite at the gradient "
            f"{np.asarray(slopes[at, -1])} and the parameters {np.asarray(thetas[at])}, and so would be the "
            f"meta-gradient: {_REMEDY}"
        )
