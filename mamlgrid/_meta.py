"""MetaLoss, the contract at the centre: a pure function `meta(theta, alpha)` that is also a pytree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ._grid import checked_count
from ._inner import GradientDescent
from ._tasks import Tasks, checked_tasks, map_tasks, sum_tasks

if TYPE_CHECKING:
    from ._types import Alpha, Array, Float, InnerRule, Loss, LossFamily, PyTree, Theta


@partial(jax.tree_util.register_dataclass, data_fields=("tasks",), meta_fields=("loss", "inner", "reduce"))
@dataclass(frozen=True, eq=False)
class MetaLoss:
    """The post-adaptation loss, summed (or averaged) over tasks, as a function of `theta` and `alpha`.

    `L_M(theta, alpha) = sum_i L_i(theta_i')`, with `theta_i'` what the inner rule makes of `theta` on task `i`.

    A pytree: the arrays of `tasks` are its leaves, everything else is static. It goes straight through `jit`,
    `vmap` and `grad`; new task values never recompile; results can be differentiated with respect to the tasks.
    Build one with `mg.maml`.

    Attributes:
        tasks: `Tasks(support, query)`, or None when the losses are a sequence.
        loss: one loss `(theta, data) -> scalar`, or a tuple of losses `theta -> scalar`.
        inner: the inner rule.
        reduce: "sum" or "mean".
    """

    tasks: Tasks | None
    loss: LossFamily | tuple[Loss, ...]
    inner: InnerRule
    reduce: str

    def __call__(self, theta: Theta, alpha: Alpha) -> Float[Array, ""]:
        """The value of the meta-loss, a scalar."""
        return self._scaled(sum_tasks(self._term(theta, alpha), self.loss, self.tasks))

    def per_task(self, theta: Theta, alpha: Alpha) -> Float[Array, "num_tasks"]:
        """The post-adaptation query loss of each task: the terms that `reduce` puts together."""
        return map_tasks(self._term(theta, alpha), self.loss, self.tasks)

    def _term(self, theta: Theta, alpha: Alpha, nudge: Alpha | None = None) -> Callable[[Loss, Loss], Float[Array, ""]]:
        """One term of the sum; `nudge` is a relative error put on the adapted parameters."""
        theta, alpha = _parameters(theta), _rate(alpha)

        def nudged(adapted: Theta) -> Theta:
            return adapted if nudge is None else jax.tree.map(lambda p: p + p * jnp.asarray(nudge, p.dtype), adapted)

        def term(support: Loss, query: Loss) -> Float[Array, ""]:
            return _scalar(query)(nudged(self.inner(_scalar(support), theta, alpha)))

        return term

    def _scaled(self, total: Float[Array, "..."]) -> Float[Array, "..."]:
        return total / self.num_tasks if self.reduce == "mean" else total

    def adapt(self, theta: Theta, alpha: Alpha) -> PyTree[Float[Array, "num_tasks ..."]]:
        """The adapted parameters theta' of each task: `theta` with a leading task axis on every leaf."""
        theta, alpha = _parameters(theta), _rate(alpha)
        return map_tasks(lambda support, _: self.inner(_scalar(support), theta, alpha), self.loss, self.tasks)

    @property
    def num_tasks(self) -> int:
        """The number of terms."""
        if isinstance(self.loss, tuple):
            return len(self.loss)
        assert self.tasks is not None
        return self.tasks.num_tasks

    def __repr__(self) -> str:
        losses = self.loss if isinstance(self.loss, tuple) else (self.loss,)
        names = ", ".join(_name(loss) for loss in losses)
        return f"MetaLoss([{names}], {self.inner}, reduce={self.reduce!r}, num_tasks={self.num_tasks})"


def maml(
    loss: LossFamily | Sequence[Loss],
    tasks: Tasks | None = None,
    *,
    num_steps: int = 1,
    reduce: str = "sum",
) -> MetaLoss:
    """The meta-loss of MAML: adapt by gradient descent, differentiate through the adaptation.

    `L_M(theta, alpha) = sum_i L_i(theta_i')`, `theta_i' = theta - alpha grad L_i(theta)`, `num_steps` times.

    Args:
        loss: a sequence of pure losses `theta -> scalar`; or, with `tasks`, one pure loss
            `(theta, data) -> scalar`.
        tasks: `mg.Tasks(support, query)` with a leading task axis on every leaf.
        num_steps: inner steps, static; 0 gives the plain joint loss.
        reduce: "sum" (as in the paper) or "mean" over tasks.

    Returns:
        A `MetaLoss`. `jax.grad(meta)(theta, alpha)` is the exact meta-gradient, second-order terms included.

    Raises:
        ValueError: no losses, bad tasks, a negative `num_steps`, an unknown `reduce`.
        TypeError: a loss that is not callable or (when called) not a real scalar; a traced `num_steps`.

    >>> meta = maml([lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2])
    >>> round(float(meta(0.5, 0.5)), 6), round(float(jax.grad(meta)(0.0, 0.5)), 6)
    (0.0625, -0.25)

    Source: Finn, Abbeel, Levine (2017), Model-Agnostic Meta-Learning, Algorithm 1.
    """
    checked, tasks = _checked_losses(loss, tasks)
    if reduce not in ("sum", "mean"):
        raise ValueError(f"reduce must be 'sum' or 'mean', got {reduce!r}")
    return MetaLoss(tasks, checked, GradientDescent(checked_count("num_steps", num_steps)), reduce)


def checked_meta(meta: Any) -> MetaLoss:
    """`meta`, refused where it is not a meta-loss."""
    if not isinstance(meta, MetaLoss):
        raise TypeError(f"meta must be a MetaLoss, got {meta!r}; make one with mg.maml(losses)")
    return meta


def _checked_losses(loss: Any, tasks: Any) -> tuple[Any, Tasks | None]:
    if callable(loss):
        if tasks is None:
            raise ValueError("one loss needs tasks: give maml(loss, mg.Tasks(support, query)), or a sequence of losses")
        return loss, checked_tasks(tasks)
    if tasks is not None:
        raise TypeError(f"with tasks, give one callable loss(theta, data), got {type(loss).__name__}")
    if not isinstance(loss, Sequence) or isinstance(loss, str):
        raise TypeError(f"losses must be a sequence of callables theta -> scalar, got {loss!r}")
    if not loss:
        raise ValueError("no losses: give at least one callable theta -> scalar")
    for i, one in enumerate(loss):
        if not callable(one):
            raise TypeError(f"loss {i} is not callable: got {one!r}")
    return tuple(loss), None


def _scalar(loss: Loss) -> Loss:
    """`loss`, refusing at trace time anything but a real scalar."""

    def checked(theta: Theta) -> Float[Array, ""]:
        value = loss(theta)
        if not isinstance(value, jax.Array | np.ndarray | np.generic | bool | int | float | complex):
            raise TypeError(f"loss {_name(loss)} returned a {type(value).__name__}; it must return one real scalar")
        shape, dtype = jnp.shape(value), jnp.result_type(value)
        if shape:
            raise TypeError(
                f"loss {_name(loss)} returned an array of shape {shape}; it must return a scalar (sum or average it)"
            )
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"loss {_name(loss)} returned dtype {dtype}; it must return a real floating scalar")
        return jnp.asarray(value)

    return checked


def _parameters(theta: Theta) -> Theta:
    """`theta` with floating array leaves; Python numbers become the default float."""

    def leaf(x: Any) -> Float[Array, "..."]:
        x = jnp.asarray(x, float) if isinstance(x, int | float) and not isinstance(x, bool) else jnp.asarray(x)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(f"theta must hold floating numbers, got dtype {x.dtype}: convert it with .astype(float)")
        return x

    if not jax.tree.leaves(theta):
        raise ValueError(f"theta has no parameters: got {theta!r}")
    return jax.tree.map(leaf, theta)


def _rate(alpha: Alpha) -> Float[Array, ""]:
    """`alpha` as a real scalar array."""
    rate = jnp.asarray(alpha, float) if isinstance(alpha, int | float) else jnp.asarray(alpha)
    if jnp.shape(rate):
        raise ValueError(f"alpha must be a scalar, got shape {jnp.shape(rate)}; use jax.vmap for many alphas")
    if not jnp.issubdtype(rate.dtype, jnp.floating):
        raise TypeError(f"alpha must be a real floating number, got dtype {rate.dtype}")
    return rate


def _name(loss: Callable[..., Any]) -> str:
    return getattr(loss, "__qualname__", None) or type(loss).__name__
