"""The figures of `interactive`: plotly's, that a notebook shows as a page of `write_html`."""

from __future__ import annotations

from html import escape
from typing import Any

import plotly.graph_objects

from ._interactive_page import page

# The page says how high it is once it is drawn.
_FRAME = '<iframe title="{title}" srcdoc="{page}" style="width: 100%; height: {height}px; border: 0"></iframe>'


class Figure(plotly.graph_objects.Figure):
    """A plotly figure. As the last line of a cell it is a page of its own, with sliders and linked cross-sections.

    It brings its plotly.js and needs no network, so that it shows in an exported notebook as well. `figure.show()`
    goes through the renderers of plotly as ever.
    """

    def __repr__(self) -> str:
        layout: Any = self.layout
        return f"Figure({str(layout.title.text or '')!r}, {len(self.data)} traces)"

    def _ipython_display_(self) -> None:
        # IPython asks this first; told so, it takes the bundle.
        raise NotImplementedError("shown by its mimebundle")

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None, validate: bool = True, **_: Any
    ) -> dict[str, str]:
        return {"text/html": self._repr_html_()}

    def _repr_html_(self) -> str:
        layout: Any = self.layout
        title = escape(str(layout.title.text or "mamlgrid"))
        return _FRAME.format(title=title, page=escape(page(self)), height=layout.height or 500)
