"""The diagram cut at one alpha: the zeros there as vertices of a graph, and where G is extreme between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._stationary.zeros import ZERO

if TYPE_CHECKING:
    from .._stationary.row import Stationary


class Columns(NamedTuple):
    """Vertices, `[vertices]`; `jacobian_rates` is how G_theta changes along the curve with alpha."""

    alphas: np.ndarray
    thetas: np.ndarray
    values: np.ndarray
    jacobians: np.ndarray
    stabilities: np.ndarray
    jacobian_rates: np.ndarray


class Vertices:
    """All points that curves go through, numbered in the order in which they were added."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self.number = 0

    def add(
        self, alphas: Any, thetas: Any, values: Any, jacobians: Any, stabilities: Any, jacobian_rates: Any = np.nan
    ) -> int:
        """New vertices; the number of the first."""
        first = self.number
        columns = np.broadcast_arrays(alphas, thetas, values, jacobians, stabilities, jacobian_rates)
        self._parts.append(np.stack([np.ravel(c).astype(float) for c in columns]))
        self.number += self._parts[-1].shape[1]
        return first

    def columns(self) -> Columns:
        """All of them."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts, axis=1)]
        return Columns(*self._parts[0])


class Section(NamedTuple):
    """The zeros at one alpha, `[points]` in order of theta.

    Attributes:
        alpha: the inner step size.
        first: the number of the first zero as a vertex; the others follow.
        thetas: where.
        rates: dtheta/dalpha; NaN where it is not known.
        jacobians: G_theta.
        stabilities: 1 attracting, -1 repelling, 0 semistable.
        accuracies: of thetas.
        smooth: whether it is a zero of G with a change of sign, and no kink, jump or plateau.
        ends: G at both bounds.
        flat: whether every theta is stationary.
        doubt: why the section may be incomplete; empty when it is not.
    """

    alpha: float
    first: int
    thetas: np.ndarray
    rates: np.ndarray
    jacobians: np.ndarray
    stabilities: np.ndarray
    accuracies: np.ndarray
    smooth: np.ndarray
    ends: np.ndarray
    flat: bool
    doubt: str

    def end(self, index: int) -> tuple[int, float, float, float]:
        """One of its zeros as the end of a piece of a curve: vertex, alpha, theta, slope."""
        return self.first + index, self.alpha, float(self.thetas[index]), float(self.rates[index])


def stabilities(found: Stationary) -> np.ndarray:
    """1 where the direction goes from minus to plus, -1 from plus to minus, 0 where it only touches zero."""
    turn = np.sign(np.nan_to_num(found.events.after)) - np.sign(np.nan_to_num(found.events.before))
    return np.where(found.events.exists, np.sign(turn), 0).astype(np.int8)


def sections(alphas: np.ndarray, found: Stationary, jacobian_rates: np.ndarray, vertices: Vertices) -> list[Section]:
    """All rows, their zeros (with `jacobian_rates`, `[zeros]`) added to the vertices."""
    exists = found.events.exists
    numbers = exists.sum(axis=1)
    stops = np.cumsum(numbers)
    signs = stabilities(found)
    smooth = (found.events.kinds == ZERO) & (signs != 0)
    known = (found.events.thetas, found.rates, found.at.jacobians, signs, found.accuracies, smooth)
    flat = [column[exists] for column in known]
    columns = (np.repeat(alphas, numbers), flat[0], found.at.values[exists], flat[2], flat[3], jacobian_rates)
    first = vertices.add(*columns)
    ends = found.looked.directions[:, [0, -1]]
    finite = np.isfinite(found.looked.directions).all(axis=1)
    listed = []
    for row, (alpha, stop, number) in enumerate(zip(alphas, stops, numbers, strict=True)):
        doubt = "" if found.settled[row] else "the zeros of a row are not settled at the finest look"
        doubt = doubt if finite[row] else "the direction is not finite everywhere in a row"
        thetas, rates, jacobians, turns, accuracies, plain = (column[stop - number : stop] for column in flat)
        listed.append(
            Section(
                float(alpha), first + int(stop - number), thetas, rates, jacobians, turns, accuracies, plain, ends[row],
                bool(found.flat[row]), doubt,
            )
        )  # fmt: skip
    return listed


def with_secants(cuts: list[Section]) -> list[Section]:
    """The sections with rates where a zero has none of its own, from those on both sides that are like it."""

    def like(one: Section, other: int) -> Section | None:
        beside = cuts[other] if 0 <= other < len(cuts) else None
        return beside if beside is not None and np.array_equal(beside.stabilities, one.stabilities) else None

    filled = []
    for k, cut in enumerate(cuts):
        missing = np.isnan(cut.rates) & ~cut.smooth
        if missing.any():
            before, after = like(cut, k - 1) or cut, like(cut, k + 1) or cut
            secants = (after.thetas - before.thetas) / (after.alpha - before.alpha)
            filled.append(cut._replace(rates=np.where(missing, secants, cut.rates)))
        else:
            filled.append(cut)
    return filled


def extrema(found: Stationary) -> tuple[np.ndarray, np.ndarray]:
    """Rows and thetas at which the direction is extreme along theta, to first order between two nodes."""
    slopes = found.looked.jacobians
    turns = (slopes[:, :-1] < 0) != (slopes[:, 1:] < 0)
    turns &= np.isfinite(slopes[:, :-1]) & np.isfinite(slopes[:, 1:])
    row, cell = np.nonzero(turns)
    left, right = slopes[row, cell], slopes[row, cell + 1]
    start, stop = found.nodes[row, cell], found.nodes[row, cell + 1]
    return row, start + (stop - start) * left / (left - right)
