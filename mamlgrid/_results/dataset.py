"""A result as an `xarray.Dataset`: every array with the names of its axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
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
    """All arrays of a result but the opaque ones; what is static is in its attributes."""
    try:
        import xarray
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install 'mamlgrid[xarray]'") from error
    coords: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for name, dims, declared, value in _entries(result, "", {}, set()):
        variable = (dims, value, {"long_name": declared.long_name, "units": "1"})
        if declared.kind != "coordinate" or len(dims) != 1:
            data[name] = variable
        elif dims[0] not in coords:
            coords[dims[0]] = variable
        elif not np.array_equal(coords[dims[0]][1], value):
            data[name] = variable  # a part that looked at other places along an axis of the same name
    return xarray.Dataset(data, coords, attrs={"result": type(result).__name__, **dict(_attributes(result, ""))})


def _entries(
    part: Any, prefix: str, scope: dict[str, str], taken: set[str], one_of_many: bool = False
) -> Iterator[_Entry]:
    """The arrays of a part, then those of the parts in it.

    An axis that a result around it declares is the same axis: `scope` has its name. One of its own has the names of
    the fields in front where another part has an axis of that name already, or where it is one of many parts.
    """
    fields = declarations(part)
    dims = dict.fromkeys(dim for field in fields.values() for dim in field.dims if dim not in scope)
    scope = scope | {dim: prefix + dim if one_of_many or dim in taken else dim for dim in dims}
    taken |= set(scope.values())
    absent = {d.dims[0] for name, d in fields.items() if d.kind == "coordinate" and getattr(part, name) is None}
    for name, field in fields.items():
        value = getattr(part, name)
        if field.kind == "part":
            many = isinstance(value, tuple)
            for label, child in enumerate(value) if many else [("", value)] if value is not None else []:
                yield from _entries(
                    child, f"{prefix}{name}_{label}_" if many else f"{prefix}{name}_", scope, taken, many
                )
        elif field.kind in ("coordinate", "variable"):
            named = tuple(scope[dim] for dim in field.dims if dim not in absent and dim != "...")
            for keys, leaf in jax.tree_util.tree_flatten_with_path(value)[0]:
                place = "".join(f"_{_key(k)}" for k in keys)
                more = np.ndim(leaf) - len(named)
                # The axes of a parameter are called alike at the end of a run and along its trace; axes in front are
                # those of a `vmap` over the whole call.
                behind = tuple(f"theta{place}_{i}" for i in range(more)) if "..." in field.dims else ()
                front = () if behind else tuple(f"batch_{i}" for i in range(more))
                yield _Entry(prefix + name + place, (*front, *named, *behind), field, np.asarray(leaf))


def _key(entry: Any) -> str:
    return str(next(getattr(entry, a) for a in ("key", "idx", "name") if hasattr(entry, a)))


def _attributes(part: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """What is static in a result, by flat names."""
    for name, field in declarations(part).items():
        value = getattr(part, name)
        if name == "provenance":
            yield from [(f"{prefix}call", value.call), (f"{prefix}dtype", value.dtype)]
            yield from ((f"{prefix}{package}_version", version) for package, version in value.versions)
        elif is_declared(value) and field.kind != "opaque":
            yield from _attributes(value, f"{prefix}{name}_")
        elif field.kind == "static" and value is not None:
            # Attributes of files hold texts, numbers and lists of texts.
            yield prefix + name, list(map(str, value)) if isinstance(value, tuple) else value
