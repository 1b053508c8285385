"""The steps of the outer loop: one jitted scan, vmapped over alphas."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from .._base.arguments import numpys_rules
from .._base.trees import largest
from .._meta.tasks import Tasks, checked_tasks
from .._results.status import Status, code
from .outer_run import OuterState, Trace, Watch

if TYPE_CHECKING:
    import optax

    from .._base.types import Array, Float, PyTree, Theta
    from .._meta.keyed import Keyed
    from .._meta.meta_loss import MetaLoss

# A run has diverged when some parameter is farther than this many times (1 + largest initial parameter) from zero.
# Losses here are of order one around parameters of order one; nothing comes back from a million times that, while
# float32 still has 32 decades before it overflows.
_ESCAPE = 1e6


class Piece(NamedTuple):
    """Some steps of a run: where they led, the way, and the meta-loss and its largest slope at the end."""

    state: OuterState
    trace: Trace
    values: Float[Array, "alphas"]
    slopes: Float[Array, "alphas"]


@partial(jax.jit, static_argnames=("optimizer", "resample", "per_alpha"))
def start(meta, alphas, theta0, key, optimizer, resample, per_alpha) -> OuterState:
    """The state before the first step."""

    def one(theta: Theta, alpha: Array) -> OuterState:
        slope = largest(jax.grad(_drawn(meta, resample, key, jnp.asarray(0)))(theta, alpha))
        never = jnp.asarray(-1, jnp.int32)
        size = largest(theta)
        wide = size.astype(jnp.float32) if size.dtype.itemsize < 4 else size  # a million has no place in 16 bits
        radius = (_ESCAPE * (1 + wide)).astype(slope.dtype)
        watch = Watch(radius, slope, never, never)
        return OuterState(theta, _full(optimizer).init(theta), jnp.asarray(0, jnp.int32), key, watch)

    if not per_alpha:
        theta0 = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (alphas.size, *leaf.shape)), theta0)

    def after_a_step(theta: Theta, alpha: Array) -> PyTree:
        return _step(meta, alpha, optimizer, resample, one(theta, alpha))[0].optimizer

    shared = _independent_of_alpha(after_a_step, theta0, alphas)
    axes = _axes(jax.tree.map(lambda s: None if s else 0, shared))
    return jax.vmap(one, out_axes=axes)(theta0, alphas)


@partial(jax.jit, static_argnames=("optimizer", "resample", "record", "record_every", "num_steps"))
def run(meta, alphas, state, *, optimizer, resample, record, record_every, num_steps) -> Piece:
    """`num_steps` steps from `state`."""
    if record == "nothing":
        record_every = max(num_steps, 1)

    def recorded(state: OuterState, value: Array) -> tuple[Theta | None, Array]:
        return (state.thetas if record == "thetas" else None), value

    def one(alpha: Array, state: OuterState) -> Any:
        def block(state: OuterState, length: int) -> tuple[OuterState, tuple[Theta | None, Array]]:
            """`length` steps; what is recorded before the first of them."""

            def body(carry: Any, index: Array) -> Any:
                state, first = carry
                state, value = _step(meta, alpha, optimizer, resample, state)
                return (state, jnp.where(index == 0, value, first)), None

            first = jnp.zeros((), jax.eval_shape(meta, state.thetas, alpha).dtype)
            carry, _ = jax.lax.scan(body, (state, first), jnp.arange(length), unroll=0 if length == 1 else 1)
            return carry[0], recorded(state, carry[1])

        blocks, rest = divmod(num_steps, record_every)
        records = []
        for length, times in ((record_every, blocks), (rest, min(rest, 1))):
            if times:
                state, rows = jax.lax.scan(lambda s, _, n=length: block(s, n), state, None, length=times)
                records.append(rows)
        final = _drawn(meta, resample, state.key, state.step)
        value, slope = jax.value_and_grad(final)(state.thetas, alpha)
        records.append(jax.tree.map(lambda leaf: leaf[None], recorded(state, value)))
        thetas, values = jax.tree.map(lambda *parts: jnp.concatenate(parts), *records)
        return state, thetas, values, value, largest(slope)

    axes = _state_axes(state, optimizer)
    mapped = jax.vmap(one, in_axes=(0, axes), out_axes=(axes, 0, 0, 0, 0))
    end, thetas, values, value, slope = mapped(alphas, state)
    steps = jnp.minimum(jnp.arange(values.shape[1]) * record_every, num_steps).astype(jnp.int32) + state.step
    trace = Trace(steps, thetas, values)
    if record == "nothing":
        trace = Trace(steps[:0], None, values[:, :0])
    return Piece(end, trace, value, slope)


def _step(meta, alpha, optimizer, resample, state: OuterState) -> tuple[OuterState, Array]:
    """One outer step of one alpha; also the value before it."""
    import optax

    drawn = _drawn(meta, resample, state.key, state.step)
    theta = state.thetas
    value, slope = jax.value_and_grad(drawn)(theta, alpha)
    with numpys_rules():  # those of optax
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
def judge(state: OuterState, values: Array, slope: Array, tolerance: float, fixed_tasks: bool) -> tuple[Array, Array]:
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


def _full(optimizer: Keyed) -> optax.GradientTransformationExtraArgs:
    import optax

    return optax.with_extra_args_support(optimizer.value)


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


def _state_axes(state: OuterState, optimizer: Keyed) -> OuterState:
    """The vmap axes of a state: None for the leaves of the optimiser that all alphas share."""
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), state.thetas)
    expected = jax.eval_shape(_full(optimizer).init, one)
    if jax.tree.structure(expected) != jax.tree.structure(state.optimizer):
        raise ValueError("the state belongs to another optimiser; continue with the one that made it")
    axes = jax.tree.map(lambda e, s: None if e.ndim == jnp.ndim(s) else 0, expected, state.optimizer)
    return _axes(axes)
