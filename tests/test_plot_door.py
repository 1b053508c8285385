"""Every argument of every plot function refuses what makes no sense: the value received, and what to do instead."""

from __future__ import annotations

import inspect
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import Normalize

import mamlgrid as mg
from mamlgrid import Status, plot
from mamlgrid._outer_loop.outer_run import Trace

from . import stand_ins

pytestmark = pytest.mark.usefixtures("no_window")

ALPHAS, THETAS = np.linspace(0, 1, 5), np.linspace(-2, 2, 7)

DIAGRAM = stand_ins.hysteresis()
OPTIMUM = stand_ins.optimal(ALPHAS, 0.5)
COMPARISON = stand_ins.parabolas()
SURFACE = stand_ins.made(
    mg.Surface,
    alphas=ALPHAS,
    thetas=THETAS,
    values=ALPHAS[:, None] + THETAS**2,
    grads=0 * ALPHAS[:, None] + 2 * THETAS,
    curvatures=None,
)
LOSSES = stand_ins.made(mg.TaskLosses, alphas=ALPHAS, thetas=THETAS, values=np.ones((5, 7, 2)))
EVALUATION = stand_ins.made(
    mg.Evaluation,
    alphas=ALPHAS,
    alphas_test=None,
    thetas=0 * ALPHAS,
    values=1 + ALPHAS,
    status=np.zeros(5, np.int8),
)


def run(thetas: Any) -> Any:
    """An outer loop of two records that stayed where it was."""
    values = np.ones(5)
    ways = np.stack([thetas, thetas], axis=1)
    trace = stand_ins.made(Trace, steps=np.arange(2), thetas=ways, values=np.ones((5, 2)))
    ends = {"thetas": thetas, "values": values, "status": np.zeros(5, np.int8), "event_steps": np.full(5, -1)}
    return stand_ins.made(mg.OuterRun, alphas=ALPHAS, trace=trace, **ends)


RUN = run(0.5 + 0 * ALPHAS)
PLANAR = run(np.zeros((5, 2)))

FLAT_AX = lambda: plt.figure().add_subplot()  # noqa: E731

# Messages of what many functions take.
AX = [(RUN, r"ax must be axes .* got OuterRun; .* by name: run=\.\.\."), ([1], "ax must be axes .* got list")]
AX_3D = [*AX, (FLAT_AX, "three-dimensional, got Axes.*subplot_kw")]
TITLE = [(3, "title must be a text or None, got 3")]
BESIDE = {
    "optimum": [(RUN, r"optimum must be a mamlgrid.OptimalTheta, got OuterRun; mg.optimal_theta returns one")],
    "diagram": [(OPTIMUM, r"diagram must be a mamlgrid.BifurcationDiagram, got OptimalTheta; mg.bif")],
    "run": [(OPTIMUM, "run must be a mamlgrid.OuterRun, got OptimalTheta"), (PLANAR, "single scalar.*learning_curves")],
}
SCALE = {
    "levels": [
        ([1, 1, 2], r"levels must be how many, or .* increasing numbers, got \[1, 1, 2\]; plot.shared_levels"),
        ([2.0], r"levels must be"),
        (1, "levels must be from 2 to 200, got 1"),
        ("many", "levels must be how many.* got 'many'; plot"),
    ],
    "cmap": [("vridis", "cmap must be a colour map .* got 'vridis'"), (3, "cmap must be")],
    "norm": [("square", "norm must be 'linear', 'log' or .* got 'square'")],
    "vmin": [([0, 1], r"vmin must be one number, got \[0, 1\]"), (np.inf, "vmin must be finite, got inf")],
    "vmax": [("high", "vmax must be one number, got 'high'")],
}
ZLIM = [((1, 1), r"zlim must be a pair .* got \(1, 1\)"), (3, "zlim must be a pair"), ((0, np.nan), "zlim must be")]
FIELD = [("loss", "field must be one of 'values', 'grads', 'curvatures', got 'loss'"), ("curvatures", "derivatives=2")]


def result(kind: str, name: str = "result") -> list[tuple[Any, str]]:
    """Another result in place of this kind."""
    other = SURFACE if kind != "Surface" else OPTIMUM
    return [(other, f"{name} must be a mamlgrid.{kind}, got {type(other).__name__}; mg.\\w+ returns one")]


# Function -> what it takes without a word, and for each argument what it refuses and how.
TABLE: dict[str, tuple[dict[str, Any], dict[str, list[tuple[Any, str]]]]] = {
    "animate": (
        {"results": [OPTIMUM], "draw": plot.optimal_theta},
        {
            "results": [([], r"one or more results, got \[\]"), (OPTIMUM, "must be a list")],
            "draw": [("contour", "draw must be a function such as plot.contour, got 'contour'")],
            "titles": [("K = 1", "titles must be a list of texts"), (["a", "b"], "each of the 1 results, got")],
            "interval": [(0, "interval must be above zero, got 0"), ([1], "interval must be one number")],
            "options": [],
        },
    ),
    "bifurcation_diagram": (
        {"result": DIAGRAM},
        {
            "result": result("BifurcationDiagram"),
            "ax": AX,
            "labels": [("few", "labels must be True or False, got 'few'")],
            "title": TITLE,
        },
    ),
    "climbing": (
        {"result": COMPARISON, "label": "FOMAML"},
        {
            "result": result("Comparison"),
            "label": [("ANIL", "no algorithm 'ANIL'; there are 'MAML'")],
            "ax": AX,
            "title": TITLE,
        },
    ),
    "contour": (
        {"result": SURFACE},
        {"result": result("Surface"), "ax": AX, "field": FIELD, "title": TITLE, **BESIDE, **SCALE},
    ),
    "evaluation": ({"result": EVALUATION}, {"result": result("Evaluation"), "ax": AX, "title": TITLE, **SCALE}),
    "fixed_points": ({"result": COMPARISON}, {"result": result("Comparison"), "ax": AX, "title": TITLE}),
    "gradient_surface": (
        {"result": SURFACE},
        {
            "result": result("Surface"),
            "ax": AX_3D,
            "diagram": BESIDE["diagram"],
            "zlim": ZLIM,
            "title": TITLE,
            **SCALE,
        },
    ),
    "learning_curves": (
        {"run": RUN},
        {
            "run": result("OuterRun", "run"),
            "ax": [([1], "ax must be axes")],
            "window": [(0, "window must be from 1 to 2, got 0"), (1.5, "window must be an integer, got 1.5")],
            "title": TITLE,
        },
    ),
    "optimal_theta": (
        {"result": OPTIMUM},
        {"result": result("OptimalTheta"), "ax": AX, "run": BESIDE["run"], "title": TITLE},
    ),
    "outer_loop": (
        {"run": RUN},
        {
            "run": [*result("OuterRun", "run"), (PLANAR, "single scalar")],
            "ax": [(OPTIMUM, "by name: optimum=")],
            "optimum": BESIDE["optimum"],
            "title": TITLE,
        },
    ),
    "regrets": ({"result": COMPARISON}, {"result": result("Comparison"), "ax": AX, "title": TITLE}),
    "section": (
        {"surface": SURFACE, "alpha": 0.5},
        {
            "surface": result("Surface", "surface"),
            "ax": AX,
            "alpha": [
                ([0.1, 0.5], r"alpha must be one number, got \[0.1, 0.5\]; call once for each"),
                (None, "give either alpha or theta to cut at, got alpha=None, theta=None"),
                (1.01, "alpha must lie on the axis of the result, from 0 to 1, got 1.01"),
            ],
            "theta": [(0.5, "either alpha or theta to cut at, got alpha=0.5, theta=0.5")],
            "field": FIELD,
            "title": TITLE,
        },
    ),
    "shared_levels": (
        {"surfaces": [SURFACE]},
        {
            "surfaces": [
                (SURFACE, "surfaces must be a list"),
                ([SURFACE, OPTIMUM], r"surfaces\[1\] must be a mamlgrid.Surface, got OptimalTheta"),
            ],
            "field": FIELD,
            "levels": [(1, "levels must be from 2 to 200"), ([1, 2], "levels must be an integer")],
            "norm": SCALE["norm"],
            "vmin": SCALE["vmin"],
            "vmax": SCALE["vmax"],
        },
    ),
    "surface": (
        {"result": SURFACE},
        {
            "result": result("Surface"),
            "ax": AX_3D,
            "field": FIELD,
            "optimum": BESIDE["optimum"],
            "diagram": BESIDE["diagram"],
            "zlim": ZLIM,
            "title": TITLE,
            **SCALE,
        },
    ),
    "task_losses": (
        {"result": LOSSES},
        {
            "result": result("TaskLosses"),
            "ax": AX,
            "alpha_index": [(5, "alpha_index must be from -5 to 4, got 5"), (0.5, "must be an integer, got 0.5")],
            "labels": [("ab", "labels must be a list of texts"), (["one"], r"each of the 2 tasks, got \['one'\]")],
            "title": TITLE,
        },
    ),
}  # fmt: skip


def test_every_public_function_has_a_row_and_every_argument_an_entry() -> None:
    public = {name for name in dir(plot) if callable(getattr(plot, name))}
    assert set(TABLE) == public - {"explorer"}  # its door has a file of its own
    for name, (_, refused) in TABLE.items():
        assert set(refused) == set(inspect.signature(getattr(plot, name)).parameters), name


@pytest.mark.parametrize("name", TABLE)
def test_what_makes_sense_is_drawn(name: str) -> None:
    arguments, refused = TABLE[name]
    drawn = getattr(plot, name)(**arguments)
    if "title" in refused:
        drawn.figure.canvas.draw()
        assert getattr(plot, name)(**arguments, title="a title").get_title() == "a title"
    elif name == "animate":
        drawn._draw_was_started = True  # nobody looks at it, which matplotlib would warn about


@pytest.mark.parametrize(
    ("name", "argument", "value", "message"),
    [
        pytest.param(name, argument, value, message, id=f"{name}-{argument}-{i}")
        for name, (_, refused) in TABLE.items()
        for argument, cases in refused.items()
        for i, (value, message) in enumerate(cases)
    ],
)
def test_refuses(name: str, argument: str, value: Any, message: str) -> None:
    arguments = TABLE[name][0] | {argument: value() if value is FLAT_AX else value}
    before = plt.get_fignums()
    with pytest.raises((TypeError, ValueError), match=message):
        getattr(plot, name)(**arguments)
    if value is not FLAT_AX:
        assert plt.get_fignums() == before  # no empty figure is left behind


@pytest.mark.parametrize("name", sorted({*plot.interactive.__all__} - {"write_html"}))
def test_what_is_drawn_beside_a_result_has_a_name(name: str) -> None:
    draw = getattr(plot.interactive, name)
    given = dict(list(TABLE[name][0].items())[: 2 if name == "climbing" else 1])
    with pytest.raises(
        TypeError, match=rf"^{name} takes .* in its place, all else by name, such as run=\.\.\.; got Out"
    ):
        draw(*given.values(), RUN)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vmin": 2, "vmax": 1}, "vmin must be below vmax, got vmin=2.0, vmax=1.0"),
        ({"levels": [1, 2], "vmin": 0}, "a list of levels has ends of its own, got vmin=0.0, vmax=None"),
        ({"norm": Normalize(0, 1), "vmax": 0}, "the norm has ends of its own, got vmin=None, vmax=0.0"),
        ({"norm": "log", "vmin": 0}, "vmin must be above zero where norm is 'log', got 0.0"),
    ],
)
def test_levels_that_contradict_each_other_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot.contour(SURFACE, **options)


@pytest.mark.parametrize("name", ["optimum", "diagram"])
def test_only_the_meta_loss_has_an_optimum_on_it(name: str) -> None:
    other: Any = {"optimum": OPTIMUM, "diagram": DIAGRAM}[name]
    with pytest.raises(ValueError, match=f"{name} is drawn at its meta-loss.*got 'grads'"):
        plot.surface(SURFACE, field="grads", **{name: other})


def test_everything_is_confirmed_in_these_results() -> None:
    assert (RUN.status == Status.OK).all()
    assert (OPTIMUM.status == Status.OK).all()


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("surface", "zlim", np.arange(10_000.0)),
        ("contour", "levels", np.zeros(10_000)),
        ("contour", "title", ["a title"] * 10_000),
        ("section", "alpha", np.arange(10_000.0)),
        ("animate", "results", {"K": [SURFACE] * 100}),
        ("task_losses", "labels", ["a task"] * 10_000),
    ],
)
def test_what_is_said_of_a_value_is_one_short_line(name: str, argument: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(plot, name)(**TABLE[name][0] | {argument: value})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
