"""Curves and marks on a surface: thin strips that are sorted by depth among the facets, so that hills hide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._colours import paper, tone
from ._draw import LegendNames, line_style, mark_style
from ._scene import depths
from ._view import ASPECT, AZIMUTH, ELEVATION, reached

if TYPE_CHECKING:
    from mpl_toolkits.mplot3d import Axes3D

    from .._base.types import Numbers
    from ._scene import Scene

# In lengths of the box: a point of line width, how far strips lie towards the eye, and a dash.
_POINT, _LIFT, _DASH = 0.0035, 0.04, 0.03

# A strip has a pale rim of so many points, further from the eye: it covers no other strip.
_RIM, _RIM_LIFT = 1.6, 0.02

# A thin strip lies so much nearer to the eye than one of this width, for each point between: where they coincide,
# sorting by depth would otherwise make dashes of a solid line.
_WIDEST, _PER_WIDTH = 5.5, 0.01


class Box(NamedTuple):
    """The ends of the three axes."""

    x: Any
    y: Any
    z: Any

    @property
    def lengths(self) -> Numbers:
        """One length of the picture in the units of each axis."""
        sides = np.array([self.x, self.y, self.z], float)
        return (sides[:, 1] - sides[:, 0]) / np.array(ASPECT)

    def inside(self, points: Numbers) -> Any:
        """Which of `[points, 3]` are in it."""
        sides = np.array([self.x, self.y, reached(*self.z)], float)
        room = 1e-9 * (sides[:, 1] - sides[:, 0])
        return ((points >= sides[:, 0] - room) & (points <= sides[:, 1] + room)).all(axis=1)


def ribbons(scene: Scene, box: Box) -> tuple[list[Numbers], Numbers]:
    """The curves of a scene as polygons in the units of the axes, and their colours `[polygons, 4]`."""
    from matplotlib.colors import to_rgba

    paths: list[Numbers] = []
    colors: list[Any] = []
    for curve in scene.curves:
        for part, look in curve.pieces:
            points = np.stack([curve.x[part], curve.y[part], curve.values[part]], axis=1)
            points = np.where(box.inside(points)[:, None], points, np.nan) / box.lengths
            near = _LIFT + _PER_WIDTH * max(0.0, _WIDEST - look.width)
            for width, lift, color in (
                (look.width + _RIM, _RIM_LIFT, paper()),
                (look.width, near, tone(look.color)),
            ):
                strips = _strips(points, width * _POINT, dashed=look.dash in ("dash", "dot"))
                paths += list((strips + lift * _to_the_eye()) * box.lengths)
                colors += [to_rgba(color)] * len(strips)
    return paths, np.array(colors).reshape(-1, 4)


def draw_in_space(space: Axes3D, scenes: list[Scene], box: Box) -> None:
    """The marks of scenes in front of everything, flat alphas as dotted lines, and the names of all in the legend."""
    known = LegendNames(space)
    for scene in scenes:
        for k, curve in enumerate(scene.curves):
            for _, look in curve.pieces:
                name = known.name(look.label)
                if name:
                    space.plot([], [], [], **line_style(look), **name, gid=f"curve {k}")
        behind = depths(scene.marks)
        for k, marks in enumerate(scene.marks):
            points = np.stack([marks.x, marks.y, marks.values], axis=1)
            here = points[box.inside(points)]
            look, color = marks.look, tone(marks.look.color)
            if here.size and look.symbol:
                place: Any = {"linestyle": "none", "zorder": 8 - behind[k], "gid": f"marks {k}"}
                space.plot(*here.T, color=color, **mark_style(look), **place, **known.name(look.label))
        for k, band in enumerate(scene.bands):
            for x, value in zip(band.x.tolist(), band.values.tolist(), strict=True):
                style = {"color": band.look.color, "linestyle": ":", "linewidth": 2, "zorder": 7, "gid": f"band {k}"}
                space.plot([x, x], box.y, [value, value], **style, **known.name(band.look.label))


def _strips(points: Numbers, width: float, *, dashed: bool) -> Numbers:
    """A strip `[strips, corners, 3]` along each step between finite points, as wide across as the eye sees it."""
    start, stop = points[:-1], points[1:]
    along = stop - start
    across = np.cross(along, _to_the_eye())
    length = np.linalg.norm(across, axis=1)
    good = np.isfinite(length) & (length > 0)
    if dashed:
        way = np.cumsum(np.where(good, np.linalg.norm(along, axis=1), 0))
        good &= (way // _DASH) % 2 == 0
    side = width / 2 * across[good] / length[good, None]
    first, last = start[good], stop[good]
    return np.stack([first - side, last - side, last + side, first + side], axis=1)


def _to_the_eye() -> Numbers:
    """The direction to the eye, in lengths of the box."""
    up, around = np.deg2rad([ELEVATION, AZIMUTH])
    return np.array([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)])
