"""Meta-losses as Python code: what a reader of a page takes away runs, once the losses are imported."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from .. import inner as inner_rules
from .. import outer as outer_rules
from .._meta.coordinates import ScaledRates
from .._meta.keyed import Keyed
from .._meta.tasks import Tasks
from ..inner._proximal import Proximal
from ..inner._rules import GradientDescent, Optax
from ..outer import Displacement, ThroughAdaptation, Truncated
from .programs import Parameter, has_steps

if TYPE_CHECKING:
    from .._meta.meta_loss import MetaLoss

# Names that the code around the meta-losses uses.
_TAKEN = (
    "mg",
    "np",
    "jax",
    "optax",
    "plot",
    "tasks",
    "meta",
    "metas",
    "name",
    "alpha",
    "theta",
    "alphas",
    "thetas",
    "bounds",
    "levels",
    "surface",
    "optimum",
    "run",
    "comparison",
)


class Numbers(NamedTuple):
    """A place in the code for live numbers: as many as the shape says, from the `first` on; `kind` as NumPy has it."""

    first: int
    shape: list[int]
    kind: str


class TasksOf(NamedTuple):
    """A place for the name of the tasks, which several meta-losses may share; and what they are."""

    tasks: list[Piece]


# What a page fills in: a text as it is, live numbers, the name of tasks, or for None the number of inner steps.
Piece = str | Numbers | TasksOf | None


class Written(NamedTuple):
    """A meta-loss as code.

    Attributes:
        imports: by module, what is taken from it.
        own: what the reader must have defined, in words, by its name.
        pieces: of the expression.
    """

    imports: dict[str, list[str]]
    own: dict[str, str]
    pieces: list[Piece]


def written(metas: Mapping[str, MetaLoss], parameters: Sequence[Parameter]) -> list[Written]:
    """The code of each of the meta-losses of a page, whose names do not clash."""
    names = _Names()
    return [_of_meta(place, name, meta, parameters, names) for place, (name, meta) in enumerate(metas.items())]


def _of_meta(place: int, name: str, meta: MetaLoss, parameters: Sequence[Parameter], names: _Names) -> Written:
    first = {one.leaf: k for k, one in reversed([*enumerate(parameters)]) if place in one.metas}
    writer = _Writer(first, names, has_steps(meta))
    try:
        pieces = writer.meta(meta)
    except _NoWordsError as error:
        own = names.unique(re.sub(r"\W+", "_", name).lower())
        return Written({}, {own: f"the meta-loss {name!r}, whose {error} cannot be written here"}, [own])
    return Written(writer.imports, writer.own, _joined(pieces))


class _NoWordsError(Exception):
    """Something that cannot be written as code."""


class _Names:
    """Names of functions and classes, one for each of them."""

    def __init__(self) -> None:
        self._of: dict[Any, str] = {}
        self._taken: set[str] = {*_TAKEN}

    def unique(self, wanted: str) -> str:
        """A name that nothing else has."""
        wanted = wanted if wanted.isidentifier() else f"_{wanted}"
        tries = (wanted, *(f"{wanted}_{k}" for k in range(2, 10_000)))
        name = next(one for one in tries if one not in self._taken)
        self._taken.add(name)
        return name

    def of(self, key: Any, wanted: str) -> str:
        """The name of what was named before, or a new one."""
        if key not in self._of:
            self._of[key] = self.unique(wanted)
        return self._of[key]


class _Writer:
    """Values of one meta-loss as pieces of code; `path` is where they stand in it, as for live numbers."""

    def __init__(self, first: Mapping[str, int], names: _Names, steps: bool) -> None:
        self.imports: dict[str, list[str]] = {}
        self.own: dict[str, str] = {}
        self._first, self._names, self._steps = first, names, steps

    def meta(self, meta: MetaLoss) -> list[Piece]:
        """A call of the algorithm by its name, where it has one."""
        function, settings = self._algorithm(meta)
        losses = [*meta.loss] if isinstance(meta.loss, tuple) else meta.loss
        given = [self.value("loss", losses)]
        if meta.tasks is not None:
            given.append([TasksOf(_joined(self.value("tasks", meta.tasks)))])
        settings |= {"reduce": [repr(meta.reduce)]} if meta.reduce != "sum" else {}
        if meta.step_weights is not None:
            settings["step_weights"] = self.value("step_weights", meta.step_weights)
        call = _call(function, given, settings)
        if meta.coordinates is None:
            return call
        if type(meta.coordinates) is not ScaledRates:
            raise _NoWordsError("coordinates")
        return _call("mg.scale_rates", [call, self.value("coordinates.rates", meta.coordinates.rates)], {})

    def _algorithm(self, meta: MetaLoss) -> tuple[str, dict[str, list[Piece]]]:
        """Its function, with what it is given beside losses and tasks."""
        kind = type(meta.outer)
        if type(meta.inner) is Proximal and kind in (ThroughAdaptation, Displacement):
            return "mg.imaml" if kind is ThroughAdaptation else "mg.moreau", self._fields("inner", meta.inner)
        names = {ThroughAdaptation: "mg.maml", Displacement: "mg.reptile"}
        name = "mg.fomaml" if meta.outer == Truncated(0) else names.get(kind)
        if name is None:
            return "mg.meta_loss", {"inner": self.value("inner", meta.inner), "outer": self.value("outer", meta.outer)}
        if type(meta.inner) is GradientDescent:
            return name, self._fields("inner", meta.inner)
        return name, {"inner": self.value("inner", meta.inner)}

    def value(self, path: str, value: Any) -> list[Piece]:
        """Anything that a meta-loss is made of."""
        if isinstance(value, Keyed):
            return self.value(path, value.value)
        if value is None or isinstance(value, bool | int | str):
            return [repr(value)]
        if isinstance(value, float | np.generic | np.ndarray | jax.Array):
            return [self._numbers(path, value)]
        if type(value) is dict:
            items = [[f"{key!r}: ", *self.value(f"{path}[{key!r}]", item)] for key, item in value.items()]
            return _between("{", items, "}")
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            named: Any = type(value)
            kind = "mg.Tasks" if named is Tasks else self._named(named, "kind")
            fields = {name: self.value(f"{path}.{name}", part) for name, part in zip(named._fields, value, strict=True)}
            if type(value) is Tasks and value.query is None:
                del fields["query"]
            return _call(kind, [], fields)
        if isinstance(value, tuple | list):
            items = [self.value(f"{path}[{k}]", item) for k, item in enumerate(value)]
            if isinstance(value, list):
                return _between("[", items, "]")
            return _between("(", items, ",)" if len(items) == 1 else ")")
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and not callable(value):
            return _call(self._named(type(value), "kind"), [], self._fields(path, value))
        if isinstance(value, inner_rules.InnerRule | outer_rules.OuterRule):
            return self._rule(path, value)
        if callable(value):
            return [self._named(value, re.split(r"[.\[]", path.removeprefix("inner."))[0])]
        raise _NoWordsError(path)

    def _rule(self, path: str, rule: Any) -> list[Piece]:
        if type(rule) is Optax:
            return _call("mg.inner.optax", [], self._fields(path, rule))
        name = type(rule).__name__
        for prefix, module in (("mg.inner", inner_rules), ("mg.outer", outer_rules)):
            if getattr(module, name, None) is type(rule):
                return _call(f"{prefix}.{name}", [], self._fields(path, rule))
        return _call(self._named(type(rule), "rule"), [], self._fields(path, rule))

    def _fields(self, path: str, made: Any) -> dict[str, list[Piece]]:
        """The fields of a dataclass that are not as they are by default, and the steps that the page chooses."""
        given: dict[str, list[Piece]] = {}
        for field in dataclasses.fields(made):
            value = getattr(made, field.name)
            if path == "inner" and field.name == "num_steps" and self._steps:
                given[field.name] = [None]
            elif field.init and not (value is field.default or (_is_simple(value) and value == field.default)):
                given[field.name] = self.value(f"{path}.{field.name}", value)
        return given

    def _numbers(self, path: str, value: Any) -> Piece:
        array = np.asarray(value)
        if path in self._first:
            return Numbers(self._first[path], list(array.shape), array.dtype.kind if array.dtype.kind in "iub" else "f")
        return repr(array.tolist()) if array.ndim == 0 else f"np.array({array.tolist()!r})"

    def _named(self, function: Any, fallback: str) -> str:
        """The name of a function or class: imported, or for the reader to define."""
        function = function.value if isinstance(function, Keyed) else function
        module, names = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
        root, _, rest = names.partition(".")
        for place in _modules(module):
            if root.isidentifier() and _found(place, names) is function:
                name = self._names.of((place, root), root)
                taken = self.imports.setdefault(place, [])
                taken += {root if name == root else f"{root} as {name}"} - set(taken)
                return f"{name}.{rest}" if rest else name
        plain = getattr(function, "__name__", "")
        name = self._names.of(id(function), plain if plain.isidentifier() else fallback)
        kind = "a lambda" if plain == "<lambda>" else names or type(function).__name__
        self.own[name] = f"{kind} of {module or 'your own code'}"
        return name


def _is_simple(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def _modules(module: str | None) -> list[str]:
    """Where a name may be imported from: a public package first, never a script or a notebook."""
    if module is None or module == "__main__":
        return []
    return list(dict.fromkeys([module.split("._")[0], module]))


def _found(module: str, names: str) -> Any:
    try:
        return functools.reduce(getattr, names.split("."), import_module(module))
    except (ImportError, AttributeError):
        return None


def _between(start: str, items: Sequence[list[Piece]], end: str) -> list[Piece]:
    commas = [[", ", *item] if k else item for k, item in enumerate(items)]
    return [start, *(piece for item in commas for piece in item), end]


def _call(function: str, arguments: Sequence[list[Piece]], settings: Mapping[str, list[Piece]]) -> list[Piece]:
    return _between(f"{function}(", [*arguments, *([f"{name}=", *value] for name, value in settings.items())], ")")


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbouring texts as one."""
    made: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and made and isinstance(made[-1], str):
            made[-1] += piece
        else:
            made.append(piece)
    return made
