"""The words of the signatures. Imported for type checking only: jaxtyping costs start-up time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

Theta: TypeAlias = PyTree[Float[Array, "..."]]
"""Parameters: any pytree of floating arrays; a scalar for everything that has a theta axis."""

Alpha: TypeAlias = Float[ArrayLike, ""]
"""Inner step size; may be negative or zero."""

Data: TypeAlias = PyTree[Shaped[Array, "num_tasks ..."]] | None
"""What a loss reads besides theta; the tasks lie along the leading axis of each leaf."""

Loss: TypeAlias = Callable[[Any], Any]
"""`theta -> scalar`."""

LossFamily: TypeAlias = Callable[[Any, Any], Any]
"""`(theta, data) -> scalar`."""


class InnerRule(Protocol):
    """How theta' comes from theta: hashable settings with a pure call."""

    def __call__(self, loss: Loss, theta: Theta, alpha: Alpha) -> Theta:
        """The adapted parameters."""
        ...


__all__ = [
    "Alpha",
    "Array",
    "ArrayLike",
    "Bool",
    "Data",
    "Float",
    "InnerRule",
    "Int",
    "Loss",
    "LossFamily",
    "PyTree",
    "Theta",
]
