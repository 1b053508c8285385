"""One engine, two ways to run it: on the host, where points are counted, or inside a program, where sizes are fixed.

The steps of the engine are written once, on arrays `[rows, ...]` (a row is one alpha) with the array module of an
evaluator. `OnHost` uses NumPy and calls one compiled program for the meta-loss: nothing else is compiled, so the first
call is fast, and a step looks only at what is there. `Traced` uses jax.numpy: for `jit` and `vmap`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from .._points.at import Sample, sample
from .._points.many import on_points
from .._points.memory import mapped
from .._points.rounding import Probe, probe

if TYPE_CHECKING:
    from .._meta.meta_loss import MetaLoss

State = Any
# Cells that one call judges.
_CELLS = 2**16

OfCell = Callable[[Any, Any, Sample, Sample, Any], Any]


class Evaluator(Protocol):
    """What the steps of the engine need."""

    xp: Any
    alphas: Any
    rounds: int
    """How often a bracket is looked at again for zeros that share it; in a program each costs a second of compiling."""

    def sample(self, thetas: Any, wanted: Any) -> Sample:
        """Value, direction and Jacobian at `thetas`, `[rows, ...]`, where `wanted`; NaN elsewhere."""
        ...

    def probe(self, thetas: Any, wanted: Any) -> Probe:
        """Derivatives in alpha and noise, likewise."""
        ...

    def by_cell(self, of: OfCell, nodes: Any, at: Sample, noise: Any) -> Any:
        """`of(array module, width, samples at the left end, at the right end, noise)` for each cell between nodes.

        Args:
            of: elementwise; a function of a module, so that its program is compiled once.
            nodes: `[rows, nodes]`.
            at: the samples there.
            noise: `[rows, 1]`.
        """
        ...

    def loop(self, unfinished: Callable[[State], Any], advance: Callable[[State], State], state: State) -> State:
        """`advance` as long as `unfinished`."""
        ...

    def first(self, mask: Any, most: int | None) -> tuple[Any, Any]:
        """The positions of the True along the last axis, `[rows, slots]`, and which of the slots hold one.

        As many slots as are needed, at least one, when `most` is None; else `most`.
        """
        ...

    def any(self, mask: Any) -> bool:
        """Whether a step has to be made at all; inside a program all are."""
        ...


class OnHost:
    """NumPy, with known numbers."""

    xp: Any = np
    rounds = 2

    def __init__(self, meta: MetaLoss, alphas: np.ndarray, memory_budget: int) -> None:
        self.meta, self.alphas, self.memory_budget = meta, alphas, memory_budget

    def some(self, rows: np.ndarray) -> OnHost:
        """The same for some of the rows."""
        return OnHost(self.meta, self.alphas[rows], self.memory_budget)

    def sample(self, thetas: np.ndarray, wanted: Any) -> Sample:
        """Value, direction and Jacobian."""
        return self._at(sample, Sample, thetas, wanted)

    def probe(self, thetas: np.ndarray, wanted: Any) -> Probe:
        """Derivatives in alpha and noise."""
        return self._at(probe, Probe, thetas, wanted)

    def by_cell(self, of: OfCell, nodes: np.ndarray, at: Sample, noise: np.ndarray) -> np.ndarray:
        """One compiled program for any number of cells: rows are put end to end, what lies between them is left out."""
        flat = np.stack([x.ravel() for x in np.broadcast_arrays(nodes, *at, noise)])
        parts = []
        for start in range(0, flat.shape[1], _CELLS):
            part = np.zeros((flat.shape[0], _CELLS + 1), flat.dtype)
            some = flat[:, start : start + _CELLS + 1]
            part[:, : some.shape[1]] = some
            parts.append(np.asarray(_on_cells(part, of=of)))
        return np.concatenate(parts)[: flat.shape[1]].reshape(nodes.shape)[:, :-1]

    def loop(self, unfinished: Callable[[State], Any], advance: Callable[[State], State], state: State) -> State:
        """A Python loop."""
        while unfinished(state):
            state = advance(state)
        return state

    def first(self, mask: np.ndarray, most: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Filled up to as many slots as are needed, or cut off at `most`."""
        numbers = mask.sum(axis=-1)
        slots = max(1, int(numbers.max(initial=0))) if most is None else most
        at = np.zeros((*mask.shape[:-1], slots), int)
        row, column = np.nonzero(mask)
        place = np.arange(row.size) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        kept = place < slots
        at[row[kept], place[kept]] = column[kept]
        return at, np.arange(slots) < numbers[:, None]

    def any(self, mask: np.ndarray) -> bool:
        """Whether there is one."""
        return bool(mask.any())

    def _at(self, at: Any, kind: Any, thetas: np.ndarray, wanted: Any) -> Any:
        wanted = np.broadcast_to(wanted, thetas.shape)
        alphas = np.broadcast_to(self.alphas.reshape(-1, *[1] * (thetas.ndim - 1)), thetas.shape)
        found = on_points(at, self.meta, thetas[wanted], alphas[wanted], self.memory_budget)

        def spread(flat: np.ndarray) -> np.ndarray:
            full = np.full(thetas.shape, np.nan, thetas.dtype)
            full[wanted] = flat
            return full

        return kind(*map(spread, found))


class Traced:
    """jax.numpy, inside a program."""

    xp: Any = jnp
    rounds = 1

    def __init__(self, meta: MetaLoss, alphas: Any, memory_budget: int) -> None:
        self.meta, self.alphas, self.memory_budget = meta, alphas, memory_budget

    def sample(self, thetas: Any, wanted: Any) -> Sample:
        """Value, direction and Jacobian."""
        return self._at(sample, thetas, wanted)

    def probe(self, thetas: Any, wanted: Any) -> Probe:
        """Derivatives in alpha and noise."""
        return self._at(probe, thetas, wanted)

    def by_cell(self, of: OfCell, nodes: Any, at: Sample, noise: Any) -> Any:
        """Part of the program."""
        left, right = (Sample(*(x[:, side] for x in at)) for side in (slice(-1), slice(1, None)))
        return of(jnp, jnp.diff(nodes, axis=1), left, right, noise)

    def loop(self, unfinished: Callable[[State], Any], advance: Callable[[State], State], state: State) -> State:
        """A `while_loop`."""
        return jax.lax.while_loop(unfinished, advance, state)

    def first(self, mask: Any, most: int | None) -> tuple[Any, Any]:
        """Cut off at `most`."""
        assert most is not None
        number = mask.shape[-1]
        # A top_k of floats compiles ten times as fast as a nonzero; they hold 2^24 positions.
        to_the_end = jnp.where(mask, number - jnp.arange(number), 0).astype(jnp.float32)
        left, at = jax.lax.top_k(to_the_end, min(most, number))
        missing = ((0, 0), (0, most - at.shape[-1]))
        return jnp.pad(at, missing), jnp.pad(left > 0, missing)

    def any(self, mask: Any) -> bool:
        """Not known: yes."""
        return True

    def _at(self, at: Any, thetas: Any, wanted: Any) -> Any:
        alphas = jnp.broadcast_to(self.alphas.reshape(-1, *[1] * (thetas.ndim - 1)), thetas.shape)
        # Where nothing is asked for, a point that is looked at anyway, so that nothing overflows there.
        places = jnp.where(wanted, thetas, thetas.reshape(-1)[0] * 0)
        pairs = jnp.stack([places.ravel(), alphas.ravel()], axis=-1)
        found = mapped(lambda pair: at(self.meta, pair[0], pair[1]), pairs, self.memory_budget)
        return jax.tree.map(lambda x: jnp.where(wanted, x.reshape(thetas.shape), jnp.nan), found)


@partial(jax.jit, static_argnames="of")
def _on_cells(flat: Any, *, of: OfCell) -> Any:
    left, right = flat[:, :-1], flat[:, 1:]
    return of(jnp, right[0] - left[0], Sample(*left[1:4]), Sample(*right[1:4]), left[4])


def pick(evaluator: Evaluator, array: Any, at: Any) -> Any:
    """`array[row, at[row, slot]]`."""
    return evaluator.xp.take_along_axis(array, at, axis=1)
