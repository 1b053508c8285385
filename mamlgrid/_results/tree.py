"""Results as named arrays plus a description in JSON's terms, so that a file needs no pickle."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .declaration import REGISTRY, Declared, declarations, is_declared, words

# States of optimisers are named tuples of other packages. Only classes from these are ever looked up, so that a foreign
# file cannot have anything else imported.
_TRUSTED = ("optax",)

_SCALARS = (str, bool, int, float, type(None))


def pack(result: Any) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays of a result by name, and the description."""
    arrays: dict[str, np.ndarray] = {}

    def visit(node: Any) -> Any:
        if node is None:
            return node
        if is_declared(node):
            return {"result": type(node).__name__, "fields": {name: field(node, name) for name in declarations(node)}}
        if isinstance(node, tuple) and hasattr(node, "_fields"):
            fields = {name: visit(child) for name, child in zip(type(node)._fields, node, strict=True)}
            return {"state": _address(type(node)), "fields": fields}
        if isinstance(node, tuple | list):
            return {"tuple" if isinstance(node, tuple) else "list": [visit(child) for child in node]}
        if isinstance(node, dict):
            if not all(isinstance(key, str) for key in node):
                raise TypeError(f"cannot save a dict whose keys are not all strings: {list(node)!r}")
            return {"dict": {key: visit(child) for key, child in node.items()}}
        name = f"array_{len(arrays)}"
        if isinstance(node, jax.Array) and jnp.issubdtype(node.dtype, jax.dtypes.prng_key):
            arrays[name] = np.asarray(jax.random.key_data(node))
            return {"key": name, "impl": str(jax.random.key_impl(node))}
        array = np.asarray(node)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"cannot save a {type(node).__name__} of dtype {array.dtype}: only real arrays are kept")
        arrays[name] = array
        return {"array": name}

    def field(owner: Any, name: str) -> Any:
        value = getattr(owner, name)
        return still(value) if declarations(owner)[name].kind == "static" else visit(value)

    def still(value: Any) -> Any:
        if is_declared(value):
            return {"result": type(value).__name__, "fields": {n: field(value, n) for n in declarations(value)}}
        if type(value) is tuple:
            return {"tuple": [still(child) for child in value]}
        if type(value) not in _SCALARS:
            raise TypeError(f"cannot save a static {type(value).__name__}: only texts, numbers and tuples of them")
        return value

    return arrays, visit(result)


def members(spec: Any) -> Iterator[str]:
    """The names of the arrays in a description."""
    if isinstance(spec, dict):
        yield from (spec[word] for word in ("array", "key") if isinstance(spec.get(word), str))
    if isinstance(spec, dict | list):
        for child in spec.values() if isinstance(spec, dict) else spec:
            yield from members(child)


def unpack(spec: Any, array: Callable[[str], Any], key: Callable[[str, str], Any]) -> Any:
    """The result that `pack` described.

    Args:
        spec: the description.
        array: what to put in the place of an array, by its name.
        key: the same for PRNG keys, by the name of their data and of their algorithm.

    Raises:
        ValueError, TypeError: it is not what `pack` writes, names something unknown, or lacks something.
    """

    def visit(node: Any) -> Any:
        match node:
            case None:
                return None
            case {"array": str(name)}:
                return array(name)
            case {"key": str(name), "impl": str(impl)}:
                return key(name, impl)
            case {"result": str(name), "fields": dict(fields)}:
                return declared(name, fields)
            case {"state": [str(module), str(name)], "fields": dict(fields)}:
                return _trusted(module, name)(**{name: visit(child) for name, child in fields.items()})
            case {"tuple": list(children)}:
                return tuple(visit(child) for child in children)
            case {"list": list(children)}:
                return [visit(child) for child in children]
            case {"dict": dict(children)}:
                return {key: visit(child) for key, child in children.items()}
        raise ValueError(f"unknown entry {node!r}")

    def declared(name: str, given: dict[str, Any]) -> Any:
        cls = REGISTRY.get(name)
        if cls is None:
            raise ValueError(f"it holds a {name!r}, which this version does not know")
        known = declarations(cls)
        if unknown := [n for n in given if n not in known]:
            raise ValueError(f"{name}.{unknown[0]} is a field that this version does not know")
        late = {f.name for f in dataclasses.fields(cls) if f.default is not dataclasses.MISSING}
        if missing := [n for n in known if n not in given and n not in late]:
            raise ValueError(f"{name} lacks the field {missing[0]}")
        types = words(cls)
        return cls(**{n: field(f"{name}.{n}", known[n], types[n], child) for n, child in given.items()})

    def field(name: str, known: Declared, types: set[str], node: Any) -> Any:
        if known.kind == "static":
            return still(name, types, node)
        if not _belongs(known.kind, node):
            raise ValueError(f"{name} holds {_described(node)}, which is not what belongs there")
        value = visit(node)
        if known.kind == "part":
            for one in value if isinstance(value, tuple) else (value,):
                if one is not None and type(one).__name__ not in types:
                    raise ValueError(f"{name} holds {_described(node)}, which is not what belongs there")
        return value

    def still(name: str, types: set[str], node: Any) -> Any:
        match node:
            case {"tuple": list(children)}:
                value = tuple(still(name, types, child) for child in children)
            case {"result": str(cls), "fields": dict(fields)} if cls in types:
                value = declared(cls, fields)
            case _:
                value = node
        if type(value).__name__.removesuffix("Type") not in types:
            raise ValueError(f"{name} holds {_described(node)}, which is not what belongs there")
        return value

    return visit(spec)


def _belongs(kind: str, node: Any) -> bool:
    """Whether the description of a field is of its kind, as far as it shows from outside."""
    if node is None:
        return True
    if not isinstance(node, dict):
        return False
    match kind:
        case "coordinate":
            return "array" in node
        case "part":
            children = node.get("tuple", [node])
            return isinstance(children, list) and all(isinstance(c, dict) and "result" in c for c in children)
        case _:
            return "result" not in node


def _described(node: Any) -> str:
    """What a description stands for, in a few words."""
    if isinstance(node, dict):
        return f"a {node['result']}" if isinstance(node.get("result"), str) else f"a {next(iter(node), 'nothing')}"
    return f"the {type(node).__name__} {str(node)[:40]!r}"


def _address(cls: type) -> list[str]:
    """Where to find a class of a trusted package: its public place where it has one."""
    parts = cls.__module__.split(".")
    if parts[0] not in _TRUSTED:
        raise TypeError(
            f"cannot save a {cls.__module__}.{cls.__qualname__}: only tuples, lists, dicts and the states of optax can "
            "be read back; drop it first, e.g. run._replace(state=None)"
        )
    private = next((i for i, part in enumerate(parts) if part.startswith("_")), len(parts))
    for module in (parts[0], ".".join(parts[:private])):
        if getattr(importlib.import_module(module), cls.__qualname__, None) is cls:
            return [module, cls.__qualname__]
    return [cls.__module__, cls.__qualname__]


def _trusted(module: str, name: str) -> type:
    if module.split(".", maxsplit=1)[0] not in _TRUSTED:
        raise ValueError(f"it names a class of {module}, which is not trusted")
    found = getattr(importlib.import_module(module), name, None)
    if not (isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields")):
        raise ValueError(f"{module}.{name} is not a state this version knows")
    return found
