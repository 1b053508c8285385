"""One colour for one thing in every picture, matplotlib and plotly alike; and ink and paper of the style in use.

Every colour here can be read on white and on black, no two are alike, and those that meet in one picture stay apart
under every common colour blindness. Within a group things differ in dash or in shape as well.
"""

from __future__ import annotations

from typing import Any

# What a style turns round: `ink` and `tone` give what to draw with.
BLACK, WHITE = "#000000", "#ffffff"

# Vermillion and its tints are the optimum, whatever is said of it.
OPTIMUM, OPTIMUM_PALE, OPTIMUM_FAINT = "#D55E00", "#F0A36B", "#F5C28A"

# What the outer loop did.
RUN = "#0072B2"

# Folds and branch points.
SPECIAL = "#A23EC0"

# The range in which two minima exist.
TWO_MINIMA = "#8F8FD0"

# Cuts through a surface: at fixed alpha, and at fixed theta.
SECTIONS = ("#E7298A", "#00A0C6")

TASKS = ("#6B8E23", "#8C564B", "#4C5F7A", "#A3A380")

ALGORITHMS = ("#5148C8", "#C79A00", "#009E73", "#CC79A7")

# What was found and not confirmed.
GREY = "#808080"

# Cells that are inf or NaN have no colour: this shows through.
NONFINITE_GREY = "#BFBFBF"


def of(group: tuple[str, ...], index: int) -> str:
    """The colour of one of a group; they are used again where there are more things than colours."""
    return group[index % len(group)]


def ink() -> Any:
    """The foreground of the style in use."""
    return _parameters()["text.color"]


def paper() -> Any:
    """The background of the style in use."""
    return _parameters()["axes.facecolor"]


def tone(color: Any) -> Any:
    """`color` in the style in use: black is its foreground and white its background, others are as they are."""
    return ink() if color == BLACK else paper() if color == WHITE else color


def mixed(share: float) -> Any:
    """So much ink on the paper: for grids, edges and what stands back."""
    import numpy as np
    from matplotlib.colors import to_rgb

    return tuple(float(c) for c in share * np.array(to_rgb(ink())) + (1 - share) * np.array(to_rgb(paper())))


def _parameters() -> Any:
    import matplotlib

    return matplotlib.rcParams
