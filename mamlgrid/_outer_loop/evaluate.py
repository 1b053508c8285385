"""What was trained with one meta-loss, judged by another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from .._base.arguments import axis
from .._base.progress import in_pieces, shown
from .._meta.meta_loss import MetaLoss, checked_meta
from .._points.at import status_at
from .._points.memory import MEMORY_BUDGET, checked_budget, mapped, on_grid
from .._results import Provenance, Result, coordinate, origin, provenance, result, variable
from .._stationary.optimum import OptimalTheta
from .outer_run import OuterRun

if TYPE_CHECKING:
    from .._base.types import Array, ArrayLike, Float, Int, PyTree


@result
class Evaluation(Result):
    """The test value along a training curve."""

    alphas: Float[Array, "alphas"] = coordinate(
        "alpha", "inner step size at training", "the inner step sizes that theta was trained with"
    )
    alphas_test: Float[Array, "alphas_test"] | None = coordinate(
        "alpha_test", "inner step size at test", "those that it is tested with; None where each is tested with its own"
    )
    thetas: PyTree = variable("alpha ...", "trained parameter", "what was trained")
    values: Float[Array, "alphas ..."] = variable(
        "alpha alpha_test", "test meta-loss", "the test meta-loss; `[alphas]` where each is tested with its own"
    )
    status: Int[Array, "alphas ..."] = variable(
        "alpha alpha_test", "status", "int8, like `values`: OK, NOT_CONVERGED or NONFINITE, of the test alone"
    )
    provenance: Provenance = origin()


def evaluate(
    meta_test: MetaLoss,
    result: OptimalTheta | OuterRun,
    alphas_test: ArrayLike | None = None,
    *,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = False,
) -> Evaluation:
    """The value of another meta-loss at the thetas of a result: trained one way, tested another.

    `values[i] = meta_test(thetas[i], alphas[i])`, or `values[i, j] = meta_test(thetas[i], alphas_test[j])`: on other
    tasks, with another number of steps, another algorithm, another alpha.

    Args:
        meta_test: the meta-loss to judge by.
        result: what `mg.optimal_theta` or `mg.outer_loop` returned.
        alphas_test: `[alphas_test]`, finite and floating: test every theta with each of these.
        memory_budget: bytes of temporaries that one chunk may take, static.
        progress: show a bar (extra `progress`); not inside `jit` and `vmap`.

    Returns:
        An `Evaluation`.

    Raises:
        TypeError: no meta-loss, another kind of result. ValueError: a bad axis.

    >>> import numpy as np, mamlgrid as mg
    >>> meta = mg.cases.quadratic().meta()
    >>> trained = mg.optimal_theta(meta, np.array([0.0, 0.5]), (-1.0, 2.0))
    >>> tested = mg.evaluate(meta, trained, np.array([0.0, 0.5, 1.0]))
    >>> tested.values.shape, [round(float(v), 6) for v in tested.values[0]]
    ((2, 3), [0.25, 0.0625, 0.0])
    """
    meta_test = checked_meta(meta_test, "meta_test")
    if not isinstance(result, OptimalTheta | OuterRun):
        raise TypeError(
            f"result must come from mg.optimal_theta or mg.outer_loop, got {type(result).__name__}; for single points "
            "call the meta-loss"
        )
    if alphas_test is not None:
        alphas_test = axis("alphas_test", alphas_test)
    memory_budget = checked_budget(memory_budget)
    rows = jax.tree.map(jnp.asarray, (result.alphas, result.thetas))
    with shown(progress, "alphas", (meta_test, rows, alphas_test), rows[0].size):
        values, status = in_pieces(lambda some: _evaluate(meta_test, *some, alphas_test, memory_budget), rows)
    origin = provenance("evaluate", jnp.asarray(result.alphas).dtype, meta_test=meta_test)
    return Evaluation(result.alphas, alphas_test, result.thetas, values, status, origin)


@partial(jax.jit, static_argnames="memory_budget")
def _evaluate(
    meta: MetaLoss, alphas: Array, thetas: PyTree, alphas_test: Array | None, memory_budget: int
) -> tuple[Array, Array]:
    def at(theta: Any, alpha: Array) -> tuple[Array, Array]:
        value = meta(theta, alpha)
        return value, status_at(meta, theta, alpha, jnp.isfinite(value))

    if alphas_test is None:
        return mapped(lambda pair: at(*pair), (thetas, alphas), memory_budget)
    return on_grid(at, thetas, alphas_test, memory_budget)
