"""What a function reads besides its arguments, as it is now: a row of things that can be compared and hashed.

Walked is all that Python can reach from the function: what it closes over, its defaults, the globals and the
attributes of modules that its code names, the objects and classes among them with their attributes and methods, and so
on. Not seen are files, the environment, clocks and generators of random numbers.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import marshal
import sys
import types
import zlib
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import is_traced

# Arrays and containers up to so many bytes or entries are compared by what they hold, larger ones by a checksum of it:
# a key is kept as long as its program.
_SMALL = 2**20
_MANY = 10_000

_PLAIN = (bool, int, float, complex, str, bytes, range, slice, np.generic, types.NoneType)
_ARRAYS = (np.ndarray, jax.Array)
_METHODS = (types.FunctionType, classmethod, staticmethod, property, functools.cached_property)
# Of installed classes these have attributes for users to set; what others hold is their own affair.
_RECORDS = {
    ("types", "SimpleNamespace"),
    ("argparse", "Namespace"),
    ("collections", "UserDict"),
    ("collections", "UserList"),
}


class Same:
    """What is equal to itself only; it is kept, so that its address is not given to another."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value

    __hash__ = None  # type: ignore[assignment]


def read(value: Any) -> Iterator[Any]:
    """All that is reached from a function, each object once, as a row of things to compare."""
    seen: dict[int, tuple[int, Any]] = {}  # with the object itself, so that no other gets its address meanwhile
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, _PLAIN):
            yield type(value).__name__, repr(value)
        elif isinstance(value, _ARRAYS) and not _has_objects(value):
            yield _numbers(value)
        elif id(value) in seen:
            yield "again", seen[id(value)][0]
        else:
            seen[id(value)] = len(seen), value
            said, parts = _parts(value)
            yield from said
            waiting += reversed(parts)


def _has_objects(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.hasobject


def _numbers(array: Any) -> Any:
    if is_traced(array) or (isinstance(array, jax.Array) and (array.nbytes > _SMALL or array.is_deleted())):
        return Same(array)  # what JAX holds does not change
    if jnp.issubdtype(array.dtype, jax.dtypes.extended):  # keys of random numbers
        return Same(array)
    known = np.ascontiguousarray(array)
    content = known.tobytes() if known.nbytes <= _SMALL else zlib.crc32(known.reshape(-1).view(np.uint8).data)
    return type(array).__name__, str(known.dtype), known.shape, content


def _parts(value: Any) -> tuple[list[Any], list[Any]]:
    """What a function, a container or an object is, and what it is made of."""
    for kind, parts in _KINDS:
        if isinstance(value, kind) and (found := parts(value)) is not None:
            return found
    if isinstance(value, (type, types.ModuleType)):
        return [Same(value)], []
    if callable(function := getattr(value, "__wrapped__", None)):
        rules = [getattr(value, name, None) for name in ("fwd", "bwd", "jvp")]  # of custom derivatives
        return [type(value)], [function, *rules]
    kind = type(value)
    is_record = (kind.__module__, kind.__qualname__) in _RECORDS or dataclasses.is_dataclass(kind)
    if is_record or not _is_installed(kind):
        return ["object"], [kind, _attributes(value)]
    return [Same(value)], []


Parts = tuple[list[Any], list[Any]] | None


def _of_function(value: types.FunctionType) -> Parts:
    defaults, named = value.__defaults__ or (), value.__kwdefaults__ or {}
    cells = [_content(cell) for cell in value.__closure__ or ()]
    # An installed package does not change under a notebook.
    read = {} if _is_installed(value) else _globals(value)
    own = {name: x for name, x in vars(value).items() if name != "__wrapped__"}
    return [value.__code__, len(defaults), tuple(read)], [*defaults, named, *cells, own, *read.values()]


def _of_method(value: types.MethodType | types.BuiltinMethodType) -> Parts:
    if isinstance(value, types.MethodType):
        return ["method"], [value.__func__, value.__self__]
    if value.__self__ is None or isinstance(value.__self__, types.ModuleType):
        return None
    return ["method", value.__name__], [value.__self__]


def _of_partial(value: functools.partial[Any]) -> Parts:
    return ["partial", len(value.args)], [value.func, *value.args, value.keywords]


def _of_row(value: Any) -> Parts:
    if len(value) > _MANY and (found := _checksum(value)) is not None:
        return [(type(value), len(value), found)], []
    return [(type(value), len(value))], list(value)


def _of_set(value: Set[Any]) -> Parts:
    return _of_row(sorted(value, key=repr))


def _of_mapping(value: Mapping[Any, Any]) -> Parts:
    if len(value) > _MANY and (found := _checksum(dict(value))) is not None:
        return [("mapping", len(value), found)], []
    return [("mapping", tuple(map(repr, value)))], list(value.values())


def _of_objects(value: np.ndarray) -> Parts:
    return [("objects", value.shape)], value.reshape(-1).tolist()


def _of_class(value: type) -> Parts:
    if _is_installed(value):
        return None
    mine = {name: x for name, x in vars(value).items() if _is_read(name, x)}
    return [(value.__qualname__, tuple(mine))], [*value.__bases__, *mine.values()]


def _of_descriptor(value: Any) -> Parts:
    functions = [getattr(value, name, None) for name in ("fget", "fset", "func", "__func__")]
    return [type(value).__name__], functions


# The first that has an answer counts.
_KINDS: list[tuple[Any, Callable[[Any], Parts]]] = [
    (types.FunctionType, _of_function),
    ((types.MethodType, types.BuiltinMethodType), _of_method),
    (functools.partial, _of_partial),
    ((tuple, list, collections.deque, bytearray), _of_row),
    ((set, frozenset), _of_set),
    ((dict, types.MappingProxyType), _of_mapping),
    (np.ndarray, _of_objects),
    (type, _of_class),
    ((classmethod, staticmethod, property, functools.cached_property), _of_descriptor),
]


def _checksum(value: Any) -> int | None:
    """Of a large container of plain values."""
    try:
        return zlib.crc32(marshal.dumps(list(value) if isinstance(value, collections.deque) else value))
    except ValueError:
        return None


def _is_read(name: str, value: Any) -> bool:
    """Whether an attribute of a class is one that a method may look up: not what Python itself puts there."""
    if isinstance(value, _METHODS):
        return True
    own = name.startswith("__") or name.startswith("_abc_")
    return not own and not isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType))


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object, those in slots too, but not what it computed from others and keeps."""
    kinds = type(value).__mro__
    kept = {name for kind in kinds for name, x in vars(kind).items() if isinstance(x, functools.cached_property)}
    slots = {name: getattr(value, name, None) for kind in kinds for name in _slots(kind)}
    return slots | {name: x for name, x in getattr(value, "__dict__", {}).items() if name not in kept}


def _slots(kind: type) -> list[str]:
    given = vars(kind).get("__slots__", ())
    names = [given] if isinstance(given, str) else list(given)
    private = [f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") else name for name in names]
    return [name for name in private if name not in ("__dict__", "__weakref__")]


def _globals(function: types.FunctionType) -> dict[str, Any]:
    """The globals that a function names, and what it names of modules of the user, also of those it imports itself."""
    names = sorted(set(_names(function.__code__)))
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    modules = [x for x in found.values() if isinstance(x, types.ModuleType)]
    package = function.__globals__.get("__package__") or ""
    modules += [sys.modules[name] for own in names for name in (own, f"{package}.{own}") if name in sys.modules]
    looked_into: set[int] = set()
    while modules:
        module = modules.pop()
        if id(module) in looked_into or _is_installed(module):
            continue
        looked_into.add(id(module))
        here = {f"{module.__name__}.{name}": vars(module)[name] for name in names if name in vars(module)}
        modules += [x for x in here.values() if isinstance(x, types.ModuleType)]
        found |= here
    return {name: x for name, x in found.items() if not isinstance(x, types.ModuleType) or _is_installed(x)}


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
    """Whether a module, or that of a function or class, lies in an installed package or is built in."""
    name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    module = value if isinstance(value, types.ModuleType) else sys.modules.get(name or "")
    file = getattr(module, "__file__", None)
    if module is None or module.__name__ == "__main__":
        return False
    if file is None:  # a module that was made by hand has no origin
        return getattr(module.__spec__, "origin", None) in ("built-in", "frozen")
    return "site-packages" in file or file.startswith(_STANDARD)


# Where Python's own modules lie.
_STANDARD = str(types.__file__).removesuffix("types.py")
