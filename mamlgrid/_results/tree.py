"""Results as named arrays plus a description in JSON's terms, so that a file needs no pickle."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .declaration import REGISTRY, check_kinds, check_shapes, declarations, is_declared

# States of optimisers are named tuples of other packages. Only classes from these are ever looked up, so that a foreign
# file cannot have anything else imported.
_TRUSTED = ("optax",)


class Stored(NamedTuple):
    """An array in a file, as the header promises it.

    Attributes:
        name: of the member.
        dtype: of the array.
        shape: likewise.
    """

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def kept(self) -> np.dtype:
        """The dtype in the file: of what NumPy itself does not know, such as bfloat16, the bits."""
        return self.dtype if self.dtype.isbuiltin == 1 else np.dtype(f"u{self.dtype.itemsize}")

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


def pack(result: Any) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays of a result by name, and the description."""
    arrays: dict[str, np.ndarray] = {}

    def declared(node: Any) -> Any:
        fields = {
            name: (still if field.kind == "static" else visit)(getattr(node, name))
            for name, field in declarations(node).items()
        }
        return {"result": type(node).__name__, "fields": fields}

    def visit(node: Any) -> Any:
        if node is None:
            return None
        if is_declared(node):
            return declared(node)
        if isinstance(node, tuple) and hasattr(node, "_fields"):
            state: Any = type(node)
            fields = {name: visit(child) for name, child in zip(state._fields, node, strict=True)}
            return {"state": _address(state), "fields": fields}
        if isinstance(node, tuple | list):
            return {"tuple" if isinstance(node, tuple) else "list": [visit(child) for child in node]}
        if isinstance(node, dict):
            if not all(isinstance(key, str) for key in node):
                raise TypeError(f"cannot save a dict whose keys are not all strings: {list(node)!r}")
            return {"dict": {key: visit(child) for key, child in node.items()}}
        if not jax.tree_util.all_leaves([node]):
            raise TypeError(
                f"cannot save a {type(node).__name__}: only tuples, lists, dicts and the states of optax can be read "
                "back. Start the loop from one of these, such as jax.tree.leaves(theta0), and put it together in the "
                "loss"
            )
        name = f"array_{len(arrays)}"
        if isinstance(node, jax.Array) and jnp.issubdtype(node.dtype, jax.dtypes.prng_key):
            return {"key": keep(name, np.asarray(jax.random.key_data(node))), "impl": str(jax.random.key_impl(node))}
        array = np.asarray(node)
        if not (array.dtype.kind in "fiub" or jnp.issubdtype(array.dtype, jnp.floating)):
            raise TypeError(f"cannot save a {type(node).__name__} of dtype {array.dtype}: only real arrays are kept")
        return {"array": keep(name, array)}

    def keep(name: str, array: np.ndarray) -> list[Any]:
        entry = Stored(name, array.dtype, array.shape)
        arrays[name] = array.view(entry.kept)
        return [name, str(array.dtype), list(array.shape)]

    def still(node: Any) -> Any:
        if is_declared(node):
            return declared(node)
        if type(node) is tuple:
            return {"tuple": [still(child) for child in node]}
        if node is None or type(node) in (str, bool, int, float):
            return {"static": node}
        raise TypeError(f"cannot save a static {type(node).__name__}: only texts, numbers and tuples of them are kept")

    return arrays, visit(result)


def unpack(read: Callable[[Stored], np.ndarray], spec: Any) -> Any:
    """The result that `pack` described, its arrays read one by one."""

    def array(name: str, dtype: str, shape: list[int]) -> np.ndarray:
        return read(Stored(name, jnp.dtype(dtype), tuple(shape)))

    def visit(node: Any) -> Any:
        match node:
            case None:
                return None
            case {"array": entry}:
                return array(*entry)
            case {"key": entry, "impl": impl}:
                return jax.random.wrap_key_data(jnp.asarray(array(*entry)), impl=impl)
            case {"static": value}:
                return value
            case {"result": name, "fields": fields}:
                return _declared(name, {n: visit(child) for n, child in fields.items()})
            case {"state": [module, name], "fields": fields}:
                return _trusted(module, name)(**{n: visit(child) for n, child in fields.items()})
            case {"tuple": children}:
                return tuple(visit(child) for child in children)
            case {"list": children}:
                return [visit(child) for child in children]
            case {"dict": children}:
                return {key: visit(child) for key, child in children.items()}
        raise ValueError(f"unknown entry {node!r}")

    return visit(spec)


def _declared(name: str, given: dict[str, Any]) -> Any:
    """A result of the class of that name; fields that came later have their defaults."""
    if name not in REGISTRY:
        raise ValueError(f"it holds a {name}, which this version of mamlgrid does not know")
    cls = REGISTRY[name]
    fields = {f.name: f.default is dataclasses.MISSING for f in dataclasses.fields(cls)}
    for n in given:
        if n not in fields:
            raise ValueError(f"it holds a field {name}.{n}, which this version of mamlgrid does not know")
    for n, needed in fields.items():
        if needed and n not in given:
            raise ValueError(f"it lacks the field {name}.{n}")
    found = cls(**given)
    check_kinds(found)
    check_shapes(found)
    return found


def _address(cls: type) -> list[str]:
    """Where to find a class of a trusted package: its public place where it has one, as private ones move."""
    package = cls.__module__.split(".", maxsplit=1)[0]
    if package not in _TRUSTED:
        raise TypeError(
            f"cannot save a {cls.__module__}.{cls.__qualname__}: only tuples, lists, dicts and the states of optax can "
            "be read back; drop it first, e.g. dataclasses.replace(run, state=None)"
        )
    public = getattr(importlib.import_module(package), cls.__name__, None) is cls
    return [package if public else cls.__module__, cls.__name__]


def _trusted(module: str, name: str) -> type:
    if module.split(".", maxsplit=1)[0] not in _TRUSTED:
        raise ValueError(f"it names a class of {module}, which is not trusted")
    found = getattr(importlib.import_module(module), name, None)
    if not (isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields")):
        raise ValueError(f"{module}.{name} is not a state this version knows")
    return found
