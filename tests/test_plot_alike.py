"""matplotlib and plotly have the same pictures, which take the same arguments and show the same facts."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid import Status, plot
from mamlgrid.plot._levels import AUTOMATIC, levels_of
from mamlgrid.plot._scene import Scene
from mamlgrid.plot._scene_comparison import fixed_point_scene, regret_scene
from mamlgrid.plot._scene_evaluation import evaluation_scene, map_scene
from mamlgrid.plot._scene_optimum import optimum_scene
from mamlgrid.plot._scene_run import evenly, run_scene
from mamlgrid.plot._scene_surface import surface_scene

from . import stand_ins

interactive = pytest.importorskip("mamlgrid.plot.interactive", reason="plotly is missing")
pytest.importorskip("plotly", reason="plotly is missing: pip install 'mamlgrid[interactive]'")

pytestmark = pytest.mark.usefixtures("no_window")

# What one has and the other has no use for: the page of a figure, levels shared by pictures, a page that is alive.
ONLY_THERE = {"write_html"}
ONLY_HERE = {"shared_levels", "animate", "explorer"}


def public(module: Any) -> set[str]:
    """The functions of a module that are for everybody."""
    return {name for name in dir(module) if inspect.isfunction(getattr(module, name))}


PICTURES = sorted(public(interactive) - ONLY_THERE)


def test_both_have_the_same_pictures() -> None:
    assert public(plot) - ONLY_HERE == set(PICTURES)
    assert set(interactive.__all__) == set(PICTURES) | ONLY_THERE


@pytest.mark.parametrize("name", PICTURES)
def test_both_take_the_same_arguments_and_a_title(name: str) -> None:
    here, there = (list(inspect.signature(getattr(module, name)).parameters) for module in (plot, interactive))
    assert [argument for argument in here if argument not in ("ax", "labels", "label")] == [
        argument for argument in there if argument not in ("labels", "label")
    ]
    assert "title" in there


class Given(NamedTuple):
    """Results to draw."""

    surface: Any
    optimum: Any
    run: Any
    losses: Any
    diagram: Any
    comparison: Any
    tested: Any
    mapped: Any


@pytest.fixture(scope="module")
def given() -> Given:
    alphas, thetas = np.linspace(0, 0.9, 10), np.linspace(-4, 4, 17)
    values = (thetas[None, :] ** 2 - 1) ** 2 + alphas[:, None]
    values[0, 0] = np.inf
    surface = stand_ins.made(mg.Surface, alphas=alphas, thetas=thetas, values=values, grads=values, curvatures=None)
    optimum = stand_ins.optimal(alphas, np.where(alphas > 0.35, 1.0, -1.0), jumps=stand_ins.jumps(0.35, -1.0, 1.0))
    losses = stand_ins.made(mg.TaskLosses, alphas=alphas, thetas=thetas, values=np.stack([values, -values], -1))
    run, diagram, comparison = outer_run(alphas), stand_ins.hysteresis(), stand_ins.parabolas()
    return Given(surface, optimum, run, losses, diagram, comparison, *evaluations(alphas, run.thetas))


def evaluations(alphas: np.ndarray, thetas: np.ndarray) -> tuple[mg.Evaluation, mg.Evaluation]:
    """Tested with its own alpha, and with all of them; one value in doubt, one not finite."""
    values = (alphas[:, None] - alphas[None, :]) ** 2 + 0.1
    status = np.zeros(values.shape, np.int8)
    status[3, 4], status[5, 6] = Status.NOT_CONVERGED, Status.NONFINITE
    values[5, 6] = np.nan
    fields: dict[str, Any] = {"alphas": alphas, "thetas": thetas}
    tested = stand_ins.made(mg.Evaluation, alphas_test=None, values=values[:, 4], status=status[:, 4], **fields)
    return tested, stand_ins.made(mg.Evaluation, alphas_test=alphas, values=values, status=status, **fields)


def outer_run(alphas: np.ndarray) -> mg.OuterRun:
    """Runs of every end: found, still moving, gone, and not finite."""
    steps = np.arange(0, 50, 5)
    ways = np.exp(-steps / 10) * (1 + alphas[:, None])
    values, status = 0.5 * ways**2, np.zeros(alphas.size, np.int8)
    status[5], status[6], status[7] = Status.NOT_CONVERGED, Status.DIVERGED, Status.NONFINITE
    values[7, 6:], ways[7, 6:] = np.nan, np.nan
    trace = mg.Trace(steps=jnp.asarray(steps), thetas=jnp.asarray(ways), values=jnp.asarray(values))
    events = np.where(np.isin(status, (Status.DIVERGED, Status.NONFINITE)), 30, -1)
    return stand_ins.made(
        mg.OuterRun, alphas=alphas, thetas=ways[:, -1], values=values[:, -1], trace=trace, status=status,
        event_steps=events,
    )  # fmt: skip


def elements(scenes: list[Scene]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Curves and marks of scenes, in order: what they are, and where."""
    found = []
    for scene in scenes:
        found += [(f"curve {k}", c.x[p], c.y[p]) for k, c in enumerate(scene.curves) for p, _ in c.pieces]
        found += [(f"marks {k}", m.x, m.y) for k, m in enumerate(scene.marks) if m.x.size and not m.on_edge]
    return sorted(found, key=lambda element: (element[0], element[1].size, element[1].tolist()))


def in_matplotlib(ax: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The same of the artists of axes."""
    lines = [line for line in ax.lines if line.get_gid() and len(line.get_xdata())]
    found = [(line.get_gid(), *np.asarray(line.get_xydata()).T) for line in lines]
    return sorted(found, key=lambda element: (element[0], element[1].size, element[1].tolist()))


def in_plotly(figure: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The same of the traces of a figure."""
    parts = [trace for trace in figure.data if trace.uid and trace.uid.startswith(("curve", "marks"))]
    found = [(" ".join(t.uid.split("-")[:2]), np.asarray(t.x, float), np.asarray(t.y, float)) for t in parts]
    return sorted(found, key=lambda element: (element[0], element[1].size, element[1].tolist()))


def scenes_of_run(given: Given) -> list[Scene]:
    ways = np.asarray(given.run.trace.thetas)
    return [optimum_scene(given.optimum), run_scene(given.run, given.run.thetas, starts=ways[:, 0])]


SCENES: dict[str, tuple[Callable[[Any, Given], Any], Callable[[Given], list[Scene]]]] = {
    "fixed_points": (lambda m, g: m.fixed_points(g.comparison), lambda g: [fixed_point_scene(g.comparison)]),
    "regrets": (lambda m, g: m.regrets(g.comparison), lambda g: [regret_scene(g.comparison)]),
    "climbing": (
        lambda m, g: m.climbing(g.comparison, "FOMAML"),
        lambda g: [fixed_point_scene(g.comparison, only=1)],
    ),
    "outer_loop": (lambda m, g: m.outer_loop(g.run, optimum=g.optimum), scenes_of_run),
    "evaluation": (lambda m, g: m.evaluation(g.tested), lambda g: [evaluation_scene(g.tested)[0]]),
    "evaluation_map": (lambda m, g: m.evaluation(g.mapped), lambda g: [map_scene(g.mapped, AUTOMATIC).marks]),
}


@pytest.mark.parametrize("name", SCENES)
def test_both_draw_the_same_scene(given: Given, name: str) -> None:
    draw, scenes = SCENES[name]
    expected = elements(scenes(given))
    assert expected
    kinds = {(kind, x.size) for kind, x, _ in expected}
    for drawn in (in_matplotlib(draw(plot, given)), in_plotly(draw(interactive, given))):
        # What has lost its place is on the edge.
        found = [e for e in drawn if np.isfinite(e[1]).any() and (e[0], e[1].size) in kinds]
        assert [(kind, x.tolist()) for kind, x, _ in found] == [(kind, x.tolist()) for kind, x, _ in expected]
        for (_, _, y), (_, _, exact) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(y, exact)


@pytest.mark.parametrize("name", ["bifurcation_diagram", "optimal_theta", "outer_loop", "fixed_points", "regrets"])
def test_both_show_the_same_range_from_tick_to_tick(given: Given, name: str) -> None:
    results = {"bifurcation_diagram": given.diagram, "optimal_theta": given.optimum, "outer_loop": given.run}
    result = results.get(name, given.comparison)
    ax, axis = getattr(plot, name)(result), getattr(interactive, name)(result).layout.yaxis
    ends = 10.0 ** np.array(axis.range) if axis.type == "log" else axis.range
    np.testing.assert_allclose(ends, ax.get_ylim())
    at = np.asarray(ax.get_yticks())
    assert all(np.isclose(at, end).any() for end in ends)


def test_both_shade_the_cells_in_which_an_algorithm_climbs(given: Given) -> None:
    uphill = np.asarray(given.comparison.uphill[1]).T
    (mesh,) = (m for m in plot.climbing(given.comparison, "FOMAML").collections if m.get_array() is not None)
    (cells,) = (t for t in interactive.climbing(given.comparison, "FOMAML").data if t.uid == "cells")
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(uphill.shape) > 0, uphill)
    np.testing.assert_array_equal(np.asarray(cells.z) > 0, uphill)
    assert uphill.any()


@pytest.mark.parametrize("name", ["surface", "gradient_surface"])
def test_both_surfaces_have_the_same_marks_on_them(given: Given, name: str) -> None:
    """In one picture at their meta-loss; in the other, where the gradient is zero, on the plane."""
    diagram, zlim = given.diagram, (-9.0, 300.0)
    (branches,) = surface_scene(given.surface, "values", diagram=diagram).on_it
    flat = name == "gradient_surface"
    expected = {
        (x, y, 0.0 if flat else value)
        for marks in branches.marks
        for x, y, value in zip(marks.x.tolist(), marks.y.tolist(), marks.values.tolist(), strict=True)
        if given.surface.alphas[0] <= x <= given.surface.alphas[-1]
    }
    assert expected
    space = getattr(plot, name)(given.surface, diagram=diagram, zlim=zlim)
    artists = [line for line in space.lines if str(line.get_gid()).startswith("marks")]
    assert {place for line in artists for place in zip(*np.array(line.get_data_3d()).tolist(), strict=True)} == expected
    figure = getattr(interactive, name)(given.surface, diagram=diagram, zlim=zlim)
    traces = [t for t in figure.data if t.type == "scatter3d" and t.mode == "markers" and t.customdata is not None]
    lift = 0.0 if flat else 0.03 * (zlim[1] - zlim[0])
    places = [place for t in traces for place in zip(t.x, t.y, t.z - lift, strict=True) if np.isfinite(place[1])]
    assert sorted(places) == [pytest.approx(place) for place in sorted(expected)]
    # What is beyond the surface is not named either.
    assert {t.name for t in traces} == {line.get_label() for line in artists} == {"fold"}


def test_an_optimum_just_below_the_lowest_point_of_the_grid_is_drawn(given: Given) -> None:
    """Between its points a surface reaches a little lower than they do."""
    alphas = np.asarray(given.optimum.alphas)
    status = np.where(alphas == 0, Status.DEGENERATE, Status.OK)
    low = stand_ins.optimal(alphas, 1.1, status, values=alphas - 0.01)
    assert low.values.min() < given.surface.values.min()
    space, figure = plot.surface(given.surface, optimum=low), interactive.surface(given.surface, optimum=low)
    (line,) = (line for line in space.lines if line.get_gid() == "marks 0")
    (trace,) = (t for t in figure.data if t.name == line.get_label())
    assert [trace.x[0], trace.y[0]] == [line.get_data_3d()[0][0], line.get_data_3d()[1][0]] == [0, 1.1]


@pytest.mark.parametrize("field", ["values", "grads"])
def test_both_contours_have_the_same_levels_and_colours(given: Given, field: Any) -> None:
    surface = given.surface
    levels = levels_of(np.asarray(surface.values), field != "values")
    (filled,) = (c for c in plot.contour(surface, field=field).collections if hasattr(c, "levels"))
    (drawn,) = (t for t in interactive.contour(surface, field=field).data if t.uid == "field")
    np.testing.assert_array_equal(filled.levels, levels.levels)
    lines = np.arange(drawn.contours.start, drawn.contours.end + 1e-9, drawn.contours.size)
    np.testing.assert_allclose(lines, levels.places(levels.levels))
    finite = np.isfinite(surface.values).T
    np.testing.assert_array_equal(np.asarray(drawn.customdata)[finite], np.asarray(surface.values).T[finite])
    assert np.isnan(drawn.z).sum() == 1


def test_both_maps_of_an_evaluation_show_what_is_in_doubt(given: Given) -> None:
    figure, ax = interactive.evaluation(given.mapped), plot.evaluation(given.mapped)
    (doubts,) = (trace for trace in figure.data if trace.name == "not confirmed")
    (marks,) = (line for line in ax.lines if line.get_label() == "not confirmed")
    assert [doubts.x[0], doubts.y[0]] == np.asarray(marks.get_xydata()).ravel().tolist()
    (drawn,) = (trace for trace in figure.data if trace.uid == "field")
    assert np.argwhere(np.isnan(drawn.z)).tolist() == [[6, 5]]
    named = {trace.name for trace in figure.data if trace.name and trace.showlegend is not False}
    legend: Any = ax.get_legend()
    assert named == {text.get_text().replace(r"$\alpha$", "α") for text in legend.get_texts()}


def test_a_flat_band_does_not_hide_the_colours_it_is_about(given: Given) -> None:
    flat = replace(given.optimum, status=np.where(np.arange(10) == 4, Status.FLAT, Status.OK))
    ax, figure = plot.contour(given.surface, optimum=flat), interactive.contour(given.surface, optimum=flat)
    (patch,) = (p for p in ax.patches if p.get_gid() == "band 0")
    (band,) = (trace for trace in figure.data if trace.uid == "band-0")
    assert patch.get_facecolor()[3] == 0
    assert band.fillcolor == "rgba(0,0,0,0)"
    assert band.line.width > 0


def test_both_contours_show_the_same_trajectories(given: Given) -> None:
    some = evenly(given.run.alphas.size)
    ways = np.asarray(given.run.trace.thetas)[some]
    figure = interactive.contour(given.surface, run=given.run, optimum=given.optimum, diagram=given.diagram)
    (lines,) = (t for t in figure.data if t.uid == "ways")
    np.testing.assert_allclose(np.asarray(lines.y).reshape(-1, 3)[:, 0], np.nanmin(ways, axis=1))
    np.testing.assert_allclose(np.asarray(lines.y).reshape(-1, 3)[:, 1], np.nanmax(ways, axis=1))
    names = {t.name for t in figure.data if t.showlegend}
    ax = plot.contour(given.surface, run=given.run, optimum=given.optimum, diagram=given.diagram)
    assert len(names) == len(ax.get_legend().get_texts())


@pytest.mark.parametrize("window", [1, 3])
def test_both_learning_curves_are_the_same(given: Given, window: int) -> None:
    ax, figure = plot.learning_curves(given.run, window=window), interactive.learning_curves(given.run, window=window)
    alphas = given.run.alphas.size
    curves = [trace for trace in figure.data if trace.uid and trace.uid.startswith("curve")]
    lines = [line for line in ax.lines if line.get_linewidth() > 1 and line.get_linestyle() != "None"]
    assert len(curves) == len(lines) == alphas
    for trace, line in zip(curves, lines, strict=True):
        np.testing.assert_array_equal(trace.x, line.get_xdata())
        np.testing.assert_array_equal(trace.y, line.get_ydata())
    ends = [trace for trace in figure.data if trace.uid and trace.uid.startswith("end")]
    drawn = [line for line in ax.lines if line.get_marker() in "o+x"]
    assert [(*t.x, *t.y) for t in ends] == [(*line.get_xdata(), *line.get_ydata()) for line in drawn]
    assert {t.name for t in ends if t.showlegend} == {
        f"outer loop: {what}" for what in ("diverged", "not finite", "still moving")
    }
    assert (figure.layout.yaxis.type == "log") == (ax.get_yscale() == "log")


def test_both_sections_cut_along_either_axis(given: Given) -> None:
    for cut in ({"alpha": 0.31}, {"theta": 0.9}):
        (line,) = plot.section(given.surface, **cut).lines
        (trace,) = interactive.section(given.surface, **cut).data
        np.testing.assert_array_equal(trace.x, line.get_xdata())
        np.testing.assert_array_equal(trace.y, line.get_ydata())
        assert line.get_label().strip("$").replace("\\alpha", "α").replace("\\theta", "θ") == trace.name
        plt.close("all")


def test_both_task_losses_start_at_the_same_alpha(given: Given) -> None:
    shuffled = replace(given.losses, alphas=given.losses.alphas[::-1], values=given.losses.values[::-1])
    for index in (0, 3, -1):
        lines = plot.task_losses(shuffled, alpha_index=index).lines
        figure = interactive.task_losses(shuffled, alpha_index=index)
        for line, trace in zip(lines, figure.data, strict=True):
            np.testing.assert_array_equal(trace.y, line.get_ydata())
        plt.close("all")


# The door: the value received, and the remedy.


@pytest.mark.parametrize("name", PICTURES)
def test_another_result_is_refused(given: Given, name: str) -> None:
    wrong = given.diagram if name != "bifurcation_diagram" else given.surface
    more = {"alpha": 0.5} if name == "section" else {"label": "MAML"} if name == "climbing" else {}
    with pytest.raises(TypeError, match=r"must be a mamlgrid\.\w+, got (BifurcationDiagram|Surface); mg\.\w+ returns"):
        getattr(interactive, name)(wrong, **more)


@pytest.mark.parametrize(
    ("draw", "error", "told"),
    [
        (lambda g: interactive.contour(g.surface, optimum=g.run), TypeError, "OptimalTheta, got OuterRun"),
        (lambda g: interactive.contour(g.surface, field="loss"), ValueError, "got 'loss'"),
        (lambda g: interactive.contour(g.surface, levels=[2, 1]), ValueError, "increasing"),
        (lambda g: interactive.surface(g.surface, zlim=(1, 0)), ValueError, r"low < high, got \(1, 0\)"),
        (lambda g: interactive.surface(g.surface, field="grads", optimum=g.optimum), ValueError, "field='values'"),
        (lambda g: interactive.gradient_surface(g.surface, diagram=g.optimum), TypeError, "got OptimalTheta"),
        (lambda g: interactive.section(g.surface), ValueError, "either alpha or theta"),
        (lambda g: interactive.section(g.surface, alpha=[0.1, 0.2]), TypeError, "one number"),
        (lambda g: interactive.section(g.surface, alpha=float("nan")), ValueError, "finite, got nan"),
        (lambda g: interactive.task_losses(g.losses, labels="ab"), TypeError, "list of texts"),
        (lambda g: interactive.task_losses(g.losses, alpha_index=10), ValueError, "from -10 to 9, got 10"),
        (lambda g: interactive.outer_loop(g.run, optimum=g.surface), TypeError, "got Surface"),
        (lambda g: interactive.optimal_theta(g.optimum, run=g.surface), TypeError, "got Surface"),
        (lambda g: interactive.learning_curves(g.run, window=0), ValueError, "from 1 to 10, got 0"),
        (lambda g: interactive.climbing(g.comparison, "ANIL"), ValueError, "no algorithm 'ANIL'"),
    ],
)
def test_bad_arguments_are_refused(given: Given, draw: Callable[[Given], Any], error: type, told: str) -> None:
    with pytest.raises(error, match=told):
        draw(given)


@pytest.mark.parametrize("name", PICTURES)
def test_a_title_is_a_text(given: Given, name: str) -> None:
    results = {
        "bifurcation_diagram": given.diagram, "task_losses": given.losses, "optimal_theta": given.optimum,
        "learning_curves": given.run, "outer_loop": given.run, "contour": given.surface, "section": given.surface,
        "surface": given.surface, "gradient_surface": given.surface, "evaluation": given.mapped,
    }  # fmt: skip
    result = results.get(name, given.comparison)
    more = {"alpha": 0.5} if name == "section" else {"label": "MAML"} if name == "climbing" else {}
    draw = getattr(interactive, name)
    assert draw(result, title="A title", **more).layout.title.text == "A title"
    with pytest.raises(TypeError, match="title must be a text or None, got 3"):
        draw(result, title=3, **more)
