"""The door to the explorer: what it may be asked for, and the colours of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._base.arguments import checked_count, said
from .._explorer.page import Explorer, explorer_of
from .._explorer.programs import has_choice
from .._meta.explained import theta_is_a_number
from .._meta.meta_loss import MetaLoss, checked_meta
from . import _colours

# With more of them a picture takes seconds.
MOST_TASKS = 200

# With more of them too.
MOST_STEPS = 1000


@theta_is_a_number
def explorer(
    metas: MetaLoss | Mapping[str, MetaLoss],
    alphas: tuple[float, float],
    thetas: tuple[float, float],
    *,
    num_steps: Sequence[int] | None = None,
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
        num_steps: the numbers of inner steps to choose from, beside that which each has; 0 to 10 when None.
        positions: names of numbers that are positions on the theta axis, such as "tasks.support[1]"; by default those
            of leaves called center, location or optimum.
        labels: of the tasks.
        title: of the page.

    Returns:
        `Explorer`: `.write(path)` makes the file; in a notebook it shows itself.

    Raises:
        TypeError: no meta-loss, or numbers of steps that are no integers.
        ValueError: axes that do not rise, more steps than a page follows or steps that nobody has, labels of another
            number than the tasks, too many tasks or too much data for a page of 1.5 MB, positions that are no numbers
            of these, a loss that cannot be compiled: then the message names the primitive and the line.

    >>> import mamlgrid as mg
    >>> case = mg.cases.quartic()
    >>> mg.plot.explorer(mg.maml(mg.cases.polynomial_loss, case.tasks()), (0, 1.2), (-2, 2), num_steps=[1])
    Explorer(meta-loss; 6 live numbers; .write(path) makes an HTML file)
    """
    named = dict(metas) if isinstance(metas, Mapping) else {"meta-loss": metas}
    if not named:
        raise ValueError("metas is empty: give at least one meta-loss")
    for name, meta in named.items():
        if not isinstance(name, str):
            raise TypeError(f"metas must have names that are texts; got {said(name)}")
        checked_meta(meta, f"metas[{name!r}]" if isinstance(metas, Mapping) else "metas")
    box = {"alpha": _axis("alphas", alphas), "theta": _axis("thetas", thetas)}
    numbers = {meta.num_tasks for meta in named.values()}
    if max(numbers) > MOST_TASKS:
        raise ValueError(
            f"the explorer computes all tasks anew while a finger moves, {MOST_TASKS} at most; got {max(numbers)}: "
            f"take a part of them, such as jax.tree.map(lambda x: x[:{MOST_TASKS}], tasks)"
        )
    if isinstance(labels, str):
        raise ValueError(f"labels must be a sequence, one for each task; got {labels!r}")
    if labels is not None and numbers != {len(labels)}:
        raise ValueError(f"labels must be one for each task, {sorted(numbers)}; got {len(labels)}")
    steps = _steps(num_steps, named)
    if isinstance(positions, str):
        raise ValueError(f"positions must be a sequence of names, such as [{positions!r}]; got {positions!r}")
    words = labels or [f"task {i + 1}" for i in range(max(numbers))]
    return explorer_of(
        named, box, steps, positions, words, title or f"{', '.join(named)}: the explorer", _page_colours()
    )


def _steps(given: Any, named: Mapping[str, MetaLoss]) -> Sequence[int]:
    """The numbers of steps to choose from: such that a page follows, and some meta-loss has."""
    if given is None:
        return range(11)
    if isinstance(given, int):
        raise ValueError(f"num_steps must be several numbers of inner steps, such as range(11); got {given}")
    steps = [checked_count(f"num_steps[{at}]", k) for at, k in enumerate(given)]
    for at, k in enumerate(steps):
        if k > MOST_STEPS:
            raise ValueError(
                f"num_steps[{at}] must be {MOST_STEPS} or less, since a page computes them anew while a finger moves; "
                f"got {k}: take fewer, such as num_steps=[0, 1, {MOST_STEPS}]"
            )
    own = {meta.inner.num_steps for meta in named.values()}
    if not any(map(has_choice, named.values())) and not set(steps) <= own:
        raise ValueError(
            f"num_steps cannot be chosen here: {', '.join(named)} has {', '.join(map(str, sorted(own)))} alone, as its "
            "inner problem is solved in one piece or its rates, weights or coordinates belong to its steps; "
            f"got {steps}: leave num_steps out"
        )
    return steps


def _axis(name: str, ends: Any) -> tuple[float, float]:
    try:
        low, high = (float(x) for x in ends)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be the two ends of an axis, such as (0, 1); got {said(ends)}") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"{name} must rise from a finite low end to a finite high end; got {said(ends)}")
    return low, high


def _page_colours() -> dict[str, Any]:
    """What the pictures of `plot` use: one colour for one thing here too."""
    import matplotlib
    from matplotlib.colors import to_hex

    def listed(name: str) -> list[str]:
        return [to_hex(colour) for colour in matplotlib.colormaps[name](np.linspace(0, 1, 64))]

    return {
        "value": listed("viridis"),
        "signed": listed("RdBu_r"),
        "optimum": _colours.OPTIMUM,
        "run": _colours.RUN,
        "special": _colours.SPECIAL,
        "sections": _colours.SECTIONS,
        "tasks": _colours.TASKS,
        "algorithms": _colours.ALGORITHMS,
    }
