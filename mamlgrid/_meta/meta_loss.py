"""MetaLoss, the contract at the centre: a pure function `meta(theta, alpha)` that is also a pytree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import as_float, said
from .._results.status import Status, code
from ..inner._rules import Path
from .keyed import keyed
from .tasks import Task, Tasks, WeightedTask, map_tasks, name_of, sum_tasks

if TYPE_CHECKING:
    from .._base.types import (
        Alpha,
        Array,
        Coordinates,
        Float,
        InnerRule,
        Int,
        Loss,
        LossFamily,
        OuterRule,
        PyTree,
        Theta,
    )


_STATIC = {"static": True}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class MetaLoss:
    """The post-adaptation loss, summed (or averaged) over tasks, as a function of `theta` and `alpha`.

    `L_M(theta, alpha) = sum_i L_i(theta_i')`, with `theta_i'` what the inner rule makes of `theta` on task `i`.
    `jax.grad(meta)(theta, alpha)` is the direction that the algorithm descends, which the outer rule decides; every
    further derivative, and the one in alpha, is a true derivative.

    A pytree: the arrays of the tasks and the numbers of the rules are its leaves, everything else is static. It goes
    straight through `jit`, `vmap` and `grad`; new numbers never recompile; results can be differentiated with respect
    to the tasks. Build one with `mg.maml`, `mg.fomaml`, `mg.reptile`, `mg.imaml`, `mg.moreau` or `mg.meta_loss`.

    Attributes:
        loss: one loss `(theta, data) -> scalar`, or a tuple of losses `theta -> scalar`; static.
        tasks: `Tasks(support, query)`, or None when the losses are a sequence.
        inner: the inner rule: how theta' comes from theta.
        outer: the outer rule: how the direction is taken.
        reduce: "sum" or "mean"; static.
        step_weights: `[num_steps]`, weights of the query losses after each inner step; None for the last alone.
        coordinates: what `theta` and `alpha` stand for, `(theta, alpha) -> (parameters, rates)`; None for themselves.
    """

    loss: LossFamily | tuple[Loss, ...] = dataclasses.field(metadata=_STATIC)
    tasks: Tasks | None
    inner: InnerRule
    outer: OuterRule
    reduce: str = dataclasses.field(default="sum", metadata=_STATIC)
    step_weights: Float[Array, "num_steps"] | None = None
    coordinates: Coordinates | None = None

    def __call__(self, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
        """The value of the meta-loss, a scalar."""
        theta, alpha = self.parameters_and_rates(theta, alpha)
        total = sum_tasks(lambda task: self.value(task, theta, alpha), self.loss, self.tasks, theta)
        return total / self.num_tasks if self.reduce == "mean" else total

    def per_task(self, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks"]:
        """The post-adaptation query loss of each task: the terms that `reduce` puts together."""
        return self.map_tasks(self.value, theta, alpha)

    def directions(self, theta: Theta, alpha: Alpha) -> PyTree[Float[Array, "num_tasks ..."]]:
        """The outer direction of each task: `theta` with a leading task axis on every leaf."""

        def direction(task: Task, *_: Any) -> Theta:
            return jax.grad(lambda theta: self.value(task, *self.parameters_and_rates(theta, alpha)))(parameters(theta))

        return self.map_tasks(direction, theta, alpha)

    def adapt(self, theta: Theta, alpha: Alpha) -> PyTree[Float[Array, "num_tasks ..."]]:
        """The adapted parameters theta' of each task: the parameters with a leading task axis on every leaf."""
        return self.map_tasks(lambda task, theta, alpha: self.inner(task.support, theta, alpha), theta, alpha)

    def inner_status(self, theta: Theta, alpha: Alpha) -> Int[Array, "num_tasks"]:
        """Whether the adaptation of each task succeeded, int8: NOT_CONVERGED where a proximal solve failed."""
        if not self.inner.may_fail:
            return jnp.full(self.num_tasks, code(Status.OK))

        def failed(task: Task, theta: Theta, alpha: Alpha) -> Array:
            adapted = self.inner(task.support, theta, alpha)
            return jax.tree.reduce(jnp.logical_or, jax.tree.map(lambda p: jnp.isnan(p).any(), adapted))

        return jnp.where(self.map_tasks(failed, theta, alpha), code(Status.NOT_CONVERGED), code(Status.OK))

    def map_tasks(self, of: Callable[[Task, Theta, Alpha], Any], theta: Theta, alpha: Alpha) -> Any:
        """`of(task, parameters, rates)` for every task, results stacked along a leading task axis.

        Args:
            of: `task.support` and `task.query` are its losses.
            theta: where.
            alpha: where.
        """
        theta, alpha = self.parameters_and_rates(theta, alpha)
        return map_tasks(lambda task: of(task, theta, alpha), self.loss, self.tasks, theta)

    def parameters_and_rates(self, theta: Theta, alpha: Alpha) -> tuple[Theta, Alpha]:
        """What `theta` and `alpha` stand for, as floating arrays that fit each other."""
        if self.coordinates is not None:
            theta, alpha = self.coordinates(theta, alpha)
        theta = parameters(theta)
        return theta, self.inner.rates(theta, alpha)

    def value(self, task: Task, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
        """One term of the sum, at parameters and rates; its derivative in theta is the direction."""
        if self.step_weights is None:
            return self.outer.value(self.inner, task, theta, alpha)
        return self.outer.value(Path(self.inner), WeightedTask(task, self.step_weights), theta, alpha)

    @property
    def num_tasks(self) -> int:
        """The number of terms."""
        if isinstance(self.loss, tuple):
            return len(self.loss)
        assert self.tasks is not None
        return self.tasks.num_tasks

    def __repr__(self) -> str:
        losses = self.loss if isinstance(self.loss, tuple) else (self.loss,)
        names = ", ".join(name_of(loss) for loss in losses)
        settings = [f"[{names}]", str(self.inner), str(self.outer), f"reduce={self.reduce!r}"]
        settings += [f"{n}={v}" for n in ("step_weights", "coordinates") if (v := getattr(self, n)) is not None]
        return f"MetaLoss({', '.join(settings)}, num_tasks={self.num_tasks})"


def checked_meta(meta: Any, name: str = "meta") -> MetaLoss:
    """`meta`, refused where it is not a meta-loss, with its losses keyed by what they read now.

    A global that a loss reads may have changed since the meta-loss was made: calling it sees the new value, and so must
    every compiled program.
    """
    if not isinstance(meta, MetaLoss):
        hint = "make one of losses theta -> scalar with mg.maml(losses)"
        if callable(meta) and not isinstance(meta, type):
            hint = "if it is a loss theta -> scalar, make one with mg.maml([loss])"
        raise TypeError(f"{name} must be a MetaLoss, got {said(meta)}; {hint}")
    loss = tuple(map(keyed, meta.loss)) if isinstance(meta.loss, tuple) else keyed(meta.loss)
    return meta if loss == meta.loss else dataclasses.replace(meta, loss=loss)


def recomputing(meta: MetaLoss) -> MetaLoss:
    """`meta` for a grid of single numbers.

    What long inner loops compute there is cheaper to compute again, in a few fused passes over the grid, than to store
    for every cell and step: 50 ms against 12 for 20 steps on a million cells.
    """
    return dataclasses.replace(meta, inner=dataclasses.replace(meta.inner, checkpoint=True))


# A whole module as theta: what is trained is a part of it.
_PARTITION = (
    "; what is not trained stays out of theta: params, rest = eqx.partition(model, eqx.is_inexact_array) in equinox, "
    "graph, params, rest = nnx.split(model, nnx.Param, ...) in flax, and put together inside the loss"
)


def parameters(theta: Any) -> Theta:
    """`theta` with floating array leaves; Python numbers become the default float."""
    remedy = "" if jax.tree_util.all_leaves([theta]) else _PARTITION

    def leaf(x: Any) -> Float[Array, "..."]:
        if not isinstance(x, jax.Array | np.ndarray | np.generic | int | float | complex):
            raise TypeError(f"theta must hold arrays or numbers, got {said(x)}{remedy}")
        x = jnp.asarray(x) if isinstance(x, complex) else as_float(x)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(
                f"theta must hold floating numbers, got dtype {x.dtype}: convert it with .astype(float){remedy}"
            )
        return x

    if not jax.tree.leaves(theta):
        raise ValueError(f"theta has no parameters: got {said(theta)}")
    return jax.tree.map(leaf, theta)
