"""Functions as keys of compiled programs: by what they compute, not by which object they are.

A compiled program is found again by the losses and the optimiser it was made of. A function object alone says too
little: the globals and attributes that it reads may have changed since. And too much: a cell of a notebook that is run
again makes another one that computes the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .reads import Same, read


class Keyed:
    """A function, or a tuple of them such as an optimiser, with all that it reads besides its arguments, as it is now.

    Two are equal, and share compiled programs, when they have the same code and read the same values.

    >>> def made(c):
    ...     return Keyed(lambda theta: (theta - c) ** 2)
    >>> made(1.0) == made(1.0), made(1.0) == made(2.0)
    (True, False)
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self._key = tuple(read(value))
        self._hash = hash(tuple(x for x in self._key if not isinstance(x, Same)))

    def __call__(self, *args: Any) -> Any:
        return self.value(*args)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and self._hash == other._hash and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return repr(self.value)


def keyed(loss: Callable[..., Any]) -> Keyed:
    """The loss with what it reads now, also where it was read once before."""
    return Keyed(loss.value if isinstance(loss, Keyed) else loss)
