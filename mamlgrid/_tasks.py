"""Tasks: what varies between the terms of a meta-loss."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

if TYPE_CHECKING:
    from ._types import Array, Data, Loss, LossFamily


class Tasks(NamedTuple):
    """A batch of tasks, each with data to adapt on and data to be judged on.

    Every leaf has the tasks along its leading axis. Leave `query` out to judge on the support data.

    Args:
        support: pytree of arrays `[num_tasks, ...]`, what the inner loop sees.
        query: pytree of arrays `[num_tasks, ...]`, what the post-adaptation loss sees; `support` when None.

    >>> tasks = Tasks(support=jnp.array([0.0, 1.0]))
    >>> tasks.num_tasks
    2
    """

    support: Data
    query: Data = None

    @property
    def num_tasks(self) -> int:
        """The length of the task axis."""
        return int(jnp.shape(jax.tree.leaves(self.support)[0])[0])


def checked_tasks(tasks: Any) -> Tasks:
    """`tasks` with array leaves that all have the same task axis, or an error that says what is wrong."""
    if not isinstance(tasks, Tasks):
        raise TypeError(f"tasks must be mg.Tasks(support, query), got {type(tasks).__name__}")
    tasks = Tasks(*(jax.tree.map(jnp.asarray, part) for part in tasks))
    paths = jax.tree_util.tree_flatten_with_path(tasks)[0]
    named = {jax.tree_util.keystr(path): jnp.shape(leaf) for path, leaf in paths}
    if not jax.tree.leaves(tasks.support):
        raise ValueError("tasks.support has no arrays; every task needs data to adapt on")
    scalars = [name for name, shape in named.items() if not shape]
    if scalars:
        raise ValueError(f"tasks{scalars[0]} is a scalar; every leaf needs a leading task axis")
    lengths = {name: shape[0] for name, shape in named.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"tasks{name}: {n}" for name, n in lengths.items())
        raise ValueError(f"the leaves of tasks disagree in the number of tasks ({shown})")
    if 0 in lengths.values():
        raise ValueError("tasks are empty (task axis of length 0); give at least one task")
    return tasks


def map_tasks(per_task: Callable[[Loss, Loss], Any], loss: LossFamily | tuple[Loss, ...], tasks: Tasks | None) -> Any:
    """`per_task(support_loss, query_loss)` for every task, results stacked along a leading task axis.

    A sequence of losses is unrolled; data tasks are vmapped. Nothing else in the package knows the difference.
    """
    if isinstance(loss, tuple):
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *[per_task(one, one) for one in loss])
    return jax.vmap(_on_data(per_task, loss))(*_both(tasks))


def sum_tasks(
    per_task: Callable[[Loss, Loss], Array], loss: LossFamily | tuple[Loss, ...], tasks: Tasks | None
) -> Array:
    """The sum of `map_tasks`; scalars of a sequence are added one by one, so that a grid of them stays one loop."""
    if isinstance(loss, tuple):
        return functools.reduce(operator.add, [per_task(one, one) for one in loss])
    return jnp.sum(jax.vmap(_on_data(per_task, loss))(*_both(tasks)), axis=0)


def _on_data(per_task: Callable[[Loss, Loss], Any], loss: LossFamily) -> Callable[[Data, Data], Any]:
    return lambda support, query: per_task(lambda theta: loss(theta, support), lambda theta: loss(theta, query))


def _both(tasks: Tasks | None) -> tuple[Data, Data]:
    assert tasks is not None
    return tasks.support, tasks.support if tasks.query is None else tasks.query
