"""A figure as an HTML page that needs no network, alone in its file, beside a shared script, or inside a notebook."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .._base.replacing import write_text
from ._interactive_style import INKS
from ._interactive_words import described

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Nothing that sends or fetches: the button that uploads a chart is on unless it is told not to be.
_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d"],
    "plotlyServerURL": "",
    "topojsonURL": "",
}

# Pixels, for a figure that does not say its own height.
_HEIGHT = 460

# The tags that plotly knows in a text, and those of them that a page may keep: "a < b and c > d" has none.
_TAGS = re.compile(r"</?(?:a|b|br|em|i|s|span|sub|sup|u)\b[^<>]*>")
_KEPT = re.compile(r"</?(?:b|br|em|i|sub|sup)>")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1 id="title">{heading}</h1>
{note}{controls}<div id="figure" role="group" aria-labelledby="title" aria-describedby="described"></div>
<p id="described" class="unseen">{described}</p>
<script id="page" type="application/json">{figure}</script>
{plotly}
<script>
{code}</script>
</body>
</html>
"""

_CONTROL = """<div><label for="control-{k}">{label}</label>
<input id="control-{k}" type="range" min="0" max="{last}" value="{active}" autocomplete="off">
<output id="told-{k}" for="control-{k}">{told}</output></div>
"""


def write_html(figure: Figure, path: str | os.PathLike[str], *, script: Literal["inline", "beside"] = "inline") -> Path:
    """Write a figure to an HTML file that opens offline: nothing is fetched, and nothing is sent.

    The page follows the width of its window and whether its reader prefers dark colours; the arrow keys move its
    sliders. Linked cross-sections (`surface`, `gradient_surface`) follow the mouse over the surface, or a tap on it.
    The wheel and one finger scroll the page; with the control key, or with two fingers, they zoom and turn.

    Written to a temporary name beside `path` and then renamed, so that `path` never holds half a page.

    Args:
        figure: any plotly figure.
        path: the file to write; an existing one is replaced.
        script: "inline" puts plotly.js into the page, two megabytes of it; "beside" into a file of its own in the
            same folder, which all pages there share.

    Returns:
        The path written.

    Raises:
        OSError: the folder does not exist or cannot be written.
        TypeError: not a plotly figure.
        ValueError: another `script`.

    >>> import tempfile, numpy as np, mamlgrid as mg
    >>> from mamlgrid.plot import interactive
    >>> losses = mg.task_losses(mg.cases.quadratic().meta(), np.array([0.0]), np.linspace(-1, 2, 50))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     interactive.write_html(interactive.task_losses(losses), f"{folder}/figure_0.html").name
    'figure_0.html'
    """
    if not hasattr(figure, "to_plotly_json"):
        raise TypeError(f"figure must be a plotly figure, got {type(figure).__name__}")
    if script not in ("inline", "beside"):
        raise ValueError(f'script must be "inline" or "beside", got {script!r}')
    target = Path(path)
    if script == "beside":
        beside = target.with_name(script_name())
        if not beside.exists():
            write_text(beside, _plotly())
        return write_text(target, page(figure, f'<script src="{beside.name}"></script>'))
    return write_text(target, page(figure))


def script_name() -> str:
    """The file of plotly.js that pages share: another version has another name."""
    from plotly.offline import get_plotlyjs_version

    return f"plotly-{get_plotlyjs_version()}.min.js"


def page(figure: Figure, plotly: str | None = None) -> str:
    """The page as a text; `plotly` is its script, by default packed inside."""
    from plotly.io import to_json

    whole = json.loads(str(to_json(figure, validate=False)))
    layout = whole["layout"]
    title = layout.pop("title", {})
    heading, note = title.get("text") or "mamlgrid", title.get("subtitle", {}).get("text") or ""
    meta = layout.get("meta") or {}
    linked, layouts = meta.get("linked_sections"), meta.get("layouts", {})
    sliders = layout.pop("sliders", ())
    # Linked cross-sections read what they show from the surface: it need not be there once more for every step.
    controls = linked["controls"] if linked else [_control(slider) for slider in sliders]
    layout.setdefault("height", _HEIGHT)
    layout.setdefault("uirevision", "same")
    # The title is a heading of the page: above the axes the buttons need some room, and nothing else.
    margin = layout.setdefault("margin", {})
    margin |= {"t": 40, "b": 60}
    held = {
        "figure": whole | {"config": _CONFIG},
        "controls": controls,
        "linked": linked,
        "layouts": {"wide": {}, "narrow": {}} | layouts,
        "inks": INKS,
    }
    return _PAGE.format(
        title=escape(_TAGS.sub("", heading)),
        heading=_marked_up(heading),
        note=f"<p>{_marked_up(note)}</p>\n" if note else "",
        controls=_form(controls),
        described=escape(described(figure)),
        # A "</script>" in a text would end the element.
        figure=json.dumps(held, ensure_ascii=False).replace("<", "\\u003c"),
        plotly=_packed() if plotly is None else plotly,
        style=_beside("css"),
        code=_beside("js"),
    )


def _control(slider: dict[str, Any]) -> dict[str, Any]:
    """What a real slider needs to do the same."""
    steps = [{"method": "update", "args": [], "label": "", **step} for step in slider["steps"]]
    prefix, active = slider.get("currentvalue", {}).get("prefix", ""), slider.get("active", 0)
    told = prefix + steps[active]["label"]
    return {"prefix": prefix, "active": active, "last": len(steps) - 1, "told": told, "steps": steps}


def _form(controls: list[dict[str, Any]]) -> str:
    rows = []
    for k, control in enumerate(controls):
        label = control["prefix"].rstrip(" =:") or "step"
        numbers = {"k": k, "last": control["last"], "active": control["active"]}
        rows.append(_CONTROL.format(label=escape(label), told=escape(control["told"]), **numbers))
    return f"<form>\n{''.join(rows)}</form>\n" if rows else ""


def _marked_up(text: str) -> str:
    """A text of plotly's as HTML: indices and line breaks stay, everything else is what it looks like."""
    kept = _KEPT.findall(text)
    parts = [escape(_TAGS.sub("", part)) for part in _KEPT.split(text)]
    return parts[0] + "".join(tag + part for tag, part in zip(kept, parts[1:], strict=True))


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


@cache
def _packed() -> str:
    """plotly.js for a page that is alone: less than half as long as it is, with its licence to be read."""
    source = _plotly()
    licence = source[: source.index("*/") + 2]
    packed = base64.b64encode(gzip.compress(source.encode(), mtime=0)).decode()
    return f'<script>{licence}</script>\n<script id="plotly" type="application/gzip">{packed}</script>'


@cache
def _beside(suffix: str) -> str:
    return files("mamlgrid.plot").joinpath(f"_interactive_page.{suffix}").read_text(encoding="utf-8")
