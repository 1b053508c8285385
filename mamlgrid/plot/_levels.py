"""Levels and colours that show the valley and the peak of one surface at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.colors import BoundaryNorm, Colormap

    from .._base.types import Numbers

# Every colour of the map is used equally often where levels are spaced by ratio; beyond this ratio between large and
# small values even spacing would put most of the picture into one colour.
_SPREAD = 30.0

# The share of cells at either end that may lie outside the levels, in the colours kept for "below" and "above".
_TAIL = 0.01


class Levels(NamedTuple):
    """Contour levels with the colours between them.

    Attributes:
        levels: increasing.
        ticks: the levels worth a label, with the labels.
        norm: value -> colour index; outside the levels there are two more colours.
        cmap: the colours.
    """

    levels: Numbers
    ticks: dict[float, str]
    norm: BoundaryNorm
    cmap: Colormap


def levels_of(values: Numbers, signed: bool) -> Levels:
    """Levels for a field: spaced by ratio where it spans decades, evenly otherwise; symmetric when `signed`."""
    import matplotlib
    from matplotlib.colors import BoundaryNorm
    from matplotlib.ticker import MaxNLocator

    finite = values[np.isfinite(values)]
    sizes = np.abs(finite[finite != 0])
    low, high = np.quantile(sizes, [_TAIL, 1 - _TAIL]) if sizes.size else (1.0, 1.0)
    if high > _SPREAD * low and (signed or finite.min() >= 0):
        levels, ticks = _by_ratio(float(low), float(high), signed)
    else:
        bottom, top = (-high, high) if signed else np.quantile(finite, [_TAIL, 1 - _TAIL]) if finite.size else (0, 1)
        if top - bottom <= 1e-9 * abs(top):  # A constant: rounding is not worth a colour.
            bottom, top = bottom - 0.5, top + 0.5
        levels = np.asarray(MaxNLocator(14, steps=[1, 2, 2.5, 5, 10]).tick_values(bottom, top))
        ticks = {float(v): f"{v:.6g}" for v in levels[:: 1 + levels.size // 8]}
    cmap = matplotlib.colormaps["RdBu_r" if signed else "viridis"]
    return Levels(levels, ticks, BoundaryNorm(levels, cmap.N, extend="both"), cmap)


def _by_ratio(low: float, high: float, signed: bool) -> tuple[Numbers, dict[float, str]]:
    """Levels like 0.1, 0.2, 0.5, 1, ... with a tick at each decade."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    if signed:  # Each side has half of the colours.
        first = max(first, last - 4)
    steps: tuple[float, ...] = (1, 1.5, 2, 3, 5, 7) if last - first <= 2 else (1, 2, 5) if last - first <= 5 else (1, 3)
    sizes = np.array([s * 10.0**k for k in range(first, last) for s in steps] + [10.0**last])
    # All levels but one beyond each end would only stretch the colours.
    sizes = sizes[max(0, int(np.searchsorted(sizes, low)) - 1) : int(np.searchsorted(sizes, high)) + 1]
    every = 1 + (last - first) // 7
    decades = {10.0**k: f"10^{{{k}}}" for k in range(first, last + 1, every) if sizes[0] <= 10.0**k <= sizes[-1]}
    ticks = {v: f"${text}$" for v, text in decades.items()}
    if not signed:
        return sizes, ticks
    # The smallest decade is too near zero for both labels.
    decades = dict(list(decades.items())[len(decades) > 2 :])
    ticks = {v: f"${text}$" for v, text in decades.items()}
    mirrored = {-v: f"$-{text}$" for v, text in decades.items()}
    return np.concatenate([-sizes[::-1], [0.0], sizes]), {**mirrored, 0.0: "0", **ticks}


def label(bar: Any, levels: Levels) -> None:
    """Ticks of a colour bar at the round levels only."""
    bar.set_ticks(list(levels.ticks), labels=list(levels.ticks.values()))
    bar.minorticks_off()
