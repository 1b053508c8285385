"""What inner rules, outer rules and coordinates are made of: frozen dataclasses that are pytrees."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax

_T = TypeVar("_T")


def static(*, default: Any = dataclasses.MISSING, kw_only: Any = dataclasses.MISSING) -> Any:
    """A field that sets the shape of the program: steps, flags, functions. All other fields are traced."""
    return dataclasses.field(default=default, kw_only=kw_only, metadata={"static": True})


@dataclass_transform(frozen_default=True, field_specifiers=(static, dataclasses.field))
def rule(cls: type[_T]) -> type[_T]:
    """Class decorator: a frozen dataclass whose fields are the leaves of a pytree, but for the `static` ones.

    So a rule goes through `jit`, `vmap` and `grad` inside a meta-loss, an equal one built again does not retrace, and
    its numbers can be swept or differentiated.

    >>> @rule
    ... class Shrink:
    ...     factor: float
    ...     num_steps: int = static(default=1)
    >>> jax.tree.leaves(Shrink(0.5))
    [0.5]
    """
    made: Any = dataclasses.dataclass(frozen=True)(cls)
    fields = dataclasses.fields(made)
    leaves = tuple(f.name for f in fields if not f.metadata.get("static"))
    settings = tuple(f.name for f in fields if f.metadata.get("static"))

    def flatten(rule: Any) -> tuple[list[tuple[Any, Any]], Any]:
        keyed = [(jax.tree_util.GetAttrKey(name), getattr(rule, name)) for name in leaves]
        # The class itself is part of the structure: without it jit takes two rules with equal settings for one.
        return keyed, (made, *(getattr(rule, name) for name in settings))

    def unflatten(structure: Any, children: Any) -> Any:
        rule = object.__new__(made)
        for name, value in (*zip(settings, structure[1:], strict=True), *zip(leaves, children, strict=True)):
            object.__setattr__(rule, name, value)
        return rule

    jax.tree_util.register_pytree_with_keys(made, flatten, unflatten)
    return made
