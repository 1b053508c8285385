"""Single features of the bifurcation diagram, refined from a guess: a stationary point, a fold, a jump.

They go through `jit` and `vmap`, and are differentiable with respect to the tasks: what moves a fold or a jump, and by
how much. They say nothing about what else there is; `mg.bifurcation_diagram` does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import numbers, said
from .._meta.explained import theta_is_a_number
from .._meta.meta_loss import MetaLoss, checked_meta
from .._points.at import value_at
from .._results.status import Status, code
from .implicit import implicit_root, jump_equations

if TYPE_CHECKING:
    from .._base.types import Array, ArrayLike, Bool, Float, Int

# Far more than quadratic convergence takes from any start that leads somewhere.
_MAX_ROUNDS = 60

# Steps that are never less than this share of the one before are those of a multiple root.
_SLOW = 0.3

# Steps smaller than this (relative to the unknown, or to one) that grow do so by rounding.
_SMALL = 1e-3


class StationaryPoint(NamedTuple):
    """A zero of the direction.

    Attributes:
        theta: where; NaN where NOT_CONVERGED.
        value: the meta-loss there.
        jacobian: the derivative of the direction in theta: positive where small outer steps lead there.
        rate: dtheta/dalpha.
        status: int8: OK, or NOT_CONVERGED where the guess leads nowhere or to a multiple zero.
    """

    theta: Float[Array, ""]
    value: Float[Array, ""]
    jacobian: Float[Array, ""]
    rate: Float[Array, ""]
    status: Int[Array, ""]


class Fold(NamedTuple):
    """Where two stationary points meet and vanish: G = G_theta = 0.

    Attributes:
        alpha: where; NaN where NOT_CONVERGED, like all numbers here.
        theta: where.
        value: the meta-loss there.
        curvature: G_theta,theta.
        transversality: G_alpha.
        births: whether the two points exist on the side of larger alpha.
        status: int8: OK, or NOT_CONVERGED where the guess leads nowhere or to a point that is no fold.
    """

    alpha: Float[Array, ""]
    theta: Float[Array, ""]
    value: Float[Array, ""]
    curvature: Float[Array, ""]
    transversality: Float[Array, ""]
    births: Bool[Array, ""]
    status: Int[Array, ""]


class Jump(NamedTuple):
    """Where two minima have equal values.

    Attributes:
        alpha: where; NaN where NOT_CONVERGED, like all numbers here.
        theta_before: the one minimum.
        theta_after: the other one.
        value: the meta-loss of both.
        status: int8: OK, or NOT_CONVERGED where the guess does not lead to two minima.
    """

    alpha: Float[Array, ""]
    theta_before: Float[Array, ""]
    theta_after: Float[Array, ""]
    value: Float[Array, ""]
    status: Int[Array, ""]


@theta_is_a_number
def stationary_point(meta: MetaLoss, alpha: ArrayLike, *, near: ArrayLike) -> StationaryPoint:
    """The stationary point `G(theta, alpha) = 0` that Newton's method leads to from `near`.

    Derivatives of `theta` with respect to alpha and the tasks are those of the implicit function theorem.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        alpha: the inner step size.
        near: theta to start from.

    Returns:
        A `StationaryPoint`. It is one when the last Newton step is a few eps of theta.

    Raises:
        TypeError: `meta` is no meta-loss.
        ValueError: `alpha` or `near` is not one number.

    >>> import jax, mamlgrid as mg
    >>> meta = mg.cases.quartic().meta()
    >>> point = mg.stationary_point(meta, 0.5, near=1.2)
    >>> round(float(point.theta), 4), round(float(point.rate), 4)
    (1.1894, -0.5706)
    >>> round(float(jax.grad(lambda a: mg.stationary_point(meta, a, near=1.2).theta)(0.5)), 4)
    -0.5706
    """
    meta = checked_meta(meta)
    alpha, start = _numbers((alpha, near), "(alpha, near)")
    return _stationary_point(meta, alpha, start)


@theta_is_a_number
def fold(meta: MetaLoss, *, near: tuple[ArrayLike, ArrayLike]) -> Fold:
    """The fold that Newton's method on `G = G_theta = 0` leads to from `near`.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        near: `(alpha, theta)` to start from.

    Returns:
        A `Fold`.

    Raises:
        TypeError: `meta` is no meta-loss.
        ValueError: `near` is not two numbers.

    >>> import mamlgrid as mg
    >>> found = mg.fold(mg.cases.quartic().meta(), near=(0.3, 1.2))
    >>> round(float(found.alpha), 4), round(float(found.theta), 4), bool(found.births)
    (0.304, 1.2231, True)
    """
    return _fold(checked_meta(meta), jnp.stack(_numbers(near, "(alpha, theta)")))


@theta_is_a_number
def jump(meta: MetaLoss, *, near: tuple[ArrayLike, ArrayLike, ArrayLike]) -> Jump:
    """Where two minima have equal values, by Newton's method on `G(before) = G(after) = L(before) - L(after) = 0`.

    It is a jump of the optimal theta where no third minimum is lower.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        near: `(alpha, theta_before, theta_after)` to start from.

    Returns:
        A `Jump`.

    Raises:
        TypeError: `meta` is no meta-loss.
        ValueError: `near` is not three numbers.

    >>> import mamlgrid as mg
    >>> found = mg.jump(mg.cases.quartic().meta(), near=(0.32, 0.8, 1.3))
    >>> [round(float(x), 4) for x in (found.alpha, found.theta_before, found.theta_after)]
    [0.3266, 0.7843, 1.2818]
    """
    return _jump(checked_meta(meta), jnp.stack(_numbers(near, "(alpha, theta_before, theta_after)")))


def _numbers(given: Any, names: str) -> list[Array]:
    """Floating scalars of one precision, as many as there are names."""
    number = names.count(",") + 1
    each = tuple(given) if np.iterable(given) else (given,)
    if len(each) != number:
        raise ValueError(f"near must be the {number} numbers {names}, got {said(given)}")
    arrays = [numbers(names, x) for x in each]
    if any(x.ndim for x in arrays):
        raise ValueError(f"{names} must be numbers, got shapes {[x.shape for x in arrays]}; use jax.vmap for many")
    dtype = jnp.result_type(float, *arrays) if not any(_is_floating(x) for x in arrays) else jnp.result_type(*arrays)
    if jnp.finfo(dtype).bits < 32:
        raise TypeError(f"{names} must have 32 or 64 bits, got {dtype}: give them as float32")
    return [x.astype(dtype) for x in arrays]


def _is_floating(x: Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


@jax.jit
def _stationary_point(meta: MetaLoss, alpha: Array, near: Array) -> StationaryPoint:
    def equation(meta: MetaLoss, alpha: Array, x: Array) -> Array:
        return jax.grad(meta)(x[0], alpha)[None]

    root, converged = _newton(partial(equation, *jax.lax.stop_gradient((meta, alpha))), near[None])
    theta = implicit_root(partial(equation, meta, alpha), root)[0]
    here = jnp.where(converged, theta, 0)
    jacobian, drift = jax.grad(jax.grad(meta), (0, 1))(here, alpha)
    numbers = (theta, value_at(meta, here, alpha), jacobian, -drift / jacobian)
    theta, value, jacobian, rate = _known(converged, numbers)
    return StationaryPoint(theta, value, jacobian, rate, _status(converged))


def _fold_equations(meta: MetaLoss, x: Array) -> Array:
    alpha, theta = x
    return jnp.stack(jax.jvp(lambda t: jax.grad(meta)(t, alpha), (theta,), (jnp.ones_like(theta),)))


@jax.jit
def _fold(meta: MetaLoss, near: Array) -> Fold:
    root, converged = _newton(partial(_fold_equations, jax.lax.stop_gradient(meta)), near)
    alpha, theta = implicit_root(partial(_fold_equations, meta), root)
    here = jnp.where(converged, jnp.stack([alpha, theta]), near)
    (drift, _), (_, curvature) = jax.jacfwd(partial(_fold_equations, meta))(here)
    births = converged & (curvature * drift < 0)
    numbers = (alpha, theta, value_at(meta, here[1], here[0]), curvature, drift)
    alpha, theta, value, curvature, drift = _known(converged, numbers)
    return Fold(alpha, theta, value, curvature, drift, births, _status(converged))


@jax.jit
def _jump(meta: MetaLoss, near: Array) -> Jump:
    root, converged = _newton(partial(jump_equations, jax.lax.stop_gradient(meta)), near)
    matrix = jax.jacfwd(partial(jump_equations, jax.lax.stop_gradient(meta)))(root)
    apart = jnp.abs(root[1] - root[2]) > jnp.sqrt(jnp.finfo(root.dtype).eps) * jnp.maximum(1, jnp.abs(root[1]))
    converged &= (matrix[1, 1] > 0) & (matrix[2, 2] > 0) & apart
    root = jnp.where(converged, root, jnp.nan)
    alpha, before, after = implicit_root(partial(jump_equations, meta), root)
    value = value_at(meta, jnp.where(converged, before, 0), jnp.where(converged, alpha, 0))
    alpha, before, after, value = _known(converged, (alpha, before, after, value))
    return Jump(alpha, before, after, value, _status(converged))


def _newton(equations: Callable[[Array], Array], start: Array) -> tuple[Array, Array]:
    """The root that Newton's method leads to, NaN where there is none, and whether there is.

    It stops when a step is a few eps, or when rounding makes a step larger than the one before; it has converged when
    small steps became smaller faster than they do at a multiple root.
    """
    eps = float(jnp.finfo(start.dtype).eps)

    def advance(state: Any) -> Any:
        x, last, quickest, _, rounds = state
        values, matrix = equations(x), jax.jacfwd(equations)(x)
        step = -jnp.linalg.solve(matrix, values)
        size = jnp.max(jnp.abs(step) / jnp.maximum(1, jnp.abs(x)))
        worse = (size > last) & (size < _SMALL)
        done = worse | (size <= 4 * eps) | ~jnp.isfinite(size)
        return (
            jnp.where(worse, x, x + step),
            jnp.where(worse, last, size),
            jnp.where(size < _SMALL, jnp.minimum(quickest, size / last), quickest),
            done,
            rounds + 1,
        )

    infinity = jnp.asarray(jnp.inf, start.dtype)
    state = (start, infinity, infinity, jnp.asarray(False), 0)
    x, size, quickest, *_ = jax.lax.while_loop(lambda s: ~s[3] & (s[4] < _MAX_ROUNDS), advance, state)
    converged = (size <= eps ** (2 / 3)) & (quickest < _SLOW) & jnp.isfinite(x).all()
    return jnp.where(converged, x, jnp.nan), converged


def _known(converged: Array, numbers: tuple[Array, ...]) -> list[Array]:
    return [jnp.where(converged, x, jnp.nan) for x in numbers]


def _status(converged: Array) -> Array:
    return jnp.where(converged, code(Status.OK), code(Status.NOT_CONVERGED))
