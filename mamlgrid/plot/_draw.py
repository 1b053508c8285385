"""Draws a scene with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import rim
from ._labels import add_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from mpl_toolkits.mplot3d import Axes3D

    from ._looks import LineLook
    from ._scene import Marks, Scene

_DASHES: dict[str, Any] = {"solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.5)), "none": "none"}

_MARKERS = {
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
}


def draw(ax: Axes, scene: Scene, *, on_colour: bool = False, labels: bool = True) -> None:
    """Draw everything; each artist has its place in the scene as its `gid`.

    Args:
        ax: where to draw.
        scene: what to draw.
        on_colour: with a pale rim, for a dark background.
        labels: write those labels for which there is room.
    """
    known = _Legend(ax)
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
    for k, marks in enumerate(scene.marks):
        _draw_marks(ax, marks, f"marks {k}", known, 6 - k / (1 + len(scene.marks)))
    for k, band in enumerate(scene.bands):
        look = band.look
        face: Any = {"facecolor": look.color, "alpha": look.opacity, "linewidth": 0}
        if look.hatched:
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


def draw_on_plane(space: Axes3D, scene: Scene, z: float) -> None:
    """The curves of a scene at one height in three dimensions, cut at the limits of the axes."""
    known = _Legend(space)
    for k, curve in enumerate(scene.curves):
        for part, look in curve.pieces:
            style: Any = line_style(look) | {"axlim_clip": True, "gid": f"curve {k}", **known.name(look.label)}
            space.plot(curve.x[part], curve.y[part], np.full(curve.x[part].size, z), zorder=4, **style)


def line_style(look: LineLook) -> dict[str, Any]:
    """What `plot` takes; points without a line between them are dots."""
    style: dict[str, Any] = {"color": look.color, "linewidth": look.width, "linestyle": _DASHES[look.dash]}
    if look.dash == "solid":
        style["solid_capstyle"] = "butt"
    return style | ({"marker": "o", "markersize": 1.5 + look.width} if look.dash == "none" else {})


def mathtext(words: str) -> str:
    r"""Greek letters as matplotlib sets them in its labels.

    >>> mathtext("optimal θ*, α = 1")
    'optimal $\\theta^*$, $\\alpha$ = 1'
    """
    return words.replace("θ*", r"$\theta^*$").replace("θ", r"$\theta$").replace("α", r"$\alpha$")


def _draw_marks(ax: Axes, marks: Marks, gid: str, known: _Legend, zorder: float) -> None:
    look = marks.look
    name = known.name(look.label)
    if marks.bars.size:
        width = 1.2 if look.symbol else look.size
        bars: Any = {"color": look.color, "linewidth": width, "capstyle": "butt", "zorder": 3, "gid": gid}
        ax.vlines(marks.x, marks.y - marks.bars, marks.y + marks.bars, **bars, **({} if look.symbol else name))
    if not look.symbol:
        return
    style: Any = {
        "marker": _MARKERS[look.symbol],
        "markersize": look.size,
        "markerfacecolor": look.color if look.filled else "white",
        "markeredgecolor": "white" if look.filled else look.color,
        "markeredgewidth": 0.8 if look.filled else 1.4,
    }
    ax.plot(marks.x, marks.y, linestyle="none", color=look.color, zorder=zorder, gid=gid, **style, **name)


class _Legend:
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
