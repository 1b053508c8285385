"""How each kind of thing looks in every picture, named for people: lines, marks and bands, for both libraries.

Colour never says anything alone: lines differ in thickness and dash, marks in shape, bands in hatching.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from .._results.status import Status
from ._axes import THICK, THIN
from ._colours import BLACK, GREY, OPTIMUM, OPTIMUM_FAINT, OPTIMUM_PALE, RUN, SPECIAL, TWO_MINIMA

# Codes of `mg.Kind` and `mg.BranchPointKind` that look different from a smooth zero of the direction.
VALUE_JUMPS, ON_AN_INTERVAL = 2, 3
TRANSCRITICAL, PITCHFORK = 0, 1


class LineLook(NamedTuple):
    """How a line is drawn.

    Attributes:
        label: its entry in the legend; "" for none.
        color: of the line.
        width: in points.
        dash: "none" draws the points without a line between them.
    """

    label: str
    color: str
    width: float
    dash: Literal["solid", "dash", "dot", "none"] = "solid"


class MarkLook(NamedTuple):
    """How a mark is drawn.

    Attributes:
        label: its entry in the legend.
        color: of its rim and, when it is filled, its face.
        symbol: as plotly names it; "" draws the bars of the accuracies only.
        filled: a hollow mark has a white face.
        size: of the mark, in points; smaller ones lie in front of larger ones, so that both are seen. Without a symbol
            the width of the bars.
    """

    label: str
    color: str
    symbol: str
    filled: bool = True
    size: float = 5.5


class BandLook(NamedTuple):
    """How a range of alpha is drawn.

    Attributes:
        label: its entry in the legend.
        color: of the face, or of the hatching.
        opacity: of the face.
        hatched: lines instead of a face.
    """

    label: str
    color: str
    opacity: float
    hatched: bool = False


ATTRACTING = LineLook("attracting", BLACK, THICK)
REPELLING = LineLook("repelling", BLACK, THIN, "dash")
SEMISTABLE = LineLook("semistable", BLACK, THIN, "dot")
BY_STABILITY = {1: ATTRACTING, -1: REPELLING, 0: SEMISTABLE}

OPTIMAL = LineLook("optimal θ*", OPTIMUM, THICK)
# Under a branch of its own: both can be seen. Where it is continuous its branch says, so it needs no line.
OPTIMAL_UNDER = LineLook("optimal θ*", OPTIMUM_PALE, 2.5 * THICK, "none")

BEFORE_JUMP = MarkLook("jump", OPTIMUM, "circle", size=7.5)
AFTER_JUMP = MarkLook("jump", OPTIMUM, "circle", filled=False, size=7)
FOLD_BORN = MarkLook("fold", SPECIAL, "triangle-left", size=6)
FOLD_DIES = MarkLook("fold", SPECIAL, "triangle-right", size=6)
VERTICAL = MarkLook("vertical, but no turn", SPECIAL, "square", filled=False, size=5)
CROSSING = MarkLook("transcritical", SPECIAL, "cross", size=6.2)
FORK = MarkLook("pitchfork", SPECIAL, "star", size=6.5)
UNNAMED_BRANCHING = MarkLook("degenerate branch point", SPECIAL, "pentagon", size=6)
LIMIT = MarkLook("one-sided limit", BLACK, "circle", filled=False, size=4.5)
PLATEAU = MarkLook("zero on an interval", OPTIMUM_PALE, "", size=4)
UNCONFIRMED = MarkLook("not confirmed", GREY, "circle", filled=False)

HYSTERESIS = BandLook("hysteresis", TWO_MINIMA, 0.25)
UNRESOLVED = BandLook("not settled", GREY, 1.0, hatched=True)
FLAT = BandLook("every θ is optimal", OPTIMUM_FAINT, 0.7)

BY_STATUS = {
    Status.AT_BOUND: MarkLook("at the bound", BLACK, "triangle-up"),
    Status.TIED: MarkLook("tied minima", BLACK, "diamond", size=6.5),
    Status.DEGENERATE: MarkLook("flatter than quadratic", BLACK, "square", size=4.5),
    Status.ONE_SIDED: LIMIT,
    Status.PLATEAU: PLATEAU._replace(label="optimal on an interval"),
    Status.NOT_CONVERGED: MarkLook("not converged", BLACK, "x"),
    Status.UNRESOLVED: UNCONFIRMED._replace(label="not settled", symbol="square"),
    Status.TRUNCATED: UNCONFIRMED,
}
"""What a point with this status is marked by; those that are not here are not marked."""

# Ties at several alphas, in a precision that may have made them.
TIED_TO_FLOAT32 = BY_STATUS[Status.TIED]._replace(label="tied in float32: float64 may part them")

# The outer loop: where it starts, and where it ends. What is gone has no place: its mark is on the lower edge.
STARTS = MarkLook("outer loop: start", BLACK, "line-ew-open", size=6)
ENDS = {
    Status.OK: MarkLook("outer loop: end", RUN, "circle", size=4.5),
    Status.NOT_CONVERGED: MarkLook("outer loop: still moving", RUN, "circle", filled=False, size=4.5),
    Status.DIVERGED: MarkLook("outer loop: diverged", BLACK, "x-thin-open", size=5),
    Status.NONFINITE: MarkLook("outer loop: not finite", BLACK, "cross-thin-open", size=6),
}
END_LINES = {Status.OK: LineLook("", RUN, 1.2), Status.NOT_CONVERGED: LineLook("", RUN, 1.0, "dash")}

# An evaluation: its curve, what has no value, and the best of a map.
TESTED = LineLook("test meta-loss", BLACK, 1.8)
GONE = MarkLook("not finite", BLACK, "cross-thin-open", size=6)
BEST = MarkLook("best at test", BLACK, "circle", size=3)

UNCONFIRMED_STATUSES = (Status.NOT_CONVERGED, Status.DIVERGED, Status.NONFINITE, Status.TRUNCATED, Status.UNRESOLVED)


def confirmed(status: Any) -> Any:
    """Whether things with these codes are known to be there."""
    return ~np.isin(status, (*UNCONFIRMED_STATUSES, Status.ABSENT))


def hollow(look: MarkLook) -> MarkLook:
    """The same mark for something that was not confirmed."""
    return look._replace(label=UNCONFIRMED.label, color=UNCONFIRMED.color, filled=False)
