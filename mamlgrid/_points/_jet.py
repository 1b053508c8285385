"""Derivatives of the direction in theta and alpha: what folds and branch points are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ._at import value_and_direction

if TYPE_CHECKING:
    from .._meta import MetaLoss
    from .._types import Array


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


def jet(meta: MetaLoss, theta: Array, alpha: Array) -> Jet:
    """All of them, forward over the direction."""
    one = jnp.ones_like(theta)

    def in_theta(t: Array, a: Array) -> Any:
        return jax.jvp(lambda t: value_and_direction(meta, t, a), (t,), (one,))

    def twice_in_theta(t: Array) -> Any:
        (_, (_, g_t)), (_, (_, g_tt)) = jax.jvp(lambda t: in_theta(t, alpha), (t,), (one,))
        return g_t, g_tt

    def in_alpha(a: Array) -> Any:
        return jax.jvp(lambda a: in_theta(theta, a), (a,), (one,))

    (_, g_tt), (_, g_ttt) = jax.jvp(twice_in_theta, (theta,), (one,))
    (((value, g), (_, g_t)), ((_, g_a), (_, g_ta))), (_, ((_, g_aa), _)) = jax.jvp(in_alpha, (alpha,), (one,))
    return Jet(value, g, g_t, g_a, g_tt, g_ta, g_aa, g_ttt)
