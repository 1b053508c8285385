"""The scene of an outer loop: where it starts and ends against alpha, few marks on lines of many runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._results.status import Status
from ._axes import without_rounding
from ._looks import END_LINES, ENDS, STARTS
from ._scene import Curve, Marks, Piece, Scene, apart, some_rows, span_of
from ._scene_optimum import told

if TYPE_CHECKING:
    from .._base.types import Numbers


# Trajectories are vertical: more of them than this make a curtain.
_MOST_TRAJECTORIES = 13


def evenly(count: int) -> Any:
    """A readable number of the trajectories, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_TRAJECTORIES)).round().astype(int))


def reached(ways: Numbers) -> tuple[Numbers, Numbers]:
    """The lowest and the highest theta that each trajectory, `[alphas, steps]`, passed through."""
    finite = np.where(np.isfinite(ways), ways, np.nan)
    return np.nanmin(finite, axis=1), np.nanmax(finite, axis=1)


def run_scene(run: Any, ends: Numbers, *, starts: Numbers | None = None, some: Any = None) -> Scene:
    """End points of the runs of one scalar parameter.

    Args:
        run: the outer loop.
        ends: `[alphas]`, its final thetas.
        starts: `[alphas]`, where it started; not drawn when None.
        some: which alphas to mark, without lines between them; None joins neighbours that end close to each other.
    """
    order = np.argsort(np.asarray(run.alphas)) if some is None else some
    alphas, status, values, events = (
        np.asarray(a)[order] for a in (run.alphas, run.status, run.values, run.event_steps)
    )
    ends, values = ends[order], without_rounding(values)
    arrived = np.isin(status, tuple(END_LINES))
    curves = {} if some is not None else {code: _line(alphas, ends, values, status, code) for code in END_LINES}
    # A run that no line leads to has a mark of its own, which says how it ended.
    alone = np.concatenate([np.zeros(0), *(curve.x[curve.alone] for curve in curves.values())])
    marks = []
    for code, look in ENDS.items():
        rows = np.flatnonzero(status == code)
        # Of those that are gone all: where they begin and end is what their strip tells.
        if code in curves:
            rows = np.union1d(some_rows(rows), rows[np.isin(alphas[rows], alone)])
        y = np.where(arrived[rows], ends[rows], np.nan)
        words = tuple(_words(code, int(events[row])) for row in rows)
        if rows.size:
            marks.append(
                Marks(f"end, {code.name}", look, alphas[rows], y, values[rows], words, on_edge=code not in END_LINES)
            )
    if starts is not None:
        rows = np.arange(alphas.size) if some is not None else some_rows(np.arange(alphas.size))
        none = np.full(rows.size, np.nan)
        marks.append(
            Marks("start", STARTS, alphas[rows], starts[order][rows], none, ("start of the outer loop",) * rows.size)
        )
    kept = tuple(curve for curve in curves.values() if np.isfinite(curve.y).any())
    return Scene(span_of(alphas), span_of(ends[arrived]), kept, (), tuple(marks))


def _line(alphas: Numbers, ends: Numbers, values: Numbers, status: Any, code: Status) -> Curve:
    """The ends of one status, with a gap wherever neighbours are another's or far from each other."""
    y = np.where(status == code, ends, np.nan)
    at = apart(np.where(np.isin(status, tuple(END_LINES)), ends, np.nan))
    middles, none = (alphas[at] + alphas[at + 1]) / 2, np.full(at.size, np.nan)
    x = np.concatenate([alphas, middles])
    along = np.argsort(x, kind="stable")
    y, values = np.concatenate([y, none])[along], np.concatenate([values, none])[along]
    name = ENDS[code].label
    whole = (Piece(slice(0, x.size), END_LINES[code]),)
    return Curve(name, x[along], y, values, (name,) * x.size, whole)


def _words(code: Status, event: int) -> str:
    if code == Status.OK:
        return "the outer loop has converged"
    if code == Status.NOT_CONVERGED:
        return "the outer loop is still moving"
    return f"the outer loop is lost at step {event}: {told(code)}"
