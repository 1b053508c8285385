"""What a result is made of: each field is declared once, with its axes, its name on an axis and its documentation."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from typing import Any, Literal, NamedTuple, TypeVar, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import said
from .status import Status

_T = TypeVar("_T")

REGISTRY: dict[str, type] = {}
"""Every declared class by the name that files know it by: where it is defined does not matter to them."""


class Declared(NamedTuple):
    """What is known of a field.

    Attributes:
        kind: which of the functions below declared it.
        dims: the names of its axes; the last is "..." where the leaves of a pytree have axes beyond these.
        long_name: what it is, for labels.
        doc: what it is, for the documentation; the long name where empty.
    """

    kind: Literal["coordinate", "variable", "part", "opaque", "static"]
    dims: tuple[str, ...] = ()
    long_name: str = ""
    doc: str = ""


def coordinate(dim: str, long_name: str, doc: str = "", *, default: Any = dataclasses.MISSING) -> Any:
    """The places along an axis, `[dim]`. An axis whose coordinate is None is not there."""
    return _field(Declared("coordinate", (dim,), long_name, doc), default)


def variable(dims: str, long_name: str, doc: str = "", *, default: Any = dataclasses.MISSING) -> Any:
    """An array with the axes `dims`, separated by spaces; or None; or a tuple of such arrays.

    `"alpha ..."` is a pytree of parameters, whose arrays have axes of their own behind these.
    `default` is for a field that came later: files that were written before it have that instead.
    """
    return _field(Declared("variable", tuple(dims.split()), long_name, doc), default)


def part(doc: str, *, default: Any = dataclasses.MISSING) -> Any:
    """A result inside this one, None, or a tuple of them; its variables are named with the field's name in front."""
    return _field(Declared("part", doc=doc), default)


def opaque(doc: str, *, default: Any = dataclasses.MISSING) -> Any:
    """Arrays that only their maker can read, such as the state of an optimiser: kept in files, but not shown."""
    return _field(Declared("opaque", doc=doc), default)


def static(doc: str, *, default: Any = dataclasses.MISSING) -> Any:
    """Texts, numbers, tuples of them or classes made of them: they travel through jit beside the arrays."""
    return _field(Declared("static", doc=doc), default)


def origin() -> Any:
    """The `provenance` of a result."""
    return static("the call and the versions")


def _field(declared: Declared, default: Any) -> Any:
    metadata = {"declared": declared, "static": declared.kind == "static"}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(
    frozen_default=True, eq_default=False, field_specifiers=(coordinate, variable, part, opaque, static, origin)
)
def result(cls: type[_T]) -> type[_T]:
    """Class decorator: a frozen dataclass that is a pytree, documents its fields and can be found by name in files.

    The class derives from `Result`, or from `Part` when it only occurs inside others. Renaming a class or a field
    breaks saved files, moving a class does not. A field that comes later has a default, and so comes last.

    >>> import numpy as np
    >>> from mamlgrid._results import Part
    >>> @result
    ... class Curve(Part):
    ...     '''A curve.'''
    ...
    ...     alphas: Any = coordinate("alpha", "inner step size")
    ...     values: Any = variable("alpha", "meta-loss", "the meta-loss there; None where it was not asked for")
    ...     slopes: Any = variable("alpha", "slope", default=None)
    >>> jax.tree.map(lambda x: 2 * x, Curve(np.array([0.5, 1.0]), None)).alphas.tolist()
    [1.0, 2.0]
    >>> print(Curve.__doc__)
    A curve.
    <BLANKLINE>
    Attributes:
        alphas: `[alphas]`, inner step size.
        values: `[alphas]`, the meta-loss there; None where it was not asked for.
        slopes: `[alphas]`, slope.
    """
    name, known = cls.__name__, REGISTRY.get(cls.__name__)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(f"there is a result class {name} already, {known.__module__}.{known.__qualname__}")
    fields = {n: cls.__dict__.get(n) for n in inspect.get_annotations(cls)}
    for n, field in fields.items():
        if not (isinstance(field, dataclasses.Field) and "declared" in field.metadata):
            raise TypeError(f"{name}.{n} is not declared: give it coordinate(...), variable(...) or the like")
    # Arrays have no one truth value: only what is static can be compared and hashed, as jit does.
    comparable = all(field.metadata["static"] for field in fields.values() if field)
    made: Any = dataclasses.dataclass(frozen=True, eq=comparable, repr=False)(cls)
    made.__doc__ = _documented(made)
    jax.tree_util.register_dataclass(made)  # "static" in the metadata says which fields are no leaves
    REGISTRY[name] = made
    return made


def declarations(cls: Any) -> dict[str, Declared]:
    """The fields of a declared class (or of one of its instances), in order."""
    return {f.name: f.metadata["declared"] for f in dataclasses.fields(cls)}


def is_declared(value: object) -> bool:
    """Whether `value` is an instance of a declared class."""
    return REGISTRY.get(type(value).__name__) is type(value)


def check_shapes(part: Any) -> None:
    """Refuse arrays that are none, or whose axes of one name have several lengths, as in a file written by others."""
    fields = declarations(part)
    coordinates = [name for name, field in fields.items() if field.kind == "coordinate"]
    absent = {fields[name].dims[0] for name in coordinates if getattr(part, name) is None}
    # `vmap` over a whole call puts axes in front of all others.
    front = next((np.ndim(x) - 1 for name in coordinates if (x := getattr(part, name)) is not None), 0)
    lengths: dict[str, tuple[str, int]] = {}
    for name, field in fields.items():
        if field.kind not in ("coordinate", "variable"):
            continue
        dims = [*map(str, range(front)), *(dim for dim in field.dims if dim not in (*absent, "..."))]
        for leaf in jax.tree.leaves(getattr(part, name)):
            shape = getattr(leaf, "shape", None)
            if shape is None or len(shape) < len(dims) or (len(shape) > len(dims) and "..." not in field.dims):
                what = type(leaf).__name__ if shape is None else list(shape)
                raise ValueError(f"{type(part).__name__}.{name} has axes {', '.join(dims) or 'none'}, got {what}")
            for dim, length in zip(dims, shape, strict=False):
                first, known = lengths.setdefault(dim, (name, length))
                if length != known:
                    raise ValueError(
                        f"{type(part).__name__}.{name} is {length} long in {dim}, but {first} is {known} long there"
                    )


_DTYPES = {"Float": jnp.floating, "Int": jnp.integer, "Bool": jnp.bool_}


def check_kinds(part: Any) -> None:
    """Refuse what is not of the kind that a field's annotation says, as in a file written by others."""
    for field in dataclasses.fields(part):
        value, wanted = getattr(part, field.name), str(field.type)
        declared = field.metadata["declared"]
        if not (value is None and "None" in wanted) and not _is_of_kind(value, wanted, declared.kind):
            raise ValueError(f"{type(part).__name__}.{field.name} must be {wanted}, got {said(value)}")
        if field.name == "status" and (unknown := sorted({*np.asarray(value).ravel().tolist()} - {*Status})):
            raise ValueError(f"{type(part).__name__}.status has codes that this version does not know: {unknown}")


def _is_of_kind(value: Any, wanted: str, kind: str) -> bool:
    if kind == "opaque" or wanted in ("PyTree", "Any", "object"):
        return True
    if wanted.startswith("tuple["):
        inner = wanted.removeprefix("tuple[").removesuffix("]")
        return isinstance(value, tuple) and all(_is_of_kind(v, inner, kind) for v in value)
    if kind == "part" or wanted in REGISTRY:
        return type(value).__name__ == wanted.split(",", maxsplit=1)[0]
    if kind == "static":
        return isinstance(value, str)
    dtype = _DTYPES.get(wanted.split("[", maxsplit=1)[0], jnp.generic)
    return hasattr(value, "dtype") and jnp.issubdtype(value.dtype, dtype)


def _documented(cls: type) -> str:
    """The docstring of a class, with its fields."""
    fields = declarations(cls)
    axes = {d.dims[0]: name for name, d in fields.items() if d.kind == "coordinate"} | {"...": "..."}
    wrap = textwrap.TextWrapper(116, "    ", "        ", break_long_words=False, break_on_hyphens=False)
    lines = []
    for name, (_, dims, long_name, doc) in fields.items():
        shape = f"`[{', '.join(axes.get(dim, f'{dim}s') for dim in dims)}]`, " if dims else ""
        lines.append(wrap.fill(f"{name}: {'pytree of ' if '...' in dims else ''}{shape}{doc or long_name}."))
    return "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", "Attributes:", *lines])
