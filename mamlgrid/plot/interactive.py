"""The pictures of `mg.plot` in plotly: they turn, zoom, tell their numbers, and open offline as one HTML file.

Each function takes a result and returns a figure of plotly's; none computes any mathematics. As the last line of a
cell of a notebook a figure is a page of its own, and `write_html` writes the same page to a file: with real sliders,
and with cross-sections that follow the mouse.
"""

from __future__ import annotations

from .._base.names import listed
from ._interactive_comparison import climbing, fixed_points, regrets
from ._interactive_contour import contour
from ._interactive_evaluation import evaluation
from ._interactive_lines import section, task_losses
from ._interactive_optimum import bifurcation_diagram, optimal_theta
from ._interactive_page import write_html
from ._interactive_run import learning_curves, outer_loop
from ._interactive_surface import gradient_surface, surface

__all__ = [
    "bifurcation_diagram",
    "climbing",
    "contour",
    "evaluation",
    "fixed_points",
    "gradient_surface",
    "learning_curves",
    "optimal_theta",
    "outer_loop",
    "regrets",
    "section",
    "surface",
    "task_losses",
    "write_html",
]

__dir__ = listed(__name__)
