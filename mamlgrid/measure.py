"""Measurements of what an algorithm does at one point: functions of `(meta, theta, alpha)`.

All are pure and go through `jit` and `vmap`, and `grad` where they are smooth; for a curve,
`jax.vmap(lambda t: measure.angle(meta, t, alpha))`.
Vectors over a pytree are taken over all its leaves.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ._base.arguments import nan_is_an_answer
from ._base.names import listed
from ._meta.meta_loss import MetaLoss, checked_meta
from .outer import ThroughAdaptation

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._base.types import Alpha, Array, Float, PyTree, Theta
    from ._meta.tasks import Task

__all__ = [
    "adaptation_distances",
    "angle",
    "coherence",
    "curvatures_after",
    "curvatures_before",
    "diverged_share",
    "gradient_cosines",
    "gradient_inner_products",
    "losses_after",
    "losses_before",
]

__dir__ = listed(__name__)


def gradient_inner_products(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks num_tasks"]:
    """`<G_i, G_j>` of the outer directions of the tasks: positive where descending one task helps the other.

    At `alpha = 0` the directions are the gradients of the query losses.

    >>> import mamlgrid as mg
    >>> gradient_inner_products(mg.cases.quadratic().meta(), 0.25, 0.0).tolist()
    [[0.0625, -0.1875], [-0.1875, 0.5625]]

    Source: Nichol, Achiam, Schulman (2018), On First-Order Meta-Learning Algorithms, section 5.1 (AvgGradInner).
    """
    directions = _rows(checked_meta(meta).directions(theta, alpha))
    return directions @ directions.T


@nan_is_an_answer
def gradient_cosines(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks num_tasks"]:
    """Cosines of the angles between the outer directions of the tasks; NaN where one of them is zero.

    >>> import mamlgrid as mg
    >>> gradient_cosines(mg.cases.quadratic().meta(), 0.25, 0.0).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    units = _units(_rows(checked_meta(meta).directions(theta, alpha)))
    return units @ units.T


@nan_is_an_answer
def coherence(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
    """How far the adaptations of all tasks go the same way: `|mean_i u_i|`, u_i the unit vectors of `theta_i' - theta`.

    1 where all agree, 0 where they cancel; NaN where a task does not move.

    >>> import mamlgrid as mg
    >>> [float(coherence(mg.cases.quadratic().meta(), theta, 0.1)) for theta in (0.25, 2.0)]
    [0.0, 1.0]
    """
    return jnp.linalg.norm(jnp.mean(_units(_rows(_displacements(meta, theta, alpha))), axis=0))


def adaptation_distances(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks"]:
    """`|theta_i' - theta|` of each task.

    >>> import mamlgrid as mg
    >>> adaptation_distances(mg.cases.quadratic().meta(), 0.25, 0.5).tolist()
    [0.125, 0.375]
    """
    return jnp.linalg.norm(_rows(_displacements(meta, theta, alpha)), axis=1)


def losses_before(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks"]:
    """The query loss of each task at theta, before it adapts.

    >>> import mamlgrid as mg
    >>> losses_before(mg.cases.quadratic().meta(), 0.5, 0.5).tolist()
    [0.125, 0.125]
    """
    return _before(meta, theta, alpha, lambda task, theta: task.query(theta))


def losses_after(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks"]:
    """The query loss of each task at its theta'.

    >>> import mamlgrid as mg
    >>> losses_after(mg.cases.quadratic().meta(), 0.5, 0.5).tolist()
    [0.03125, 0.03125]
    """
    return _after(meta, theta, alpha, lambda task, adapted: task.query(adapted))


def curvatures_before(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks"]:
    """The trace of the Hessian of each query loss at theta: the second derivative when theta is a number.

    >>> import mamlgrid as mg
    >>> curvatures_before(mg.cases.quartic().meta(), 0.5, 0.5).tolist()
    [0.75, 1.0]
    """
    return _before(meta, theta, alpha, lambda task, theta: _hessian_trace(task.query, theta))


def curvatures_after(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks"]:
    """The trace of the Hessian of each query loss at its theta': whether adaptation ends somewhere flatter.

    >>> import mamlgrid as mg
    >>> curvatures_after(mg.cases.quartic().meta(), 0.5, 0.0).tolist()
    [0.75, 1.0]
    """
    return _after(meta, theta, alpha, lambda task, adapted: _hessian_trace(task.query, adapted))


def angle(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
    """The angle in radians between an algorithm's direction and the true gradient of its own value.

    0 for MAML; above pi / 2 the algorithm climbs. NaN where one of them is zero.

    >>> import mamlgrid as mg
    >>> losses = [lambda t: t**2, lambda t: (t - 1) ** 2 / 4]
    >>> [round(float(angle(mg.fomaml(losses), theta, 0.75)), 3) for theta in (0.5, 0.1)]
    [3.142, 0.0]
    """
    checked_meta(meta).parameters_and_rates(theta, alpha)  # refused here, before jax.grad adds to the message
    true = dataclasses.replace(meta, outer=ThroughAdaptation())
    directions = jnp.stack([ravel_pytree(jax.grad(m)(theta, alpha))[0] for m in (meta, true)])
    one, other = _units(directions)
    # Half angles by their tangent keep the digits of small angles, which an arccosine loses (Kahan 2006, section 12).
    return 2 * jnp.arctan2(jnp.linalg.norm(one - other), jnp.linalg.norm(one + other))


def diverged_share(meta: MetaLoss, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
    """The share of tasks whose adaptation fails: the support loss at theta' is not below that at theta, or not finite.

    A task that starts at its optimum, and stays, does not count.

    >>> import mamlgrid as mg
    >>> float(diverged_share(mg.cases.quadratics([1.0, 3.0], [0.0, 1.0]).meta(), 0.5, 1.0))
    0.5
    """
    before = _before(meta, theta, alpha, lambda task, theta: task.support(theta))
    after = _after(meta, theta, alpha, lambda task, adapted: task.support(adapted))
    return jnp.mean(~(after <= before), dtype=before.dtype)


def _before(meta: MetaLoss, theta: Theta, alpha: Alpha, of: Callable[[Task, Theta], Array]) -> Array:
    """`of(task, theta)` for each task."""
    return checked_meta(meta).map_tasks(lambda task, theta, alpha: of(task, theta), theta, alpha)


def _after(meta: MetaLoss, theta: Theta, alpha: Alpha, of: Callable[[Task, Theta], Array]) -> Array:
    """`of(task, theta')` for each task."""
    meta = checked_meta(meta)
    return meta.map_tasks(lambda task, theta, alpha: of(task, meta.inner(task.support, theta, alpha)), theta, alpha)


def _displacements(meta: MetaLoss, theta: Theta, alpha: Alpha) -> PyTree:
    start, _ = checked_meta(meta).parameters_and_rates(theta, alpha)
    return jax.tree.map(jnp.subtract, meta.adapt(theta, alpha), start)


def _rows(tree: PyTree) -> Float[Array, "num_tasks parameters"]:
    """One vector of all parameters for each task."""
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(tree)], axis=1)


def _units(rows: Array) -> Array:
    # Scaled first, so that short vectors do not underflow in their squares.
    rows = rows / jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    return rows / jnp.linalg.norm(rows, axis=1, keepdims=True)


def _hessian_trace(loss: Callable[[Theta], Array], theta: Theta) -> Array:
    """`sum_k d2 L / dtheta_k^2`, one parameter after the other: its memory does not grow with their number."""
    flat, unravel = ravel_pytree(theta)

    def entry(k: Array) -> Array:
        unit = jnp.zeros_like(flat).at[k].set(1)
        return jax.jvp(jax.grad(lambda x: loss(unravel(x))), (flat,), (unit,))[1][k]

    return jnp.sum(jax.lax.map(entry, jnp.arange(flat.size)))
