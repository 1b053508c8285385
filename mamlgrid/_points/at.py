"""What is asked of a meta-loss at one point, to be mapped over many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from .._results.status import Status, code

if TYPE_CHECKING:
    from .._base.types import Array, Int
    from .._meta.meta_loss import MetaLoss


_T = TypeVar("_T")


class Sample(NamedTuple):
    """At one point: the value, the outer direction G and its derivative in theta."""

    values: Any
    directions: Any
    jacobians: Any


def value_at(meta: MetaLoss, theta: Array, alpha: Array) -> Array:
    """The meta-loss in the precision of theta, also where its tasks have a finer one."""
    return meta(theta, alpha).astype(theta.dtype)


def value_and_direction(meta: MetaLoss, theta: Array, alpha: Array) -> tuple[Array, Array]:
    """The meta-loss and its outer direction."""
    return jax.value_and_grad(partial(value_at, meta))(theta, alpha)


def with_derivative(function: Callable[[Array], _T], x: Array) -> tuple[_T, _T]:
    """A function of a number and its derivative: forwards, or backwards where a loss has no way forwards."""
    try:
        return jax.jvp(function, (x,), (jnp.ones_like(x),))
    except (TypeError, NotImplementedError):  # jax.custom_vjp; what fails for another reason fails again
        return function(x), jax.jacrev(function)(x)


@jax.jit
def sample(meta: MetaLoss, theta: Array, alpha: Array) -> Sample:
    """Value, direction and Jacobian.

    Forward over the direction, so that an algorithm whose direction is no gradient gets its true Jacobian. Jitted, so
    that its shapes, its memory and its values need one trace.
    """
    (value, direction), (_, jacobian) = with_derivative(lambda t: value_and_direction(meta, t, alpha), theta)
    return Sample(value, direction, jacobian)


# What a grid shows at each point, by how many derivatives in theta it has.
DERIVATIVES = (lambda meta, theta, alpha: (value_at(meta, theta, alpha),), value_and_direction, sample)


def status_at(meta: MetaLoss, theta: Any, alpha: Any, finite: Array) -> Int[Array, "..."]:
    """The status of what was computed at one point: of all tasks together, or of each when `finite` is `[num_tasks]`.

    NONFINITE where it overflowed, and what the inner rule says where the adaptation failed.
    """
    status = jnp.where(finite, code(Status.OK), code(Status.NONFINITE))
    if not meta.inner.may_fail:
        return status
    inner = meta.inner_status(theta, alpha)
    inner = inner if finite.ndim else inner.max()
    return jnp.where(inner == Status.OK, status, inner)
