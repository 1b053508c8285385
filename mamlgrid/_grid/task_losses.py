"""Each task's loss over the grid: what the meta-loss is the sum of."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from .._base.progress import in_pieces, shown
from .._meta.explained import theta_is_a_number
from .._meta.meta_loss import MetaLoss, checked_meta
from .._points.at import status_at
from .._points.memory import MEMORY_BUDGET, checked_budget, on_grid
from .._results import Provenance, Result, coordinate, origin, provenance, result, variable
from .surface import axes

if TYPE_CHECKING:
    from .._base.types import Array, ArrayLike, Float, Int


@result
class TaskLosses(Result):
    """The post-adaptation loss of each task on a grid."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    thetas: Float[Array, "thetas"] = coordinate("theta", "initial parameter")
    values: Float[Array, "alphas thetas num_tasks"] = variable(
        "alpha theta task", "task loss after adaptation", "`L_i(theta_i')`"
    )
    status: Int[Array, "alphas thetas num_tasks"] = variable(
        "alpha theta task",
        "status",
        "int8: OK or NONFINITE; NOT_CONVERGED where a proximal inner problem was not solved",
    )
    provenance: Provenance = origin()


@theta_is_a_number
def task_losses(
    meta: MetaLoss,
    alphas: ArrayLike,
    thetas: ArrayLike,
    *,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = False,
) -> TaskLosses:
    """The loss of each task after its adaptation, `L_i(theta_i')`, on the whole grid in one jitted call.

    At `alpha = 0` these are the task losses themselves.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        alphas: `[alphas]`, finite and floating.
        thetas: `[thetas]`, finite and floating.
        memory_budget: bytes of temporaries that one chunk may take, static.
        progress: show a bar (extra `progress`); not inside `jit` and `vmap`.

    Returns:
        A `TaskLosses`.

    Raises:
        ValueError, TypeError: an axis that is empty, not finite, not one-dimensional or not floating.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.task_losses(mg.cases.quartic().meta(), np.array([0.0]), np.array([1.0, 2.0]))
    >>> found.values[0].tolist()
    [[0.25, 0.0], [4.0, 0.5]]
    """
    meta = checked_meta(meta)
    alphas, thetas = axes(alphas, thetas)
    memory_budget = checked_budget(memory_budget)
    with shown(progress, "alphas", (meta, alphas, thetas), alphas.size):
        values, status = in_pieces(lambda some: _evaluate(meta, some, thetas, memory_budget), alphas)
    return TaskLosses(alphas, thetas, values, status, provenance("task_losses", alphas.dtype, meta=meta))


@partial(jax.jit, static_argnames="memory_budget")
def _evaluate(meta: MetaLoss, alphas: Array, thetas: Array, memory_budget: int) -> tuple[Array, Array]:
    def at(alpha: Array, theta: Array) -> tuple[Array, Array]:
        values = meta.per_task(theta, alpha)
        return values, status_at(meta, theta, alpha, jnp.isfinite(values))

    return on_grid(at, alphas, thetas, memory_budget)
