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
from .._base.arguments import said
from .._base.replacing import write_text
from .._meta.meta_loss import checked_meta
from .programs import Parameter, Programs, programs

if TYPE_CHECKING:
    from .._meta.meta_loss import MetaLoss

# In the order in which they are put together; each is a module that can be run alone.
ENGINE = ("special", "program", "curves", "stationary", "descent", "serve")
PAGE = ("client", "colours", "state", "drawing", "panels", "controls", "export", "main")


class Explorer:
    """A page in which meta-losses are alive: `write` it, or let a notebook show it.

    Made by `plot.explorer`.
    """

    def __init__(self, data: dict[str, Any], sources: list[str]) -> None:
        self._data = data
        self._sources = sources

    @property
    def html(self) -> str:
        """The whole page."""
        return _filled(
            _text("page.html"),
            title=html.escape(self._data["title"]),
            style=_text("page.css"),
            data=_json(self._data),
            engine=_script(engine_script(self._data, self._sources)),
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
            f'<iframe srcdoc="{html.escape(self.html)}" title="{html.escape(self._data["title"])}" '
            'style="width: 100%; height: 860px; border: 0" loading="lazy"></iframe>'
        )

    def __repr__(self) -> str:
        names = ", ".join(meta["name"] for meta in self._data["metas"])
        return f"Explorer({names}; {len(self._data['parameters'])} live numbers; .write(path) makes an HTML file)"


def explorer(
    metas: MetaLoss | Mapping[str, MetaLoss],
    alphas: tuple[float, float],
    thetas: tuple[float, float],
    *,
    num_steps: Sequence[int] = range(11),
    positions: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Explorer:
    """One HTML file in which meta-losses are alive: compiled to JavaScript, they are recomputed while a finger moves.

    Every number of a meta-loss that is traced (task data, strengths) becomes a slider; one that is a position on the
    theta axis becomes a handle in the picture besides.

    Args:
        metas: a meta-loss of one parameter, or several by name, to choose from and to compare.
        alphas: the ends of the alpha axis.
        thetas: the ends of the theta axis.
        num_steps: the numbers of inner steps to choose from.
        positions: names of numbers that are positions on the theta axis, such as "tasks.support[1]"; by default those
            of leaves called center, location or optimum.
        labels: of the tasks.
        title: of the page.

    Returns:
        `Explorer`: `.write(path)` makes the file; in a notebook it shows itself.

    Raises:
        TypeError: no meta-loss.
        ValueError: axes that do not rise, labels of another number than the tasks, a loss that cannot be compiled: the
            message names the primitive and the line of the loss.

    >>> from mamlgrid import cases, maml
    >>> case = cases.quartic()
    >>> explorer(maml(cases.polynomial_loss, case.tasks()), (0, 1.2), (-2, 2), num_steps=[1])
    Explorer(meta-loss; 6 live numbers; .write(path) makes an HTML file)
    """
    named = dict(metas) if isinstance(metas, Mapping) else {"meta-loss": metas}
    if not named:
        raise ValueError("metas is empty: give at least one meta-loss")
    for name, meta in named.items():
        checked_meta(meta, f"metas[{name!r}]" if isinstance(metas, Mapping) else "metas")
    box = {"alpha": _axis("alphas", alphas), "theta": _axis("thetas", thetas)}
    numbers = {meta.num_tasks for meta in named.values()}
    if labels is not None and numbers != {len(labels)}:
        raise ValueError(f"labels must be one for each task, {sorted(numbers)}; got {len(labels)}")
    steps = [_steps(k) for k in num_steps]
    made = programs(named, box["theta"], steps, positions)
    words = labels or [f"task {i + 1}" for i in range(max(numbers))]
    return Explorer(_data(named, made, box, list(words), title), made.sources)


def _axis(name: str, ends: Any) -> tuple[float, float]:
    try:
        low, high = (float(x) for x in ends)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be the two ends of an axis, such as (0, 1); got {said(ends)}") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"{name} must rise from a finite low end to a finite high end; got {said(ends)}")
    return low, high


def _steps(k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 0:
        raise ValueError(f"num_steps must be numbers of inner steps, 0 or more; got {said(k)}")
    return int(k)


def _data(
    named: Mapping[str, MetaLoss], made: Programs, box: Mapping[str, Any], labels: list[str], title: str | None
) -> dict[str, Any]:
    metas = [
        {
            "name": name,
            "isGradient": meta.outer.is_gradient,
            "numTasks": meta.num_tasks,
            "default": str(meta.inner.num_steps),
            "variants": {str(k): [part.source, part.lengths] for k, part in compiled.variants.items()},
            "path": [compiled.path.source, compiled.path.lengths],
            "length": compiled.length,
            "inSteps": compiled.in_steps,
            "words": str(meta),
        }
        for (name, meta), compiled in zip(named.items(), made.metas, strict=True)
    ]
    return {
        "title": title or f"{', '.join(named)}: the explorer",
        "version": __version__,
        "axes": box,
        "metas": metas,
        "parameters": [parameter._asdict() | {"label": _label(parameter, labels)} for parameter in made.parameters],
        "tasks": labels,
        "colours": _colours(),
    }


def _label(parameter: Parameter, labels: Sequence[str]) -> str:
    """The name of a number for people: `center, task 2` for `tasks.support['center'][1]`."""
    if parameter.task is None:
        return parameter.name
    name = parameter.name.replace(f"[{parameter.task}]", "", 1) if parameter.name.count("[") == 1 else parameter.name
    last = re.fullmatch(r".*\[['\"](\w+)['\"]\]\[\d+\]", name)
    return f"{last[1] if last else name}, {labels[parameter.task]}"


def _colours() -> dict[str, Any]:
    """What the pictures of `plot` use: one colour for one thing here too."""
    import matplotlib
    from matplotlib.colors import to_hex

    from ..plot import _colours as colours

    def listed(name: str) -> list[str]:
        return [to_hex(colour) for colour in matplotlib.colormaps[name](np.linspace(0, 1, 64))]

    return {
        "value": listed("viridis"),
        "signed": listed("RdBu_r"),
        "optimum": colours.OPTIMUM,
        "run": colours.RUN,
        "special": colours.SPECIAL,
        "sections": colours.SECTIONS,
        "tasks": colours.TASKS,
        "algorithms": colours.ALGORITHMS,
    }


def engine_script(data: Mapping[str, Any], sources: Sequence[str]) -> str:
    """The engine and its programs, as one script: for a worker, for the page, and for tests."""
    modules = "\n".join(_module(f"engine/{name}.js") for name in ENGINE)
    programs_text = ",\n".join(sources)
    metas = json.dumps(data["metas"], ensure_ascii=False)
    return f"{modules}\nconst metas = {metas};\nconst programOf = programsOf([\n{programs_text}\n], metas);\n"


def _module(name: str) -> str:
    """A module without what makes it one: in a page all are one script, and their names differ."""
    return re.sub(r"(?m)^import .*\n|^export ", "", _text(name))


def _text(name: str) -> str:
    return files(__package__).joinpath("_page", name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _script(text: str) -> str:
    """JavaScript that cannot end the element it stands in: what could is inside of texts, which may say it in hex."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


def _filled(template: str, **parts: str) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)
