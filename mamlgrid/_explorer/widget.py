"""The page in a live notebook: an anywidget whose point and numbers are read and set from Python."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .._diagram.diagram import bifurcation_diagram
from .._diagram.stretches import stretches
from .._results.status import Status

if TYPE_CHECKING:
    from .._diagram.diagram import BifurcationDiagram
    from .page import Explorer

# Pixels, of a frame that shows the surface with its sections at the width of a notebook.
_HEIGHT = 860

# Sections that a refined diagram begins with.
_ALPHAS = 33


def widget_of(explorer: Explorer) -> Any:
    """The widget of a page."""
    data = explorer.data
    return _widget_class()(
        explorer=explorer,
        page=explorer.html,
        title=data["title"],
        height=_HEIGHT,
        point=data["point"],
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

    class Numbers(traitlets.List):
        """Numbers of Python, NumPy or JAX, or an array of them."""

        def validate(self, obj: Any, value: Any) -> Any:
            with contextlib.suppress(TypeError, ValueError):  # what is none is refused below, by name
                value = np.asarray(value, float).tolist()
            return super().validate(obj, value)

    class ExplorerWidget(anywidget.AnyWidget):
        """`point`, `parameters`, `meta_loss` and `num_steps` go both ways; `refine()` lays a diagram over."""

        _esm = files("mamlgrid._explorer").joinpath("_page", "widget.js").read_text(encoding="utf-8")
        explorer = traitlets.Any()
        page = traitlets.Unicode().tag(sync=True)
        title = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int().tag(sync=True)
        point = Numbers(traitlets.Float(), minlen=2, maxlen=2).tag(sync=True)
        parameters = traitlets.Dict(value_trait=traitlets.CFloat(), key_trait=traitlets.Unicode()).tag(sync=True)
        meta_loss = traitlets.Unicode().tag(sync=True)
        num_steps = traitlets.Int().tag(sync=True)
        overlay = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

        @traitlets.validate("point")
        def _inside(self, proposal: Any) -> Any:
            """A page shows no other points than those of its axes."""
            for name, x in zip(("alpha", "theta"), proposal["value"], strict=True):
                low, high = self.explorer.data["axes"][name]
                if not low <= x <= high:
                    raise traitlets.TraitError(f"point is (alpha, theta), {name} from {low} to {high}; got {x}")
            return proposal["value"]

        @traitlets.validate("parameters")
        def _known(self, proposal: Any) -> Any:
            """Numbers that are left out stay as they are."""
            given = {parameter.name: parameter.value for parameter in self.explorer.parameters}
            fixed = {parameter.name for parameter in self.explorer.parameters if not parameter.live}
            for name, value in proposal["value"].items():
                if name not in given:
                    raise traitlets.TraitError(f"no number is called {name!r}; there are {list(given)}")
                if not math.isfinite(value):
                    raise traitlets.TraitError(f"{name} must be finite; got {value}")
                if name in fixed and value != given[name]:
                    raise traitlets.TraitError(f"{name} is an integer or a boolean, which stays {given[name]:g}")
            return {**given, **self.parameters, **proposal["value"]}

        @traitlets.validate("meta_loss")
        def _there(self, proposal: Any) -> Any:
            names = list(self.explorer.metas)
            if proposal["value"] not in names:
                raise traitlets.TraitError(f"no meta-loss is called {proposal['value']!r}; there are {names}")
            return proposal["value"]

        @traitlets.validate("num_steps")
        def _compiled(self, proposal: Any) -> Any:
            if proposal["value"] not in self._steps():
                raise traitlets.TraitError(
                    f"{self.meta_loss} was compiled for {self._steps()} inner steps; got {proposal['value']}: "
                    "say so in plot.explorer(..., num_steps=[...])"
                )
            return proposal["value"]

        @traitlets.observe("meta_loss")
        def _own_steps(self, change: Any) -> None:
            """Another meta-loss keeps the number of inner steps where it has it, as on the page."""
            if self.num_steps not in self._steps():
                self.num_steps = self.explorer.metas[change["new"]].inner.num_steps

        def _repr_mimebundle_(self, **settings: Any) -> Any:
            """The widget, and for a notebook that is exported the page as it was made."""
            made = super()._repr_mimebundle_(**settings)
            bundle, metadata = made if isinstance(made, tuple) else (made, {})
            page = {"text/plain": repr(self.explorer), "text/html": self.explorer._repr_html_()}
            return {**(bundle or {}), **page}, metadata

        def _steps(self) -> list[int]:
            """The numbers of inner steps of the meta-loss that is shown."""
            metas = {meta["name"]: meta for meta in self.explorer.data["metas"]}
            return [int(k) for k in metas[self.meta_loss]["variants"]]

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
            shown = {"meta_loss": self.meta_loss, "num_steps": self.num_steps, "parameters": self.parameters}
            self.overlay = overlay_of(diagram) | {"of": shown}
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
    found = diagram.jumps
    columns = (found.alphas, found.thetas_before, found.thetas_after, found.status)
    jumps = [
        {"alpha": float(alpha), "thetas": [float(before), float(after)], "confirmed": bool(status == Status.OK)}
        for alpha, before, after, status in zip(*map(np.asarray, columns), strict=True)
        if np.isfinite([alpha, before, after]).all()
    ]
    return {"pieces": pieces, "jumps": jumps}
