"""The algorithms: pairs of an inner rule and an outer rule, by the names they have in the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .._base.arguments import as_float, checked_count, is_traced, numbers, said
from ..inner._proximal import Proximal
from ..inner._rules import GradientDescent, InnerRule
from ..outer import Displacement, OuterRule, ThroughAdaptation, Truncated
from .keyed import keyed
from .meta_loss import MetaLoss
from .tasks import Tasks, checked_tasks

if TYPE_CHECKING:
    from .._base.types import ArrayLike, Loss, LossFamily


def meta_loss(
    loss: LossFamily | Sequence[Loss],
    tasks: Tasks | None = None,
    *,
    inner: InnerRule,
    outer: OuterRule,
    reduce: str = "sum",
    step_weights: ArrayLike | None = None,
) -> MetaLoss:
    """The meta-loss of any pair of rules, your own included.

    Args:
        loss: a sequence of pure losses `theta -> scalar`; or, with `tasks`, one pure loss `(theta, data) -> scalar`.
        tasks: `mg.Tasks(support, query)` with a leading task axis on every leaf.
        inner: how theta' comes from theta: `mg.inner.GradientDescent(num_steps)`, `mg.inner.optax(...)`,
            `mg.inner.Proximal(strength)`, or a subclass of `mg.inner.InnerRule`.
        outer: how the direction is taken: `mg.outer.ThroughAdaptation()`, `Truncated(num_last)`, `Displacement()`, or a
            subclass of `mg.outer.OuterRule`.
        reduce: "sum" or "mean" over tasks.
        step_weights: `[num_steps]`: the value is `sum_k w_k L(theta_k)` over the inner steps; None for the last alone.

    Returns:
        A `MetaLoss`.

    Raises:
        ValueError: no losses, bad tasks, an unknown `reduce`, step weights of another number than the steps.
        TypeError: a loss that is not callable; a rule that is none.

    >>> import jax, mamlgrid as mg
    >>> losses = [lambda t: t**4 / 4, lambda t: (t - 1) ** 2 / 2]
    >>> last = mg.meta_loss(losses, inner=mg.inner.GradientDescent(3), outer=mg.outer.Truncated(1))
    >>> float(last(0.0, 0.5)) == float(mg.maml(losses, num_steps=3)(0.0, 0.5))
    True
    """
    checked, tasks = _checked_losses(loss, tasks)
    _check_inner(inner)
    if not isinstance(outer, OuterRule):
        raise TypeError(f"outer must be an outer rule such as mg.outer.ThroughAdaptation(), got {said(outer)}")
    for part in (inner, outer):
        if jax.tree_util.all_leaves([part]):
            raise TypeError(f"{type(part).__name__} is no pytree: decorate the class with @mg.rule")
    if reduce not in ("sum", "mean"):
        raise ValueError(f"reduce must be 'sum' or 'mean', got {reduce!r}")
    weights = None if step_weights is None else _checked_weights(step_weights, inner, outer)
    return MetaLoss(checked, tasks, inner, outer, reduce, weights)


def maml(
    loss: LossFamily | Sequence[Loss],
    tasks: Tasks | None = None,
    *,
    num_steps: int = 1,
    reduce: str = "sum",
    inner: InnerRule | None = None,
    per_step: bool = False,
    checkpoint: bool = False,
    step_weights: ArrayLike | None = None,
) -> MetaLoss:
    """The meta-loss of MAML: adapt by gradient descent, differentiate through the adaptation.

    `L_M(theta, alpha) = sum_i L_i(theta_i')`, `theta_i' = theta - alpha grad L_i(theta)`, `num_steps` times.

    `alpha` is a scalar; or a pytree prefix of theta with a rate for each layer or parameter (Meta-SGD), where a zero
    freezes (ANIL: all but the head); with `per_step`, every rate has a leading axis of the steps (MAML++).

    Args:
        loss: a sequence of pure losses `theta -> scalar`; or, with `tasks`, one pure loss
            `(theta, data) -> scalar`.
        tasks: `mg.Tasks(support, query)` with a leading task axis on every leaf.
        num_steps: inner steps, static; 0 gives the plain joint loss.
        reduce: "sum" (as in the paper) or "mean" over tasks.
        inner: another inner rule, such as `mg.inner.optax(optax.rmsprop, 5)`, in place of gradient descent;
            `num_steps`, `per_step` and `checkpoint` are then its own.
        per_step: alpha has a leading axis, one rate for each step.
        checkpoint: the backward pass through the steps takes memory for the root of their number; see `mg.inner`.
        step_weights: `[num_steps]`, weights of the query losses after each step (MAML++); None for the last alone.

    What a loss reads besides its arguments (globals, attributes, what it closes over) is read here: when it changes,
    build the meta-loss again, which compiles again.

    Returns:
        A `MetaLoss`. `jax.grad(meta)(theta, alpha)` is the exact meta-gradient, second-order terms included.

    Raises:
        ValueError: no losses, bad tasks, a negative `num_steps`, an unknown `reduce`.
        TypeError: a loss that is not callable or (when called) not a real scalar; a traced `num_steps`.

    >>> import jax
    >>> meta = maml([lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2])
    >>> round(float(meta(0.5, 0.5)), 6), round(float(jax.grad(meta)(0.0, 0.5)), 6)
    (0.0625, -0.25)

    Source: Finn, Abbeel, Levine (2017), Model-Agnostic Meta-Learning, Algorithm 1; rates: Li et al. (2017), Meta-SGD,
    eq. (2); Raghu et al. (2020), ANIL, section 4; rates and weights of steps: Antoniou et al. (2019), How to train your
    MAML, section 4.
    """
    rule = _descent(inner, num_steps, per_step, checkpoint)
    return meta_loss(loss, tasks, inner=rule, outer=ThroughAdaptation(), reduce=reduce, step_weights=step_weights)


def fomaml(
    loss: LossFamily | Sequence[Loss],
    tasks: Tasks | None = None,
    *,
    num_steps: int = 1,
    reduce: str = "sum",
    inner: InnerRule | None = None,
    per_step: bool = False,
    checkpoint: bool = False,
    step_weights: ArrayLike | None = None,
) -> MetaLoss:
    """First-order MAML: the value of MAML, descended along `G = sum_i grad L_i(theta_i')`.

    The arguments of `mg.maml`. `jax.jacfwd(jax.grad(meta))` is the true Jacobian of G,
    `sum_i L_i''(theta_i') dtheta_i'/dtheta`, which tells whether a fixed point attracts.

    Returns:
        A `MetaLoss`. `mg.optimal_theta` of it is the attracting fixed point of G with the lowest value.

    Raises:
        ValueError, TypeError: as `mg.maml`.

    >>> import jax
    >>> meta = fomaml([lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2])
    >>> round(float(jax.grad(meta)(0.0, 0.5)), 6), round(float(jax.jacfwd(jax.grad(meta))(0.0, 0.5)), 6)
    (-0.5, 1.0)

    Source: Finn, Abbeel, Levine (2017), section 5.2; Nichol, Achiam, Schulman (2018), section 3.
    """
    rule = _descent(inner, num_steps, per_step, checkpoint)
    return meta_loss(loss, tasks, inner=rule, outer=Truncated(0), reduce=reduce, step_weights=step_weights)


def reptile(
    loss: LossFamily | Sequence[Loss],
    tasks: Tasks | None = None,
    *,
    num_steps: int = 1,
    reduce: str = "sum",
    inner: InnerRule | None = None,
    per_step: bool = False,
    checkpoint: bool = False,
) -> MetaLoss:
    """Reptile: the value of MAML, descended along where the adaptations go.

    `G = sum_i sum_k grad L_i(theta_i,k)`, the inner gradients of all steps: `(theta - theta_i') / alpha` summed over
    tasks, but without a division: at alpha = 0 it is `num_steps` times the joint gradient. With `num_steps=1` it does
    not depend on alpha. With an optax inner rule the updates take the place of the gradients.

    The arguments of `mg.maml`, but for `step_weights`: the direction does not look at the query losses.

    Returns:
        A `MetaLoss`.

    Raises:
        ValueError, TypeError: as `mg.maml`.

    >>> import jax
    >>> meta = reptile([lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2], num_steps=2)
    >>> round(float(jax.grad(meta)(0.0, 0.5)), 6)
    -1.5

    Source: Nichol, Achiam, Schulman (2018), On First-Order Meta-Learning Algorithms, Algorithm 1 and section 5.
    """
    rule = _descent(inner, num_steps, per_step, checkpoint)
    return meta_loss(loss, tasks, inner=rule, outer=Displacement(), reduce=reduce)


def imaml(
    loss: LossFamily | Sequence[Loss],
    tasks: Tasks | None = None,
    *,
    strength: ArrayLike | None = None,
    reduce: str = "sum",
    max_steps: int = 50,
) -> MetaLoss:
    """Implicit MAML: adapt by a proximal problem, differentiate its solution by the implicit function theorem.

    `theta_i' = argmin L_i(phi) + strength / 2 |phi - theta|^2`, `G = sum_i (I + H_i / strength)^-1 grad L_i(theta_i')`.

    Args:
        loss: as in `mg.maml`.
        tasks: as in `mg.maml`.
        strength: positive, traced; then alpha plays no part. None: `1 / alpha`, so that the alpha axis sweeps it.
        reduce: "sum" or "mean" over tasks.
        max_steps: cap on the Newton steps of the inner solve, static.

    Returns:
        A `MetaLoss`; its `.inner_status(theta, alpha)` says for each task whether the inner problem was solved. Where
        it was not, the value is NaN, and a surface has the status NOT_CONVERGED there.

    Raises:
        ValueError: a strength that is not positive; else as `mg.maml`.

    >>> import jax
    >>> meta = imaml([lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2], strength=1.0)
    >>> round(float(jax.grad(meta)(0.0, 0.0)), 6)
    -0.25

    Source: Rajeswaran, Finn, Kakade, Levine (2019), Meta-Learning with Implicit Gradients, eqs. (3) to (6).
    """
    rule = Proximal(strength, max_steps)
    return meta_loss(loss, tasks, inner=rule, outer=ThroughAdaptation(), reduce=reduce)


def moreau(
    loss: LossFamily | Sequence[Loss],
    tasks: Tasks | None = None,
    *,
    strength: ArrayLike | None = None,
    reduce: str = "sum",
    max_steps: int = 50,
) -> MetaLoss:
    """First-order proximal meta-learning: descend the Moreau envelopes of the tasks.

    `theta_i'` as in `mg.imaml`; `G = sum_i strength (theta - theta_i') = sum_i grad L_i(theta_i')` is the gradient of
    `sum_i min_phi L_i(phi) + strength / 2 |phi - theta|^2`. The value is the post-adaptation loss, as everywhere.

    The arguments of `mg.imaml`.

    Returns:
        A `MetaLoss`, with `.inner_status` as that of `mg.imaml`.

    Raises:
        ValueError: a strength that is not positive; else as `mg.maml`.

    >>> import jax
    >>> meta = moreau([lambda t: t**2 / 2, lambda t: (t - 1) ** 2 / 2], strength=1.0)
    >>> round(float(jax.grad(meta)(0.0, 0.0)), 6)
    -0.5

    Source: Dinh, Tran, Nguyen (2020), Personalized Federated Learning with Moreau Envelopes, eq. (3); for meta-learning
    Zhou, Yuan, Xu, Yan, Feng (2019), Efficient Meta Learning via Minibatch Proximal Update, section 3.
    """
    rule = Proximal(strength, max_steps)
    return meta_loss(loss, tasks, inner=rule, outer=Displacement(), reduce=reduce)


def _descent(inner: Any, num_steps: Any, per_step: Any, checkpoint: Any) -> InnerRule:
    num_steps = checked_count("num_steps", num_steps)
    if inner is None:
        return GradientDescent(num_steps, per_step=bool(per_step), checkpoint=bool(checkpoint))
    if num_steps != 1 or per_step or checkpoint:
        raise ValueError(
            f"num_steps, per_step and checkpoint belong to the inner rule: give them to it, not beside inner={inner!r}"
        )
    _check_inner(inner)
    return inner


def _check_inner(inner: Any) -> None:
    if not isinstance(inner, InnerRule):
        raise TypeError(f"inner must be an inner rule such as mg.inner.GradientDescent(1), got {said(inner)}")


def _checked_weights(step_weights: ArrayLike, inner: InnerRule, outer: OuterRule) -> Any:
    if inner.num_steps == 0:
        raise ValueError(f"step_weights weigh the inner steps, and {inner} makes none; leave them out")
    if isinstance(outer, Displacement):
        raise TypeError(f"step_weights weigh query losses, which {outer} does not look at; leave them out")
    weights = as_float(numbers("step_weights", step_weights))
    if weights.shape != (inner.num_steps,):
        raise ValueError(f"step_weights must be one for each of the {inner.num_steps} steps, got shape {weights.shape}")
    if not is_traced(weights) and not np.isfinite(weights).all():
        raise ValueError(f"step_weights must be finite, got {np.asarray(weights)}")
    return weights


def _checked_losses(loss: Any, tasks: Any) -> tuple[Any, Tasks | None]:
    if isinstance(loss, MetaLoss):
        raise TypeError(f"losses must be losses of theta, got {said(loss)}: give its .loss, and its .tasks if any")
    if callable(loss):
        if tasks is None:
            raise ValueError("one loss needs tasks: give maml(loss, mg.Tasks(support, query)), or a sequence of losses")
        return keyed(loss), checked_tasks(tasks)
    if tasks is not None:
        raise TypeError(f"with tasks, give one callable loss(theta, data), got {type(loss).__name__}")
    if not isinstance(loss, Sequence) or isinstance(loss, str):
        raise TypeError(f"losses must be a sequence of callables theta -> scalar, got {said(loss)}")
    if not loss:
        raise ValueError("no losses: give at least one callable theta -> scalar")
    for i, one in enumerate(loss):
        if not callable(one):
            raise TypeError(f"loss {i} is not callable: got {said(one)}")
    return tuple(map(keyed, loss)), None
