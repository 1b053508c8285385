"""Pytrees as flat arrays plus a JSON description, so that a file needs no pickle."""

from __future__ import annotations

import importlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# A file names the tuple classes it needs; only classes from these packages are ever looked up, so that a foreign
# file cannot have anything else imported.
_TRUSTED = ("mamlgrid", "optax")


def pack(tree: Any) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays of `tree` by name, and its structure in JSON's terms."""
    arrays: dict[str, np.ndarray] = {}

    def visit(node: Any) -> Any:
        if node is None or isinstance(node, str):
            return node
        if isinstance(node, tuple) and hasattr(node, "_fields"):
            cls: Any = type(node)
            if cls.__module__.split(".")[0] not in _TRUSTED:
                raise TypeError(
                    f"cannot save a {cls.__module__}.{cls.__qualname__}: only tuples, lists, dicts and the states of "
                    "optax can be read back; drop it first, e.g. run._replace(state=None)"
                )
            fields = {name: visit(child) for name, child in zip(cls._fields, node, strict=True)}
            return {"class": [cls.__module__, cls.__qualname__], "fields": fields}
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

    return arrays, visit(tree)


def unpack(arrays: dict[str, np.ndarray], spec: Any) -> Any:
    """The tree that `pack` described, its arrays on the default device in the dtype they were saved in."""

    def visit(node: Any) -> Any:
        if node is None or isinstance(node, str):
            return node
        match node:
            case {"array": name}:
                return arrays[name]
            case {"key": name, "impl": impl}:
                return jax.random.wrap_key_data(jnp.asarray(arrays[name]), impl=impl)
            case {"class": [module, qualname], "fields": fields}:
                return _trusted(module, qualname)(**{name: visit(child) for name, child in fields.items()})
            case {"tuple": children}:
                return tuple(visit(child) for child in children)
            case {"list": children}:
                return [visit(child) for child in children]
            case {"dict": children}:
                return {key: visit(child) for key, child in children.items()}
        raise ValueError(f"unknown entry {node!r}")

    return visit(spec)


def _trusted(module: str, qualname: str) -> type:
    if module.split(".", maxsplit=1)[0] not in _TRUSTED:
        raise ValueError(f"it names a class of {module}, which is not trusted")
    found = getattr(importlib.import_module(module), qualname, None)
    if not (isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields")):
        raise ValueError(f"{module}.{qualname} is not a state this version knows")
    return found
