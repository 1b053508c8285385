"""Whole axes of alphas: rows that are looked at again where they are not settled, the lowest of each, the switches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._base.arguments import numpys_rules
from .._results.status import Status
from .evaluator import OnHost, Traced
from .lowest import Lowest, lowest
from .row import Stationary, even, looked_at, stationary, with_middles
from .switches import Switch, points, switches
from .zeros import JUMP, KINK

if TYPE_CHECKING:
    from .._base.types import Array
    from .._meta.meta_loss import MetaLoss

# How often a row that is not settled is looked at twice as finely.
_REFINEMENTS = 4

# Nodes around the minimiser of a row with kinks or jumps.
_CLOSE = 96

# But never on more nodes than this in all: seconds, for a loss that may have thousands of minima in each row.
_MOST_NODES = 2**20

# Rows between which jumps are looked for: so many at least, so that what is found does not depend on a coarse axis.
_LEAST_ROWS = 33


class Rows(NamedTuple):
    """The rows of an axis, and more between them where it is coarse.

    Attributes:
        alphas: of all rows, `[rows]`.
        own: which of them are those of the axis.
        found: what lies on each.
        best: the lowest minima of the axis alone, as JAX arrays.
        switches: the jumps between them.
    """

    alphas: np.ndarray
    own: np.ndarray
    found: Stationary
    best: Lowest
    switches: list[Switch]


class Solver:
    """Settles rows of one box.

    Attributes:
        meta: whose rows.
        ends: of theta, as NumPy arrays.
        num_thetas: of the first look at a row.
        memory_budget: bytes of each evaluation.
        is_gradient: whether the direction is the derivative of the value.
    """

    def __init__(self, meta: MetaLoss, low: Array, high: Array, num_thetas: int, memory_budget: int) -> None:
        self.meta = meta
        self.ends = np.asarray(low), np.asarray(high)
        self.num_thetas = num_thetas
        self.memory_budget = memory_budget
        self.is_gradient = meta.outer.is_gradient

    def evaluator(self, alphas: np.ndarray) -> OnHost:
        """Evaluates these rows."""
        return OnHost(self.meta, alphas, self.memory_budget)

    @np.errstate(all="ignore")  # what is not finite has a status
    def __call__(self, alphas: np.ndarray) -> tuple[Stationary, Lowest]:
        """All that lies on some rows, and the lowest of each."""
        evaluator = self.evaluator(alphas)
        return settled_rows(evaluator, even(evaluator, *self.ends, self.num_thetas), self.is_gradient)

    @np.errstate(all="ignore")
    def rows(self, axis: np.ndarray) -> Rows:
        """Those of an axis, and the jumps between them."""
        full, own = _filled_up(axis)
        found, best = self(full)
        jumps = switches(self.evaluator(full), points(full, found, best), self, *self.ends, self.is_gradient)
        best = Lowest(*(np.asarray(x)[own] for x in best))
        widest = np.isfinite(best.ties).sum(axis=1).max(initial=0)
        status = _with_inner_status(self.meta, axis, best, self.ends)
        best = Lowest(*map(jax.device_put, best._replace(ties=best.ties[:, :widest], status=status)))
        return Rows(full, own, found, best, jumps)


@partial(jax.jit, static_argnames=("num_thetas", "max_points", "memory_budget"))
def lowest_inside(
    meta: MetaLoss, alphas: Array, low: Array, high: Array, *, num_thetas: int, max_points: int, memory_budget: int
) -> Lowest:
    """The lowest minimum of each alpha, inside a program: nothing is looked at again, and room is limited."""
    with numpys_rules():
        evaluator = Traced(meta, alphas, memory_budget)
        nodes, at = looked_at(evaluator, even(evaluator, low, high, num_thetas))
        found = stationary(evaluator, nodes, at, low, high, meta.outer.is_gradient, max_points)
        best = lowest(evaluator, found, meta.outer.is_gradient)
    crowded = found.number > max_points
    return best._replace(status=jnp.where(crowded, int(Status.TRUNCATED), best.status).astype(jnp.int8))


def settled_rows(evaluator: OnHost, nodes: np.ndarray, is_gradient: bool) -> tuple[Stationary, Lowest]:
    """All rows, those that are not settled looked at twice as finely until they are, or too often.

    Where there are kinks or jumps, the neighbourhood of the minimiser is looked at once more: a jump of the value that
    is smaller than what a kink in its cell could make does not show on the nodes alone.
    """

    def again(rows: np.ndarray, nodes: np.ndarray) -> None:
        nonlocal found, best
        some = evaluator.some(rows)
        new = stationary(some, *looked_at(some, nodes), low, high, is_gradient)
        best = _placed(best, lowest(some, new, is_gradient), rows, found, new)
        found = _replaced(found, new, rows)

    low, high = nodes[0, 0], nodes[0, -1]
    found = stationary(evaluator, *looked_at(evaluator, nodes), low, high, is_gradient)
    best = lowest(evaluator, found, is_gradient)
    for _ in range(_REFINEMENTS):
        open_ = np.flatnonzero(~found.settled | (best.status == int(Status.UNRESOLVED)))
        if not open_.size or 2 * open_.size * nodes.shape[1] > _MOST_NODES:
            break
        nodes = with_middles(evaluator, nodes)
        again(open_, nodes[open_])
    sharp = np.isin(found.events.kinds, (KINK, JUMP)) & found.events.exists
    rough = np.flatnonzero(is_gradient & sharp.any(axis=1) & found.settled & np.isfinite(best.thetas))
    if rough.size:
        again(rough, _closely(nodes[rough], best.thetas[rough]))
    return found, best


def _closely(nodes: np.ndarray, thetas: np.ndarray) -> np.ndarray:
    """The nodes and more of them around one theta in each row."""
    low, high = nodes[:, :1], nodes[:, -1:]
    cell = (high - low) / (nodes.shape[1] - 1)
    # No round shares, so that no node is there twice; what would lie outside is mirrored.
    near = thetas[:, None] + cell * np.linspace(-1.937, 2.029, _CLOSE, dtype=nodes.dtype)
    near = np.where(near < low, 2 * low - near, np.where(near > high, 2 * high - near, near))
    return np.sort(np.concatenate([nodes, near], axis=1), axis=1)


def _replaced(found: Stationary, finer: Stationary, rows: np.ndarray) -> Stationary:
    """`found` with some of its rows put in the place of the old ones, all filled up to the same number of slots."""
    slots = max(found.events.thetas.shape[1], finer.events.thetas.shape[1])

    def place(old: np.ndarray, new: np.ndarray, fill: Any) -> np.ndarray:
        if old.ndim == 1:
            full = old.copy()
        else:
            full = np.full((old.shape[0], max(old.shape[1], new.shape[1])), fill, old.dtype)
            full[:, : old.shape[1]] = old
            full[rows] = fill
        full[(rows, *[slice(n) for n in new.shape[1:]])] = new
        return full

    assert slots
    fills = {"kinds": 0, "tentative": False, "exists": False}
    events = type(found.events)(
        *(place(getattr(found.events, f), getattr(finer.events, f), fills.get(f, np.nan)) for f in found.events._fields)
    )
    at, probe = (
        type(old)(*(place(o, n, np.nan) for o, n in zip(old, new, strict=True)))
        for old, new in ((found.at, finer.at), (found.probe, finer.probe))
    )
    status = place(found.status, finer.status, int(Status.ABSENT))
    rates, accuracies = place(found.rates, finer.rates, np.nan), place(found.accuracies, finer.accuracies, np.nan)
    flat, settled, number = (place(getattr(found, f), getattr(finer, f), 0) for f in ("flat", "settled", "number"))
    return found._replace(
        events=events, at=at, probe=probe, rates=rates, accuracies=accuracies, status=status, flat=flat,
        settled=settled, number=number,
    )  # fmt: skip


def _placed(best: Lowest, finer: Lowest, rows: np.ndarray, found: Stationary, new: Stationary) -> Lowest:
    """The lowest of some rows in the place of the old ones; a slot behind the last is that of a bound."""
    old_slots, new_slots = found.events.thetas.shape[1], new.events.thetas.shape[1]
    slots = max(old_slots, new_slots)

    def moved(slot: np.ndarray, number: int) -> np.ndarray:
        return np.where(slot >= number, slot + slots - number, slot)

    best, finer = best._replace(slot=moved(best.slot, old_slots)), finer._replace(slot=moved(finer.slot, new_slots))
    width = max(best.ties.shape[1], finer.ties.shape[1])

    def place(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        if old.ndim == 1:
            full = old.copy()
            full[rows] = new
            return full
        full = np.full((old.shape[0], width), np.nan, old.dtype)
        full[:, : old.shape[1]] = old
        full[rows] = np.nan
        full[rows, : new.shape[1]] = new
        return full

    return Lowest(*(place(o, n) for o, n in zip(best, finer, strict=True)))


def _filled_up(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The axis with even steps between its points where there are few, and where its own points are in it."""
    if axis.size < 2:
        return axis, np.arange(axis.size)
    parts = max(1, -(-(_LEAST_ROWS - 1) // (axis.size - 1)))
    shares = np.arange(parts, dtype=axis.dtype) / parts
    full = (axis[:-1, None] + shares * np.diff(axis)[:, None]).ravel()
    full = np.unique(np.concatenate([full, axis]))
    return full, np.searchsorted(full, axis)


def _with_inner_status(meta: MetaLoss, alphas: np.ndarray, best: Lowest, ends: tuple[Any, Any]) -> np.ndarray:
    """NOT_CONVERGED in place of NONFINITE where a proximal inner problem was not solved."""
    lost = np.flatnonzero(best.status == int(Status.NONFINITE))
    if not meta.inner.may_fail or not lost.size:
        return best.status
    thetas = np.linspace(*ends, 9, dtype=alphas.dtype)
    failed = np.asarray(_inner_status(meta, alphas[lost], thetas) == int(Status.NOT_CONVERGED)).any(axis=1)
    status = best.status.copy()
    status[lost[failed]] = int(Status.NOT_CONVERGED)
    return status


@jax.jit
def _inner_status(meta: MetaLoss, alphas: Array, thetas: Array) -> Array:
    return jax.vmap(lambda a: jax.vmap(lambda t: meta.inner_status(t, a).max())(thetas))(alphas)
