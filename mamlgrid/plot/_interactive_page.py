"""A figure as one HTML file that needs no network."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Moves both cross-sections to the point under the mouse. It reads the surface that the page already holds, in the
# order of traces, annotations and sliders that _interactive_sections lays out. Updates are not queued: while one is
# drawn only the latest point is remembered.
_LINK = """
const gd = document.getElementById("{plot_id}");
const over = gd.layout.meta.linked_sections.over;
const text = (value) => String(Number(value.toPrecision(4))).replace(/-/g, "−");
const heading = (k, words) => gd.layout.annotations[k].text.replace(/fixed.*/, "fixed " + words);
let next = null, busy = false, last = "";

async function follow() {
  if (busy || next === null) return;
  busy = true;
  const [i, j] = next;
  next = null;
  try {
    const {x: alphas, y: thetas, z} = gd._fullData[0];
    const atAlpha = Array.from(z, (line) => line[i]), atTheta = Array.from(z[j]);
    const atI = "α = " + text(alphas[i]), atJ = "θ = " + text(thetas[j]);
    const active = (k, point) => {
      const away = gd._fullLayout.sliders[k].steps.map((s) => Math.abs(Number(s.value) - point));
      return away.indexOf(Math.min(...away));
    };
    await Plotly.update(gd, {
      x: [Array(thetas.length).fill(alphas[i]), undefined, undefined, undefined],
      y: [undefined, Array(alphas.length).fill(thetas[j]), atAlpha, atTheta],
      z: [atAlpha, atTheta, undefined, undefined],
      name: ["", "", atI, atJ],
    }, {
      "annotations[0].text": heading(0, atI),
      "annotations[1].text": heading(1, atJ),
      "sliders[0].active": active(0, alphas[i]),
      "sliders[1].active": active(1, thetas[j]),
    }, [1, 2, 3, 4]);
  } finally {
    busy = false;
  }
  follow();
}

gd.on("plotly_hover", (event) => {
  const point = event.points[0];
  if (!over.includes(point.curveNumber) || String(point.pointNumber) === last) return;
  next = point.pointNumber;
  last = String(next);
  follow();
});
gd.on("plotly_sliderchange", () => { last = ""; });
"""

# The tags that plotly knows in a text: "a < b and c > d" has none.
_TAGS = re.compile(r"</?(?:a|b|br|em|i|s|span|sub|sup|u)\b[^<>]*>")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>html, body {{ height: 100%; margin: 0; background: #fff; }}</style>
</head>
<body>
{figure}
</body>
</html>
"""


def write_html(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure to one HTML file that opens offline: plotly.js is inside, nothing is fetched.

    Written to a temporary name beside `path` and then renamed, so that `path` never holds half a page. Where the
    figure has linked cross-sections (`surface`, `gradient_surface`) the page has the script that moves them with
    the mouse; it reads the arrays of the figure itself.

    Args:
        figure: any plotly figure.
        path: the file to write; an existing one is replaced.

    Returns:
        The path written.

    Raises:
        OSError: the folder does not exist or cannot be written.
        TypeError: not a plotly figure.

    >>> import tempfile, numpy as np, mamlgrid as mg
    >>> from mamlgrid.plot import interactive
    >>> losses = mg.task_losses(mg.cases.quadratic().meta(), np.array([0.0]), np.linspace(-1, 2, 50))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     interactive.write_html(interactive.task_losses(losses), f"{folder}/figure_0.html").name
    'figure_0.html'
    """
    if not hasattr(figure, "to_html"):
        raise TypeError(f"figure must be a plotly figure, got {type(figure).__name__}")
    layout: Any = figure.layout
    linked = "linked_sections" in (layout.meta or {})
    body = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        include_mathjax=False,
        config={"displaylogo": False, "responsive": True},
        post_script=_LINK if linked else None,
        div_id="figure",
    )
    title = _TAGS.sub("", layout.title.text or "mamlgrid")
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(_PAGE.format(title=escape(title), figure=body), encoding="utf-8")
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target
