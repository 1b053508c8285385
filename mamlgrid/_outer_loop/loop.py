"""The outer loop: any optax optimiser, run for every alpha at once in one jitted scan."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import axis, checked_count, is_traced
from .._base.trees import largest
from .._meta.meta_loss import MetaLoss, checked_meta, parameters
from .._meta.tasks import Tasks, checked_tasks, name_of
from .._results import (
    Part,
    Provenance,
    Result,
    coordinate,
    described,
    opaque,
    origin,
    part,
    provenance,
    result,
    variable,
)
from .._results.status import Status, code

if TYPE_CHECKING:
    import optax

    from .._base.types import Array, ArrayLike, Float, Int, PyTree, Theta

# A run has diverged when some parameter is farther than this many times (1 + largest initial parameter) from zero.
# Losses here are of order one around parameters of order one; nothing comes back from a million times that, while
# float32 still has 32 decades before it overflows.
_ESCAPE = 1e6

# A run has converged when no entry of the outer direction exceeds this, relative to the first direction where that
# was larger than one: the usual gradient tolerance, far above rounding in float32 and in float64.
_TOLERANCE = 1e-5


@result
class Watch(Part):
    """What is remembered of the way to tell how a run went."""

    escape_radius: Float[Array, "*alphas"] = variable(
        "alpha", "radius of divergence", "the run counts as diverged while a parameter exceeds this"
    )
    first_slope: Float[Array, "*alphas"] = variable(
        "alpha", "largest entry of the first outer direction", "the largest entry of the outer direction at the start"
    )
    diverged_at: Int[Array, "*alphas"] = variable(
        "alpha", "first step outside the radius", "the first step after which the parameters were outside, or -1"
    )
    nonfinite_at: Int[Array, "*alphas"] = variable(
        "alpha", "first step that was not finite", "the first step that met or made an inf or NaN, or -1"
    )


@result
class OuterState(Part):
    """All that a run needs to go on: give it to `outer_loop` in place of `theta0`."""

    thetas: PyTree = variable("alpha ...", "parameter to go on from", "the parameters")
    optimizer: PyTree = opaque("the optax state, `[alphas, ...]` where it depends on alpha, shared where it does not")
    step: Int[Array, ""] = variable("", "outer steps made", "the number of steps made")
    key: Array | None = opaque("the PRNG key of `resample`, or None")
    watch: Watch = part("what the status is judged by")


@result
class Trace(Part):
    """The way of the parameters."""

    steps: Int[Array, "steps"] = coordinate(
        "step", "outer step", "the number of outer steps made at each record; the first and the last are always there"
    )
    thetas: PyTree = variable("alpha step ...", "parameter along the way")
    values: Float[Array, "alphas steps"] = variable(
        "alpha step",
        "meta-loss along the way",
        "the meta-loss there (of the tasks of that step, with `resample`)",
    )


class _Piece(NamedTuple):
    """Some steps of a run: where they led, the way, and the meta-loss and its largest slope at the end."""

    state: OuterState
    trace: Trace
    values: Float[Array, "alphas"]
    slopes: Float[Array, "alphas"]


@result
class OuterRun(Result):
    """Where the outer loop went, for every alpha."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    thetas: PyTree = variable("alpha ...", "final parameter", "the final parameters")
    values: Float[Array, "alphas"] = variable("alpha", "final meta-loss", "the meta-loss there")
    trace: Trace = part("the way, a `Trace`")
    state: OuterState = opaque("continues the run exactly: give it as `theta0`")
    status: Int[Array, "alphas"] = variable(
        "alpha",
        "status",
        "int8: OK; NOT_CONVERGED where an entry of the final outer direction exceeds `tolerance * max(1, first "
        "direction)` (not judged with `resample`); DIVERGED where the parameters are finite, but one exceeds "
        "`1e6 * (1 + max |theta0|)`; NONFINITE",
    )
    event_steps: Int[Array, "alphas"] = variable(
        "alpha",
        "first step of divergence or overflow",
        "the first step of DIVERGED or NONFINITE, -1 elsewhere",
    )
    provenance: Provenance = origin()


def outer_loop(
    meta: MetaLoss,
    alphas: ArrayLike,
    theta0: Theta | OuterState,
    optimizer: optax.GradientTransformation,
    *,
    num_steps: int,
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
    of the same shapes and the same `optimizer` object does not compile.

    Args:
        meta: the meta-loss; theta may be any pytree.
        alphas: `[alphas]`, finite and floating.
        theta0: the start, shared by all alphas or with a leading `[alphas]` axis on every leaf; or the `state` of an
            earlier run, which it continues exactly: k + m steps are k steps, then m.
        optimizer: an optax optimiser; one that asks for `value`, `grad` or `value_fn` (lbfgs) is given them.
        num_steps: outer steps, static.
        record_every: steps between two records of the trace, static.
        resample: `key -> Tasks`, fresh tasks for each step (the stochastic loop of Algorithm 1); the same draw for
            every alpha, so that alphas are compared on equal tasks.
        key: the PRNG key for `resample`.
        tolerance: the status is OK when no entry of the final direction exceeds `tolerance * max(1, first one)`.
        per_alpha: whether `theta0` has the alpha axis; needed only where it could be read both ways.
        progress: show a bar (extra `progress`); the run is cut into a hundred equal pieces, its numbers unchanged.

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
        raise ValueError("record_every must be 1 or more, got 0; 1 records every step")
    _check_tolerance(tolerance)
    _check_optimizer(optimizer)
    _check_resample(meta, resample, key if not isinstance(theta0, OuterState) else theta0.key)
    if isinstance(theta0, OuterState):
        if jnp.shape(theta0.watch.escape_radius) != alphas.shape:
            n = jnp.size(theta0.watch.escape_radius)
            raise ValueError(f"the state is of a run over {n} alphas, got {alphas.size}; give the alphas of that run")
        state = theta0
    else:
        theta0, per_alpha = _checked_start(meta, alphas, theta0, per_alpha)
        state = _start(meta, alphas, theta0, key, optimizer, resample, per_alpha)
    run = partial(_run, meta, alphas, optimizer=optimizer, resample=resample, record_every=record_every)
    pieces = _with_bar(num_steps, record_every) if progress else (num_steps,)
    ends = []
    for piece in pieces:
        ends.append(run(state, num_steps=piece))
        state = ends[-1].state
    values, slope = ends[-1].values, ends[-1].slopes
    status, event_steps = _judge(state, values, slope, tolerance, resample is None)
    origin = provenance(
        "outer_loop", alphas.dtype, meta=meta, optimizer=name_of(optimizer.update), num_steps=num_steps,
        record_every=record_every, resample=resample and name_of(resample), tolerance=described(tolerance),
        per_alpha=per_alpha,
    )  # fmt: skip
    return OuterRun(
        alphas, state.thetas, values, _joined([end.trace for end in ends]), state, status, event_steps, origin
    )


@partial(jax.jit, static_argnames=("optimizer", "resample", "per_alpha"))
def _start(meta, alphas, theta0, key, optimizer, resample, per_alpha) -> OuterState:
    """The state before the first step."""

    def one(theta: Theta, alpha: Array) -> OuterState:
        slope = largest(jax.grad(_drawn(meta, resample, key, jnp.asarray(0)))(theta, alpha))
        never = jnp.asarray(-1, jnp.int32)
        radius = (_ESCAPE * (1 + largest(theta))).astype(slope.dtype)
        watch = Watch(radius, slope, never, never)
        return OuterState(theta, _full(optimizer).init(theta), jnp.asarray(0, jnp.int32), key, watch)

    if not per_alpha:
        theta0 = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (alphas.size, *leaf.shape)), theta0)

    def after_a_step(theta: Theta, alpha: Array) -> PyTree:
        return _step(meta, alpha, optimizer, resample, one(theta, alpha))[0].optimizer

    shared = _independent_of_alpha(after_a_step, theta0, alphas)
    axes = _axes(jax.tree.map(lambda s: None if s else 0, shared))
    return jax.vmap(one, out_axes=axes)(theta0, alphas)


@partial(jax.jit, static_argnames=("optimizer", "resample", "record_every", "num_steps"))
def _run(meta, alphas, state, *, optimizer, resample, record_every, num_steps) -> _Piece:
    """`num_steps` steps from `state`."""

    def one(alpha: Array, state: OuterState) -> Any:
        def block(state: OuterState, length: int) -> tuple[OuterState, tuple[Theta, Array]]:
            """`length` steps; the parameters and the value before the first of them."""

            def body(carry: Any, index: Array) -> Any:
                state, first = carry
                state, value = _step(meta, alpha, optimizer, resample, state)
                return (state, jnp.where(index == 0, value, first)), None

            first = jnp.zeros((), jax.eval_shape(meta, state.thetas, alpha).dtype)
            carry, _ = jax.lax.scan(body, (state, first), jnp.arange(length), unroll=0 if length == 1 else 1)
            return carry[0], (state.thetas, carry[1])

        blocks, rest = divmod(num_steps, record_every)
        records = []
        for length, times in ((record_every, blocks), (rest, min(rest, 1))):
            if times:
                state, record = jax.lax.scan(lambda s, _, n=length: block(s, n), state, None, length=times)
                records.append(record)
        final = _drawn(meta, resample, state.key, state.step)
        value, slope = jax.value_and_grad(final)(state.thetas, alpha)
        records.append(jax.tree.map(lambda leaf: leaf[None], (state.thetas, value)))
        thetas, values = jax.tree.map(lambda *parts: jnp.concatenate(parts), *records)
        return state, thetas, values, value, largest(slope)

    axes = _state_axes(state, optimizer)
    mapped = jax.vmap(one, in_axes=(0, axes), out_axes=(axes, 0, 0, 0, 0))
    end, thetas, values, value, slope = mapped(alphas, state)
    steps = jnp.minimum(jnp.arange(values.shape[1]) * record_every, num_steps).astype(jnp.int32) + state.step
    return _Piece(end, Trace(steps, thetas, values), value, slope)


def _step(meta, alpha, optimizer, resample, state: OuterState) -> tuple[OuterState, Array]:
    """One outer step of one alpha; also the value before it."""
    import optax

    drawn = _drawn(meta, resample, state.key, state.step)
    theta = state.thetas
    value, slope = jax.value_and_grad(drawn)(theta, alpha)
    updates, optimizer_state = _full(optimizer).update(
        slope, state.optimizer, theta, value=value, grad=slope, value_fn=lambda t: drawn(t, alpha)
    )
    theta = optax.apply_updates(theta, updates)
    size = largest(theta)
    watch = state.watch
    watch = dataclasses.replace(
        watch,
        diverged_at=_first(watch.diverged_at, size > watch.escape_radius, state.step),
        nonfinite_at=_first(watch.nonfinite_at, ~(jnp.isfinite(size) & jnp.isfinite(value)), state.step),
    )
    return OuterState(theta, optimizer_state, state.step + 1, state.key, watch), value


@partial(jax.jit, static_argnames="fixed_tasks")
def _judge(state: OuterState, values: Array, slope: Array, tolerance: float, fixed_tasks: bool) -> tuple[Array, Array]:
    """Status and event step from the end of a run and what was watched on the way."""
    watch = state.watch
    size = jax.vmap(largest)(state.thetas)
    broken = ~(jnp.isfinite(size) & jnp.isfinite(values) & jnp.isfinite(slope))
    gone = size > watch.escape_radius
    restless = (slope > tolerance * jnp.maximum(1, watch.first_slope)) & fixed_tasks
    status = jnp.where(restless, code(Status.NOT_CONVERGED), code(Status.OK))
    status = jnp.where(gone, code(Status.DIVERGED), status)
    status = jnp.where(broken, code(Status.NONFINITE), status)
    # The value at the very end is met by no step: a run that breaks there broke at that step.
    nonfinite_at = jnp.where(watch.nonfinite_at < 0, state.step, watch.nonfinite_at)
    events = jnp.where(broken, nonfinite_at, jnp.where(gone, watch.diverged_at, -1))
    return status, events.astype(jnp.int32)


def _drawn(meta: MetaLoss, resample: Callable[[Array], Tasks] | None, key: Any, step: Array) -> MetaLoss:
    """`meta` with the tasks of this step."""
    if resample is None:
        return meta
    return dataclasses.replace(meta, tasks=checked_tasks(resample(jax.random.fold_in(key, step))))


def _full(optimizer: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    import optax

    return optax.with_extra_args_support(optimizer)


def _first(seen: Array, now: Array, step: Array) -> Array:
    return jnp.where((seen < 0) & now, step, seen)


def _independent_of_alpha(function: Callable[..., PyTree], *args: Any) -> PyTree:
    """For each leaf of `function`'s result, whether it is the same for every alpha.

    A counter or a bias correction that stays unbatched is computed once instead of once per alpha.
    """
    flags: list[bool] = []

    @jax.custom_batching.custom_vmap
    def probe(leaves: list[Array]) -> list[Array]:
        return leaves

    @probe.def_vmap
    def rule(axis_size: int, in_batched: list[list[bool]], leaves: list[Array]) -> tuple[list[Array], list[bool]]:
        flags[:] = [not batched for batched in in_batched[0]]
        return leaves, in_batched[0]

    def probed(*args: Any) -> PyTree:
        leaves, structure = jax.tree.flatten(function(*args))
        flags[:] = [True] * len(leaves)  # where nothing depends on alpha, the rule is not asked
        return jax.tree.unflatten(structure, probe(leaves))

    structure = jax.tree.structure(jax.eval_shape(jax.vmap(probed), *args))
    return jax.tree.unflatten(structure, flags)


def _axes(optimizer_axes: PyTree) -> Any:
    """The vmap axes of an `OuterState`: alpha leads, but for what all alphas share."""
    axes: Any = {"thetas": 0, "optimizer": optimizer_axes, "step": None, "key": None, "watch": 0}
    return OuterState(**axes)


def _state_axes(state: OuterState, optimizer: optax.GradientTransformation) -> OuterState:
    """The vmap axes of a state: None for the leaves of the optimiser that all alphas share."""
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), state.thetas)
    expected = jax.eval_shape(_full(optimizer).init, one)
    if jax.tree.structure(expected) != jax.tree.structure(state.optimizer):
        raise ValueError("the state belongs to another optimiser; continue with the one that made it")
    axes = jax.tree.map(lambda e, s: None if e.ndim == jnp.ndim(s) else 0, expected, state.optimizer)
    return _axes(axes)


def _check_optimizer(optimizer: Any) -> None:
    import optax

    if not isinstance(optimizer, optax.GradientTransformation):
        hint = f"; call it first, e.g. {optimizer.__name__}(1e-2)" if hasattr(optimizer, "__name__") else ""
        if hasattr(optimizer, "gradient_transformation"):
            hint = "; give its .gradient_transformation()"
        raise TypeError(
            f"optimizer must be an optax.GradientTransformation such as optax.adam(1e-2), got {optimizer!r}{hint}"
        )


def _check_tolerance(tolerance: Any) -> None:
    if is_traced(tolerance):
        return
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float | np.number | np.ndarray | jax.Array):
        raise TypeError(f"tolerance must be a number, got {tolerance!r}")
    if not (np.ndim(tolerance) == 0 and tolerance >= 0):
        raise ValueError(f"tolerance must be one number, 0 or more, got {tolerance}")


def _check_resample(meta: MetaLoss, resample: Any, key: Any) -> None:
    if resample is None:
        return
    if not callable(resample):
        raise TypeError(f"resample must be a function key -> mg.Tasks, got {resample!r}")
    if meta.tasks is None:
        raise ValueError("resample needs a meta-loss of tasks: mg.maml(loss, mg.Tasks(support, query))")
    if key is None:
        raise ValueError("resample needs a key, e.g. key=jax.random.key(0)")
    if not (is_traced(key) or (isinstance(key, jax.Array) and (_is_key(key) or key.dtype == jnp.uint32))):
        raise TypeError(f"key must be a PRNG key such as jax.random.key(0), got {key!r}")


def _is_key(key: Array) -> bool:
    return jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def _checked_start(meta: MetaLoss, alphas: Array, theta0: Any, per_alpha: bool | None) -> tuple[Theta, bool]:
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


def _with_bar(num_steps: int, record_every: int) -> Any:
    """The lengths of the pieces of a run, behind a progress bar."""
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install 'mamlgrid[progress]'") from error
    # Whole blocks of records, at most a hundred pieces: two programs at most are compiled.
    length = max(1, -(-num_steps // (100 * record_every))) * record_every
    with tqdm(total=num_steps, unit="step") as bar:
        for start in range(0, max(num_steps, 1), length):
            piece = min(length, num_steps - start)
            yield piece
            bar.update(piece)


def _joined(traces: list[Trace]) -> Trace:
    """Traces of consecutive pieces as one: each begins where the one before it ended."""
    if len(traces) == 1:
        return traces[0]
    steps = [t.steps[:-1] for t in traces[:-1]] + [traces[-1].steps]
    ways = [jax.tree.map(lambda x: x[:, :-1], (t.thetas, t.values)) for t in traces[:-1]]
    ways.append((traces[-1].thetas, traces[-1].values))
    return Trace(jnp.concatenate(steps), *jax.tree.map(lambda *xs: jnp.concatenate(xs, axis=1), *ways))
