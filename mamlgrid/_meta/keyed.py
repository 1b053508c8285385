"""Functions as keys of compiled programs: by what they compute, not by which object they are.

A compiled program is found again by the losses and the optimiser it was made of. A function object alone says too
little: the globals and attributes that it reads may have changed since. And too much: a cell of a notebook that is run
again makes another one that computes the same.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from .._base.arguments import is_traced

# Arrays up to so many bytes are compared by their numbers, larger ones by identity.
_SMALL = 2**20

# Containers with more entries than this are data, and compared by identity.
_MANY = 10_000


class Keyed:
    """A function, or a tuple of them such as an optimiser, with all that it reads besides its arguments, as it is now.

    Two are equal, and share compiled programs, when they have the same code and read the same values: closed over,
    global, defaults, attributes; numbers, texts and small arrays by value, all else by identity.

    >>> def made(c):
    ...     return Keyed(lambda theta: (theta - c) ** 2)
    >>> made(1.0) == made(1.0), made(1.0) == made(2.0)
    (True, False)
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self._key = tuple(_read(value))
        self._hash = hash(tuple(x for x in self._key if not isinstance(x, _Same)))

    def __call__(self, *args: Any) -> Any:
        return self.value(*args)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and self._hash == other._hash and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return repr(self.value)


def keyed(loss: Callable[..., Any]) -> Keyed:
    """The loss with what it reads now, also where it was read once before."""
    return Keyed(loss.value if isinstance(loss, Keyed) else loss)


class _Same:
    """What is equal to itself only; it is kept, so that its address is not given to another."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    __hash__ = None  # type: ignore[assignment]


def _read(value: Any) -> Iterator[Any]:
    """All that is reached from a function, each object once, as a row of things to compare."""
    seen: dict[int, tuple[int, Any]] = {}  # with the object itself, so that no other gets its address meanwhile
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, bool | int | float | complex | str | bytes | np.generic | types.NoneType):
            yield type(value).__name__, repr(value)
        elif isinstance(value, np.ndarray | jax.Array):
            yield _numbers(value) if _is_small(value) else _Same(value)
        elif id(value) in seen:
            yield "again", seen[id(value)][0]
        else:
            seen[id(value)] = len(seen), value
            said, parts = _parts(value)
            yield from said
            waiting += reversed(parts)


def _numbers(array: Any) -> tuple[Any, ...]:
    known = np.asarray(array)
    return type(array).__name__, str(known.dtype), known.shape, known.tobytes()


def _is_small(array: Any) -> bool:
    if is_traced(array) or (isinstance(array, jax.Array) and array.is_deleted()):
        return False
    return np.issubdtype(array.dtype, np.number) and array.nbytes <= _SMALL


def _parts(value: Any) -> tuple[list[Any], list[Any]]:
    """What a function, a container or an object is, and what it is made of."""
    if isinstance(value, types.FunctionType):
        defaults, named = value.__defaults__ or (), value.__kwdefaults__ or {}
        # An installed package does not change under a notebook.
        read = {} if _is_installed(value) else value.__globals__
        names = tuple(sorted(set(_names(value.__code__)) & read.keys()))
        cells = [_content(cell) for cell in value.__closure__ or ()]
        return [value.__code__, len(defaults), names], [*defaults, named, *cells, *(read[name] for name in names)]
    if isinstance(value, types.MethodType):
        return ["method"], [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return ["partial", len(value.args)], [value.func, *value.args, value.keywords]
    if isinstance(value, tuple | list) and len(value) <= _MANY:
        return [(type(value), len(value))], list(value)
    if isinstance(value, dict) and len(value) <= _MANY:
        return [("dict", tuple(map(repr, value)))], list(value.values())
    if (wrapped := getattr(value, "__wrapped__", None)) is not None:
        return [type(value)], [wrapped]
    if hasattr(value, "__dict__") and not isinstance(value, types.ModuleType | type) and not _is_installed(type(value)):
        return [_Same(type(value))], [vars(value)]
    return [_Same(value)], []


def _names(code: types.CodeType) -> Iterator[str]:
    """The names that code and the functions in it look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # of a name that has no value yet
        return None


def _is_installed(value: Any) -> bool:
    """Whether the module of a function or class lies in an installed package, or is built in."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    file = getattr(module, "__file__", None)
    return module is not None and module.__name__ != "__main__" and (file is None or "site-packages" in file)
