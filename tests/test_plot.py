"""What the matplotlib pictures say: read from the artists, not from pixels."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
import optax
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

import mamlgrid as mg
from mamlgrid import Status, plot
from mamlgrid.plot import _view
from mamlgrid.plot._door import grid_of
from mamlgrid.plot._facets import facets
from mamlgrid.plot._levels import levels_of
from mamlgrid.plot._looks import OPTIMAL, OPTIMAL_UNDER
from mamlgrid.plot._ribbons import Box, ribbons
from mamlgrid.plot._scene_optimum import optimum_scene
from mamlgrid.plot._scene_run import run_scene

from . import stand_ins
from .stand_ins import jumps, optimal

pytestmark = pytest.mark.usefixtures("no_window")


class Results:
    """What the pictures are made from: float64, made once, drawn in a float32 session as a user would."""

    def __init__(self) -> None:
        with jax.enable_x64(True):
            quadratic, quartic = mg.cases.quadratic().meta(), mg.cases.quartic().meta()
            # The shapes of `mamlgrid figures`, so that nothing compiles twice in one process.
            self.alphas = np.linspace(0, 1.25, 251)
            self.thetas = np.linspace(-1.5, 1.7, 129)
            self.losses = mg.task_losses(quartic, np.array([0.0, 0.5]), self.thetas)
            self.surface = mg.surface(quartic, self.alphas, self.thetas, derivatives=2)
            self.flat_surface = mg.surface(quadratic, np.linspace(0, 2, 41), np.linspace(-1, 2, 31))
            self.optimum = mg.optimal_theta(quartic, self.alphas, (-4.0, 4.0))
            self.flat = mg.optimal_theta(quadratic, np.linspace(0, 2, 201), (-1.0, 2.0))
            self.run = mg.outer_loop(quartic, self.alphas[::2], 0.0, optax.sgd(0.1), num_steps=300)
            self.diagram = stand_ins.hysteresis()
            self.lost = mg.outer_loop(quartic, self.alphas[::2], 1.55, optax.sgd(0.2), num_steps=40)


@pytest.fixture(scope="module")
def results() -> Results:
    return Results()


FLAT_PICTURES: dict[str, Callable[[Results, Any], Any]] = {
    "task_losses": lambda r, ax: plot.task_losses(r.losses, ax),
    "section_alpha": lambda r, ax: plot.section(r.surface, ax, alpha=0.5),
    "section_theta": lambda r, ax: plot.section(r.surface, ax, theta=0.5, field="grads"),
    "contour": lambda r, ax: plot.contour(r.surface, ax, optimum=r.optimum, run=r.run),
    "contour_lost": lambda r, ax: plot.contour(r.surface, ax, run=r.lost),
    "contour_grads": lambda r, ax: plot.contour(r.surface, ax, field="grads", diagram=r.diagram),
    "contour_curvatures": lambda r, ax: plot.contour(r.surface, ax, field="curvatures"),
    "contour_flat": lambda r, ax: plot.contour(r.flat_surface, ax, optimum=r.flat),
    "optimal_theta": lambda r, ax: plot.optimal_theta(r.optimum, ax, run=r.run),
    "optimal_theta_flat": lambda r, ax: plot.optimal_theta(r.flat, ax),
    "outer_loop": lambda r, ax: plot.outer_loop(r.run, ax, optimum=r.optimum),
    "outer_loop_lost": lambda r, ax: plot.outer_loop(r.lost, ax),
    "learning_curves": lambda r, ax: plot.learning_curves(r.run, ax, window=10),
    "learning_curves_lost": lambda r, ax: plot.learning_curves(r.lost, ax),
}
SPACE_PICTURES: dict[str, Callable[[Results, Any], Any]] = {
    "surface": lambda r, ax: plot.surface(r.surface, ax),
    "surface_limits": lambda r, ax: plot.surface(r.surface, ax, zlim=(0.01, 0.2)),
    "surface_curvatures": lambda r, ax: plot.surface(r.surface, ax, field="curvatures"),
    "gradient_surface": lambda r, ax: plot.gradient_surface(r.surface, ax, diagram=r.diagram),
    "gradient_surface_flat": lambda r, ax: plot.gradient_surface(r.flat_surface, ax),
}
PICTURES = FLAT_PICTURES | SPACE_PICTURES


@pytest.mark.parametrize("name", PICTURES)
def test_draws_on_the_axes_it_is_given(results: Results, name: str) -> None:
    figure = plt.figure(layout="constrained")
    ax = figure.add_subplot(projection="3d" if name in SPACE_PICTURES else None)
    assert PICTURES[name](results, ax) is ax
    assert plt.get_fignums() == [figure.number]
    figure.savefig(io.BytesIO(), dpi=50)  # Warnings are errors: nothing is cut off, masked or out of range.
    assert ax.get_xlabel()
    assert ax.get_ylabel()


@pytest.mark.parametrize("name", ["optimal_theta", "surface"])
def test_makes_a_figure_when_none_is_given(results: Results, name: str) -> None:
    ax = PICTURES[name](results, None)
    assert plt.get_fignums() == [ax.figure.number]


def test_a_title_and_a_legend_do_not_meet(results: Results) -> None:
    """The legend is below the axes, flush with them: it covers no data and leaves a title its place, now or later."""
    ax = plot.optimal_theta(results.optimum)
    ax.set_title("a title")
    ax.figure.canvas.draw()
    legend, label = ax.get_legend().get_window_extent(), ax.xaxis.label.get_window_extent()
    assert legend.y1 < label.y0
    assert abs(legend.x0 - ax.get_window_extent().x0) < 2
    assert legend.x1 < ax.figure.bbox.x1


def test_importing_touches_nothing_global() -> None:
    code = """
import sys, mamlgrid
assert not {"matplotlib", "plotly", "optax"} & set(sys.modules), "import mamlgrid"
import matplotlib
before = dict(matplotlib.rcParams)
import mamlgrid.plot
assert dict(matplotlib.rcParams) == before
assert not {"matplotlib.pyplot", "plotly"} & set(sys.modules), "import mamlgrid.plot"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# What the curve of optimal theta says.


OPTIMUM_LABEL = r"optimal $\theta^*$"


def segments(ax: Any) -> np.ndarray:
    """All line segments that carry the optimum's label, `[segments, 2, 2]`."""
    return np.concatenate([pairs(line) for line in ax.lines if line.get_label() == OPTIMUM_LABEL])


def pairs(line: Any) -> np.ndarray:
    """The segments of one line, `[segments, 2, 2]`."""
    points = np.asarray(line.get_xydata())
    both = np.stack([points[:-1], points[1:]], axis=1)
    return both[np.isfinite(both).all(axis=(1, 2))]


def markers_at(ax: Any, x: float, y: float) -> list[Any]:
    """The markers drawn exactly there."""
    return [
        line
        for line in ax.lines
        if line.get_marker() not in ("", "None", None) and (np.asarray(line.get_xydata()) == (x, y)).all(axis=1).any()
    ]


@pytest.mark.parametrize("name", ["optimal_theta", "contour", "outer_loop"])
def test_no_line_goes_through_the_jump(results: Results, name: str) -> None:
    ax = PICTURES[name](results, None)
    jumps = results.optimum.jumps
    (at,), (before,), (after,) = (np.asarray(j) for j in (jumps.alphas, jumps.thetas_before, jumps.thetas_after))
    x = segments(ax)[:, :, 0]
    assert x.size
    assert not ((x[:, 0] < at) & (x[:, 1] > at)).any()
    assert not (x[:, 0] == x[:, 1]).any()
    # The branches reach the jump, where the ends are marked: filled, then open.
    ends = segments(ax).reshape(-1, 2).tolist()
    assert [at, before] in ends
    assert [at, after] in ends
    (first,), (second,) = markers_at(ax, at, before), markers_at(ax, at, after)
    assert to_hex(first.get_markerfacecolor()) == to_hex(first.get_color())
    assert to_hex(second.get_markerfacecolor()) == "#ffffff"
    assert any(f"{at:.4g}" in text.get_text() for text in ax.texts)


def curve(best: Any) -> tuple[Any, Any]:
    """The optimum as one line."""
    (line,) = optimum_scene(best).curves
    return line.x, line.y


def test_the_curve_is_the_result_between_jumps(results: Results) -> None:
    best = results.optimum
    x, y = curve(best)
    on_grid = np.isin(x, np.asarray(best.alphas)) & np.isfinite(y)
    index = np.searchsorted(np.asarray(best.alphas), x[on_grid])
    assert (np.asarray(best.thetas)[index] == y[on_grid]).all()
    assert (np.diff(x) >= 0).all()


def test_two_jumps_between_neighbours_and_one_on_the_grid() -> None:
    alphas = [0.0, 1.0, 2.0, 3.0]
    found = optimal(alphas, [0, 0, 2, 3], jumps=jumps([0.25, 0.5, 2.0], [0, 1, 2], [1, 0, 3]))
    x, y = curve(found)
    drawn = list(zip(x[np.isfinite(y)].tolist(), y[np.isfinite(y)].tolist(), strict=True))
    assert drawn == [(0, 0), (0.25, 0), (0.25, 1), (0.5, 1), (0.5, 0), (1, 0), (2, 2), (2, 3), (3, 3)]
    assert np.flatnonzero(~np.isfinite(y)).tolist() == [2, 5, 9]
    ax = plot.optimal_theta(found)
    assert len(ax.texts) == 3


def test_a_grid_point_at_a_jump_to_rounding_does_not_join_its_ends() -> None:
    """The grid point says the one side or the other, as rounding will have it."""
    for alpha in (0.5, np.nextafter(0.5, 1), np.nextafter(0.5, 0)):
        for theta in (0.0, 1.0):
            x, y = curve(optimal([0, alpha, 1], [0, theta, 1], jumps=jumps(0.5, 0, 1)))
            assert x.tolist() == [0, 0.5, 0.5, 0.5, 1]
            assert y[[0, 1, 3, 4]].tolist() == [0, 0, 1, 1]
            assert np.isnan(y[2])


def test_a_jump_that_was_not_confirmed_is_hollow_and_grey_and_has_no_label() -> None:
    at = jumps([1.5, 2.5, np.nan], [0, 1, np.nan], [1, 2, np.nan], [Status.OK, *[Status.NOT_CONVERGED] * 2])
    ax = plot.optimal_theta(optimal([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 2], jumps=at))
    for theta in (1, 2):
        (mark,) = markers_at(ax, 2.5, theta)
        assert to_hex(mark.get_markeredgecolor()) == "#808080"
        assert to_hex(mark.get_markerfacecolor()) == "#ffffff"
    (sure,) = markers_at(ax, 1.5, 0)
    assert to_hex(sure.get_markerfacecolor()) not in ("#ffffff", "#808080")
    assert [text.get_text() for text in ax.texts] == [r"jump at $\alpha$ = 1.5"]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [OPTIMUM_LABEL, "jump", "not confirmed: 2"]


def test_where_nobody_looked_for_jumps_there_is_no_line() -> None:
    ax = plot.optimal_theta(optimal(np.arange(4.0), [0, 0, 2, 3], jumps=None))
    (line,) = ax.lines
    assert (line.get_linestyle(), line.get_marker()) == ("None", "o")
    np.testing.assert_array_equal(line.get_xydata(), [[0, 0], [1, 0], [2, 2], [3, 3]])


def test_all_tied_minima_are_marked(results: Results) -> None:
    ties = np.full((4, 3), np.nan)
    ties[2] = -1, 0.5, 1
    best = optimal([0.0, 0.4, 0.8, 1.2], [0, 0, -1, 0], [0, 0, Status.TIED, 0], ties=ties)
    for ax in (plot.optimal_theta(best), plot.contour(results.surface, optimum=best)):
        (marks,) = (line for line in ax.lines if line.get_label() == "tied minima")
        assert marks.get_xydata().tolist() == [[0.8, -1], [0.8, 0.5], [0.8, 1]]


def test_a_point_between_two_gaps_is_a_dot() -> None:
    ax = plot.optimal_theta(optimal(np.arange(5.0), 1.0, [0, 7, 0, 7, 0]))
    (line,) = (line for line in ax.lines if line.get_label() == OPTIMUM_LABEL)
    assert line.get_marker() == "o"
    assert np.asarray(line.get_markevery()).tolist() == [0, 2, 4]


def test_a_flat_alpha_is_a_band(results: Results) -> None:
    ax = plot.optimal_theta(results.flat)
    (band,) = ax.patches
    left, right = band.get_x(), band.get_x() + band.get_width()
    assert left < 1 < right
    others = np.delete(np.asarray(results.flat.alphas), 100)
    assert not ((others > left + 1e-9) & (others < right - 1e-9)).any()
    x = segments(ax)[:, :, 0]
    assert not ((x[:, 0] < 1) & (x[:, 1] > 1)).any()
    assert not (x == 1).any()
    assert r"every $\theta$ is optimal" in [text.get_text() for text in ax.get_legend().get_texts()]
    # Rounding is not magnified: the line lies in the bounds that were searched.
    assert ax.get_ylim() == (-1, 2)


def test_no_band_where_nothing_is_flat(results: Results) -> None:
    assert not plot.optimal_theta(results.optimum).patches


def test_every_status_has_its_marker_only_where_it_occurs() -> None:
    named = {
        Status.AT_BOUND: "at the bound",
        Status.TIED: "tied minima",
        Status.DEGENERATE: "flatter than quadratic",
        Status.ONE_SIDED: "one-sided limit",
        Status.PLATEAU: "optimal on an interval",
        Status.NOT_CONVERGED: "not converged",
        Status.UNRESOLVED: "not settled",
        Status.TRUNCATED: "not confirmed",
    }
    kinds = [Status.OK, *named, Status.NONFINITE, Status.OK, Status.OK]
    alphas = np.arange(float(len(kinds)))
    thetas = np.where(np.array(kinds) == Status.NONFINITE, np.nan, alphas)
    ties = np.where(np.array(kinds) == Status.TIED, alphas, np.nan)[:, None]
    ax = plot.optimal_theta(optimal(alphas, thetas, kinds, accuracies=0.25, ties=ties))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [OPTIMUM_LABEL, *named.values()]
    bars = {}
    for x, (status, name) in enumerate(named.items(), 1):
        labels = [line.get_label() for line in markers_at(ax, x, x)]
        assert labels == ([] if status == Status.PLATEAU else [name])
        bars[status] = [
            c for c in ax.collections if [[x, x - 0.25], [x, x + 0.25]] in np.array(c.get_segments()).tolist()
        ]
    # Of a minimum that is flat, and of an interval of minima, the accuracy is a bar.
    assert [status for status in named if bars[status]] == [Status.DEGENERATE, Status.PLATEAU]
    assert bars[Status.PLATEAU][0].get_linewidth()[0] > 2 * bars[Status.DEGENERATE][0].get_linewidth()[0]
    # Neither a tie at one alpha, nor what is not known, nor what is not finite is part of the curve.
    off = [i for i, kind in enumerate(kinds) if kind in (3, 5, 7, 9, 10)]
    assert not np.isin(segments(ax)[:, :, 0], off).any()
    assert plot.optimal_theta(optimal(alphas, alphas)).get_legend() is None


def test_a_status_that_lasts_is_marked_here_and_there() -> None:
    ax = plot.optimal_theta(optimal(np.arange(300.0), 1.0, Status.DEGENERATE, accuracies=0.1))
    (marks,) = (line for line in ax.lines if line.get_label() == "flatter than quadratic")
    assert 10 <= len(marks.get_xdata()) <= 16


def test_a_lasting_tie_is_a_branch() -> None:
    ties = np.full((6, 2), np.nan)
    ties[2:] = -1, 1
    ax = plot.optimal_theta(optimal(np.arange(6.0), [1, 1, -1, -1, -1, -1], [0, 0, 3, 3, 3, 3], ties=ties))
    # Of one minimum and of two: the leftmost of these need not be the one.
    lines = [line for line in ax.lines if line.get_linestyle() != "None"]
    drawn = {tuple(map(tuple, pair)) for line in lines for pair in pairs(line).tolist()}
    assert drawn == {
        ((0, 1), (1, 1)),
        *(((k, y), (k + 1, y)) for k in (2, 3, 4) for y in (-1, 1)),
    }


def test_nothing_finite_is_an_empty_picture() -> None:
    ax = plot.optimal_theta(optimal([0.0, 1.0], np.nan, Status.NONFINITE))
    assert ax.get_ylim() == (-4, 4)


def test_one_alpha_is_enough_for_an_optimum() -> None:
    assert plot.optimal_theta(optimal([0.5], 1.0)).get_xlim() == (0, 1)


# What the outer loop says.


def test_ends_are_those_of_the_run(results: Results) -> None:
    ax = plot.outer_loop(results.run)
    alphas, status, ends = (np.asarray(a) for a in (results.run.alphas, results.run.status, results.run.thetas))
    for dash, label, kind in (
        ("-", "outer loop: end", Status.OK),
        ("--", "outer loop: still moving", Status.NOT_CONVERGED),
    ):
        (marks,) = (line for line in ax.lines if line.get_label() == label)
        assert 5 <= len(marks.get_xdata()) <= 30 < (status == kind).sum()
        (line,) = (a for a in ax.lines if a.get_color() == marks.get_color() and a.get_linestyle() == dash)
        finite = np.isfinite(line.get_ydata())
        expected = np.stack([alphas, ends], axis=1)[status == kind].tolist()
        assert line.get_xydata()[finite].tolist() == expected
        assert all(point in expected for point in marks.get_xydata().tolist())
    (start,) = (line for line in ax.lines if line.get_label() == "outer loop: start")
    assert (start.get_ydata() == 0).all()


def test_an_end_that_no_line_leads_to_has_a_mark_of_its_status(results: Results) -> None:
    """A dot of the line alone would not say whether it has arrived."""
    scene = run_scene(results.run, np.asarray(results.run.thetas))
    marked = {marks.look.label: marks.x for marks in scene.marks}
    for curve in scene.curves:
        assert np.isin(curve.x[curve.alone], marked[curve.name]).all()
    assert any(curve.alone.any() for curve in scene.curves)


def test_ends_far_from_each_other_are_not_joined(results: Results) -> None:
    """At the jump, and where runs are caught by another well, a line would say that there is something between."""
    reach = np.ptp(np.asarray(results.run.thetas))
    for line in plot.outer_loop(results.run).lines:
        if line.get_linestyle() in ("-", "--"):
            steps = pairs(line)[:, :, 1]
            assert np.abs(np.diff(steps)).max() < 0.05 * reach


@pytest.mark.parametrize("draw", [plot.outer_loop, lambda run: plot.optimal_theta(optimal([0.0, 1.25], 1.0), run=run)])
def test_what_is_gone_lies_on_the_edge_and_not_in_the_picture(results: Results, draw: Callable[[Any], Any]) -> None:
    ax = draw(results.lost)
    status = np.asarray(results.lost.status)
    gone = np.isin(status, (Status.DIVERGED, Status.NONFINITE))
    assert gone.any()
    crosses = [line for line in ax.lines if line.get_label() in ("outer loop: diverged", "outer loop: not finite")]
    assert sum(len(line.get_xdata()) for line in crosses) == gone.sum()
    assert all((np.asarray(line.get_ydata()) == 0).all() for line in crosses)
    assert all(line.get_transform() == ax.get_xaxis_transform() for line in crosses)
    assert np.abs(ax.get_ylim()).max() < 10


def test_a_run_that_recorded_no_way_has_its_ends_all_the_same(results: Results) -> None:
    run = replace(results.run, trace=replace(results.run.trace, thetas=None))
    for ax in (plot.outer_loop(run), plot.contour(results.surface, run=run)):
        names = [text.get_text() for text in ax.get_legend().get_texts()]  # type: ignore[union-attr]
        assert "outer loop: end" in names
        assert "outer loop: start" not in names
        assert not any(isinstance(c, LineCollection) for c in ax.collections)


def test_trajectories_are_vertical_and_few(results: Results) -> None:
    ax = plot.contour(results.surface, run=results.run)
    (ways,) = (c for c in ax.collections if isinstance(c, LineCollection))
    drawn = np.asarray(ways.get_segments())
    assert 5 <= len(drawn) <= 15
    assert (drawn[:, 0, 0] == drawn[:, 1, 0]).all()
    trace = np.asarray(results.run.trace.thetas)
    for segment in drawn:
        row = np.argmin(np.abs(np.asarray(results.run.alphas) - segment[0, 0]))
        assert segment[:, 1].tolist() == [trace[row].min(), trace[row].max()]


# What surfaces say.


def test_a_surface_shows_the_branches_of_a_diagram(results: Results) -> None:
    (branch,) = results.diagram.branches
    fold = int(np.flatnonzero(branch.stabilities == 0)[0])
    lines = {}
    for ax in (
        plot.contour(results.surface, diagram=results.diagram),
        plot.gradient_surface(results.surface, diagram=results.diagram),
    ):
        lines = {line.get_label(): line for line in ax.lines} | lines
        names = [text.get_text() for text in ax.get_legend().get_texts()]
        assert names[:2] == ["attracting", "repelling"]
        assert lines["attracting"].get_linewidth() > lines["repelling"].get_linewidth()
        assert (lines["attracting"].get_linestyle(), lines["repelling"].get_linestyle()) == ("-", "--")
    np.testing.assert_array_equal(lines["attracting"].get_xydata()[-1], [branch.alphas[fold], branch.thetas[fold]])


def test_the_plane_of_a_gradient_is_glass_between_what_is_below_and_above(results: Results) -> None:
    ax: Any = plot.gradient_surface(results.surface)
    _, plane, _ = sorted(ax.collections, key=lambda c: c.get_zorder())
    (alpha,) = plane.get_facecolor()[:, 3]
    assert 0 < alpha < 1
    assert not ax.lines


def eye() -> np.ndarray:
    """Where surfaces are looked at from, in lengths of the box."""
    direction = _view.eye(1.0)
    return np.array([direction["x"], direction["y"], direction["z"]])


def test_ribbons_are_seen_where_the_curve_is(results: Results) -> None:
    """Towards the eye they are moved, across it they are not: every strip is centred on a step of the curve."""
    scene = optimum_scene(results.optimum)
    box = Box((0.0, 1.25), (-1.5, 1.7), (0.0, 0.5))
    strips, colors = ribbons(scene, box)
    cores = [strip for strip, color in zip(strips, colors, strict=True) if to_hex(color) == "#d55e00"]
    (curve,) = scene.curves
    points = np.stack([curve.x, curve.y, curve.values], axis=1)
    middles = (points[:-1] + points[1:]) / 2
    middles = middles[np.isfinite(middles).all(axis=1)] / box.lengths
    assert len(cores) == len(middles)
    moved = np.array([strip.mean(axis=0) for strip in cores]) / box.lengths - middles
    np.testing.assert_allclose(np.cross(moved, eye()), 0, atol=1e-12)
    assert (moved @ eye() > 0).all()
    outside = Box((0.0, 0.1), (-1.5, 1.7), (0.0, 0.5))
    assert len(ribbons(scene, outside)[0]) < len(strips) / 5


def test_a_thin_ribbon_is_nearer_to_the_eye_than_a_thick_one(results: Results) -> None:
    """Where a branch lies on the optimum, sorting by depth leaves it whole; no rim covers either of them."""
    box = Box((0.0, 1.25), (-1.5, 1.7), (0.0, 0.5))
    depths = []
    for look in (OPTIMAL, OPTIMAL_UNDER._replace(dash="solid")):
        strips, colors = ribbons(optimum_scene(results.optimum, look=look), box)
        rims = np.array([to_hex(color) == "#ffffff" for color in colors])
        depth = np.array([strip.mean(axis=0) / box.lengths @ eye() for strip in strips])
        depths.append((depth[~rims], depth[rims]))
    (thin, rim), (thick, other_rim) = depths
    assert (thin > thick).all()
    np.testing.assert_allclose(rim, other_rim, atol=1e-12)
    assert (thick > rim).all()


def test_a_surface_shows_the_optimum_and_where_it_jumps(results: Results) -> None:
    ax: Any = plot.surface(results.surface, optimum=results.optimum)
    (jumps,) = (line for line in ax.lines if line.get_label() == "jump")
    found = results.optimum.jumps
    x, y, z = (np.asarray(a) for a in jumps.get_data_3d())
    assert (x.tolist(), y.tolist(), z.tolist()) == (
        np.asarray(found.alphas).tolist(),
        np.asarray(found.thetas_before).tolist(),
        np.asarray(found.values).tolist(),
    )


def test_a_high_corner_is_cut_and_the_label_says_where(results: Results) -> None:
    ax: Any = plot.surface(results.surface)
    (top,) = map(float, bar_label(ax).split("cut above ")[1:])
    assert ax.get_zlim()[1] == pytest.approx(top, rel=1e-3)
    assert top < np.asarray(results.surface.values).max() / 10
    assert "cut" not in bar_label(plot.surface(results.flat_surface, zlim=(0, 100)))
    assert "cut above 0.2, below 0.01" in bar_label(plot.surface(results.surface, zlim=(0.01, 0.2)))


def bar_label(ax: Any) -> str:
    """What is written on the colour bar."""
    return ax.figure.axes[-1].get_ylabel()


def areas(polygons: np.ndarray) -> np.ndarray:
    """Areas seen from above, by the shoelace formula."""
    x, y = polygons[..., 0], polygons[..., 1]
    return np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)) / 2


def test_facets_are_cut_exactly() -> None:
    """On a plane the part below a height is known; cutting at contours loses and doubles nothing."""
    x, y = np.linspace(0, 1, 8), np.linspace(0, 2, 5)
    z = x[:, None] + 0 * y
    heights = np.linspace(0.05, 0.95, 7)
    assert areas(facets(x, y, z, -1, 2, heights)).sum() == pytest.approx(2)
    cut = facets(x, y, z, 0.3, 0.8, heights)
    assert areas(cut).sum() == pytest.approx(1)
    assert cut[..., 2].min() == pytest.approx(0.3)
    assert cut[..., 2].max() == pytest.approx(0.8)
    for height in heights:
        assert not ((cut[..., 2].min(1) < height - 1e-12) & (cut[..., 2].max(1) > height + 1e-12)).any()
    z[3, 2] = np.inf
    assert areas(facets(x, y, z, -1, 2, heights)).sum() == pytest.approx(2 - 4 / 28 * 2)


def test_levels_show_the_valley_and_the_peak(results: Results) -> None:
    values = np.asarray(results.surface.values)
    levels = levels_of(values, signed=False).levels
    shares = np.diff([(values < level).mean() for level in levels])
    assert (levels > 0).all()
    assert 8 <= levels.size <= 30
    assert shares.max() < 0.35
    signed = levels_of(np.asarray(results.surface.grads), signed=True).levels
    np.testing.assert_array_equal(signed, -signed[::-1])
    assert 0 in signed


@pytest.mark.parametrize("values", [np.ones((3, 4)), np.zeros((3, 4)), np.full((3, 4), np.nan), np.full((3, 4), -1e30)])
@pytest.mark.parametrize("signed", [False, True])
def test_levels_of_a_constant_increase(values: np.ndarray, signed: bool) -> None:
    levels = levels_of(values, signed).levels
    assert levels.size > 2
    assert (np.diff(levels) > 0).all()


def test_cells_that_are_not_finite_are_holes(results: Results) -> None:
    values = np.array(results.surface.values)
    values[80:120, 30:50] = np.nan
    values[0, 0] = np.inf
    broken = replace(results.surface, values=values)
    ax = plot.contour(broken)
    assert to_hex(ax.get_facecolor()) == "#bfbfbf"
    assert not any(
        path.contains_point((results.alphas[100], results.thetas[40])) for path in ax.collections[0].get_paths()
    )
    plot.surface(broken).figure.savefig(io.BytesIO(), dpi=50)
    empty = replace(results.surface, values=np.full_like(values, np.nan), grads=np.full_like(values, np.nan))
    for draw in (plot.contour, plot.surface, plot.gradient_surface):
        draw(empty).figure.savefig(io.BytesIO(), dpi=50)


def test_the_order_of_the_axes_does_not_matter(results: Results) -> None:
    rows, columns = np.random.default_rng(0).permutation(251), np.random.default_rng(1).permutation(129)
    s = results.surface
    shuffled = replace(
        s,
        alphas=np.asarray(s.alphas)[rows],
        thetas=np.asarray(s.thetas)[columns],
        values=np.asarray(s.values)[np.ix_(rows, columns)],
    )
    for ours, theirs in zip(grid_of(shuffled, "values"), grid_of(s, "values"), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(
        plot.section(shuffled, alpha=0.5).lines[0].get_xydata(), plot.section(s, alpha=0.5).lines[0].get_xydata()
    )


def test_section_is_the_nearest_grid_line(results: Results) -> None:
    ax = plot.section(results.surface, alpha=0.502)
    plot.section(results.surface, ax, alpha=1.0)
    first, second = ax.lines
    assert first.get_label() == r"$\alpha = 0.5$"
    np.testing.assert_array_equal(first.get_ydata(), np.asarray(results.surface.values)[100])
    assert first.get_linestyle() != second.get_linestyle()
    (line,) = plot.section(results.surface, theta=1.699).lines
    np.testing.assert_array_equal(line.get_ydata(), np.asarray(results.surface.values)[:, -1])


def test_task_losses_draws_the_alpha_asked_for(results: Results) -> None:
    ax = plot.task_losses(results.losses, alpha_index=1, labels=["quartic", "quadratic"])
    for i, line in enumerate(ax.lines):
        np.testing.assert_array_equal(line.get_ydata(), np.asarray(results.losses.values)[1, :, i])
    assert [line.get_label() for line in ax.lines] == ["quartic", "quadratic"]
    assert "0.5" in ax.get_ylabel()
    assert len({line.get_linestyle() for line in ax.lines}) == 2


# What is refused, and how.


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda r: plot.contour(r.optimum), TypeError, "Surface, got OptimalTheta"),
        (lambda r: plot.optimal_theta(r.surface), TypeError, "OptimalTheta, got Surface"),
        (lambda r: plot.contour(r.surface, run=r.optimum), TypeError, "run must be a mamlgrid.OuterRun"),
        (lambda r: plot.contour(r.surface, diagram=r.optimum), TypeError, "BifurcationDiagram, got OptimalTheta"),
        (lambda r: plot.gradient_surface(r.surface, diagram=r.optimum), TypeError, "BifurcationDiagram"),
        (lambda r: plot.contour(r.surface, field="loss"), ValueError, "'values', 'grads', 'curvatures', got 'loss'"),
        (lambda r: plot.contour(r.flat_surface, field="curvatures"), ValueError, "derivatives=2"),
        (lambda r: plot.gradient_surface(replace(r.surface, grads=None)), ValueError, "derivatives=1"),
        (lambda r: plot.section(r.surface), ValueError, "either alpha or theta"),
        (lambda r: plot.section(r.surface, alpha=0.1, theta=0.1), ValueError, "either alpha or theta"),
        (lambda r: plot.task_losses(r.losses, labels=["one"]), ValueError, "each of the 2 tasks"),
        (lambda r: plot.surface(r.surface, plt.subplots()[1]), TypeError, "projection"),
        (lambda r: plot.surface(r.surface, zlim=(1, 1)), ValueError, "zlim must be"),
    ],
)
def test_refuses(results: Results, call: Callable[[Results], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(results)


def test_a_surface_of_one_alpha_is_no_surface(results: Results) -> None:
    thin = mg.surface(mg.cases.quartic().meta(), np.array([0.5]), results.thetas)
    with pytest.raises(ValueError, match=r"two or more alphas, got \[0.5\]"):
        plot.contour(thin)
    plot.section(thin, alpha=0.5)


def test_a_run_of_many_parameters_has_no_theta_to_draw() -> None:
    meta = mg.maml([lambda t: (t["x"] ** 2).sum()])
    run = mg.outer_loop(meta, np.array([0.1]), {"x": np.ones(2)}, optax.sgd(0.1), num_steps=2)
    with pytest.raises(ValueError, match="single scalar"):
        plot.outer_loop(run)


# --- learning curves -----------------------------------------------------------------------------------------


def test_learning_curves_are_the_recorded_values_and_end_where_the_loop_was_lost(x64):
    meta = mg.cases.quartic().meta()
    run = mg.outer_loop(meta, np.array([0.0, 0.3, 0.9]), 1.5, optax.sgd(0.2), num_steps=12)
    ax = plot.learning_curves(run)
    curves = {line.get_label(): line for line in ax.lines if str(line.get_label()).startswith("α")}
    assert list(curves) == ["α = 0", "α = 0.3", "α = 0.9"]
    for i, line in enumerate(curves.values()):
        values = np.asarray(run.trace.values[i])
        last = np.flatnonzero(np.isfinite(values))[-1]
        np.testing.assert_array_equal(line.get_xdata(), np.arange(last + 1))
        np.testing.assert_array_equal(line.get_ydata(), values[: last + 1])
    (cross,) = [line for line in ax.lines if line.get_marker() == "+"]
    assert cross.get_ydata()[0] <= ax.get_ylim()[1]  # where it can be seen
    assert [line.get_marker() for line in ax.lines if line.get_linestyle() == "None"] == ["o", "o", "+"]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[3:] == ["outer loop: still moving", "outer loop: not finite"]
    assert cross.get_xdata()[0] == curves["α = 0.9"].get_xdata()[-1] < 12
    assert ax.get_ylim()[1] < 1e3  # what was lost does not squash the others


def test_a_window_shows_the_mean_over_so_many_records(x64):
    run = mg.outer_loop(mg.cases.quartic().meta(), np.array([0.3]), 1.5, optax.sgd(0.1), num_steps=9)
    pale, mean, _ = plot.learning_curves(run, window=4).lines
    values = np.asarray(run.trace.values[0])
    np.testing.assert_array_equal(pale.get_ydata(), values)
    np.testing.assert_allclose(mean.get_ydata(), [values[k - 3 : k + 1].mean() for k in range(3, 10)], rtol=1e-14)
    np.testing.assert_array_equal(mean.get_xdata(), np.arange(3, 10))
