"""The arguments of the outer loop, checked at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import is_traced, said
from .._meta.meta_loss import MetaLoss, parameters
from .outer_run import OuterRun

if TYPE_CHECKING:
    from .._base.types import Array, Theta


def check_optimizer(optimizer: Any) -> None:
    import optax

    if not isinstance(optimizer, optax.GradientTransformation):
        hint = f"; call it first, e.g. {optimizer.__name__}(1e-2)" if hasattr(optimizer, "__name__") else ""
        if hasattr(optimizer, "gradient_transformation"):
            hint = "; give its .gradient_transformation()"
        raise TypeError(
            f"optimizer must be an optax.GradientTransformation such as optax.adam(1e-2), got {said(optimizer)}{hint}"
        )


def check_tolerance(tolerance: Any) -> None:
    if is_traced(tolerance):
        return
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float | np.number | np.ndarray | jax.Array):
        raise TypeError(f"tolerance must be a number, got {tolerance!r}")
    if not (np.ndim(tolerance) == 0 and tolerance >= 0):
        raise ValueError(f"tolerance must be one number, 0 or more, got {said(tolerance)}")


def check_resample(meta: MetaLoss, resample: Any, key: Any) -> None:
    if resample is None:
        return
    if not callable(resample):
        raise TypeError(f"resample must be a function key -> mg.Tasks, got {said(resample)}")
    if meta.tasks is None:
        raise ValueError("resample needs a meta-loss of tasks: mg.maml(loss, mg.Tasks(support, query))")
    if key is None:
        raise ValueError("resample needs a key, e.g. key=jax.random.key(0)")
    if not (is_traced(key) or (isinstance(key, jax.Array) and (_is_key(key) or key.dtype == jnp.uint32))):
        raise TypeError(f"key must be a PRNG key such as jax.random.key(0), got {said(key)}")


def _is_key(key: Array) -> bool:
    return jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def checked_start(meta: MetaLoss, alphas: Array, theta0: Any, per_alpha: bool | None) -> tuple[Theta, bool]:
    """`theta0` as arrays, and whether it has the alpha axis."""
    if isinstance(theta0, OuterRun):
        raise TypeError(
            "theta0 is a whole OuterRun; give its .state to go on from its end, or its .thetas to start anew"
        )
    theta0 = parameters(theta0)
    shapes = jax.tree.map(lambda x: tuple(x.shape), theta0)
    leading = all(x.shape[:1] == alphas.shape for x in jax.tree.leaves(theta0))
    reasons: dict[bool, str] = {}
    if not leading:
        reasons[True] = f"not every leaf has a leading axis of length {alphas.size}"
    for rowwise in (False, True):
        if rowwise not in reasons:
            one = jax.tree.map(
                lambda x, r=rowwise: jax.ShapeDtypeStruct(x.shape[1:] if r else x.shape, x.dtype), theta0
            )
            try:
                jax.eval_shape(meta, one, alphas[0])
            except (TypeError, ValueError) as error:
                if error.__cause__:
                    raise  # it is told already, and not of theta0
                reasons[rowwise] = str(error).splitlines()[0]
    if len(reasons) == 2:
        raise ValueError(
            f"theta0 of shape {shapes} fits neither as one theta for all alphas ({reasons[False]}) "
            f"nor as one for each of the {alphas.size} alphas ({reasons[True]})"
        )
    if per_alpha is None:
        if not reasons:
            raise ValueError(
                f"theta0 of shape {shapes} can be one theta for all alphas or one for each of the {alphas.size}: "
                "say per_alpha=False or per_alpha=True"
            )
        per_alpha = False in reasons
    elif per_alpha in reasons:
        raise ValueError(f"theta0 of shape {shapes} does not fit per_alpha={per_alpha}: {reasons[per_alpha]}")
    return theta0, per_alpha
