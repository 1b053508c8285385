"""A meta-loss as the programs of a page: what is computed at a point, for each number of steps; its live numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._points.at import sample, with_derivative
from ..inner._rules import Path
from ._compiler.compile import Outputs, Program, compiled

if TYPE_CHECKING:
    from .._meta.meta_loss import MetaLoss
    from .._meta.tasks import Task

# Names of leaves that are positions on the theta axis, unless the caller names others.
POSITIONS = ("center", "centre", "centers", "centres", "location", "optimum")


class Part(NamedTuple):
    """A program: a text, by its place among the sources, and the lengths of its loops."""

    source: int
    lengths: list[int]


class Compiled(NamedTuple):
    """A meta-loss as programs.

    Attributes:
        variants: by the number of inner steps, programs of `value`, `jet`, `bend` and `adapted`.
        path: a program of `losses` and `steps`.
        length: how many points of the inner path `steps` gives beside theta; of which K steps take the first K.
        in_steps: whether the path is one of inner steps; else it is theta and theta'.
    """

    variants: dict[int, Part]
    path: Part
    length: int
    in_steps: bool


class Parameter(NamedTuple):
    """A live number: what it is called, what it is, and between what it moves.

    Attributes:
        name: its path in the meta-loss, such as `tasks.support[1][0]`.
        value: as given.
        low: of its slider.
        high: of its slider.
        task: the task it belongs to, if to one.
        position: whether it lies on the theta axis.
        metas: the places of the meta-losses that it is a number of.
    """

    name: str
    value: float
    low: float
    high: float
    task: int | None
    position: bool
    metas: list[int]


class Programs(NamedTuple):
    """What a page computes with.

    Attributes:
        sources: texts of JavaScript, each an expression `(n) => ({name: function, ...})`.
        metas: in the order given.
        parameters: the live numbers, in the order of the array `p` of the programs.
    """

    sources: list[str]
    metas: list[Compiled]
    parameters: list[Parameter]


def programs(
    metas: Mapping[str, MetaLoss],
    thetas: tuple[float, float],
    num_steps: Sequence[int] = range(11),
    positions: Sequence[str] | None = None,
) -> Programs:
    """The programs of meta-losses of one parameter.

    Args:
        metas: by name.
        thetas: the ends of the theta axis: where positions move.
        num_steps: the numbers of inner steps to choose from, beside that which a meta-loss has.
        positions: names of numbers, or of arrays of them, that are positions on the theta axis; by default those whose
            last name is one of `POSITIONS`.
    """
    sources: dict[str, int] = {}
    parameters: dict[tuple[str, float], Parameter] = {}
    order: dict[tuple[str, float], int] = {}
    metas_compiled = []

    def part(program: Program) -> Part:
        return Part(sources.setdefault(program.text, len(sources)), program.lengths)

    for place, (name, meta) in enumerate(metas.items()):
        live = _live(meta)
        for path, array in live.items():
            for index in np.ndindex(array.shape):
                key = (_named(path, index), float(array[index]))
                if key not in parameters:
                    order[key] = len(order)
                    taken = any(k[0] == key[0] for k in parameters)
                    parameters[key] = _parameter(path, index, key[1], thetas, positions, f"{name}: " if taken else "")
                parameters[key].metas.append(place)
        places = {
            path: np.array(
                [f"p[{order[_named(path, i), float(array[i])]}]" for i in np.ndindex(array.shape)], object
            ).reshape(array.shape)
            for path, array in live.items()
        }
        variants = _with_steps(meta, num_steps)
        longest = variants[max(variants)]
        metas_compiled.append(
            Compiled(
                {k: part(_compiled(variant, places, POINT)) for k, variant in variants.items()},
                part(_compiled(longest, places, PATH)),
                _path_length(longest),
                _has_steps(meta),
            )
        )
    return Programs(list(sources), metas_compiled, list(parameters.values()))


def _compiled(meta: MetaLoss, places: Mapping[str, np.ndarray], functions: Sequence[Outputs]) -> Program:
    def filled(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda alpha, theta, *numbers: function(_filled(meta, list(places), numbers), theta, alpha)

    return compiled(functions, filled, {"alpha": "alpha", "theta": "theta", **places})


def _whole(meta: MetaLoss, theta: Any, alpha: Any) -> Any:
    """At a point: value, G, dG/dtheta; and the derivatives of G by which folds are found."""
    at, along = with_derivative(lambda t: sample(meta, t, alpha), theta)
    _, across = with_derivative(lambda a: sample(meta, theta, a), alpha)
    return at, (along.jacobians, across.directions, across.jacobians)


def _losses(meta: MetaLoss, theta: Any, alpha: Any) -> Any:
    def both(task: Task, *_: Any) -> Any:
        parameters = meta.parameters_and_rates(theta, alpha)[0]
        return task.support(parameters), task.query(parameters)

    return meta.map_tasks(both, theta, alpha)


def _steps(meta: MetaLoss, theta: Any, alpha: Any) -> Any:
    """`[num_tasks, length + 1]`: theta of each task after each step, from before the first."""

    def path(task: Task, theta: Any, alpha: Any) -> Any:
        start = jnp.asarray(theta)[None]
        if not _path_length(meta):
            return start
        if _has_steps(meta):
            return jnp.concatenate([start, Path(meta.inner)(task.support, theta, alpha)])
        return jnp.concatenate([start, meta.inner(task.support, theta, alpha)[None]])

    return meta.map_tasks(path, theta, alpha)


def _adapted(meta: MetaLoss, theta: Any, alpha: Any) -> Any:
    return meta.per_task(theta, alpha), meta.directions(theta, alpha)


# What is computed at a point, with one number of inner steps.
POINT = (
    Outputs("value(alpha, theta, p)", _whole, lambda outputs: outputs[0].values),
    Outputs("jet(alpha, theta, p, out)", _whole, lambda outputs: outputs[0]),
    Outputs("bend(alpha, theta, p, out)", _whole, lambda outputs: outputs[1]),
    Outputs("adapted(alpha, theta, p, out)", _adapted),
)

# What any number of steps shares.
PATH = (Outputs("losses(theta, p, out)", _losses), Outputs("steps(alpha, theta, p, out)", _steps))


def _has_steps(meta: MetaLoss) -> bool:
    """Whether theta' is made in steps that can be shown: a proximal rule may fail, and its iterations are no steps."""
    return not meta.inner.may_fail


def _path_length(meta: MetaLoss) -> int:
    return meta.inner.num_steps if _has_steps(meta) else 1


def _with_steps(meta: MetaLoss, num_steps: Sequence[int]) -> dict[int, MetaLoss]:
    """The meta-loss with each number of steps it can have: only its own where its rates or weights are bound to it."""
    own = meta.inner.num_steps
    if not _has_steps(meta) or meta.inner.per_step or meta.step_weights is not None or meta.coordinates is not None:
        return {own: meta}
    return {
        k: dataclasses.replace(meta, inner=dataclasses.replace(meta.inner, num_steps=k))
        for k in sorted({*num_steps, own})
    }


def _live(meta: MetaLoss) -> dict[str, np.ndarray]:
    """The floating leaves, by their paths."""
    paths = jax.tree_util.tree_flatten_with_path(meta)[0]
    return {
        jax.tree_util.keystr(path).removeprefix("."): np.asarray(leaf, np.float64)
        for path, leaf in paths
        if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
    }


def _filled(meta: MetaLoss, paths: Sequence[str], numbers: Sequence[Any]) -> MetaLoss:
    """The meta-loss with other numbers in the places of its own."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(meta)
    given = dict(zip(paths, numbers, strict=True))
    names = [jax.tree_util.keystr(path).removeprefix(".") for path, _ in leaves]
    return jax.tree.unflatten(structure, [given.get(n, leaf) for n, (_, leaf) in zip(names, leaves, strict=True)])


def _named(path: str, index: tuple[int, ...]) -> str:
    return path + "".join(f"[{i}]" for i in index)


def _parameter(
    path: str, index: tuple[int, ...], value: float, thetas: tuple[float, float], positions: Any, prefix: str
) -> Parameter:
    name = _named(path, index)
    if positions is None:
        last = path.rstrip("]'\"").replace("['", ".").replace('["', ".").rsplit(".", 1)[-1]
        position = last in POSITIONS
    else:
        position = any(name == p or name.startswith(f"{p}[") for p in positions)
    of_task = path.startswith("tasks.") and bool(index)
    if position:
        low, high = min(thetas[0], value), max(thetas[1], value)
    elif of_task:
        low, high = (-1.0, 1.0) if value == 0 else (min(0.0, 2 * value), max(0.0, 2 * value))
    else:  # a strength or a weight keeps its sign
        low, high = sorted((value / 10, 4 * value)) if value else (0.0, 1.0)
    return Parameter(prefix + name, value, low, high, index[0] if of_task else None, position, [])
