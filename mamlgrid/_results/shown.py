"""Results to look at: a line for each field in a terminal, a row in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import is_traced
from .declaration import Declared, declarations, is_declared
from .status import counts

# No line of a text is longer.
_WIDTH = 110


def text(part: Any) -> str:
    """A line for each field."""
    rows = list(_rows(part))
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    lines = (f"  {name:{widths[0]}}  {what:{widths[1]}}  {extent}".rstrip() for name, what, extent, _ in rows)
    return "\n".join([type(part).__name__, *map(_cut, lines)])


def html(part: Any) -> str:
    """A table with a row for each field, and what it is."""
    cells = ("".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in row) for row in _rows(part))
    head = "".join(f"<th style='text-align:left'>{h}</th>" for h in ("field", "array", "range", ""))
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<b>{type(part).__name__}</b><table><tr>{head}</tr>{body}</table>"


def _rows(part: Any) -> Iterator[tuple[str, str, str, str]]:
    """For each field its name, what kind of thing it holds, from where to where, and what that is."""
    for name, declared in declarations(part).items():
        yield name, *_told(name, declared, getattr(part, name)), declared.long_name or declared.doc


def _told(name: str, declared: Declared, value: Any) -> tuple[str, str]:
    """What a field holds, and from where to where."""
    if value is None:
        return "None", ""
    if declared.kind == "static":
        return type(value).__name__, _still(value)
    if declared.kind in ("part", "opaque"):
        many = isinstance(value, tuple | list)
        return (f"{len(value)} parts" if many else type(value).__name__), ""
    leaves = jax.tree.leaves(value)
    if len(leaves) == 1:
        return _array(leaves[0], declared), _extent(name, leaves)
    return f"{len(leaves)} arrays", _extent(name, leaves)


def _still(value: Any) -> str:
    """Static fields by their values; of a provenance, the call."""
    if is_declared(value):
        return str(getattr(value, next(iter(declarations(value)))))
    return str(value)


def _array(leaf: Any, declared: Declared) -> str:
    """`float64[alpha 4, theta 7]`."""
    dims = [dim for dim in declared.dims if dim != "..."]
    shape = np.shape(leaf)
    axes = [f"{d} {n}" for d, n in zip(dims, shape, strict=False)] + [str(n) for n in shape[len(dims) :]]
    return f"{getattr(leaf, 'dtype', type(leaf).__name__)}[{', '.join(axes)}]"


def _extent(field: str, leaves: list[Any]) -> str:
    """From where to where the numbers go, or how often there is which status; nothing where they are not at hand."""
    if not all(map(_at_hand, leaves)):
        return ""
    values = np.concatenate([np.ravel(_wide(np.asarray(leaf))) for leaf in leaves]) if leaves else np.zeros(0)
    if values.size == 0:
        return "none"
    if field == "status":
        return ", ".join(f"{n} {status.name}" for status, n in counts(values).items())
    if values.dtype.kind == "b":
        return f"{values.sum()} of {values.size}"
    if not np.issubdtype(values.dtype, np.floating):
        return f"{values.min()} to {values.max()}"
    finite = values[np.isfinite(values)]
    lost = values.size - finite.size
    shown = f"{finite.min():.6g} to {finite.max():.6g}" if finite.size else "no finite value"
    return shown + (f", {lost} not finite" if lost else "")


def _wide(array: np.ndarray) -> np.ndarray:
    """NumPy knows no bfloat16, and no dtype that holds one beside a float16."""
    halves = array.dtype.itemsize == 2 and jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(np.float32) if halves else array


def _at_hand(leaf: Any) -> bool:
    """Whether there are numbers to read: not inside a transformation, nor after a donation."""
    if is_traced(leaf) or not hasattr(leaf, "dtype"):
        return False
    return not (isinstance(leaf, jax.Array) and leaf.is_deleted())


def _cut(line: str) -> str:
    line = " ".join(line.split("\n"))
    return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."
