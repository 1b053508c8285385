"""How a surface is looked at: from where, how much of its height, and in which colours. Both renderers ask here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ._axes import number
from ._levels import AUTOMATIC, Levels, Scale, levels_of

if TYPE_CHECKING:
    from .._base.types import Numbers

# Degrees above the plane, and of the place looked from around it, counted from the alpha axis towards the theta axis.
# Parallel lines stay parallel.
ELEVATION, AZIMUTH = 45.0, -30.0

# Lengths of the alpha, theta and upright axes.
ASPECT = (1.0, 1.05, 0.72)

# Half of the values lie within `middle` of the floor (of zero, for a gradient). Ten times that (five times for a
# gradient, which one looks at where it is zero) still shows hills well above the valleys. What is up to five
# times higher again is worth its room; what is beyond is cut.
_REACH, _REACH_SIGNED, _TOLERATED = 10.0, 5.0, 5.0

# Of a gradient so many decades have colours on either side of zero. What is nearer to zero is pale, since there plotly
# cannot tell the surface from the plane.
_DECADES = 2


class Shown(NamedTuple):
    """The part of the values that a picture shows.

    Attributes:
        low: the lowest value shown.
        high: the highest value shown.
        note: one sentence on what was cut off, or "".
        short: the same in a few words, without how far it goes on.
    """

    low: float
    high: float
    note: str
    short: str = ""

    def padded(self) -> list[float]:
        """The range of an axis that draws lines: a little room above and below."""
        room = 0.04 * (self.high - self.low)
        return [self.low - room, self.high + room]


class SurfaceView(NamedTuple):
    """What of a surface is drawn, and in which colours."""

    shown: Shown
    levels: Levels


def surface_view(
    values: Numbers, *, signed: bool, zlim: tuple[float, float] | None = None, scale: Scale = AUTOMATIC
) -> SurfaceView:
    """The heights to draw, all or those in `zlim`, and levels and colours for what is between them."""
    view = shown(values, signed=signed) if zlim is None else _limited(values, zlim)
    inside = (values >= view.low) & (values <= view.high)
    return SurfaceView(view, levels_of(values[inside], signed, scale, _DECADES))


def roomy(low: float, high: float) -> tuple[float, float]:
    """A little more than the range, so that the tick labels of two axes do not meet in a corner."""
    room = 0.05 * (high - low)
    return low - room, high + room


def eye(distance: float) -> dict[str, float]:
    """The direction looked from, as plotly names it, so far away from the middle."""
    up, around = np.deg2rad([ELEVATION, AZIMUTH])
    x, y, z = np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)
    return {"x": distance * float(x), "y": distance * float(y), "z": distance * float(z)}


def shown(values: Numbers, *, signed: bool = False, by_row: bool = False) -> Shown:
    """The range worth showing: all of it, unless a few values would press the others flat.

    Args:
        values: any shape; what is not finite does not count.
        signed: measure from zero to both sides, instead of up from the lowest value.
        by_row: the first axis is shown one index at a time: the range must do for the highest of them.

    >>> shown(np.array([0.0, 0.5, 1.0, 1.5, 1e6]))
    Shown(low=0.0, high=10.0, note='Cut off: values above 10 (highest 1e+06).', short='cut above 10')
    """
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    if not finite.any():
        return Shown(0.0, 1.0, "No value is finite.")
    lowest, highest = float(values[finite].min()), float(values[finite].max())
    floor = 0.0 if signed else lowest
    distances = np.abs(values - floor, where=finite, out=np.full(values.shape, np.nan))
    parts = distances.reshape(len(values), -1) if by_row else [distances]
    middle = max(float(np.nanmedian(part)) for part in parts if not np.isnan(part).all())
    reach = (_REACH_SIGNED if signed else _REACH) * middle
    above, below = (
        far if far <= _TOLERATED * reach or reach == 0 else reach for far in (highest - floor, floor - lowest)
    )
    low, high = floor - below, floor + above
    return _noted(low, high, lowest, highest) if high > low else Shown(low - 0.5, high + 0.5, "")


def _limited(values: Numbers, zlim: tuple[float, float]) -> Shown:
    finite = values[np.isfinite(values)]
    ends = (float(finite.min()), float(finite.max())) if finite.size else zlim
    return _noted(*zlim, *ends)


def _noted(low: float, high: float, lowest: float, highest: float) -> Shown:
    """The range with the note on what lies beyond it."""
    cut = {f"above {number(high)}": f"highest {number(highest)}"} if highest > high else {}
    cut |= {f"below {number(low)}": f"lowest {number(lowest)}"} if lowest < low else {}
    if not cut:
        return Shown(low, high, "")
    told = " and ".join(f"{where} ({end})" for where, end in cut.items())
    return Shown(low, high, f"Cut off: values {told}.", f"cut {', '.join(cut)}")
