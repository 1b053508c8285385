"""A surface in three dimensions beside its two cross-sections, which follow the mouse and the sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._axes import number
from ._colours import SECTIONS as _COLORS
from ._interactive_style import GRID_LINE, LEGEND_BELOW, axis, ends, graph_objects, layout, slider
from ._view import ASPECT, Shown, SurfaceView, eye, roomy

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from .._base.types import Numbers
    from ._levels import Levels

# Whatever comes twice below comes first for the cross-section at fixed alpha, then for the one at fixed theta.
_NAMES = ("α", "θ")

# The traces, on whose order sliders and the script of a page rely: the surface, the lines on it, the panels.
_LINES, _PANELS = (1, 2), (3, 4)

# Where the surface ends and the panels begin, as a share of the width; the panels' places from the bottom.
_SCENE_END, _PANEL_START = 0.58, 0.68
_HEIGHTS = ((0.62, 0.89), (0.06, 0.33))

# In a page the sliders stand above the figure, and the panels have their room; in a narrow one everything stands in a
# column. Heights are shares of the figure.
_COLUMN = ((0.29, 0.46), (0.03, 0.2))


def _page_layout(panels: tuple[tuple[float, float], ...], left: float, **more: Any) -> dict[str, Any]:
    """What a page changes: the paths into the figure, and what belongs there."""
    changed = {f"layout.{name}": value for name, value in more.items()}
    for k, (name, domain) in enumerate(zip(("axis", "axis2"), panels, strict=True)):
        changed |= {f"layout.x{name}.domain": [left, 1], f"layout.y{name}.domain": list(domain)}
        changed |= {f"layout.annotations.{k}.{key}": v for key, v in (("x", left), ("y", domain[1]), ("yshift", 4))}
    return changed


def _box(size: float) -> dict[str, float]:
    """The lengths of the three axes: as large as their room is."""
    return dict(zip("xyz", (size * side for side in ASPECT), strict=True))


_LAYOUTS = {
    "wide": _page_layout(((0.6, 0.95), (0.06, 0.41)), _PANEL_START),
    "narrow": _page_layout(_COLUMN, 0.15, height=960)
    | {
        "layout.scene.domain": {"x": [0, 1], "y": [0.6, 1]},
        "layout.scene.aspectratio": _box(1.05),
    }
    | {"data.0.colorbar.x": 0.5, "data.0.colorbar.y": 0.52, "data.0.colorbar.len": 1},
}


class Look(NamedTuple):
    """How the values are named and coloured.

    Attributes:
        label: the name of the values.
        signed: whether zero is marked in the panels.
    """

    label: str
    signed: bool


class _Grid(NamedTuple):
    """What is drawn: the two axes, and `[thetas, alphas]` heights, in plotly's order."""

    axes: tuple[Numbers, Numbers]
    heights: Numbers

    def values(self, fixed: int, k: int) -> Numbers:
        """Along the cross-section at point `k` of the fixed axis."""
        return self.heights[:, k].copy() if fixed == 0 else self.heights[k]

    def line(self, fixed: int, k: int) -> dict[str, Numbers]:
        """The same as a line in space."""
        free = self.axes[1 - fixed]
        across = np.full_like(free, self.axes[fixed][k])
        x, y = (across, free) if fixed == 0 else (free, across)
        return {"x": x, "y": y, "z": self.values(fixed, k)}

    def told(self, fixed: int, k: int) -> str:
        """What is fixed, in words."""
        return f"{_NAMES[fixed]} = {number(self.axes[fixed][k])}"

    def step(self, fixed: int, k: int) -> list[Any]:
        """The arguments of `Plotly.update` that move the cross-section, on the surface and in its panel."""
        line = self.line(fixed, k)
        moved = {
            "x": [line["x"], self.axes[1 - fixed]],
            "y": [line["y"], self.values(fixed, k)],
            "z": [line["z"], None],
            "name": ["", self.told(fixed, k)],
        }
        heading = {f"annotations[{fixed}].text": _heading(fixed, self.told(fixed, k))}
        return [moved, heading, [_LINES[fixed], _PANELS[fixed]]]


def linked_sections(
    alphas: Numbers, thetas: Numbers, values: Numbers, *, view: SurfaceView, look: Look, title: str
) -> Figure:
    """The surface with its cross-sections; more traces can be added.

    Args:
        alphas: `[alphas]`, increasing.
        thetas: `[thetas]`, increasing.
        values: `[alphas, thetas]`.
        view: the part of the values that is in view, and their colours; the data stay whole, so a hover text tells the
            truth.
        look: names and colours.
        title: of the figure.
    """
    from matplotlib.colors import to_hex

    figure = graph_objects().Figure()
    grid = _Grid((alphas, thetas), np.ascontiguousarray(np.where(np.isfinite(values), values, np.nan).T))
    start = (alphas.size // 3, thetas.size // 3)
    shown, levels = view
    figure.add_surface(
        x=alphas,
        y=thetas,
        z=grid.heights,
        # One byte a point: its place on the colour map, the same map as in matplotlib.
        surfacecolor=np.nan_to_num(255 * levels.places(grid.heights)).astype(np.uint8),
        colorscale=[[place, to_hex(levels.cmap(place))] for place in np.linspace(0, 1, 33).tolist()],
        cmin=0,
        cmax=255,
        colorbar=_bar(look.label + (" (cut off)" if shown.note else ""), levels),
        contours={name: {"highlight": False} for name in "xyz"},
        lighting={"ambient": 0.85, "diffuse": 0.35, "specular": 0.03, "roughness": 0.9, "fresnel": 0},
        hovertemplate=f"α = %{{x:.4g}}<br>θ = %{{y:.4g}}<br>{look.label} = %{{z:.5g}}<extra></extra>",
        name="",
    )
    quiet = {"mode": "lines", "showlegend": False}
    for fixed, k in enumerate(start):
        line = {"color": _COLORS[fixed], "width": 9}
        figure.add_scatter3d(**grid.line(fixed, k), line=line, name="", hoverinfo="skip", **quiet)
    for fixed, k in enumerate(start):
        told = ["%{fullData.name}", f"{_NAMES[1 - fixed]} = %{{x:.4g}}"]
        figure.add_scatter(
            x=grid.axes[1 - fixed],
            y=grid.values(fixed, k),
            name=grid.told(fixed, k),
            # Without points left out to save time: next to a high wall that shows as corners in the curve.
            line={"color": _COLORS[fixed], "width": 3, "simplify": False},
            hovertemplate="<br>".join(told[:: 1 - 2 * fixed]) + f"<br>{look.label} = %{{y:.5g}}<extra></extra>",
            xaxis=("x", "x2")[fixed],
            yaxis=("y", "y2")[fixed],
            **quiet,
        )
    wide = {"domain": [_PANEL_START, 1]}
    figure.update_layout(
        layout(
            title,
            shown.note,
            height=660,
            margin={"l": 8, "r": 18, "t": 104, "b": 60},
            scene=_scene(alphas, thetas, shown),
            xaxis=axis("θ", ends(thetas), **wide),
            yaxis=axis(look.label, shown.padded(), domain=_HEIGHTS[0], zeroline=look.signed),
            xaxis2=axis("α", ends(alphas), anchor="y2", **wide),
            yaxis2=axis(look.label, shown.padded(), domain=_HEIGHTS[1], zeroline=look.signed, anchor="x2"),
            annotations=[_annotation(fixed, grid.told(fixed, k)) for fixed, k in enumerate(start)],
            sliders=[
                slider(grid.axes[fixed], k, lambda i, fixed=fixed: grid.step(fixed, i), _slider_place(fixed))
                for fixed, k in enumerate(start)
            ],
            legend=LEGEND_BELOW,
            meta={"linked_sections": _linked(grid, start), "layouts": _LAYOUTS},
        )
    )
    return figure


def _linked(grid: _Grid, start: tuple[int, int]) -> dict[str, Any]:
    """What a page moves them with: two sliders, and the mouse over those of the traces."""
    controls = [
        {"prefix": f"{name} = ", "active": k, "last": points.size - 1, "told": grid.told(fixed, k)}
        for fixed, (name, points, k) in enumerate(zip(_NAMES, grid.axes, start, strict=True))
    ]
    return {"over": [0], "controls": controls}


def _scene(alphas: Numbers, thetas: Numbers, shown: Shown) -> dict[str, Any]:
    def side(title: str, limits: list[float]) -> dict[str, Any]:
        look = {"gridcolor": GRID_LINE, "backgroundcolor": "#fafafa", "showspikes": False, "zeroline": False}
        return {"title": {"text": title}, "range": limits, "nticks": 6, **look}

    return {
        "domain": {"x": [0, _SCENE_END], "y": [0.1, 1]},
        "xaxis": side("α", [*roomy(*ends(alphas))]),
        "yaxis": side("θ", [*roomy(*ends(thetas))]),
        # Its name is on the colour bar: here it would cover the ticks in a narrow page.
        "zaxis": side("", [roomy(shown.low, shown.high)[0], shown.high]),
        "aspectmode": "manual",
        "aspectratio": _box(1.2),
        "camera": {
            "eye": eye(2.46),
            "center": {"x": 0, "y": 0, "z": -0.1},
            # With perspective the near corners would leave a narrow page.
            "projection": {"type": "orthographic"},
        },
    }


def _bar(label: str, levels: Levels) -> dict[str, Any]:
    marked = {"tickvals": (255 * levels.places(list(levels.ticks))).tolist(), "ticktext": levels.words()}
    place = {"orientation": "h", "x": _SCENE_END / 2, "xanchor": "center", "y": 0, "yanchor": "bottom"}
    return {"title": {"text": label, "side": "top"}, "len": 0.4, "thickness": 12, "tickangle": 0, **marked, **place}


def _heading(fixed: int, told: str) -> str:
    """The heading of a panel: a patch of its colour, and what is fixed in it."""
    return f"<span style='color:{_COLORS[fixed]}'>■</span> fixed {told}"


def _annotation(fixed: int, told: str) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 34}
    place |= {"x": _PANEL_START, "y": _HEIGHTS[fixed][1]}
    return {"text": _heading(fixed, told), "showarrow": False, "font": {"size": 14}, **place}


def _slider_place(fixed: int) -> dict[str, Any]:
    """Between the heading of a panel, which tells the value, and its curve."""
    place = {"x": _PANEL_START, "len": 1 - _PANEL_START, "y": _HEIGHTS[fixed][1], "yanchor": "bottom"}
    bare = {"ticklen": 0, "minorticklen": 0, "font": {"size": 1, "color": "rgba(0,0,0,0)"}}
    return {"pad": {"t": 0, "b": 4, "l": 0, "r": 0}, "currentvalue": {"visible": False}, **place, **bare}
