"""The meta-loss and its derivatives over a dense alpha x theta grid, in one jitted call."""

from __future__ import annotations

import functools
import operator
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .._base.arguments import axis, said
from .._base.progress import done, in_pieces, shown
from .._meta.explained import theta_is_a_number
from .._meta.meta_loss import MetaLoss, checked_meta, recomputing
from .._points.at import DERIVATIVES, status_at
from .._points.memory import MEMORY_BUDGET, checked_budget, on_grid
from .._results import Provenance, Result, coordinate, origin, provenance, result, variable

if TYPE_CHECKING:
    from .._base.types import Array, ArrayLike, Float, Int


@result
class Surface(Result):
    """A meta-loss on a grid."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    thetas: Float[Array, "thetas"] = coordinate("theta", "initial parameter")
    values: Float[Array, "alphas thetas"] = variable("alpha theta", "meta-loss")
    grads: Float[Array, "alphas thetas"] | None = variable(
        "alpha theta", "outer direction", "its outer direction `jax.grad(meta)`; None with `derivatives=0`"
    )
    curvatures: Float[Array, "alphas thetas"] | None = variable(
        "alpha theta",
        "derivative of the outer direction",
        "the derivative of `grads` in theta; None with `derivatives < 2`",
    )
    status: Int[Array, "alphas thetas"] = variable(
        "alpha theta",
        "status",
        "int8: OK, or NONFINITE where a number of the cell overflowed; NOT_CONVERGED where a proximal inner problem "
        "was not solved",
    )
    provenance: Provenance = origin()


@theta_is_a_number
def surface(
    meta: MetaLoss,
    alphas: ArrayLike,
    thetas: ArrayLike,
    *,
    derivatives: int = 1,
    out: Surface | None = None,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = False,
) -> Surface:
    """The meta-loss `L_M(theta, alpha)` and its derivatives in theta on the whole grid.

    One jitted call; a second call with other numbers of the same shapes does not compile. Where the temporaries of
    the whole grid would not fit into `memory_budget`, the same call works through it in chunks.

    Args:
        meta: the meta-loss; its theta is a scalar here.
        alphas: `[alphas]`, finite, floating, in any order; one point is allowed.
        thetas: `[thetas]`, likewise.
        derivatives: 0 for values, 1 for values and grads, 2 for curvatures as well.
        out: a surface of the same shapes that is no longer needed; its memory is written over (donated) and its
            arrays cannot be used afterwards. Saves the page faults of fresh memory when called again and again.
        memory_budget: bytes of temporaries that one chunk may take, static.
        progress: show a bar (extra `progress`); not inside `jit` and `vmap`, and in one piece where there is an `out`.

    Returns:
        A `Surface`. A cell that overflows keeps its inf or NaN and has status NONFINITE.

    Raises:
        ValueError, TypeError: an axis that is empty, not finite, not one-dimensional or not floating;
            `derivatives` other than 0, 1, 2; an `out` of other shapes.

    >>> import numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quadratic().meta(), np.linspace(0, 1, 3), np.linspace(-1, 1, 5))
    >>> found.values.shape, [round(float(v), 6) for v in found.values[:, 3]]
    ((3, 5), [0.25, 0.0625, 0.0])
    """
    meta = checked_meta(meta)
    alphas, thetas = axes(alphas, thetas)
    if not isinstance(derivatives, int) or derivatives not in (0, 1, 2):
        raise ValueError(f"derivatives must be 0, 1 or 2, got {said(derivatives)}")
    memory_budget = checked_budget(memory_budget)
    with shown(progress, "alphas", (meta, alphas, thetas), alphas.size):
        if out is None:
            arrays = in_pieces(
                lambda some: _evaluate(recomputing(meta), some, thetas, derivatives, memory_budget), alphas
            )
        else:
            reused = _reusable(out, alphas, thetas, derivatives)
            arrays = _evaluate_into(reused, recomputing(meta), alphas, thetas, derivatives, memory_budget)
            done(alphas.size)
    values, grads, curvatures, status = arrays
    origin = provenance("surface", alphas.dtype, meta=meta, derivatives=derivatives)
    return Surface(alphas, thetas, values, grads, curvatures, status, origin)


def axes(alphas: Any, thetas: Any) -> tuple[Float[Array, "alphas"], Float[Array, "thetas"]]:
    """Both axes checked, in their common dtype."""
    checked = axis("alphas", alphas), axis("thetas", thetas)
    dtype = jnp.result_type(*checked)
    return checked[0].astype(dtype), checked[1].astype(dtype)


def _arrays(
    meta: MetaLoss, alphas: Array, thetas: Array, derivatives: int, memory_budget: int
) -> tuple[Array, Array | None, Array | None, Array]:
    """Values, grads, curvatures and status on the grid."""

    def at(alpha: Array, theta: Array) -> tuple[Any, ...]:
        numbers = DERIVATIVES[derivatives](meta, theta, alpha)
        finite = functools.reduce(operator.and_, map(jnp.isfinite, numbers))
        missing = [None] * (3 - len(numbers))
        return (*numbers, *missing, status_at(meta, theta, alpha, finite))

    return on_grid(at, alphas, thetas, memory_budget)


_evaluate = jax.jit(_arrays, static_argnames=("derivatives", "memory_budget"))


@partial(jax.jit, static_argnames=("derivatives", "memory_budget"), donate_argnames="out", keep_unused=True)
def _evaluate_into(
    out: Any, meta: MetaLoss, alphas: Array, thetas: Array, derivatives: int, memory_budget: int
) -> tuple[Array, Array | None, Array | None, Array]:
    """`_arrays`, written over the donated `out`."""
    return _arrays(meta, alphas, thetas, derivatives, memory_budget)


def _reusable(out: Any, alphas: Array, thetas: Array, derivatives: int) -> tuple[Array | None, ...]:
    """The arrays of `out` that the new surface can be written over, or an error where they do not fit."""
    if not isinstance(out, Surface):
        raise TypeError(f"out must be an mg.Surface, got {type(out).__name__}")
    arrays = (out.values, out.grads, out.curvatures, out.status)
    if any(isinstance(a, jax.Array) and a.is_deleted() for a in arrays):
        raise ValueError("out has been given away before, its memory holds another surface now: pass the newest one")
    shape = (alphas.size, thetas.size)
    wanted = [alphas.dtype] * (derivatives + 1) + [None] * (2 - derivatives) + [jnp.int8]
    fits = all(
        (a is None and d is None) or (a is not None and d is not None and a.shape == shape and a.dtype == d)
        for a, d in zip(arrays, wanted, strict=True)
    )
    if not fits:
        raise ValueError(
            f"out must be a surface of shape {shape}, dtype {alphas.dtype} and derivatives={derivatives}; "
            f"got shape {out.values.shape}, dtype {out.values.dtype} and {sum(a is not None for a in arrays[:3]) - 1}"
        )
    return arrays
