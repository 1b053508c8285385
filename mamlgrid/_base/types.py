"""The words of the signatures. Imported for type checking only: jaxtyping costs start-up time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped
from numpy.typing import NDArray

from ..inner._rules import InnerRule
from ..outer import OuterRule

Theta: TypeAlias = PyTree[Float[ArrayLike, "..."]]
"""Parameters: any pytree of floating arrays; a scalar for everything that has a theta axis."""

Alpha: TypeAlias = PyTree[Float[ArrayLike, "..."]]
"""Inner step size, negative or zero allowed: a scalar, or a pytree prefix of theta."""

Data: TypeAlias = PyTree[Shaped[Array, "num_tasks ..."]] | None
"""What a loss reads besides theta; the tasks lie along the leading axis of each leaf."""

TaskData: TypeAlias = PyTree[Shaped[Array, "..."]] | None
"""The same of one task."""

State: TypeAlias = tuple[Theta, PyTree]
"""The parameters, and what an inner rule remembers between steps (momentum and the like)."""

Body: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]
"""Of a scan: `(carry, x) -> (carry, y)`."""

Loss: TypeAlias = Callable[[Any], Any]
"""`theta -> scalar`."""

LossFamily: TypeAlias = Callable[[Any, Any], Any]
"""`(theta, data) -> scalar`."""


Numbers: TypeAlias = NDArray[Any]
"""Arrays of NumPy, as pictures are made of."""


class Coordinates(Protocol):
    """What `theta` and `alpha` stand for: a pytree with a pure call."""

    def __call__(self, theta: Any, alpha: Alpha) -> tuple[Theta, Alpha]:
        """The parameters and their rates."""
        ...


__all__ = [
    "Alpha",
    "Array",
    "ArrayLike",
    "Body",
    "Bool",
    "Coordinates",
    "Data",
    "Float",
    "InnerRule",
    "Int",
    "Loss",
    "LossFamily",
    "Numbers",
    "OuterRule",
    "PyTree",
    "State",
    "TaskData",
    "Theta",
]
