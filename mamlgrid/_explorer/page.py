"""The page: an HTML file that needs no network and no kernel, from its parts."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from .._base.replacing import write_text
from .programs import Parameter, Programs, programs, with_numbers
from .written import Numbers, Piece, TasksOf, Written, written

if TYPE_CHECKING:
    from .._meta.meta_loss import MetaLoss

# In the order in which they are put together; each is a module that can be run alone.
ENGINE = ("special", "program", "curves", "stationary", "descent", "serve")
PAGE = (
    "client",
    "colours",
    "state",
    "drawing",
    "frames",
    "key",
    "surface",
    "sections",
    "tasks",
    "words",
    "controls",
    "export",
    "python",
    "embed",
    "display",
    "listen",
    "rounds",
    "main",
)

# Where the point is at first, as shares of the axes.
_FIRST_POINT = {"alpha": 0.35, "theta": 0.6}


class Explorer:
    """A page in which meta-losses are alive: `write` it, or let a notebook show it.

    Made by `plot.explorer`.
    """

    def __init__(self, metas: Mapping[str, MetaLoss], made: Programs, data: dict[str, Any]) -> None:
        self.metas = dict(metas)
        self.parameters = made.parameters
        self.sources = made.sources
        self.data = data

    def meta(self, name: str | None = None, values: Mapping[str, float] | None = None) -> MetaLoss:
        """One of the meta-losses, with live numbers as they are on a page.

        Args:
            name: which; the first when None.
            values: by the name of the number; those left out are as they were given.

        Raises:
            ValueError: no meta-loss or no number of that name.

        >>> import mamlgrid as mg
        >>> tasks = mg.cases.quadratic().tasks()
        >>> page = mg.plot.explorer(mg.maml(mg.cases.polynomial_loss, tasks), (0, 1), (-2, 2), num_steps=[1])
        >>> float(page.meta(values={"tasks.support['center'][1]": 3.0})(0.0, 0.0))
        4.5
        """
        name = next(iter(self.metas)) if name is None else name
        if name not in self.metas:
            raise ValueError(f"no meta-loss is called {name!r}; there are {list(self.metas)}")
        given = dict(values or {})
        numbers = [given.pop(parameter.name, parameter.value) for parameter in self.parameters]
        if given:
            raise ValueError(
                f"no number is called {next(iter(given))!r}; there are {[p.name for p in self.parameters]}"
            )
        return with_numbers(self.metas[name], list(self.metas).index(name), self.parameters, numbers)

    def widget(self) -> Any:
        """The page in a live notebook, whose point and numbers Python reads and sets (extra `widget`).

        Returns:
            A widget with `point` (alpha, theta), `parameters` (value by name), `meta_loss` and `num_steps` (what is
            chosen), all both ways; and `refine()`: Python computes the bifurcation diagram of what is chosen, and lays
            it over the surface.

        Raises:
            ImportError: anywidget is not installed.
        """
        from .widget import widget_of

        return widget_of(self)

    @property
    def html(self) -> str:
        """The whole page."""
        return _filled(
            _text("page.html"),
            title=html.escape(self.data["title"]),
            style=_text("page.css"),
            data=_json(self.data),
            engine=_script(engine_script(self.data, self.sources)),
            code=_script("\n".join(_module(f"{name}.js") for name in PAGE)),
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file, which opens from disk: nothing is fetched, and nothing is sent.

        Written to a temporary name and then renamed, so that `path` never holds half a page.
        """
        return write_text(path, self.html)

    def _repr_html_(self) -> str:
        """The page in a frame, which survives the export of a notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" title="{html.escape(self.data["title"])}" '
            'style="width: 100%; height: 860px; border: 0" loading="lazy"></iframe>'
        )

    def __repr__(self) -> str:
        names = ", ".join(meta["name"] for meta in self.data["metas"])
        live = sum(parameter.live for parameter in self.parameters)
        return f"Explorer({names}; {live} live numbers; .write(path) makes an HTML file)"


def explorer_of(
    metas: Mapping[str, MetaLoss],
    box: Mapping[str, tuple[float, float]],
    num_steps: Sequence[int],
    positions: Sequence[str] | None,
    labels: Sequence[str],
    title: str,
    colours: Mapping[str, Any],
) -> Explorer:
    """The page of meta-losses on a box of alpha and theta; `plot.explorer` is the door to it.

    Args:
        metas: by name.
        box: the ends of the axes "alpha" and "theta".
        num_steps: the numbers of inner steps to choose from.
        positions: names of numbers that are positions on the theta axis; None for those that are called so.
        labels: of the tasks.
        title: of the page.
        colours: what the page draws with.
    """
    made = programs(metas, box["theta"], num_steps, positions)
    point = [low + _FIRST_POINT[name] * (high - low) for name, (low, high) in box.items()]
    shown = {"title": title, "axes": dict(box), "point": point, "colours": dict(colours)}
    data = _data(metas, made, labels) | shown
    return Explorer(metas, made, data)


def _data(named: Mapping[str, MetaLoss], made: Programs, labels: Sequence[str]) -> dict[str, Any]:
    metas = [
        {
            "name": name,
            "isGradient": meta.outer.is_gradient,
            "numTasks": meta.num_tasks,
            "default": str(meta.inner.num_steps),
            "variants": {str(k): [part.source, part.lengths] for k, part in compiled.variants.items()},
            "path": [compiled.path.source, compiled.path.lengths],
            "byTask": compiled.by_task,
            "mean": meta.reduce == "mean",
            "length": compiled.length,
            "inSteps": compiled.in_steps,
            "words": re.sub(r"num_steps=\d+, ", "", str(meta)),  # the number of steps is chosen on the page
            "python": _in_data(code),
        }
        for (name, meta), compiled, code in zip(named.items(), made.metas, written(named, made.parameters), strict=True)
    ]
    return {
        "version": __version__,
        "metas": metas,
        "parameters": [
            parameter._asdict() | {"value": _in_json(parameter.value), "label": _label(parameter, labels)}
            for parameter in made.parameters
        ],
        "tasks": list(labels),
    }


def _in_data(code: Written) -> dict[str, Any]:
    """Code as the page takes it: pieces that it fills in have the names of their fields."""

    def named(piece: Piece) -> Any:
        if isinstance(piece, TasksOf):
            return {"tasks": [named(part) for part in piece.tasks]}
        return piece._asdict() if isinstance(piece, Numbers) else piece

    return code._asdict() | {"pieces": [named(piece) for piece in code.pieces]}


def _in_json(x: float) -> float | str:
    """A number as JSON has it, or as a text that JavaScript reads as one."""
    return x if np.isfinite(x) else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(x), "NaN")


def _label(parameter: Parameter, labels: Sequence[str]) -> str:
    """The name of a number for people: `center, task 2` for `tasks.support['center'][1]`."""
    if parameter.task is None:
        return parameter.name
    name = parameter.name.replace(f"[{parameter.task}]", "", 1) if parameter.name.count("[") == 1 else parameter.name
    last = re.fullmatch(r".*\[['\"](\w+)['\"]\]\[\d+\]", name)
    return f"{last[1] if last else name}, {labels[parameter.task]}"


def engine_script(data: Mapping[str, Any], sources: Sequence[str]) -> str:
    """The engine and its programs, as one script: for a worker, for the page, and for tests."""
    modules = "\n".join(_module(f"engine/{name}.js") for name in ENGINE)
    programs_text = ",\n".join(sources)
    metas = json.dumps([{**meta, "python": None} for meta in data["metas"]], ensure_ascii=False)
    return f"{modules}\nconst metas = {metas};\nconst programOf = programsOf([\n{programs_text}\n], metas);\n"


def _module(name: str) -> str:
    """A module without what makes it one: in a page all are one script, and their names differ."""
    return re.sub(r"(?m)^import .*\n|^export ", "", _text(name))


def _text(name: str) -> str:
    return files("mamlgrid._explorer").joinpath("_page", name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _script(text: str) -> str:
    """JavaScript that cannot end the element it stands in: what could is inside of texts, which may say it in hex."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


def _filled(template: str, **parts: str) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
