"""A result as an `xarray.Dataset`: every array with the names of its axes."""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .declaration import Declared, declarations, is_declared

if TYPE_CHECKING:
    import xarray


class _Entry(NamedTuple):
    """One array of a result: its flat name, the names of its axes, and what its field declares."""

    name: str
    dims: tuple[str, ...]
    declared: Declared
    value: np.ndarray


def dataset(result: Any) -> xarray.Dataset:
    """All arrays of a result but the opaque ones, which `left_out` names; what is static is in its attributes."""
    try:
        import xarray
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install 'mamlgrid[xarray]'") from error
    coords: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for flat, dims, declared, value in _entries(result, "", {}, set(), _mapped(result), _Places()):
        name = _free(flat, data)
        variable = (dims, _storable(value), {"long_name": declared.long_name, "units": "1"})
        if declared.kind != "coordinate" or len(dims) != 1:
            data[name] = variable
        elif dims[0] not in coords:
            coords[dims[0]] = variable
        elif not np.array_equal(coords[dims[0]][1], value):
            data[name] = variable  # a part that looked at other places along an axis of the same name
    attributes = {"result": type(result).__name__, **dict(_attributes(result, ""))}
    left_out = ", ".join(name for name, field in declarations(result).items() if field.kind == "opaque")
    return xarray.Dataset(data, coords, attributes | ({"left_out": left_out} if left_out else {}))


def _storable(value: np.ndarray) -> np.ndarray:
    """Numbers of 16 bits as float32, which holds them exactly: neither an index of pandas nor netCDF takes them."""
    is_half = jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.itemsize == 2
    return value.astype(np.float32) if is_half else value


def _mapped(result: Any) -> tuple[str, ...]:
    """The axes that `vmap` over a whole call has put in front of all others."""
    places = (getattr(result, name) for name, field in declarations(result).items() if field.kind == "coordinate")
    return tuple(f"batch_{i}" for i in range(np.ndim(next(places, np.zeros(1))) - 1))


class _Places:
    """The flat name of each place in a parameter pytree, the same in every field; no two places share one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, keys: Any) -> str:
        """`_body_0` for `["body"][0]`."""
        place = jax.tree_util.keystr(keys)
        if place not in self._names:
            self._names[place] = _free(_allowed("".join(f"_{_key(k)}" for k in keys)), self._names.values())
        return self._names[place]


def _free(name: str, taken: Container[str]) -> str:
    """The name, with a number behind it where it is taken."""
    numbered = (f"{name}_{i}" for i in itertools.count(1))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def _entries(
    part: Any, prefix: str, scope: dict[str, str], taken: set[str], front: tuple[str, ...], places: _Places,
    one_of_many: bool = False,
) -> Iterator[_Entry]:  # fmt: skip
    """The arrays of a part and of the parts in it.

    An axis that a result around it declares is the same axis: `scope` has its name. One of its own has the names of
    the fields in front where another part has an axis of that name already, or where it is one of many parts.
    """
    fields = declarations(part)
    own = {dim for field in fields.values() for dim in field.dims if dim not in scope}
    scope = scope | {dim: prefix + dim if one_of_many or dim in taken else dim for dim in own}
    taken |= set(scope.values())
    absent = {d.dims[0] for name, d in fields.items() if d.kind == "coordinate" and getattr(part, name) is None}
    for name, field in fields.items():
        value = getattr(part, name)
        if isinstance(value, tuple) and field.kind == "part":
            for number, child in enumerate(value):
                yield from _entries(child, f"{prefix}{name}_{number}_", scope, taken, front, places, True)
        elif value is not None and field.kind == "part":
            yield from _entries(value, f"{prefix}{name}_", scope, taken, front, places)
        elif field.kind in ("coordinate", "variable"):
            dims = (*front, *(scope[dim] for dim in field.dims if dim not in (*absent, "...")))
            for keys, leaf in jax.tree_util.tree_flatten_with_path(value)[0]:
                place = places.name(keys)
                # Axes of a parameter have the same names at the end of a run and along its trace.
                behind = tuple(f"theta{place}_{i}" for i in range(np.ndim(leaf) - len(dims)))
                yield _Entry(prefix + name + place, dims + behind, field, np.asarray(leaf))


def _allowed(name: str) -> str:
    """A name as netCDF wants it: "/" is a group there; composed, printable, without a space at its end."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(c if c.isprintable() and c != "/" else "_" for c in composed).rstrip()


def _key(entry: Any) -> str:
    return str(next(getattr(entry, a) for a in ("key", "idx", "name") if hasattr(entry, a)))


def _attributes(part: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """What is static in a result, by flat names."""
    for name, field in declarations(part).items():
        value = getattr(part, name)
        if name == "provenance":
            yield from [(f"{prefix}call", value.call), (f"{prefix}dtype", value.dtype)]
            yield from ((f"{prefix}{package}_version", version) for package, version in value.versions)
        elif isinstance(value, tuple) and field.kind == "part":
            for number, child in enumerate(value):
                yield from _attributes(child, f"{prefix}{name}_{number}_")
        elif is_declared(value) and field.kind != "opaque":
            yield from _attributes(value, f"{prefix}{name}_")
        elif field.kind == "static" and value is not None:
            # Attributes of files hold texts and numbers.
            yield prefix + name, json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else value
