"""Signatures of the package, checked while the tests run: shapes by jaxtyping, types by beartype, in every call.

The package imports the words of its signatures for type checkers only, so that importing it stays light; at run time
its annotations are strings. Here they are read where all these words are known, and each function is put behind a check
of its own. Public functions and methods, and what is named a check, refuse bad arguments themselves, in words of their
own: of these only what they return is checked.
"""

from __future__ import annotations

import collections
import functools
import importlib
import importlib.util
import inspect
import itertools
import pkgutil
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import beartype
import jaxtyping
import numpy as np
import optax

# A number of NumPy is as good as one of Python.
_NUMBERS = {float: float | int | np.floating, int: int | np.integer, bool: bool | np.bool_}
_checking = beartype.beartype(conf=beartype.BeartypeConf(hint_overrides=beartype.FrozenDict(_NUMBERS)))

# A function is checked this often; loops on the host would take three times as long.
_CALLS = 200

_SELF_CHECKED = ("__init__", "__post_init__", "__repr__", "__eq__", "__hash__", "__getattr__", "__call__")


def modules_of(package: ModuleType) -> list[ModuleType]:
    """All modules of the package, imported, but for a command and a class of plotly's, which need not be there."""
    names = (module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."))
    left_out = ("__main__", "_interactive_figure")
    return [package, *(importlib.import_module(name) for name in names if not name.endswith(left_out))]


def check_signatures(package: ModuleType) -> dict[str, int]:
    """Every function and method of the package behind a check; how many annotations were read, and how many not."""
    modules = modules_of(package)
    words = _words(modules)
    rooms = [package, package.inner, package.outer, package.measure, package.cases, package.plot]
    rooms.append(package.plot.interactive)
    public = {v for room in rooms for v in vars(room).values() if inspect.isfunction(v) or inspect.isclass(v)}
    count = {"read": 0, "unread": 0}
    checked: dict[FunctionType, Callable[..., Any]] = {}
    for module in modules:
        known = _known_in(module, words)
        for value in list(vars(module).values()):
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(value):
                checked[value] = _checked(value, known, value in public, count)
            elif inspect.isclass(value):
                _check_methods(value, known, value in public, count)
    for module in modules:
        for name, value in list(vars(module).items()):
            if inspect.isfunction(value) and value in checked:
                setattr(module, name, checked[value])
    return count


def _words(modules: list[ModuleType]) -> dict[str, Any]:
    """What annotations may name: the words of the signatures, and every class of the package."""
    from matplotlib.axes import Axes
    from mpl_toolkits.mplot3d.axes3d import Axes3D

    # A figure is one of matplotlib's or of plotly's.
    words: dict[str, Any] = {"Axes": Axes, "Axes3D": Axes3D, "Figure": Any, "optax": optax}
    if importlib.util.find_spec("xarray"):
        words["xarray"] = importlib.import_module("xarray")
    own = [(n, v) for m in modules for n, v in vars(m).items() if inspect.isclass(v) and v.__module__ == m.__name__]
    named = collections.Counter(name for name, _ in own)
    words |= {name: cls for name, cls in own if named[name] == 1}
    return words | {"Any": Any} | vars(modules[0]._base.types)


def _known_in(module: ModuleType, words: dict[str, Any]) -> dict[str, Any]:
    """What annotations of one module may name. A protocol says what may be asked of an object, not what it is."""
    known = words | vars(module)
    return {name: Any if getattr(word, "_is_protocol", False) else word for name, word in known.items()}


def _check_methods(cls: type, words: dict[str, Any], is_public: bool, count: dict[str, int]) -> None:
    for name, value in list(vars(cls).items()):
        if inspect.isfunction(value) and name not in _SELF_CHECKED and value.__qualname__.startswith(cls.__qualname__):
            setattr(cls, name, _checked(value, words, is_public and name[0] != "_", count))


def _checked(function: FunctionType, words: dict[str, Any], is_public: bool, count: dict[str, int]) -> Any:
    if inspect.isgeneratorfunction(function) or hasattr(function, "__wrapped__"):
        return function
    is_door = is_public or function.__name__.lstrip("_").startswith("check")
    hints = {}
    for name, text in inspect.get_annotations(function).items():
        if is_door and name != "return":
            continue
        try:
            hints[name] = eval(text, words) if isinstance(text, str) else text
            count["read"] += 1
        except NameError:
            count["unread"] += 1
    if not hints:
        return function
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    functools.update_wrapper(copy, function)
    del copy.__wrapped__  # it stands for itself
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = hints
    checking = jaxtyping.jaxtyped(copy, typechecker=_checking)
    calls = itertools.count()

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        return (checking if next(calls) < _CALLS else function)(*args, **kwargs)

    return checked
