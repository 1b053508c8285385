"""Labels that find their own room: over no curve, no mark, no other label, or not shown at all.

Places are chosen when the figure is drawn, since only then the size of the axes and of the letters is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from ._axes import rim
from ._colours import mixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

# More would be read by nobody; the marks remain.
MOST_LABELS = 6

# Where a label may go, in points from its mark, near places first: the directions, and the distances.
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_DISTANCES = (7.0, 15.0, 24.0, 36.0)

# Beyond the first distance a thin line leads to the mark.
_LEADER: dict[str, Any] = {"arrowstyle": "-", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4}

# Room around a label, in points.
_AIR = 1.5

# Half the size of a mark, in points.
_MARK = 3.5

# Lines paler than this can be read through.
_PALE = 0.5

_ALIGNMENT = {1: ("left", "bottom"), -1: ("right", "top"), 0: ("center", "center")}


def add_labels(ax: Axes, texts: list[tuple[str, float, float]], *, on_colour: bool = False) -> None:
    """Write texts beside points of the axes, the first ones first, as many as there is room for.

    Args:
        ax: where.
        texts: each with its x and y.
        on_colour: white with a dark rim, for a dark background.
    """
    color = "white" if on_colour else mixed(0.85)
    style: Any = {"fontsize": "small", "color": color, "zorder": 7, "textcoords": "offset points"}
    style |= {"arrowprops": {**_LEADER, "color": color if on_colour else mixed(0.5)}}
    notes = [ax.annotate(text, (x, y), (0, 0), **style) for text, x, y in texts]
    for note in notes:
        note.set_in_layout(False)
        # A rim that keeps grid lines, hatching and colours off the letters.
        note.set_path_effects(rim(0, "0.2" if on_colour else None))
    ax.add_artist(_Placer(notes))


class _Placer(Artist):
    """Drawn just before its labels, it puts each where there is room, and hides it where there is none."""

    def __init__(self, notes: list[Annotation]) -> None:
        super().__init__()
        self.notes = notes
        self.set_zorder(6.9)
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        """Place the labels."""
        axes: Any = self.axes
        pixels = renderer.points_to_pixels(1.0)
        obstacles, taken = _Obstacles(axes, self.notes, pixels), []
        legend = axes.get_legend()
        most = MOST_LABELS + (legend is not None)
        if legend is not None:
            taken.append(legend.get_window_extent(renderer))
        for note in self.notes:
            box = self._placed(note, renderer, obstacles, taken, pixels) if len(taken) < most else None
            if note.get_visible() != (box is not None):
                note.set_visible(box is not None)
            if box is not None:
                taken.append(box)

    def _placed(self, note: Any, renderer: Any, obstacles: _Obstacles, taken: list[Any], pixels: float) -> Any:
        """The box of a label that has been moved to the first free place, or None."""
        x, y = obstacles.pixels(note.xy)
        if not obstacles.frame.contains(x, y):
            return None
        note.set_visible(True)
        size = _size(note, renderer)
        for distance in _DISTANCES:
            for right, up in _SIDES:
                # On a diagonal as far away as straight on.
                step = distance / (2**0.5 if right and up else 1)
                corner = (x + right * step * pixels, y + up * step * pixels)
                box = _box(corner, size, right, up).padded(_AIR * pixels)
                led = distance > _DISTANCES[0]
                leader = Path([(x, y), corner])
                if obstacles.free(box) and not any(
                    box.overlaps(other) or (led and leader.intersects_bbox(other)) for other in taken
                ):
                    if led:
                        obstacles.add(leader)
                    _move(note, (right * step, up * step), right, up, led=led)
                    return box
        return None


class _Obstacles:
    """What a label may not cover, in pixels: the lines and marks of the axes, and their frame."""

    def __init__(self, axes: Axes, notes: list[Annotation], pixels: float) -> None:
        self.frame, self.pixels, self.mark = axes.bbox, axes.transData.transform, _MARK * pixels
        lines = [line for line in axes.lines if line.get_visible() and np.size(line.get_xdata())]
        drawn = [(line, line.get_transform().transform(line.get_xydata())) for line in lines]
        # Each path with half the width of its line.
        self.paths = [
            (Path(points), line.get_linewidth() * pixels / 2)
            for line, points in drawn
            if line.get_linestyle() not in ("None", "none", "")
        ]
        hatches = [c for c in axes.collections if isinstance(c, LineCollection) and (c.get_alpha() or 1) > _PALE]
        self.paths += [
            (Path(c.get_transform().transform(segment)), 0.5 * pixels) for c in hatches for segment in c.get_segments()
        ]
        marked = [points for line, points in drawn if line.get_marker() not in ("None", "none", "", None)]
        self.points = np.concatenate([np.zeros((0, 2)), *marked, *(self.pixels([note.xy]) for note in notes)])

    def add(self, leader: Path) -> None:
        """A line to another label."""
        self.paths.append((leader, 0.0))

    def free(self, box: Any) -> bool:
        """Whether a box lies in the frame and touches nothing."""
        frame, near = self.frame, box.padded(self.mark)
        inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
        x, y = self.points.T
        if not inside or ((near.x0 < x) & (x < near.x1) & (near.y0 < y) & (y < near.y1)).any():
            return False
        return not any(path.intersects_bbox(box.padded(half), filled=False) for path, half in self.paths)


def _size(note: Any, renderer: Any) -> Any:
    # The text alone: the extent of an annotation counts its leader too.
    from matplotlib.text import Text

    return Text.get_window_extent(note, renderer)


def _box(corner: tuple[float, float], size: Any, right: int, up: int) -> Bbox:
    """The box of a label on one side of a point."""
    left = corner[0] - size.width * (1 - right) / 2
    bottom = corner[1] - size.height * (1 - up) / 2
    return Bbox.from_bounds(left, bottom, size.width, size.height)


def _move(note: Any, offset: tuple[float, float], right: int, up: int, *, led: bool) -> None:
    """Put a label there, if it is not there already: a change asks interactive windows to draw again."""
    place = (offset, _ALIGNMENT[right][0], _ALIGNMENT[up][1])
    if (note.xyann, note.get_ha(), note.get_va()) != place:
        note.xyann = place[0]
        note.set(ha=place[1], va=place[2])
    if note.arrow_patch.get_visible() != led:
        note.arrow_patch.set_visible(led)
