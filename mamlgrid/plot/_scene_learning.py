"""The scene of the learning curves: a curve for each alpha, and the axis on which they can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._results.status import Status
from ._axes import number
from ._looks import ENDS, MarkLook

if TYPE_CHECKING:
    from .._base.types import Numbers

# More curves than this are told apart by one row of shades.
FEW = 4

# Of many curves so many are named in the legend, evenly.
_NAMED = 6

# A curve may rise to this multiple of what the others reach; above that it leaves the picture.
_HEADROOM = 3

# Positive values that span more than this factor are drawn on a logarithmic axis.
_WIDE = 20

# Shades of viridis, to neither end, which are no lines on black and on white.
_DARKEST, _LIGHTEST = 0.12, 0.85


class LearningCurve(NamedTuple):
    """The meta-loss along the outer loop at one alpha.

    Attributes:
        name: what tells it from the others.
        named: whether the legend has it.
        shade: its place on viridis.
        steps: `[records]`, outer steps, as far as the values are finite.
        values: `[records]`, the meta-loss there.
        late: `[means]`, the last steps of the means.
        means: `[means]`, over so many records; the values themselves where that is one.
        end: the mark of what the status says beyond OK, at the last finite value or at the edge; None for none.
        end_at: where that is, the step and the value; empty where no value is finite.
    """

    name: str
    named: bool
    shade: float
    steps: Numbers
    values: Numbers
    late: Numbers
    means: Numbers
    end: MarkLook | None
    end_at: tuple[Numbers, Numbers]


class LearningScene(NamedTuple):
    """All that a picture of learning curves shows.

    Attributes:
        curves: one for each alpha.
        logarithmic: whether the values are positive and far apart.
        from_zero: whether nothing is negative: otherwise up from zero.
        low: the lowest value to show, where a curve leaves the picture; None shows all.
        high: the highest value to show with it.
    """

    curves: tuple[LearningCurve, ...]
    logarithmic: bool
    from_zero: bool
    low: float | None
    high: float | None


def learning_scene(run: Any, window: int) -> LearningScene:
    """The curves of an outer loop, each the mean over `window` records."""
    alphas, steps, values, status = (np.asarray(x) for x in (run.alphas, run.trace.steps, run.trace.values, run.status))
    whole = values[np.isfinite(values).all(axis=1)]
    known = np.concatenate([whole.ravel(), values[np.isfinite(values[:, 0]), 0]])
    logarithmic = bool(known.size and known.min() > 0 and known.max() > _WIDE * known.min())
    low = high = None
    if known.size and np.nanmax(np.where(np.isfinite(values), values, np.nan)) > known.max():
        room = 0.0 if logarithmic else _HEADROOM * float(np.ptp(known))
        low = float(whole.min(initial=known.min()) * 0.8 - room * 0.02)
        high = float(_HEADROOM * known.max() + room)
    shades = np.linspace(_DARKEST, _LIGHTEST, alphas.size).tolist()
    named = set(np.linspace(0, alphas.size - 1, min(alphas.size, _NAMED)).round().astype(int).tolist())
    curves = []
    for i, alpha in enumerate(alphas):
        finite = np.flatnonzero(np.isfinite(values[i]))
        along = values[i, : finite[-1] + 1 if finite.size else 0]
        means = np.convolve(along, np.full(window, 1 / window), "valid") if along.size >= window > 1 else along
        late = steps[: along.size][along.size - means.size :]
        end = ENDS[Status.NONFINITE] if along.size < steps.size else ENDS.get(Status(int(status[i])))
        # A loop that was lost ends far above all others: on the edge of the picture.
        tip = means[-1:] if high is None else np.minimum(means[-1:], high)
        curves.append(
            LearningCurve(
                f"α = {number(alpha)}", i in named, shades[i], steps[: along.size], along, late, means,
                None if end == ENDS[Status.OK] else end, (late[-1:], tip),
            )
        )  # fmt: skip
    from_zero = bool(known.size and known.min() >= 0 and not logarithmic)
    return LearningScene(tuple(curves), logarithmic, from_zero, low, high)
