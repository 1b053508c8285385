"""Levels and colours that show the valley and the peak of one surface at once, or those that the caller wants."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

    from .._base.types import Numbers

# Every colour of the map is used equally often where levels are spaced by ratio; beyond this ratio between large and
# small values even spacing would put most of the picture into one colour.
_SPREAD = 30.0

# The share of cells at either end that may lie outside the levels, in the colours kept for "below" and "above".
_TAIL = 0.01

# Evenly spaced levels that nobody asked for, at most.
_NUMBER = 14


class Scale(NamedTuple):
    """What the caller says of levels and colours; None is left to `levels_of`. `_door.scale` makes it.

    Attributes:
        levels: increasing numbers, or how many.
        cmap: a colour map, or its name.
        norm: "linear" or "log" for the spacing of levels, or a `Normalize` of matplotlib that gives the colours.
        vmin: the lowest level.
        vmax: the highest level.
    """

    levels: Any = None
    cmap: Any = None
    norm: Any = None
    vmin: float | None = None
    vmax: float | None = None


AUTOMATIC = Scale()


class Levels(NamedTuple):
    """Contour levels with the colours between them.

    Attributes:
        levels: increasing.
        ticks: the levels worth a label, with the labels.
        norm: value -> colour; outside the levels there are two more colours.
        cmap: the colours.
    """

    levels: Numbers
    ticks: dict[float, str]
    norm: Normalize
    cmap: Colormap

    def words(self) -> list[str]:
        """The labels of the ticks in plain text, for plotly."""
        return [text.strip("$").replace("^{", "<sup>").replace("}", "</sup>") for text in self.ticks.values()]

    def places(self, values: Any) -> Numbers:
        """Values as places on the colour map between 0 and 1, without the steps from level to level; NaN stays."""
        from matplotlib.colors import BoundaryNorm

        values = np.asarray(values, float)
        if not isinstance(self.norm, BoundaryNorm):
            return np.clip(np.ma.filled(self.norm(np.ma.masked_invalid(values)), np.nan), 0, 1)
        middles = (np.arange(self.levels.size) + 0.5) / self.levels.size
        inside = np.interp(values, self.levels, middles)
        return np.where(values < self.levels[0], 0, np.where(values > self.levels[-1], 1, inside))


def levels_of(values: Numbers, signed: bool, scale: Scale = AUTOMATIC, decades: int = 4) -> Levels:
    """Levels for a field: spaced by ratio where it spans decades, evenly otherwise; symmetric when `signed`.

    Args:
        values: what is to be shown; what is not finite does not count.
        signed: zero is the middle.
        scale: what is given instead.
        decades: of a signed field, on either side of zero at most so many.
    """
    import matplotlib
    from matplotlib.colors import BoundaryNorm, Normalize

    levels, ticks = _given(scale.levels) if np.ndim(scale.levels) else _chosen(values, signed, scale, decades)
    cmap = matplotlib.colormaps.get_cmap(scale.cmap or ("RdBu_r" if signed else "viridis"))
    if not isinstance(scale.norm, Normalize):
        return Levels(levels, ticks, BoundaryNorm(levels, cmap.N, extend="both"), cmap)
    norm = copy.copy(scale.norm)
    norm.autoscale_None(levels)
    return Levels(levels, ticks, norm, cmap)


def _given(levels: Any) -> tuple[Numbers, dict[float, str]]:
    """The levels of the caller, labelled at powers of ten where there are some, else every so many."""
    levels = np.asarray(levels, float)
    decades = _decades(levels)
    return levels, decades if len(decades) > 2 else _some(levels)


def _chosen(values: Numbers, signed: bool, scale: Scale, decades: int) -> tuple[Numbers, dict[float, str]]:
    """Levels for these values, between the ends that are given."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import MaxNLocator

    finite = values[np.isfinite(values)]
    sizes = np.abs(finite[finite != 0])
    low, high = np.quantile(sizes, [_TAIL, 1 - _TAIL]) if sizes.size else (1.0, 1.0)
    by_ratio = high > _SPREAD * low and (signed or finite.min() >= 0)
    wanted = "log" if isinstance(scale.norm, LogNorm) else scale.norm
    ends = getattr(scale.norm, "vmin", scale.vmin), getattr(scale.norm, "vmax", scale.vmax)
    if wanted == "log" or (by_ratio and wanted is None and not (ends[0] is not None and ends[0] <= 0)):
        low, high = (float(given) if given else found for given, found in zip(ends, (low, high), strict=True))
        return _by_ratio(float(low), max(float(high), float(low)), decades if signed else 0, scale.levels)
    bottom, top = (-high, high) if signed else np.quantile(finite, [_TAIL, 1 - _TAIL]) if finite.size else (0, 1)
    bottom, top = (
        float(given) if given is not None else found for given, found in zip(ends, (bottom, top), strict=True)
    )
    if top - bottom <= 1e-9 * abs(top):  # A constant: rounding is not worth a colour.
        bottom, top = bottom - 0.5, top + 0.5
    number = scale.levels or _NUMBER
    levels = np.asarray(MaxNLocator(number, steps=[1, 2, 2.5, 5, 10]).tick_values(bottom, top))
    if any(end is not None for end in ends):
        levels = np.unique([bottom, *levels[(levels > bottom) & (levels < top)], top])
    return levels, _some(levels)


def _some(levels: Numbers) -> dict[float, str]:
    return {float(v): f"{v:.6g}".replace("-", "−") for v in levels[:: 1 + levels.size // 8]}


def _by_ratio(low: float, high: float, each_side: int, number: int | None) -> tuple[Numbers, dict[float, str]]:
    """Levels like 0.1, 0.2, 0.5, 1, ... with a tick at each decade; around zero where there are two sides."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    last = max(last, first + 1)
    if each_side:
        first = max(first, last - each_side)
    each = (number or 0) / (last - first) / (2 if each_side else 1)
    steps: tuple[float, ...] = (1, 1.5, 2, 3, 5, 7) if last - first <= 2 else (1, 2, 5) if last - first <= 5 else (1, 3)
    if number:
        steps = tuple(np.unique(np.round(10 ** np.linspace(0, 1, max(1, round(each)), endpoint=False), 1)).tolist())
    sizes = np.array([s * 10.0**k for k in range(first, last) for s in steps] + [10.0**last])
    # All levels but one beyond each end would only stretch the colours.
    sizes = sizes[max(0, int(np.searchsorted(sizes, low)) - 1) : int(np.searchsorted(sizes, high)) + 1]
    levels = np.concatenate([-sizes[::-1], [0.0], sizes]) if each_side else sizes
    return levels, _decades(levels)


def _decades(levels: Numbers) -> dict[float, str]:
    """The powers of ten among levels on both sides of zero; of many every so many."""
    sizes = levels[levels > 0]
    signed = bool((levels <= 0).any())
    powers = [int(np.rint(np.log10(size))) for size in sizes if np.isclose(np.log10(size) % 1, [0, 1]).any()]
    # A decade that is the level next to zero is too near for both labels.
    apart = [k for k in powers if not (signed and np.isclose(10.0**k, sizes[0]))]
    powers = (apart or powers)[:: 1 + len(powers) // 8]
    ticks = {10.0**k: f"$10^{{{k}}}$" for k in powers}
    if not signed:
        return ticks
    mirrored = {-(10.0**k): f"$-10^{{{k}}}$" for k in powers if -(10.0**k) >= levels[0]}
    return {**mirrored, 0.0: "0", **ticks}


def label(bar: Any, levels: Levels) -> None:
    """Ticks of a colour bar at the round levels only."""
    bar.set_ticks(list(levels.ticks), labels=list(levels.ticks.values()))
    bar.minorticks_off()
