"""Draws a scene with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import rim
from ._colours import paper, tone
from ._labels import add_labels
from ._scene import counted, depths

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._looks import LineLook, MarkLook
    from ._scene import Marks, Scene

_DASHES: dict[str, Any] = {"solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.5)), "none": "none"}

MARKERS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-left": "<",
    "triangle-right": ">",
    "cross": "P",
    "x": "X",
    "star": "*",
    "pentagon": "p",
    "line-ew-open": "_",
    "x-thin-open": "x",
    "cross-thin-open": "+",
}


def draw(ax: Axes, scene: Scene, *, on_colour: bool = False, labels: bool = True, front: float = 6) -> None:
    """Draw everything; each artist has its place in the scene as its `gid`.

    Args:
        ax: where to draw.
        scene: what to draw.
        on_colour: with a pale rim, for a dark background.
        labels: write those labels for which there is room.
        front: the height of the marks, where those of several scenes meet.
    """
    known = LegendNames(ax)
    for k, curve in enumerate(scene.curves):
        for part, look in curve.pieces:
            style: Any = line_style(look) | {"path_effects": rim(look.width) if on_colour else []}
            if curve.alone[part].any():
                style |= {"marker": "o", "markersize": 1.5 + look.width, "markevery": np.flatnonzero(curve.alone[part])}
            # Thin over thick, so that both are seen where they coincide; of equal ones the first in front.
            place: Any = {
                "zorder": 4 - 0.1 * look.width - 0.01 * k / len(scene.curves),
                "gid": f"curve {k}",
                **known.name(look.label),
            }
            ax.plot(curve.x[part], curve.y[part], **style, **place)
    behind = depths(scene.marks)
    for k, marks in enumerate(counted(scene.marks)):
        _draw_marks(ax, marks, f"marks {k}", known, front - behind[k])
    for k, band in enumerate(scene.bands):
        look = band.look
        face: Any = {"facecolor": look.color, "alpha": look.opacity, "linewidth": 0}
        if on_colour:
            # What is below is what the band is about.
            face = {"facecolor": "none", "edgecolor": look.color, "linewidth": 1.2, "linestyle": (0, (1, 1.5))}
        elif look.hatched:
            face = {"facecolor": "none", "edgecolor": look.color, "hatch": "////", "linewidth": 0}
        ax.axvspan(band.left, band.right, zorder=1, gid=f"band {k}", **known.name(look.label), **face)
    wanted = [
        (label, x, y)
        for marks in scene.marks
        if marks.labels
        for label, x, y in zip(marks.labels, marks.x.tolist(), marks.y.tolist(), strict=True)
    ]
    if labels and wanted:
        add_labels(ax, [(mathtext(label), x, y) for label, x, y in wanted], on_colour=on_colour)


def line_style(look: LineLook) -> dict[str, Any]:
    """What `plot` takes; points without a line between them are dots."""
    style: dict[str, Any] = {"color": tone(look.color), "linewidth": look.width, "linestyle": _DASHES[look.dash]}
    if look.dash == "solid":
        style["solid_capstyle"] = "butt"
    return style | ({"marker": "o", "markersize": 1.5 + look.width} if look.dash == "none" else {})


def mathtext(words: str) -> str:
    r"""Greek letters as matplotlib sets them in its labels.

    >>> mathtext("optimal θ*, α = 1")
    'optimal $\\theta^*$, $\\alpha$ = 1'
    """
    return words.replace("θ*", r"$\theta^*$").replace("θ", r"$\theta$").replace("α", r"$\alpha$")


def _draw_marks(ax: Axes, marks: Marks, gid: str, known: LegendNames, zorder: float) -> None:
    look, color = marks.look, tone(marks.look.color)
    name = known.name(look.label)
    if marks.bars.size:
        width = 1.2 if look.symbol else look.size
        bars: Any = {"color": color, "linewidth": width, "capstyle": "butt", "zorder": 3, "gid": gid}
        ax.vlines(marks.x, marks.y - marks.bars, marks.y + marks.bars, **bars, **({} if look.symbol else name))
    if not look.symbol:
        return
    style = mark_style(look)
    if marks.on_edge:
        style |= {"transform": ax.get_xaxis_transform(), "clip_on": False}
    y = np.zeros(marks.x.size) if marks.on_edge else marks.y
    ax.plot(marks.x, y, linestyle="none", color=color, zorder=zorder, gid=gid, **style, **name)


def mark_style(look: MarkLook) -> dict[str, Any]:
    """What `plot` takes for a mark that has a symbol."""
    color = tone(look.color)
    style: Any = {"marker": MARKERS[look.symbol], "markersize": look.size, "markeredgecolor": color}
    if look.symbol.endswith("open"):
        return style
    return style | {
        "markerfacecolor": color if look.filled else paper(),
        "markeredgecolor": paper() if look.filled else color,
        "markeredgewidth": min(0.8, 0.1 * look.size) if look.filled else 1.4,
    }


class LegendNames:
    """The names that a legend has already, so that each thing is named once."""

    def __init__(self, ax: Axes) -> None:
        self.names = set(ax.get_legend_handles_labels()[1])

    def name(self, label: str) -> dict[str, Any]:
        """The argument that names an artist, if its name is new."""
        text = mathtext(label)
        if not label or text in self.names:
            return {}
        self.names.add(text)
        return {"label": text}
