"""The outer loop: any optax optimiser, run for every alpha at once in one jitted scan."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp

from .._base.arguments import axis, checked_count, nan_is_an_answer, said
from .._base.progress import done, is_shown, shown
from .._meta.keyed import Keyed
from .._meta.meta_loss import MetaLoss, checked_meta
from .._meta.tasks import Tasks, name_of
from .._results import described, provenance
from .checks import check_optimizer, check_resample, check_tolerance, checked_start
from .outer_run import OuterRun, OuterState, Trace
from .steps import judge, run, start

if TYPE_CHECKING:
    import optax

    from .._base.types import Array, ArrayLike, Theta

# A run has converged when no entry of the outer direction exceeds this, relative to the first direction where that
# was larger than one: the usual gradient tolerance, far above rounding in float32 and in float64.
_TOLERANCE = 1e-5

_RECORDS = ("thetas", "values", "nothing")


@nan_is_an_answer
def outer_loop(
    meta: MetaLoss,
    alphas: ArrayLike,
    theta0: Theta | OuterState,
    optimizer: optax.GradientTransformation,
    *,
    num_steps: int,
    record: Literal["thetas", "values", "nothing"] = "thetas",
    record_every: int = 1,
    resample: Callable[[Array], Tasks] | None = None,
    key: Array | None = None,
    tolerance: float = _TOLERANCE,
    per_alpha: bool | None = None,
    progress: bool = False,
) -> OuterRun:
    """Descend the meta-loss in theta, for every alpha at once.

    `theta <- optimizer(theta, G)`, with the outer direction `G = jax.grad(meta)(theta, alpha)`.

    One jitted scan, vmapped over alphas; each row is the run of that alpha alone. A second call with other numbers
    of the same shapes does not compile, also with an equal optimiser that was built anew.

    Args:
        meta: the meta-loss; theta may be any pytree.
        alphas: `[alphas]`, finite and floating.
        theta0: the start, shared by all alphas or with a leading `[alphas]` axis on every leaf; or the `state` of an
            earlier run, which it continues exactly: k + m steps are k steps, then m.
        optimizer: an optax optimiser; one that asks for `value`, `grad` or `value_fn` (lbfgs) is given them.
        num_steps: outer steps, static.
        record: what the trace keeps of the way: values and parameters, values alone, or nothing; static. Parameters
            take `alphas * records` times their own memory, and twice that while they are put together: for a network
            of 1,761 weights, 8 alphas and 60,000 steps 3.4 GB, where values take 2 MB.
        record_every: steps between two records of the trace, static.
        resample: `key -> Tasks`, fresh tasks for each step (the stochastic loop of Algorithm 1); the same draw for
            every alpha, so that alphas are compared on equal tasks.
        key: the PRNG key for `resample`.
        tolerance: the status is OK when no entry of the final direction exceeds `tolerance * max(1, first one)`.
        per_alpha: whether `theta0` has the alpha axis; needed only where it could be read both ways.
        progress: show a bar (extra `progress`); the run is cut into a hundred equal pieces, its numbers unchanged. Not
            inside `jit` and `vmap`.

    Returns:
        An `OuterRun`.

    Raises:
        TypeError: an optimiser that is a class, a function or a state; a `num_steps` that is no int.
        ValueError: bad alphas; a `theta0` that fits neither way, or both; `resample` without a key.

    >>> import numpy as np, optax, mamlgrid as mg
    >>> run = mg.outer_loop(mg.cases.quadratic().meta(), np.array([0.0, 0.5]), 2.0, optax.sgd(0.3), num_steps=100)
    >>> [round(float(t), 5) for t in run.thetas], run.trace.values.shape
    ([0.5, 0.5], (2, 101))

    Source: Finn, Abbeel, Levine (2017), Model-Agnostic Meta-Learning, Algorithm 1, lines 2 to 9.
    """
    meta = checked_meta(meta)
    alphas = axis("alphas", alphas)
    num_steps = checked_count("num_steps", num_steps)
    record_every = checked_count("record_every", record_every)
    if record_every == 0:
        raise ValueError('record_every must be 1 or more, got 0; 1 records every step, record="nothing" none')
    if record not in _RECORDS:
        raise ValueError(f"record must be one of {', '.join(map(repr, _RECORDS))}, got {said(record)}")
    check_tolerance(tolerance)
    check_optimizer(optimizer)
    check_resample(meta, resample, key if not isinstance(theta0, OuterState) else theta0.key)
    keyed, drawing = Keyed(optimizer), None if resample is None else Keyed(resample)
    if isinstance(theta0, OuterState):
        if jnp.shape(theta0.watch.escape_radius) != alphas.shape:
            n = jnp.size(theta0.watch.escape_radius)
            raise ValueError(f"the state is of a run over {n} alphas, got {alphas.size}; give the alphas of that run")
        state = theta0
    else:
        theta0, per_alpha = checked_start(meta, alphas, theta0, per_alpha)
        state = start(meta, alphas, theta0, key, keyed, drawing, per_alpha)
    settings: dict[str, Any] = {"optimizer": keyed, "resample": drawing, "record": record}
    further = partial(run, meta, alphas, **settings, record_every=record_every)
    ends = []
    with shown(progress, "steps", (meta, alphas, state), num_steps):
        for piece in _pieces(num_steps, record_every) if is_shown() else [num_steps]:
            ends.append(further(state, num_steps=piece))
            state = jax.block_until_ready(ends[-1].state) if is_shown() else ends[-1].state
            done(piece)
    values, slope = ends[-1].values, ends[-1].slopes
    status, event_steps = judge(state, values, slope, tolerance, resample is None)
    origin = provenance(
        "outer_loop", alphas.dtype, meta=meta, optimizer=name_of(optimizer.update), num_steps=num_steps,
        record=record, record_every=record_every, resample=resample and name_of(resample),
        tolerance=described(tolerance), per_alpha=per_alpha,
    )  # fmt: skip
    return OuterRun(
        alphas, state.thetas, values, _joined([end.trace for end in ends]), state, status, event_steps, origin
    )


def _pieces(num_steps: int, record_every: int) -> list[int]:
    """Whole blocks of records, at most a hundred pieces: two programs at most are compiled."""
    length = max(1, -(-num_steps // (100 * record_every))) * record_every
    return [min(length, num_steps - start) for start in range(0, max(num_steps, 1), length)]


def _joined(traces: list[Trace]) -> Trace:
    """Traces of consecutive pieces as one: each begins where the one before it ended."""
    if len(traces) == 1:
        return traces[0]
    steps = [t.steps[:-1] for t in traces[:-1]] + [traces[-1].steps]
    ways = [jax.tree.map(lambda x: x[:, :-1], (t.thetas, t.values)) for t in traces[:-1]]
    ways.append((traces[-1].thetas, traces[-1].values))
    return Trace(jnp.concatenate(steps), *jax.tree.map(lambda *xs: jnp.concatenate(xs, axis=1), *ways))
