"""One figure of the page: how it is drawn, what it says, and what it is checked by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..plot._axes import SIZE, SIZE_3D
from .checks import Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .._explorer.page import Explorer

CASE_1, CASE_2 = "Case 1: two quadratic losses", "Case 2: a quartic and a quadratic loss"


class Picture(NamedTuple):
    """One figure of the page.

    Attributes:
        name: of its files.
        heading: the case it belongs to.
        title: a few words.
        caption: what to see in it.
        draw: makes the matplotlib figure.
        interactive: makes the plotly figure, or None.
        checks: the identities.
        numbers: what the caption speaks of, for `numbers.json`.
        explorer: makes the page in which what the picture shows is alive, or None; the page of all pictures begins
            with it.
    """

    name: str
    heading: str
    title: str
    caption: str
    draw: Callable[[], Figure]
    interactive: Callable[[], Any] | None
    checks: tuple[Check, ...]
    numbers: dict[str, Any]
    explorer: Callable[[], Explorer] | None = None


def new_axes(projection: str | None = None) -> Any:
    """Axes of a figure that pyplot does not know: no window, no backend, no global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_3D if projection else SIZE, layout="constrained")
    return figure.add_subplot(projection=projection)


def figure_of(ax: Any) -> Figure:
    return ax.get_figure()
