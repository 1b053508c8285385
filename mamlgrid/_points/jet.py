"""Derivatives of the direction in theta and alpha: what folds and branch points are made of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from .at import value_and_direction

if TYPE_CHECKING:
    from .._base.types import Array
    from .._meta.meta_loss import MetaLoss


class Jet(NamedTuple):
    """At one point: the value, the outer direction G, and its derivatives in theta (t) and alpha (a)."""

    value: Any
    g: Any
    g_t: Any
    g_a: Any
    g_tt: Any
    g_ta: Any
    g_aa: Any
    g_ttt: Any


@jax.jit
def jet(meta: MetaLoss, theta: Array, alpha: Array) -> Jet:
    """All of them, forward over the direction.

    The loss itself is traced once: what is differentiated again and again is its program. Jitted, so that the whole is
    traced once too, for its shapes, its memory and its values.
    """
    one = jnp.ones_like(theta)
    at = jax.jit(partial(value_and_direction, meta), inline=True)

    def in_theta(t: Array, a: Array) -> Any:
        return jax.jvp(lambda t: at(t, a), (t,), (one,))

    first = jax.jit(in_theta, inline=True)

    def twice_in_theta(t: Array) -> Any:
        (_, (_, g_t)), (_, (_, g_tt)) = jax.jvp(lambda t: first(t, alpha), (t,), (one,))
        return g_t, g_tt

    (_, g_tt), (_, g_ttt) = jax.jvp(twice_in_theta, (theta,), (one,))

    def in_alpha(a: Array) -> Any:
        return jax.jvp(lambda a: first(theta, a), (a,), (one,))

    (((value, g), (_, g_t)), ((_, g_a), (_, g_ta))), (_, ((_, g_aa), _)) = jax.jvp(in_alpha, (alpha,), (one,))
    return Jet(value, g, g_t, g_a, g_tt, g_ta, g_aa, g_ttt)
