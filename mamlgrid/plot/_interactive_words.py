"""What a figure shows, in a sentence or two, for those who cannot see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import number

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_INDEX = re.compile(r"<sub>(.*?)</sub>")
_TAG = re.compile(r"<[^<>]*>")


def described(figure: Figure) -> str:
    """The axes with their ranges, and everything that has a name, marks with their number.

    >>> import numpy as np, mamlgrid as mg
    >>> losses = mg.task_losses(mg.cases.quadratic().meta(), np.array([0.0]), np.linspace(-1, 2, 50))
    >>> described(mg.plot.interactive.task_losses(losses, labels=["first", "second"]))
    'Across: initial parameter θ, from −1 to 2. Up: task loss, from −0.07978 to 2.08. Shown: first, second.'
    """
    layout: Any = figure.layout
    parts = []
    if _has(figure, "surface"):
        parts += [_axis("Across", layout.scene.xaxis), _axis("deep", layout.scene.yaxis)]
        parts += [f"the height is the {_plain(bar)}" for bar in [figure.data[0].colorbar.title.text] if bar]
        parts = ["; ".join(part for part in parts if part), "Two panels beside it show it cut at one α and at one θ"]
    else:
        parts += [_axis("Across", layout.xaxis), _axis("Up", layout.yaxis)]
    shown = _things(figure)
    parts += [f"Shown: {', '.join(shown)}"] if shown else []
    return " ".join(f"{part}." for part in parts if part)


def _has(figure: Any, kind: str) -> bool:
    return any(trace.type == kind for trace in figure.data)


def _axis(where: str, axis: Any) -> str:
    title = _plain(axis.title.text or "")
    if not title:
        return ""
    if axis.range is None or None in axis.range:
        return f"{where}: {title}"
    low, high = (10 ** float(end) if axis.type == "log" else float(end) for end in axis.range)
    return f"{where}: {title}, from {number(low)} to {number(high)}"


def _things(figure: Any) -> list[str]:
    """What the legend names, each once; marks of one name are counted together."""
    named = dict.fromkeys(
        _plain(t.name or "") for t in figure.data if t.showlegend is not False and t.type != "surface"
    )
    counts = dict.fromkeys(named, 0)
    for trace in figure.data:
        name = _plain(trace.name or "")
        if name in counts and getattr(trace, "mode", "") == "markers":
            counts[name] += int(np.isfinite(np.asarray(trace.y, float)).sum())
    counts.pop("", None)
    return [name + (f" ({count} marks)" if count > 1 else "") for name, count in counts.items()]


def _plain(text: str) -> str:
    """Without tags; an index stays behind its letter."""
    return _TAG.sub("", _INDEX.sub(r"_\1", text))
