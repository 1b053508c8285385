"""Every array of a result, with the names of its axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from .declaration import Declared, declarations, shape_text


class Entry(NamedTuple):
    """One array of a result.

    Attributes:
        name: a flat name, no two alike: `jumps_alphas`, `thetas_0_weights`.
        field: the name of the field that it belongs to.
        declared: what is known of that.
        owner: the class that has the field.
        place: where it is in the pytree of the field, as `jax.tree_util.keystr` says it.
        dims: the names of its axes, no two alike in a result unless they are the same axis.
        extra: its axes beyond the declared ones, which a mapped result has in front, negative where there are too few;
            None where a field may have axes of its own.
        value: the array.
    """

    name: str
    field: str
    declared: Declared
    owner: type
    place: str
    dims: tuple[str, ...]
    extra: int | None
    value: Any


def entries(result: Any) -> list[Entry]:
    """The arrays of a result: its own first, then those of the results in it. What is None is left out."""
    return list(_visit(result, "", {}, False, 0, set(), set()))


def check(result: Any) -> None:
    """Raise ValueError where an array does not have the axes of its declaration, or two disagree on a length."""
    lengths: dict[str, tuple[int, str]] = {}
    mapped: tuple[int, str] | None = None
    for entry in entries(result):
        shape = np.shape(entry.value)
        text = shape_text(entry.owner, entry.declared.dims)
        if entry.extra is not None and entry.extra < 0:
            raise ValueError(f"{entry.name} is declared {text}, but its shape is {shape}")
        if entry.extra is not None:
            mapped = mapped or (entry.extra, entry.name)
            if entry.extra != mapped[0]:
                raise ValueError(
                    f"{entry.name} is declared {text}, but its shape is {shape}: {entry.extra} more axes, "
                    f"where {mapped[1]} has {mapped[0]} more"
                )
        for dim, length in zip(entry.dims, shape, strict=True):
            known, other = lengths.setdefault(dim, (length, entry.name))
            if length != known:
                raise ValueError(
                    f"{entry.name} has {length} along {dim}, but {other} has {known}: they are of one result"
                )


def sizes(result: Any) -> dict[str, int]:
    """The lengths of the axes that are declared."""
    found: dict[str, int] = {}
    for entry in entries(result):
        if entry.declared.kind != "opaque":
            count = max(entry.extra or 0, 0) + len(entry.declared.dims)
            found |= dict(list(zip(entry.dims, np.shape(entry.value), strict=True))[:count])
    return found


def _visit(
    part: Any, prefix: str, scope: dict[str, str], numbered: bool, batch: int, axes: set[str], names: set[str]
) -> Iterator[Entry]:
    """The entries of one part.

    An axis that a result around it declares is the same axis. One of its own keeps its name if that is free; one of
    many in a tuple has its number in the name.
    """
    declared = declarations(part)
    own = dict.fromkeys(dim for d in declared.values() for dim in d.dims if dim not in scope)
    scope = scope | {dim: _free(prefix + dim if numbered or dim in axes else dim, axes) for dim in own}
    absent = {d.dims[0] for name, d in declared.items() if d.kind == "coordinate" and getattr(part, name) is None}
    layouts = {n: tuple(scope[dim] for dim in d.dims if dim not in absent) for n, d in declared.items()}
    for name, field in declared.items():
        if field.kind in ("coordinate", "variable") and (leaves := jax.tree.leaves(getattr(part, name))):
            batch = max(0, np.ndim(leaves[0]) - len(layouts[name]))
            break
    for name, field in declared.items():
        if field.kind in ("part", "static"):
            continue
        dims = layouts[name]
        suffixes: set[str] = set()
        for keys, value in jax.tree_util.tree_flatten_with_path(getattr(part, name))[0]:
            suffix = _free("".join(f"_{_key(k)}" for k in keys), suffixes)
            flat = _free(prefix + name + suffix, names)
            rank = np.ndim(value)
            extra: int | None = rank - len(dims)
            leading = _batch(extra)
            beyond: tuple[str, ...] = ()
            if field.kind == "opaque":
                leading, extra, beyond = (), None, tuple(f"{flat}_axis_{i}" for i in range(rank))
            elif field.kind == "parameters":
                leading, extra = _batch(batch), min(0, extra - batch) or None
                # Axes of a parameter have the same names at the end of a run and along its trace.
                beyond = tuple(f"theta{suffix}_{i}" for i in range(rank - len(dims) - batch))
            all_dims = (*leading, *dims, *beyond)[:rank]  # a rank that is too small is refused by `check`
            yield Entry(flat, name, field, type(part), jax.tree_util.keystr(keys), all_dims, extra, value)
    for name, field in declared.items():
        value = getattr(part, name)
        if field.kind == "part" and isinstance(value, tuple | list):
            for number, one in enumerate(value):
                yield from _visit(one, f"{prefix}{name}_{number}_", scope, True, batch, axes, names)
        elif field.kind == "part" and value is not None:
            yield from _visit(value, f"{prefix}{name}_", scope, numbered, batch, axes, names)


def _batch(count: int) -> tuple[str, ...]:
    """The axes that `vmap` over a whole call has put in front."""
    return tuple(f"batch_{i}" for i in range(count))


def _free(name: str, taken: set[str]) -> str:
    """`name`, with a number behind it where it is taken already; it is taken now."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _key(entry: Any) -> str:
    return str(next(getattr(entry, a) for a in ("key", "idx", "name") if hasattr(entry, a)))
