"""A picture before it is drawn: curves, bands and marks, the same facts for matplotlib and for plotly.

Scenes select and order the arrays of a result; they compute nothing. Words are for people, in plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._results.status import Status
from ._looks import BandLook, LineLook, MarkLook, confirmed, hollow

if TYPE_CHECKING:
    from .._base.types import Numbers

# What lasts over many alphas is marked at about so many of them.
MOST_MARKS = 15

# Neighbours further apart than this share of all there is are not joined.
_APART = 0.04


class Piece(NamedTuple):
    """A stretch of a curve that looks the same all along; neighbours share a point, so that no gap shows."""

    part: slice
    look: LineLook


class Curve(NamedTuple):
    """One curve, in order along it; NaN is a gap.

    Attributes:
        name: what it is, and where it starts and stops.
        x: `[points]`, alphas.
        y: `[points]`, thetas.
        values: `[points]`, the meta-loss there.
        words: `[points]`, the stability or the status of each.
        pieces: the stretches to draw.
    """

    name: str
    x: Numbers
    y: Numbers
    values: Numbers
    words: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def alone(self) -> Any:
        """`[points]`, which of them no line would show, having a gap on both sides."""
        gap = np.pad(~np.isfinite(self.y), 1, constant_values=True)
        return ~gap[1:-1] & gap[:-2] & gap[2:]


class Marks(NamedTuple):
    """Marks of one kind.

    Attributes:
        kind: what they are, in the singular.
        look: how they are drawn.
        x: `[marks]`, alphas.
        y: `[marks]`, thetas.
        values: `[marks]`, the meta-loss there.
        words: `[marks]`, what to say of each.
        labels: `[marks]`, short texts to write beside them where there is room; none when empty.
        bars: `[marks]`, accuracies to draw as bars up and down; none when empty.
        confirmed: whether they are known to be there.
        on_edge: they have no place upwards: they lie on the lower edge of the picture.
    """

    kind: str
    look: MarkLook
    x: Numbers
    y: Numbers
    values: Numbers
    words: tuple[str, ...]
    labels: tuple[str, ...] = ()
    bars: Numbers = np.zeros(0)
    confirmed: bool = True
    on_edge: bool = False


class Band(NamedTuple):
    """A range of alpha.

    Attributes:
        look: how it is drawn.
        left: where it starts.
        right: where it stops.
        words: what to say of it.
        x: `[alphas]`, those of the result in it that have a value whatever theta is.
        values: `[alphas]`, these values.
    """

    look: BandLook
    left: float
    right: float
    words: str
    x: Numbers = np.zeros(0)
    values: Numbers = np.zeros(0)


class Scene(NamedTuple):
    """All that a picture shows.

    Attributes:
        alphas: `(low, high)`, the axis.
        bounds: `(low, high)` of theta.
        curves: drawn over the bands.
        bands: at the back.
        marks: in front, the most important first: for those there are labels where room is scarce.
    """

    alphas: tuple[float, float]
    bounds: tuple[float, float]
    curves: tuple[Curve, ...] = ()
    bands: tuple[Band, ...] = ()
    marks: tuple[Marks, ...] = ()

    @property
    def thetas(self) -> Numbers:
        """Every theta that should be in view."""
        return np.concatenate([np.zeros(0), *(c.y for c in self.curves), *(m.y for m in self.marks)])


def counted(marks: tuple[Marks, ...]) -> tuple[Marks, ...]:
    """The marks, those in doubt with their number in the legend where they are several; both ends of a jump are one."""
    doubtful: dict[str, set[tuple[str, int, str]]] = {}
    for group in marks:
        if not group.confirmed:
            doubtful.setdefault(group.look.label, set()).update(
                (group.kind, k, str(alpha)) for k, alpha in enumerate(group.x)
            )
    numbers = {label: f"{label}: {len(found)}" for label, found in doubtful.items() if len(found) > 1}
    return tuple(
        group if group.confirmed else group._replace(look=group.look._replace(label=numbers.get(name, name)))
        for group in marks
        for name in [group.look.label]
    )


def from_the_front(marks: tuple[Marks, ...]) -> list[int]:
    """The places of the marks in the order in which they lie: small before large, then as they are listed."""
    return sorted(range(len(marks)), key=lambda k: marks[k].look.size)


def depths(marks: tuple[Marks, ...]) -> dict[int, float]:
    """How far behind the front each of the marks lies, from 0 to below 1."""
    return {k: depth / (1 + len(marks)) for depth, k in enumerate(from_the_front(marks))}


def limits(axis: Any) -> tuple[float, float]:
    """The ends of an axis, or of a pair of bounds, as plain numbers."""
    axis = np.asarray(axis)
    return float(axis[0]), float(axis[-1])


def span_of(points: Any) -> tuple[float, float]:
    """The least and the largest of what is finite; around zero when there is nothing."""
    finite = np.asarray(points)[np.isfinite(points)]
    return (float(finite.min()), float(finite.max())) if finite.size else (-0.5, 0.5)


def apart(*heights: Numbers) -> Any:
    """After which points neighbours are too far from each other in one of `heights` for a line between them.

    Between them there may be a jump: a share of all that is in view could not be seen, more would be a claim.
    """
    far = np.zeros(max(0, heights[0].size - 1), bool)
    for height in heights:
        finite = height[np.isfinite(height)]
        far |= np.abs(np.diff(height)) > _APART * (float(np.ptp(finite)) if finite.size else 0.0)
    return np.flatnonzero(far)


def some_rows(rows: Any) -> Any:
    """Evenly many of `rows`, increasing indices, so that marks of what lasts do not cover each other."""
    return rows[:: 1 + rows.size // MOST_MARKS]


def split(kind: str, look: MarkLook, status: Any, place: Any, words: Any, labels: Any = ()) -> tuple[Marks, ...]:
    """Marks of one kind: those confirmed, and hollow and grey those that were not; what is absent is left out.

    Args:
        kind: what they are, in the singular.
        look: of those confirmed.
        status: `[marks]`, codes.
        place: alphas, thetas and values, `[marks]` each.
        words: `[marks]`, what to say of each.
        labels: `[marks]`, what to write beside those confirmed; none when empty.
    """
    x, y, values = (np.asarray(a) for a in place)
    known = confirmed(status)
    there = {
        True: known & np.isfinite(x) & np.isfinite(y),
        # One whose place is not known either cannot be drawn, but is counted.
        False: ~known & (np.asarray(status) != Status.ABSENT),
    }
    made = []
    for good, which in there.items():
        here = np.flatnonzero(which)
        if here.size:
            told = tuple(words[i] for i in here)
            wanted = tuple(labels[i] for i in here) if labels and good else ()
            style = look if good else hollow(look)
            made.append(Marks(kind, style, x[here], y[here], values[here], told, wanted, confirmed=good))
    return tuple(made)
