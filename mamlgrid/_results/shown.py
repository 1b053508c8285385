"""Results to look at: a dataset for xarray, a table for a notebook, a few lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import jax
import numpy as np

from .._grid import is_traced
from .._status import counts
from .declaration import declarations, is_declared
from .layout import check, entries, sizes

# No line of a text is longer, and no result has more lines than fields.
_WIDTH = 110


def dataset(result: Any) -> Any:
    """All arrays of a result as an `xarray.Dataset`; what is static is in its attributes."""
    try:
        import xarray
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install 'mamlgrid[xarray]'") from error
    check(result)
    coords: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for entry in entries(result):
        attrs = {"long_name": entry.declared.long_name, "units": "1"}
        if entry.place:
            attrs["parameter"] = entry.place
        values = _values(entry.value)
        # PRNG keys are shown by their data, which has one axis more.
        dims = entry.dims + tuple(f"{entry.name}_word_{i}" for i in range(values.ndim - len(entry.dims)))
        places = entry.declared.kind == "coordinate" and len(dims) == 1
        if not places:
            data[entry.name] = (dims, values, attrs)
        elif dims[0] not in coords:
            coords[dims[0]] = (dims, values, attrs)
        elif not np.array_equal(coords[dims[0]][1], values):
            data[entry.name] = (dims, values, attrs)  # another axis than that of the result around it
    return xarray.Dataset(data, coords, attrs={"result": type(result).__name__, **dict(_attributes(result, ""))})


def html(part: Any) -> str:
    """A table of the arrays: shape, dtype, range; the status counted by name."""
    rows = []
    for entry in entries(part):
        axes = " × ".join(f"{d} {n}" for d, n in zip(entry.dims, np.shape(entry.value), strict=True))
        what = entry.declared.long_name
        cells = (
            entry.name,
            axes,
            str(_dtype(entry.value)),
            _extent(entry.field, [entry.value]),
            f"{what} {entry.place}".strip(),
        )
        rows.append("".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in cells))
    head = "".join(f"<th style='text-align:left'>{h}</th>" for h in ("field", "axes", "dtype", "range", ""))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    origin = getattr(part, "provenance", None)
    call = f" <small><code>{escape(origin.call)}</code></small>" if origin is not None else ""
    return f"<b>{type(part).__name__}</b>{call}<table><tr>{head}</tr>{body}</table>"


def text(part: Any) -> str:
    """A line for each field."""
    rows = [(name, *_told(name, declared.kind, getattr(part, name))) for name, declared in declarations(part).items()]
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    lines = [f"  {name:{widths[0]}}  {what:{widths[1]}}  {extent}".rstrip() for name, what, extent in rows]
    return "\n".join(_cut(line) for line in [_title(part), *lines])


def _told(name: str, kind: str, value: Any) -> tuple[str, str]:
    """What a field holds, and from where to where."""
    if value is None:
        return "None", ""
    if kind == "static":
        return "", str(value.call if hasattr(value, "call") else value)
    if kind == "part":
        return "", f"{len(value)} parts" if isinstance(value, tuple | list) else _title(value)
    leaves = jax.tree.leaves(value)
    if len(leaves) != 1:
        return f"{len(leaves)} arrays", "" if kind == "opaque" else _extent(name, leaves)
    return f"{_dtype(leaves[0])}{list(np.shape(leaves[0]))}", "" if kind == "opaque" else _extent(name, leaves)


def _title(part: Any) -> str:
    return f"{type(part).__name__}({', '.join(f'{dim}: {n}' for dim, n in sizes(part).items())})"


def _cut(line: str) -> str:
    line = line.splitlines()[0]
    return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."


def _dtype(leaf: Any) -> Any:
    return getattr(leaf, "dtype", type(leaf).__name__)


def _extent(field: str, leaves: list[Any]) -> str:
    """From where to where the numbers go, or how often there is which status; nothing where they are not at hand."""
    if not all(map(_at_hand, leaves)):
        return ""
    values = np.concatenate([np.ravel(_values(leaf)) for leaf in leaves]) if leaves else np.zeros(0)
    if values.size == 0:
        return "none"
    if field == "status" and values.dtype == np.int8:
        return ", ".join(f"{n} {status.name}" for status, n in counts(values).items())
    if values.dtype.kind != "f":
        return f"{values.min()} to {values.max()}" if values.dtype.kind in "iub" else ""
    finite = values[np.isfinite(values)]
    lost = values.size - finite.size
    shown = f"{finite.min():.6g} to {finite.max():.6g}" if finite.size else "no finite value"
    return shown + (f", {lost} not finite" if lost else "")


def _at_hand(leaf: Any) -> bool:
    """Whether the numbers can be read: not inside a transformation, after a donation, or on another machine."""
    if is_traced(leaf):
        return False
    if isinstance(leaf, jax.Array):
        return not leaf.is_deleted() and leaf.is_fully_addressable
    return isinstance(leaf, np.ndarray | np.generic | bool | int | float)


def _values(leaf: Any) -> np.ndarray:
    """An array on the host; of a PRNG key, its data."""
    if isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf)


def _attributes(part: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """What is static in a result, by flat names."""
    for name, declared in declarations(part).items():
        value = getattr(part, name)
        if name == "provenance":
            yield from [(f"{prefix}call", value.call), (f"{prefix}dtype", value.dtype)]
            yield from ((f"{prefix}{package}_version", version) for package, version in value.versions)
        elif is_declared(value):
            yield from _attributes(value, f"{prefix}{name}_")
        elif declared.kind == "part" and isinstance(value, tuple | list):
            for number, one in enumerate(value):
                yield from _attributes(one, f"{prefix}{name}_{number}_")
        elif declared.kind == "static" and value is not None:
            # Attributes of files hold texts, numbers and lists of texts.
            yield prefix + name, list(map(str, value)) if isinstance(value, tuple) else value
