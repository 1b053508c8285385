"""The page in a live notebook: an anywidget whose point and numbers are read and set from Python."""

from __future__ import annotations

import dataclasses
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .._diagram.diagram import bifurcation_diagram
from .._diagram.stretches import stretches

if TYPE_CHECKING:
    from .._diagram.diagram import BifurcationDiagram
    from .page import Explorer

# Pixels, of a frame that shows the whole page at the width of a notebook.
_HEIGHT = 860

# Sections that a refined diagram begins with.
_ALPHAS = 33


def widget_of(explorer: Explorer) -> Any:
    """The widget of a page."""
    data = explorer.data
    alpha, theta = data["axes"]["alpha"], data["axes"]["theta"]
    return _widget_class()(
        explorer=explorer,
        page=explorer.html,
        title=data["title"],
        height=_HEIGHT,
        point=[float(np.mean(alpha)), float(np.mean(theta))],
        parameters={parameter.name: parameter.value for parameter in explorer.parameters},
        meta_loss=data["metas"][0]["name"],
        num_steps=int(data["metas"][0]["default"]),
    )


@cache
def _widget_class() -> Any:
    """The class of the widget, made when anywidget is there."""
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise ImportError("the widget needs anywidget: pip install 'mamlgrid[widget]'") from error

    class ExplorerWidget(anywidget.AnyWidget):
        """`point`, `parameters`, `meta_loss` and `num_steps` go both ways; `refine()` lays a diagram over."""

        _esm = files("mamlgrid._explorer").joinpath("_page", "widget.js").read_text(encoding="utf-8")
        explorer = traitlets.Any()
        page = traitlets.Unicode().tag(sync=True)
        title = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int().tag(sync=True)
        point = traitlets.List(traitlets.Float(), minlen=2, maxlen=2).tag(sync=True)
        parameters = traitlets.Dict(value_trait=traitlets.Float(), key_trait=traitlets.Unicode()).tag(sync=True)
        meta_loss = traitlets.Unicode().tag(sync=True)
        num_steps = traitlets.Int().tag(sync=True)
        overlay = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

        @traitlets.validate("parameters")
        def _known(self, proposal: Any) -> Any:
            """Numbers that are left out stay as they are; unknown names are refused."""
            names = [parameter.name for parameter in self.explorer.parameters]
            unknown = set(proposal["value"]) - set(names)
            if unknown:
                raise traitlets.TraitError(f"no number is called {min(unknown)!r}; there are {names}")
            before = self.__dict__.get("_trait_values", {}).get("parameters") or {}
            return {**before, **proposal["value"]}

        @traitlets.validate("meta_loss")
        def _there(self, proposal: Any) -> Any:
            names = list(self.explorer.metas)
            if proposal["value"] not in names:
                raise traitlets.TraitError(f"no meta-loss is called {proposal['value']!r}; there are {names}")
            return proposal["value"]

        def current_meta(self) -> Any:
            """The meta-loss that is shown: its numbers of inner steps and its live numbers as they are now."""
            meta = self.explorer.meta(self.meta_loss, self.parameters)
            if meta.inner.num_steps == self.num_steps:
                return meta
            return dataclasses.replace(meta, inner=dataclasses.replace(meta.inner, num_steps=self.num_steps))

        def refine(self) -> BifurcationDiagram:
            """Compute the bifurcation diagram of what is shown, lay it over the surface, and return it."""
            (low, high), thetas = (self.explorer.data["axes"][name] for name in ("alpha", "theta"))
            with jax.enable_x64(True):
                diagram = bifurcation_diagram(self.current_meta(), np.linspace(low, high, _ALPHAS), tuple(thetas))
            self.overlay = overlay_of(diagram)
            return diagram

    return ExplorerWidget


def overlay_of(diagram: BifurcationDiagram) -> dict[str, Any]:
    """A diagram as a page takes it: pieces of curves, and jumps."""
    pieces = []
    for branch in diagram.branches:
        points = np.stack([np.asarray(branch.alphas), np.asarray(branch.thetas)], axis=1)
        pieces += [
            {"points": points[part].tolist(), "attracting": stability > 0}
            for part, stability in stretches(branch.stabilities)
        ]
    jumps = diagram.jumps
    return {
        "pieces": pieces,
        "jumps": np.stack([np.asarray(x) for x in (jumps.alphas, jumps.thetas_before, jumps.thetas_after)], 1).tolist(),
    }
