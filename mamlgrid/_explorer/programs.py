"""A meta-loss as the programs of a page: what is computed at a point for each number of steps, and its live numbers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import said
from .._points.at import sample, with_derivative
from ..inner._rules import Path
from ..inner._scan import short_programs
from ._compiler.compile import Outputs, Program, compiled
from ._compiler.numbers import remedy

if TYPE_CHECKING:
    from .._meta.meta_loss import MetaLoss
    from .._meta.tasks import Task

# Of all programs of a page: with what is around them a file of one and a half megabytes, which opens at once.
MOST_BYTES = 1_350_000

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
        by_task: whether a program is that of one task, whose place it takes; what it gives is added up.
        length: how many points of the inner path `steps` gives beside theta; of which K steps take the first K.
        in_steps: whether the path is one of inner steps; else it is theta and theta'.
    """

    variants: dict[int, Part]
    path: Part
    by_task: bool
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
        live: whether it can be moved; integers and booleans among the data of tasks cannot, nor what is not finite.
        leaf: the path of the array that it stands in.
        place: where it stands there.
    """

    name: str
    value: float
    low: float
    high: float
    task: int | None
    position: bool
    metas: list[int]
    live: bool
    leaf: str
    place: tuple[int, ...]


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

    Raises:
        ValueError: positions that are no numbers of these, or more programs than a page should hold.
    """
    sources: dict[str, int] = {}
    numbers = _Numbers(thetas, positions)

    def part(program: Program) -> Part:
        if program.text not in sources and (size := sum(map(len, [*sources, program.text]))) > MOST_BYTES:
            raise ValueError(
                f"the page would have {size / 1e6:.1f} MB of programs or more, where {MOST_BYTES / 1e6:.2f} fit: what "
                f"counts is how much data a task has, and how many algorithms there are ({len(metas)}); take smaller "
                "data for each task, or make a page for each algorithm"
            )
        return Part(sources.setdefault(program.text, len(sources)), program.lengths)

    def made_of(place: int, name: str, meta: MetaLoss) -> Compiled:
        leaves = _numbers_of(meta)
        places = {path: numbers.places(name, place, path, leaf) for path, leaf in leaves.items()}
        dtypes = {path: leaf.dtype for path, leaf in leaves.items()}
        variants = {k: _of_one_task(variant) for k, variant in _with_steps(meta, num_steps).items()}
        longest = variants[max(variants)]
        points = _by_steps(variants, lambda variant: _compiled(variant, places, dtypes, POINT))
        return Compiled(
            {k: part(program) for k, program in points.items()},
            part(_compiled(longest, places, dtypes, PATH)),
            meta.tasks is not None,
            _path_length(longest),
            has_steps(meta),
        )

    made = [made_of(place, name, meta) for place, (name, meta) in enumerate(metas.items())]
    numbers.check_positions()
    return Programs(list(sources), made, numbers.parameters)


class _Numbers:
    """The numbers of several meta-losses side by side; leaves of one path that are equal are there once."""

    def __init__(self, thetas: tuple[float, float], positions: Sequence[str] | None) -> None:
        self.parameters: list[Parameter] = []
        self._thetas = thetas
        self._positions = positions
        self._first: dict[tuple[str, bytes], int] = {}

    def places(self, name: str, meta: int, path: str, leaf: np.ndarray) -> np.ndarray:
        """Where JavaScript finds each number of a leaf; of the data of tasks those of the task `i`."""
        key = (path, leaf.dtype.str.encode() + leaf.tobytes())
        if key not in self._first:
            prefix = f"{name}: " if any(known == path for known, _ in self._first) else ""
            self._first[key] = len(self.parameters)
            self.parameters += [self._parameter(path, index, leaf, prefix) for index in np.ndindex(leaf.shape)]
        first = self._first[key]
        for k in range(first, first + leaf.size):
            self.parameters[k].metas.append(meta)
        of_tasks = path.startswith("tasks.")
        shape = (1, *leaf.shape[1:]) if of_tasks else leaf.shape
        each = f" + {leaf.size // leaf.shape[0]} * i" if of_tasks else ""
        test = " !== 0" if leaf.dtype == np.bool_ else ""
        texts = [f"p[{first + k}{each}]{test}" for k in range(int(np.prod(shape)))]
        return np.array(texts, object).reshape(shape)

    def check_positions(self) -> None:
        """Refuse a position that is no number of theirs."""
        for given in self._positions or ():
            if not any(_is_or_holds(given, parameter.leaf, parameter.place) for parameter in self.parameters):
                leaves = ", ".join(dict.fromkeys(parameter.leaf for parameter in self.parameters)) or "no numbers"
                raise ValueError(
                    f"positions must be names of numbers or of arrays of them; got {said(given)}, there are {leaves}"
                )

    def _parameter(self, path: str, index: tuple[int, ...], leaf: np.ndarray, prefix: str) -> Parameter:
        name = _named(path, index)
        value, task = float(leaf[index]), index[0] if path.startswith("tasks.") else None
        position, live = self._is_position(path, index), leaf.dtype.kind == "f" and bool(np.isfinite(value))
        if not live:
            low, high = 0.0, 0.0
        elif position:
            low, high = min(self._thetas[0], value), max(self._thetas[1], value)
        elif task is not None:
            low, high = (-1.0, 1.0) if value == 0 else (min(0.0, 2 * value), max(0.0, 2 * value))
        else:  # a strength or a weight keeps its sign
            low, high = sorted((value / 10, 4 * value)) if value else (0.0, 1.0)
        return Parameter(prefix + name, value, low, high, task, position and live, [], live, path, index)

    def _is_position(self, path: str, index: tuple[int, ...]) -> bool:
        if self._positions is not None:
            return any(_is_or_holds(given, path, index) for given in self._positions)
        return re.split(r"[\W_]+", path.strip("[]'\""))[-1] in POSITIONS


def _named(path: str, index: tuple[int, ...]) -> str:
    return path + "".join(f"[{i}]" for i in index)


def _is_or_holds(given: str, path: str, index: tuple[int, ...]) -> bool:
    """Whether a name is that of a number, or of an array or a tree that it stands in."""
    name = _named(path, index)
    return name == given or name.startswith((f"{given}[", f"{given}."))


def _numbers_of(meta: MetaLoss) -> dict[str, np.ndarray]:
    """The leaves by their paths, floating ones in double precision; integers and booleans only of tasks."""
    paths = jax.tree_util.tree_flatten_with_path(meta)[0]
    named = {jax.tree_util.keystr(path).removeprefix("."): leaf for path, leaf in paths}
    for name, leaf in named.items():
        if name.startswith("tasks.") and not _is_real(dtype := jnp.result_type(leaf)):
            raise ValueError(
                f"the explorer has real numbers, integers and booleans only, but {name} holds {dtype}{remedy(dtype)}"
            )
    floating = {name: jnp.issubdtype(jnp.result_type(leaf), jnp.floating) for name, leaf in named.items()}
    return {
        name: np.asarray(leaf, np.float64) if floating[name] else np.asarray(leaf)
        for name, leaf in named.items()
        if floating[name] or name.startswith("tasks.")
    }


def _is_real(dtype: Any) -> bool:
    return any(jnp.issubdtype(dtype, kind) for kind in (np.floating, np.integer, np.bool_))


def _of_one_task(meta: MetaLoss) -> MetaLoss:
    """A meta-loss of the first task alone: a program of it is one of any task, as long or as short as their data."""
    return dataclasses.replace(meta, tasks=jax.tree.map(lambda leaf: leaf[:1], meta.tasks))


def _by_steps(variants: Mapping[int, MetaLoss], program_of: Callable[[MetaLoss], Program]) -> dict[int, Program]:
    """The program for each number of steps.

    From two steps on they are a loop, and programs differ in the lengths of loops only, which grow evenly: where those
    of three numbers of steps agree, they say what the others are, and a loss is traced five times in place of eleven.
    """
    loops = sorted(k for k in variants if k > 1)
    known = {k: program_of(variant) for k, variant in variants.items() if k not in loops[2:-1]}
    if not loops[2:-1]:
        return known
    low, high = loops[0], loops[-1]
    first, last = np.array(known[low].lengths), np.array(known[high].lengths)

    def between(k: int) -> Program | None:
        if any(known[j].text != known[low].text for j in (loops[1], high)):
            return None
        lengths, rest = np.divmod(first * (high - k) + last * (k - low), high - low)
        return None if rest.any() else Program(known[low].text, lengths.tolist())

    even = between(loops[1]) == known[loops[1]]
    made = {k: (between(k) if even else None) or program_of(variants[k]) for k in loops[2:-1]}
    return {k: {**known, **made}[k] for k in variants}


def _compiled(
    meta: MetaLoss, places: Mapping[str, np.ndarray], dtypes: Mapping[str, Any], functions: Sequence[Outputs]
) -> Program:
    def filled(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda alpha, theta, *numbers: function(_filled(meta, list(places), numbers), theta, alpha)

    with short_programs():
        return compiled(functions, filled, {"alpha": "alpha", "theta": "theta", **places}, dtypes)


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
        if has_steps(meta):
            return jnp.concatenate([start, Path(meta.inner)(task.support, theta, alpha)])
        return jnp.concatenate([start, meta.inner(task.support, theta, alpha)[None]])

    return meta.map_tasks(path, theta, alpha)


def _adapted(meta: MetaLoss, theta: Any, alpha: Any) -> Any:
    return meta.per_task(theta, alpha), meta.directions(theta, alpha)


# What is computed at a point, with one number of inner steps.
POINT = (
    Outputs("value(alpha, theta, p, i)", _whole, lambda outputs: outputs[0].values),
    Outputs("jet(alpha, theta, p, out, i)", _whole, lambda outputs: outputs[0]),
    Outputs("bend(alpha, theta, p, out, i)", _whole, lambda outputs: outputs[1]),
    Outputs("adapted(alpha, theta, p, out, i)", _adapted),
)

# What any number of steps shares.
PATH = (Outputs("losses(theta, p, out, i)", _losses), Outputs("steps(alpha, theta, p, out, i)", _steps))


def has_steps(meta: MetaLoss) -> bool:
    """Whether theta' is made in steps that can be shown: a proximal rule may fail, and its iterations are no steps."""
    return not meta.inner.may_fail


def has_choice(meta: MetaLoss) -> bool:
    """Whether it can have another number of steps: only its own where rates or weights are bound to them."""
    bound = meta.inner.per_step or meta.step_weights is not None or meta.coordinates is not None
    return has_steps(meta) and not bound


def _path_length(meta: MetaLoss) -> int:
    return meta.inner.num_steps if has_steps(meta) else 1


def _with_steps(meta: MetaLoss, num_steps: Sequence[int]) -> dict[int, MetaLoss]:
    """The meta-loss with each number of steps that it can have."""
    own = meta.inner.num_steps
    if not has_choice(meta):
        return {own: meta}
    return {
        k: dataclasses.replace(meta, inner=dataclasses.replace(meta.inner, num_steps=k))
        for k in sorted({*num_steps, own})
    }


def _filled(meta: MetaLoss, paths: Sequence[str], numbers: Sequence[Any]) -> MetaLoss:
    """The meta-loss with other numbers in the places of its own."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(meta)
    given = dict(zip(paths, numbers, strict=True))
    names = [jax.tree_util.keystr(path).removeprefix(".") for path, _ in leaves]
    return jax.tree.unflatten(structure, [given.get(n, leaf) for n, (_, leaf) in zip(names, leaves, strict=True)])


def with_numbers(meta: MetaLoss, place: int, parameters: Sequence[Parameter], values: Sequence[float]) -> MetaLoss:
    """The meta-loss in a `place` with other values of its live numbers."""
    leaves = {path: np.array(leaf) for path, leaf in _numbers_of(meta).items()}
    for parameter, value in zip(parameters, values, strict=True):
        if place in parameter.metas:
            leaves[parameter.leaf][parameter.place] = value
    return _filled(meta, list(leaves), [jnp.asarray(leaf) for leaf in leaves.values()])
