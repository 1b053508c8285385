"""Tasks: what varies between the terms of a meta-loss."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from .._base.blame import line_of
from .._base.rule import rule, static
from .alike import Alike, alike
from .keyed import Keyed
from .stacking import stacked

if TYPE_CHECKING:
    from .._base.types import Array, Data, Float, Loss, LossFamily, PyTree, TaskData, Theta


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

    @classmethod
    def stack(cls, support: Sequence[PyTree], query: Sequence[PyTree] | None = None, *, pad: bool = False) -> Tasks:
        """Tasks from the data of each: leaves of one place are stacked along a new leading axis.

        Args:
            support: for each task a pytree of arrays, all of one structure.
            query: likewise; judge on the support data when None.
            pad: tasks may have different numbers of data, along the first axis of each leaf. They are filled up with
                zeros, and the data of a task become `(data, mask)`, the mask `[longest]` True where there are data.

        Raises:
            TypeError: Tasks in place of data.
            ValueError: no tasks, or other numbers of them in `query`; other structures or shapes, which it names.

        >>> tasks = Tasks.stack([np.ones(2), np.ones(3)], pad=True)
        >>> tasks.support[0].shape, tasks.support[1].sum(axis=1).tolist()
        ((2, 3), [2, 3])
        """
        if any(isinstance(part, Tasks) for part in support):
            raise TypeError(
                "Tasks.stack takes the data of each task, not Tasks: give [supports], and [queries] beside them"
            )
        if query is not None and len(query) != len(support):
            raise ValueError(f"support has {len(support)} tasks and query {len(query)}; give one of each for a task")
        parts = {"support": support} | ({} if query is None else {"query": query})
        return cls(**{name: stacked(name, list(part), pad) for name, part in parts.items()})


class Task(Protocol):
    """What a term of the sum is computed of: a pytree, so that it can be mapped and differentiated over its data."""

    def support(self, theta: Theta) -> Float[Array, ""]:
        """The loss that the inner loop descends."""
        ...

    def query(self, adapted: Theta) -> Float[Array, ""]:
        """The loss that the adapted parameters are judged by."""
        ...


@rule
class LossTask:
    """A task by its loss and its data.

    Attributes:
        loss: `(theta, data) -> scalar`, or `theta -> scalar`.
        takes_data: which of the two.
        support_data: what the inner loop sees.
        query_data: what the post-adaptation loss sees.
    """

    loss: Callable[..., Any] = static()
    takes_data: bool = static(default=False)
    support_data: TaskData = None
    query_data: TaskData = None

    def support(self, theta: Theta) -> Float[Array, ""]:
        """The loss on the support data."""
        return self._loss(theta, self.support_data)

    def query(self, adapted: Theta) -> Float[Array, ""]:
        """The loss on the query data."""
        return self._loss(adapted, self.query_data)

    def _loss(self, theta: Theta, data: TaskData) -> Float[Array, ""]:
        return evaluated(self.loss, theta, data) if self.takes_data else evaluated(self.loss, theta)


@rule
class WeightedTask:
    """A task whose query loss is that of a path, its steps weighted.

    Attributes:
        task: judges one step.
        weights: `[num_steps]`.
    """

    task: Task
    weights: Float[Array, "num_steps"]

    def support(self, theta: Theta) -> Float[Array, ""]:
        """That of the task."""
        return self.task.support(theta)

    def query(self, adapted: Theta) -> Float[Array, ""]:
        """`sum_k w_k L(theta_k)` along a path."""
        along = jax.vmap(self.task.query)(adapted)
        return jnp.vdot(self.weights.astype(along.dtype), along)


def checked_tasks(tasks: Any) -> Tasks:
    """`tasks` with array leaves that all have the same task axis, or an error that says what is wrong."""
    if not isinstance(tasks, Tasks):
        raise TypeError(f"tasks must be mg.Tasks(support, query), got {type(tasks).__name__}")
    for name, part in zip(tasks._fields, tasks, strict=True):
        if isinstance(part, list):
            warnings.warn(
                f"tasks.{name} is a list of {len(part)} parts, each of which is taken to hold all tasks along its "
                "first axis. If they are the data of one task each, use mg.Tasks.stack([...]); if not, a tuple says so",
                stacklevel=4,
            )
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


def map_tasks(
    per_task: Callable[[Task], Any], loss: LossFamily | tuple[Loss, ...], tasks: Tasks | None, theta: Theta
) -> Any:
    """`per_task(task)` for every task, results stacked along a leading task axis.

    Data tasks are vmapped. Losses of a sequence that are one program at parameters like theta are run through one
    after the other, the rest is written out. Nothing else in the package knows the difference.
    """
    if not isinstance(loss, tuple):
        return jax.vmap(per_task)(_on_data(loss, tasks))
    groups, rest = _in_groups(loss, theta)
    parts = [
        jax.lax.scan(lambda _, data, g=g: (None, _term(per_task, g)(data)), None, g.data, g.size)[1] for g in groups
    ]
    if rest:
        alone = [per_task(LossTask(loss=loss[place])) for place in rest]
        parts.append(jax.tree.map(lambda *leaves: jnp.stack(leaves), *alone))
    if len(parts) == 1:
        return parts[0]
    order = np.argsort([*(place for group in groups for place in group.places), *rest])
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[order], *parts)


def sum_tasks(
    per_task: Callable[[Task], Array], loss: LossFamily | tuple[Loss, ...], tasks: Tasks | None, theta: Theta
) -> Array:
    """The sum of `map_tasks`; scalars of a sequence are added one by one, so that a grid of them stays one loop."""
    if not isinstance(loss, tuple):
        return jnp.sum(jax.vmap(per_task)(_on_data(loss, tasks)), axis=0)
    groups, rest = _in_groups(loss, theta)
    return functools.reduce(
        operator.add,
        [*(_sum(per_task, group) for group in groups), *(per_task(LossTask(loss=loss[place])) for place in rest)],
    )


def _in_groups(losses: tuple[Loss, ...], theta: Theta) -> tuple[list[Alike], list[int]]:
    """The losses that are one program, and the places of the rest."""
    groups = alike([lambda theta, loss=loss: evaluated(loss, theta) for loss in losses], theta)
    return groups, sorted(set(range(len(losses))) - {place for group in groups for place in group.places})


def _term(per_task: Callable[[Task], Any], group: Alike) -> Callable[[list[Array]], Any]:
    """What `per_task` makes of one loss of a group, by its data.

    The backward pass computes it again: on a grid of cells that is a fused loop over them for each loss, where what
    all losses keep for all cells would go through memory. Vmapped over the losses it is three times slower still.
    """
    return jax.checkpoint(lambda data: per_task(LossTask(group.loss, True, data, data)), prevent_cse=False)


def _sum(per_task: Callable[[Task], Array], group: Alike) -> Array:
    term = _term(per_task, group)
    like = jax.eval_shape(term, [column[0] for column in group.data])
    return jax.lax.scan(
        lambda total, data: (total + term(data), None), jnp.zeros(like.shape, like.dtype), group.data, group.size
    )[0]


def _on_data(loss: LossFamily, tasks: Tasks | None) -> Task:
    """All tasks as one, with the task axis on its data."""
    assert tasks is not None
    query = tasks.support if tasks.query is None else tasks.query
    return LossTask(loss, True, tasks.support, query)


def evaluated(loss: Callable[..., Any], *given: Any) -> Float[Array, ""]:
    """What `loss` returns, refusing at trace time anything but a real scalar."""
    try:
        value = loss(*given)
    except jax.errors.TracerArrayConversionError as error:
        raise TypeError(
            f"loss {name_of(loss)} hands its arguments to NumPy, which JAX cannot follow ({line_of(error)}): use "
            "jax.numpy in its place"
        ) from error
    if not isinstance(value, jax.Array | np.ndarray | np.generic | bool | int | float | complex):
        raise TypeError(f"loss {name_of(loss)} returned a {type(value).__name__}; it must return one real scalar")
    shape, dtype = jnp.shape(value), jnp.result_type(value)
    if shape:
        raise TypeError(
            f"loss {name_of(loss)} returned an array of shape {shape}; it must return a scalar (sum or average it)"
        )
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"loss {name_of(loss)} returned dtype {dtype}; it must return a real floating scalar")
    return jnp.asarray(value)


def name_of(function: Callable[..., Any]) -> str:
    """What to call a function in a message."""
    function = function.value if isinstance(function, Keyed) else function
    return getattr(function, "__qualname__", None) or type(function).__name__
