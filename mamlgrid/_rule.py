"""What inner rules, outer rules and coordinates are made of: frozen dataclasses that are pytrees."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax

_T = TypeVar("_T")


def static(*, default: Any = dataclasses.MISSING) -> Any:
    """A field that sets the shape of the program: steps, flags, functions. All other fields are traced."""
    return dataclasses.field(default=default, metadata={"static": True})


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
    return jax.tree_util.register_dataclass(dataclasses.dataclass(frozen=True)(cls))
