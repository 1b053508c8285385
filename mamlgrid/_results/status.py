"""What happened, element by element.

Inside jit nothing can be raised, and one bad cell must not spoil a surface; so every result carries an integer
`status` array. `raise_for_status` turns it into an exception, on the host, for those who want one.
"""

from __future__ import annotations

import enum
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np


class Status(enum.IntEnum):
    """The code of one element (one alpha, one cell). Stored as int8; zero is success."""

    OK = 0
    AT_BOUND = 1
    FLAT = 2
    TIED = 3
    DEGENERATE = 4
    NOT_CONVERGED = 5
    DIVERGED = 6
    NONFINITE = 7
    ABSENT = 8
    TRUNCATED = 9
    UNRESOLVED = 10
    ONE_SIDED = 11
    PLATEAU = 12

    @property
    def message(self) -> str:
        """One sentence a person can act on."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.OK: "solved to the accuracy of the dtype",
    Status.AT_BOUND: "the minimiser is an end of the bounds: widen them to find a stationary point",
    Status.FLAT: "every theta in the bounds is optimal to rounding: no minimiser is singled out",
    Status.TIED: "several separate minima have equal values to rounding: the leftmost is given",
    Status.DEGENERATE: "the minimum is flatter than quadratic: its position is known to `accuracies` only",
    Status.NOT_CONVERGED: "stopped before its criterion was met",
    Status.DIVERGED: "still finite, but it left the region around its start",
    Status.NONFINITE: "inf or NaN",
    Status.ABSENT: "there is no such element: it only fills up the array",
    Status.TRUNCATED: "there are more points than there is room for: raise max_points",
    Status.UNRESOLVED: "not settled at the finest look: raise num_thetas, or use float64",
    Status.ONE_SIDED: "the infimum is not attained: its limit from one side of a discontinuity is given",
    Status.PLATEAU: "the minimiser is an interval: its middle is given, `accuracies` is half its width",
}


def code(status: Status) -> jnp.ndarray:
    """The int8 scalar to use inside `jnp.where` (an IntEnum would become int64 under x64)."""
    return jnp.asarray(int(status), jnp.int8)


def counts(status: object) -> dict[Status, int]:
    """How many elements have each code, the absent ones left out.

    >>> counts(np.array([0, 0, 7], np.int8))
    {<Status.OK: 0>: 2, <Status.NONFINITE: 7>: 1}
    """
    codes, numbers = np.unique(np.asarray(status), return_counts=True)
    return {Status(int(c)): int(n) for c, n in zip(codes, numbers, strict=True)}


class HasStatus(Protocol):
    """Any result."""

    @property
    def status(self) -> Any:
        """Codes, any shape."""
        ...


def raise_for_status(result: HasStatus, *, allow: tuple[Status, ...] = (Status.OK,)) -> None:
    """Raise `ArithmeticError` where an element of `result.status` is not among `allow`.

    Args:
        result: anything with a `status` array: a `Surface`, an `OptimalTheta`, an `OuterRun`.
        allow: the codes that count as success.

    >>> import mamlgrid as mg
    >>> best = mg.optimal_theta(mg.cases.quadratic().meta(), np.array([0.5]), (-1.0, 2.0))
    >>> mg.raise_for_status(best)
    """
    if not hasattr(result, "status"):
        raise TypeError(f"result must have a status, as what mg.optimal_theta returns, got a {type(result).__name__}")
    status = np.asarray(result.status)
    bad = {s: n for s, n in counts(status).items() if s not in allow}
    if bad:
        lines = "; ".join(f"{n} x {s.name} ({s.message})" for s, n in bad.items())
        raise ArithmeticError(f"{sum(bad.values())} of {status.size} elements are not as asked: {lines}")
