"""What happens between two neighbouring sections: which zeros are one curve, which meet, which leave the bounds.

Generic curves of zeros do not cross, so zeros are linked by index once those that take part in a special point are
taken out. An explanation names all pieces of curves; whether they are ones is checked elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .arms import Arms
from .sections import Section
from .special_points import Box, Form, Special

# How many zeros may meet at a point whose normal form does not say, on its left and on its right; the first that
# leaves the rest alike is taken.
_WINDOWS = ((1, 1), (0, 2), (2, 0), (1, 3), (3, 1), (0, 0), (2, 2), (0, 1), (1, 0), (0, 3), (3, 0), (3, 3))


class Event(NamedTuple):
    """A special point with its vertices, one for each curve through it."""

    special: Special
    vertices: tuple[int, ...]


class Arm(NamedTuple):
    """A piece between a zero of one of the sections and a zero of the other, or a special point."""

    start: tuple[int, float, float, float]
    """Vertex, alpha, theta, slope."""
    stop: tuple[int, float, float, float]
    stability: int
    special: bool
    smooth: bool
    room: float


class Explanation(NamedTuple):
    """All pieces between two sections, guesses where `reason` says why they cannot be all."""

    arms: list[Arm]
    dead_ends: list[int]
    reason: str


class _Side:
    """What is left of the zeros of a section, and how to make arms from it to a point."""

    def __init__(self, section: Section, is_left: bool, events: Sequence[Event], box: Box) -> None:
        self.section, self.is_left = section, is_left
        taken = np.zeros(section.thetas.size, bool)
        for event in events:
            if abs(event.special.alpha - section.alpha) <= box.tolerance(event.special):
                taken |= np.abs(section.thetas - event.special.theta) <= _reach(event.special, section, box)
        self.left = [int(k) for k in np.flatnonzero(~taken)]

    def nearest(self, theta: float, number: int) -> list[int]:
        """The `number` neighbours among what is left whose middle is nearest to theta; all if there are fewer."""
        starts = range(max(1, len(self.left) - number + 1))
        windows = [self.left[k : k + number] for k in starts]
        return min(windows, key=lambda w: abs(float(np.mean(self.section.thetas[w])) - theta) if w else 0)

    def around(self, theta: float) -> list[int]:
        """The two neighbours of opposite stability that have theta between them."""
        for k, m in itertools.pairwise(self.left):
            slack = self.section.accuracies[[k, m]]
            between = self.section.thetas[k] - slack[0] <= theta <= self.section.thetas[m] + slack[1]
            if between and self.section.stabilities[k] * self.section.stabilities[m] < 0:
                return [k, m]
        return []

    def arm(self, index: int, vertex: int, special: Special, slope: float) -> Arm:
        """The piece between one of the zeros and a special point; the zero is taken out."""
        section = self.section
        self.left.remove(index)
        zero = section.end(index)
        point = (vertex, special.alpha, special.theta, slope)
        ends = (zero, point) if self.is_left else (point, zero)
        return Arm(*ends, int(section.stabilities[index]), True, bool(section.smooth[index]), np.inf)


def explained(
    a: Section, b: Section, events: Sequence[Event], box: Box, new_vertex: Callable[[Event], int]
) -> Explanation:
    """What happens between two sections, with the special points there.

    Args:
        a: the section with the smaller alpha.
        b: the other one.
        events: the special points between them, those at their alphas included.
        box: where the diagram lies.
        new_vertex: adds a vertex at a special point, for a curve that ends there.
    """
    sides = {True: _Side(a, True, events, box), False: _Side(b, False, events, box)}
    arms: list[Arm] = []
    unclear: list[Event] = []
    for event in events:
        special = event.special
        open_ = {
            True: special.alpha > a.alpha + box.tolerance(special),
            False: special.alpha < b.alpha - box.tolerance(special),
        }
        if special.form == Form.DEGENERATE:
            if not special.is_isolated:
                unclear.append(event)
            continue
        found = _known_form(event, sides, open_, box)
        if found is None:
            return Explanation([], [], "zeros that meet at a special point could not be told")
        arms += found
    dead_ends: list[int] = []
    through = _all_go_on(unclear, sides, box)
    if through is not None:
        arms += through
    else:
        for event in unclear:
            found, dead = _unknown_form(event, sides, box, new_vertex)
            arms += found
            dead_ends += dead
    rest = [sides[True].left, sides[False].left]
    alike = np.array_equal(a.stabilities[rest[0]], b.stabilities[rest[1]])
    shared = min(map(len, rest))
    rest = [zeros[:shared] for zeros in rest]
    rooms = [_rooms(a)[rest[0]], _rooms(b)[rest[1]]]
    for k, m, room in zip(*rest, np.minimum(*rooms), strict=True):
        start, stop = a.end(k), b.end(m)
        arms.append(Arm(start, stop, int(a.stabilities[k]), False, bool(a.smooth[k] and b.smooth[m]), float(room)))
    return Explanation(arms, dead_ends, "" if alike else "the zeros on both sides do not match")


def as_arrays(arms: Sequence[Arm]) -> Arms:
    """The arms as columns."""
    ends = np.array([[arm.start, arm.stop] for arm in arms], float).reshape(-1, 2, 4)
    rest = np.array([arm[2:] for arm in arms], float).reshape(-1, 4)
    vertices, alphas, thetas, slopes = np.moveaxis(ends, -1, 0)
    stabilities, special, smooth, rooms = rest.T
    return Arms(vertices.astype(int), alphas, thetas, slopes, stabilities, special > 0, smooth > 0, rooms)


def _rooms(section: Section) -> np.ndarray:
    gaps = np.concatenate([[np.inf], np.diff(section.thetas), [np.inf]])
    return np.minimum(gaps[:-1], gaps[1:])


def _reach(special: Special, section: Section, box: Box) -> np.ndarray:
    """How far zeros of a section through a special point may be from it, by rounding."""
    width = box.high - box.low
    known = np.where(np.isfinite(section.accuracies), section.accuracies, 0)
    return 4 * known + 16 * np.sqrt(box.eps) * width + (box.eps**0.25 * width if special.slow else 0)


def _known_form(event: Event, sides: dict[bool, _Side], open_: dict[bool, bool], box: Box) -> list[Arm] | None:
    """The arms of a special point whose normal form says how many there are; None where they are not found."""
    special, arms = event.special, []
    slopes, vertices = special.slopes, event.vertices
    if special.form == Form.FOLD:
        is_left = not special.births
        if not open_[is_left]:
            return []
        pair = sides[is_left].around(special.theta)
        return [sides[is_left].arm(k, vertices[0], special, slopes[0]) for k in pair] if pair else None
    if special.form == Form.BOUND:
        is_left = _is_left_of_bound(special, sides, box)
        zeros = sides[is_left].nearest(special.theta, 1) if open_[is_left] else []
        return [sides[is_left].arm(k, vertices[0], special, slopes[0]) for k in zeros]
    if special.form == Form.HYSTERESIS:
        through = [(side, side.nearest(special.theta, 1)) for is_left, side in sides.items() if open_[is_left]]
        return [side.arm(k, vertices[0], special, slopes[0]) for side, zeros in through for k in zeros]
    for is_left, side in sides.items():
        if not open_[is_left]:
            continue
        if special.form == Form.TRANSCRITICAL:
            pair = side.nearest(special.theta, 2)
            if len(pair) < 2:
                return None
            order = (1, 0) if is_left else (0, 1)  # the steeper curve is the lower one on the left
            arms += [side.arm(k, vertices[i], special, slopes[i]) for k, i in zip(pair, order, strict=True)]
        else:
            beside = (special.side_bend > 0) != is_left
            zeros = side.nearest(special.theta, 3 if beside else 1)
            if len(zeros) < (3 if beside else 1):
                return None
            own = (1, 0, 1) if beside else (0,)
            arms += [side.arm(k, vertices[i], special, slopes[i]) for k, i in zip(zeros, own, strict=True)]
    return arms


def _is_left_of_bound(special: Special, sides: dict[bool, _Side], box: Box) -> bool:
    """Whether a curve that meets a bound is inside on the left of it."""
    slope = special.slopes[0]
    surplus = len(sides[True].left) - len(sides[False].left)
    if surplus:
        return surplus > 0
    return bool((slope < 0) == (special.theta == box.low))


def _alike(sides: dict[bool, _Side], without: tuple[Sequence[int], Sequence[int]] = ((), ())) -> bool:
    """Whether what is left on both sides has the same stabilities, without some zeros."""
    rest = [
        [side.section.stabilities[k] for k in side.left if k not in taken]
        for side, taken in zip((sides[True], sides[False]), without, strict=True)
    ]
    return rest[0] == rest[1]


def _all_go_on(events: Sequence[Event], sides: dict[bool, _Side], box: Box) -> list[Arm] | None:
    """The arms of degenerate points if one curve goes through each of them; None where that leaves sides unlike."""
    chosen: tuple[list[int], list[int]] = ([], [])
    pairs = []
    for event in events:
        for taken, side in zip(chosen, (sides[True], sides[False]), strict=True):
            here = abs(event.special.alpha - side.section.alpha) <= box.tolerance(event.special)
            free = [k for k in side.left if k not in taken]
            if not here and free:
                nearest = min(free, key=lambda k, side=side, at=event.special.theta: abs(side.section.thetas[k] - at))
                taken.append(nearest)
                pairs.append((side, nearest, event))
    if not _alike(sides, chosen):
        return None
    return [side.arm(k, event.vertices[0], event.special, event.special.slopes[0]) for side, k, event in pairs]


def _unknown_form(
    event: Event, sides: dict[bool, _Side], box: Box, new_vertex: Callable[[Event], int]
) -> tuple[list[Arm], list[int]]:
    """The arms of a degenerate point: the fewest that leave the rest alike on both sides."""
    special, both = event.special, (sides[True], sides[False])
    here = [abs(special.alpha - side.section.alpha) <= box.tolerance(special) for side in both]
    for numbers in _WINDOWS:
        wanted = [0 if at else n for at, n in zip(here, numbers, strict=True)]
        left, right = (side.nearest(special.theta, n) for side, n in zip(both, wanted, strict=True))
        if [len(left), len(right)] != wanted or not _alike(sides, (left, right)):
            continue
        goes_on = max(wanted) <= 1 or sorted(wanted) == [0, 2]
        arms, dead = [], []
        for side, zeros in zip(both, (left, right), strict=True):
            for k in zeros:
                vertex = event.vertices[0] if goes_on else new_vertex(event)
                dead += [] if goes_on else [vertex]
                arms.append(side.arm(k, vertex, special, special.slopes[0]))
        return arms, dead
    return [], []
