"""The bifurcation diagram drawn twice from one scene: what both pictures say, of diagrams with closed forms."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from mamlgrid import Status, plot
from mamlgrid._diagram.stretches import stretches
from mamlgrid.plot._looks import BY_STATUS
from mamlgrid.plot._scene import Scene
from mamlgrid.plot._scene_diagram import diagram_scene

from . import stand_ins
from .stand_ins import branch, branch_points, diagram, folds, jumps, optimal

pytestmark = pytest.mark.usefixtures("no_window")

DIAGRAMS: dict[str, Callable[[], Any]] = {
    name: getattr(stand_ins, name) for name in ("hysteresis", "pitchfork", "circle", "doubtful")
}


def named(ax: Any, label: str) -> Any:
    """The artist of this name."""
    (artist,) = (a for a in [*ax.lines, *ax.patches, *ax.collections] if a.get_label() == label)
    return artist


def of(ax: Any, gid: str) -> list[Any]:
    """The artists of one element of the scene."""
    return [a for a in ax.get_children() if a.get_gid() == gid]


def drawn(ax: Any) -> Any:
    """The axes after their figure was drawn, which is when labels find their places."""
    ax.figure.canvas.draw()
    return ax


# One scene, two renderers.


@pytest.mark.parametrize("name", DIAGRAMS)
def test_both_versions_show_the_same_facts(name: str) -> None:
    interactive = pytest.importorskip("mamlgrid.plot.interactive")
    result = DIAGRAMS[name]()
    scene = diagram_scene(result)
    ax, figure = plot.bifurcation_diagram(result), interactive.bifurcation_diagram(result)
    parts = {
        *(f"curve {k}" for k in range(len(scene.curves))),
        *(f"marks {k}" for k in range(len(scene.marks))),
        *(f"band {k}" for k in range(len(scene.bands))),
    }
    assert {a.get_gid() for a in ax.get_children() if a.get_gid()} == parts
    traces = [" ".join(trace.uid.split("-")[:2]) for trace in figure.data]
    assert set(traces) == parts
    names = {trace.name for trace in figure.data if trace.showlegend}
    assert len(names) == len(ax.get_legend().get_texts()) == len([t for t in figure.data if t.showlegend])
    for k, curve in enumerate(scene.curves):
        lines = of(ax, f"curve {k}")
        pieces = sorted((t for t in figure.data if t.uid.startswith(f"curve-{k}-")), key=lambda t: t.uid)
        assert len(lines) == len(pieces) == len(curve.pieces)
        for line, trace in zip(lines, pieces, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), trace.x)
            np.testing.assert_array_equal(line.get_ydata(), trace.y)
            assert (line.get_linestyle() == "--") == (trace.line.dash == "dash")
    for k, marks in enumerate(scene.marks):
        (trace,) = (t for t in figure.data if t.uid == f"marks-{k}")
        np.testing.assert_array_equal(trace.x, marks.x)
        assert [row[1] for row in trace.customdata] == list(marks.words)
    for k, band in enumerate(scene.bands):
        (trace,) = (t for t in figure.data if t.uid == f"band-{k}")
        (patch,) = of(ax, f"band {k}")
        assert (min(trace.x), max(trace.x)) == (band.left, band.right)
        assert patch.get_x() == band.left
        assert trace.text == band.words


@pytest.mark.parametrize("name", DIAGRAMS)
def test_nothing_of_the_result_is_left_out(name: str) -> None:
    result = DIAGRAMS[name]()
    scene = diagram_scene(result)
    kinds: dict[str, int] = {}
    for marks in scene.marks:
        kinds[marks.kind] = kinds.get(marks.kind, 0) + marks.x.size
    names = [curve.name for curve in scene.curves]
    assert len([name for name in names if name.startswith("branch")]) == len(result.branches)
    assert "optimal θ*" in names
    assert kinds.get("fold", 0) == result.folds.alphas.size
    assert kinds.get("jump", 0) == 2 * result.jumps.alphas.size
    branching = ("pitchfork", "transcritical point", "degenerate branch point")
    assert sum(kinds.get(kind, 0) for kind in branching) == result.branch_points.alphas.size
    assert sum(band.look.hatched for band in scene.bands) == result.unresolved.starts.size


# Branches.


def test_a_branch_changes_its_style_at_its_folds_without_a_gap() -> None:
    result = stand_ins.hysteresis()
    ax = plot.bifurcation_diagram(result)
    first, middle, last = of(ax, "curve 0")
    assert [line.get_linestyle() for line in (first, middle, last)] == ["-", "--", "-"]
    assert first.get_linewidth() == last.get_linewidth() > 1.5 * middle.get_linewidth()
    folds = np.stack([result.folds.alphas, result.folds.thetas], 1)
    for before, after, fold in zip((first, middle), (middle, last), folds, strict=True):
        np.testing.assert_array_equal(before.get_xydata()[-1], fold)
        np.testing.assert_array_equal(after.get_xydata()[0], fold)


@pytest.mark.parametrize(
    ("stabilities", "expected"),
    [
        ([1], [(0, 1, 1)]),
        ([0], [(0, 1, 0)]),
        ([1, 1], [(0, 2, 1)]),
        ([1, -1], [(0, 2, 1)]),
        ([0, 0, 0], [(0, 3, 0)]),
        ([0, 1, 1], [(0, 3, 1)]),
        ([-1, 0], [(0, 2, -1)]),
        ([1, 0, -1, 0, 1], [(0, 2, 1), (1, 4, -1), (3, 5, 1)]),
        ([1, 0, 1], [(0, 3, 1)]),
    ],
)
def test_stretches(stabilities: list[int], expected: list[tuple[int, int, int]]) -> None:
    found = stretches(np.array(stabilities, np.int8))
    assert [(part.start, part.stop, stability) for part, stability in found] == expected


def test_a_loop_is_closed() -> None:
    ax = plot.bifurcation_diagram(stand_ins.circle())
    points = np.concatenate([line.get_xydata() for line in of(ax, "curve 0")])
    np.testing.assert_array_equal(points[0], points[-1])


def test_a_branch_of_one_point_is_a_dot() -> None:
    point = branch([0.5], [1.0], 1.0, ends=("unresolved", "unresolved"))
    ax = plot.bifurcation_diagram(diagram(optimal([0.0, 1.0], 0.0), [point]))
    (line,) = of(ax, "curve 0")
    assert line.get_marker() == "o"


def test_one_alpha_is_enough() -> None:
    single = diagram(optimal([0.5], 1.0), [branch([0.5], [1.0], 1.0)])
    ax = plot.bifurcation_diagram(single)
    assert ax.get_xlim() == (0, 1)
    assert ax.get_ylim() == (-4, 4)


def test_hover_texts_tell_the_stability_and_where_a_branch_goes() -> None:
    interactive = pytest.importorskip("mamlgrid.plot.interactive")
    figure = interactive.bifurcation_diagram(stand_ins.circle())
    loop = [trace for trace in figure.data if trace.uid.startswith("curve-0")]
    words = {word for trace in loop for word in trace.customdata[:, 1]}
    assert words == {"attracting", "repelling", "semistable"}
    assert {name for trace in loop for name in trace.customdata[:, 2]} == {"branch 1, a closed loop"}
    for sign in ("α = %{x", "θ = %{y", "meta-loss", "customdata[1]", "customdata[2]"):
        assert sign in loop[0].hovertemplate
    other = next(trace for trace in figure.data if trace.uid.startswith("curve-1"))
    assert other.customdata[0, 2] == "branch 2, from an end of the α axis to an end of the α axis"


# What happens on them.


def test_a_fold_points_to_where_there_are_less_points() -> None:
    result = stand_ins.hysteresis()
    scene = diagram_scene(result)
    for marks in scene.marks:
        if marks.kind == "fold":
            born = "born" in marks.words[0]
            assert marks.look.symbol == ("triangle-left" if born else "triangle-right")
            assert marks.x.tolist() == result.folds.alphas[result.folds.births == born].tolist()
            assert marks.labels[0].startswith("fold at α = ")


def test_the_exchange_at_a_jump_is_not_drawn() -> None:
    result = stand_ins.hysteresis()
    ax = plot.bifurcation_diagram(result)
    (line,) = of(ax, "curve 1")
    x, y = np.asarray(line.get_xydata()).T
    (gap,) = np.flatnonzero(np.isnan(y))
    assert x[gap - 1 : gap + 2].tolist() == [0, 0, 0]
    assert (y[gap - 1], y[gap + 1]) == (-(3**0.5), 3**0.5)
    assert (y[: gap - 1] < 0).all()
    assert (y[gap + 2 :] > 0).all()
    before, after = of(ax, "marks 0"), of(ax, "marks 1")
    assert to_hex(before[0].get_markerfacecolor()) == "#d55e00"
    assert to_hex(after[0].get_markerfacecolor()) == "#ffffff"


def test_hysteresis_is_shaded_between_the_folds_and_to_the_edge_where_they_are_beyond() -> None:
    band = named(plot.bifurcation_diagram(stand_ins.hysteresis()), "hysteresis")
    np.testing.assert_allclose((band.get_x(), band.get_x() + band.get_width()), (-2 / 3, 2 / 3))
    (open_ended,) = (b for b in diagram_scene(stand_ins.doubtful()).bands if b.look.label == "hysteresis")
    assert (open_ended.left, open_ended.right) == (0.1, 1.0)
    assert "beyond the axis" in open_ended.words


def test_the_optimum_of_an_unconfirmed_jump_has_no_window() -> None:
    result = stand_ins.hysteresis()
    bad = replace(result.jumps, status=np.array([Status.NOT_CONVERGED], np.int8))
    ax = plot.bifurcation_diagram(replace(result, jumps=bad))
    assert not ax.patches
    assert to_hex(of(ax, "marks 0")[0].get_markeredgecolor()) == "#808080"


def test_all_kinds_of_branch_points_look_different() -> None:
    at, codes = np.array([0.2, 0.5, 0.8]), np.arange(3, dtype=np.int8)
    points = branch_points(at, 0 * at, 0 * at, codes, 0 * codes)
    scene = diagram_scene(diagram(optimal([0.0, 1.0], 0.0), [branch([0, 1], [0, 0], 1.0)], branch_points=points))
    assert {m.kind: m.x.tolist() for m in scene.marks} == {
        "transcritical point": [0.2],
        "pitchfork": [0.5],
        "degenerate branch point": [0.8],
    }
    assert len({m.look.symbol for m in scene.marks}) == 3


def test_what_is_not_confirmed_is_hollow_and_grey() -> None:
    scene = diagram_scene(stand_ins.doubtful())
    grey = [marks for marks in scene.marks if not marks.confirmed]
    assert {marks.kind for marks in grey} == {"jump", "fold", "point in doubt", "lost end"}
    for marks in grey:
        assert (marks.look.color, marks.look.filled, marks.look.label) == ("#808080", False, "not confirmed")
        assert not marks.labels
    (fold,) = (marks for marks in grey if marks.kind == "fold")
    assert Status.NOT_CONVERGED.message in fold.words[0]


def test_a_branch_that_could_not_be_followed_has_a_mark_at_its_end() -> None:
    (end,) = (marks for marks in diagram_scene(stand_ins.doubtful()).marks if marks.kind == "lost end")
    assert (end.x.tolist(), end.y.tolist()) == ([0.5], [1.0])


def test_limits_are_open_circles_and_few() -> None:
    ax = plot.bifurcation_diagram(stand_ins.doubtful())
    limits = named(ax, "one-sided limit")
    assert to_hex(limits.get_markerfacecolor()) == "#ffffff"
    assert (limits.get_ydata() == 0).all()
    assert 5 <= len(limits.get_xdata()) <= 16


def test_an_interval_of_zeros_is_a_bar_of_its_width() -> None:
    bars = named(plot.bifurcation_diagram(stand_ins.doubtful()), "zero on an interval")
    ends = np.array(bars.get_segments())
    np.testing.assert_allclose(ends[:, :, 1], [[0.45, 0.75]] * 5)
    assert (ends[:, 0, 0] == ends[:, 1, 0]).all()


def test_ranges_that_were_not_settled_are_hatched_and_wide_enough_to_be_seen() -> None:
    result = stand_ins.doubtful()
    bands = [band for band in diagram_scene(result).bands if band.look.hatched]
    assert [band.words.split(": ")[1] for band in bands] == list(result.unresolved.reasons)
    for band, start, stop in zip(bands, result.unresolved.starts, result.unresolved.stops, strict=True):
        assert band.left <= start
        assert band.right >= stop
        assert band.right - band.left >= 0.0099
    assert named(plot.bifurcation_diagram(result), "not settled").get_hatch()


def test_all_tied_minima_are_marked() -> None:
    result = stand_ins.pitchfork()
    (ties,) = (marks for marks in diagram_scene(result).marks if marks.kind == "tied minima")
    assert ties.look is BY_STATUS[Status.TIED]
    assert set(np.sign(ties.y)) == {-1, 1}
    np.testing.assert_allclose(ties.y**2, ties.x, atol=1e-12)


# Labels.


def extents(ax: Any) -> list[Any]:
    """The boxes of the labels that are shown."""
    from matplotlib.text import Text

    renderer = ax.figure.canvas.get_renderer()
    return [Text.get_window_extent(note, renderer) for note in ax.texts if note.get_visible()]


def crowd() -> Any:
    """Thirty folds in a row on a steep wiggle."""
    theta = np.linspace(-2, 2, 601)
    alpha = 0.5 + 0.2 * theta + 0.15 * np.sin(24 * theta)
    slope = 0.2 + 3.6 * np.cos(24 * theta)
    at = np.flatnonzero(np.diff(np.sign(slope)))
    turns = folds(alpha[at], theta[at], 0 * theta[at], slope[at] < 0, np.zeros(at.size, np.int8))
    alphas = np.linspace(alpha.min(), alpha.max(), 11)
    best = optimal(alphas, -2.0, jumps=jumps([0.5, 0.7], [-2, -1.9], [-1.9, -2], windows=[0.4, 0.8]))
    return diagram(best, [branch(alpha, theta, slope)], folds=turns)


@pytest.mark.parametrize("make", [*DIAGRAMS.values(), crowd])
@pytest.mark.parametrize("size", [(3.1, 4), (4.3, 3.8), (9, 6)])
def test_labels_cover_nothing(make: Callable[[], Any], size: tuple[float, float]) -> None:
    ax = plt.subplots(figsize=size, layout="constrained")[1]
    drawn(plot.bifurcation_diagram(make(), ax))
    boxes = extents(ax)
    assert len(boxes) <= 6
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert ax.bbox.x0 <= box.x0 <= box.x1 <= ax.bbox.x1
        for line in ax.lines:
            points = ax.transData.transform(line.get_xydata())
            points = points[np.isfinite(points).all(axis=1)]
            if line.get_linestyle() != "None" and len(points) > 1:
                # As dense as pixels.
                steps = np.linspace(0, len(points) - 1, 20_000)
                points = np.stack([np.interp(steps, np.arange(len(points)), p) for p in points.T], axis=1)
            inside = (points > box.min).all(axis=1) & (points < box.max).all(axis=1)
            assert not inside.any(), line.get_gid()


def test_few_are_labelled_the_most_important_first_and_none_when_asked() -> None:
    ax = drawn(plot.bifurcation_diagram(crowd()))
    shown = [note.get_text() for note in ax.texts if note.get_visible()]
    assert 1 <= len(shown) <= 6
    assert not drawn(plot.bifurcation_diagram(crowd(), labels=False)).texts
    easy = drawn(plot.bifurcation_diagram(stand_ins.hysteresis()))
    assert all(note.get_visible() for note in easy.texts)
    assert [note.get_text().split()[0] for note in easy.texts] == ["jump", "fold", "fold"]


def test_labels_move_with_the_view_and_drawing_twice_moves_nothing() -> None:
    ax = drawn(plot.bifurcation_diagram(stand_ins.hysteresis()))
    places = [note.xyann for note in ax.texts]
    ax.figure.canvas.draw()
    assert [note.xyann for note in ax.texts] == places
    assert not ax.figure.stale
    ax.set_xlim(-0.9, -0.5)
    drawn(ax)
    assert [note.get_visible() for note in ax.texts] == [False, True, False]


# The door.


@pytest.mark.parametrize("name", DIAGRAMS)
def test_draws_on_the_axes_it_is_given(name: str) -> None:
    figure, ax = plt.subplots(layout="constrained")
    assert plot.bifurcation_diagram(DIAGRAMS[name](), ax) is ax
    assert plt.get_fignums() == [figure.number]
    for form in ("png", "svg", "pdf"):
        figure.savefig(io.BytesIO(), format=form)


def test_makes_a_figure_when_none_is_given() -> None:
    ax = plot.bifurcation_diagram(stand_ins.circle())
    assert plt.get_fignums() == [ax.figure.number]


def test_another_result_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a mamlgrid\.BifurcationDiagram, got OptimalTheta"):
        plot.bifurcation_diagram(stand_ins.circle().optimum)


def test_an_empty_diagram_is_an_empty_picture() -> None:
    nothing = diagram(optimal([0.0, 1.0], np.nan, Status.NONFINITE), [])
    scene: Scene = diagram_scene(nothing)
    assert not scene.marks
    assert plot.bifurcation_diagram(nothing).get_ylim() == (-4, 4)


def test_a_curve_that_is_vertical_but_goes_on_is_no_fold() -> None:
    plain = stand_ins.hysteresis()
    status = np.asarray(plain.folds.status).copy()
    status[0] = Status.DEGENERATE
    marks = diagram_scene(replace(plain, folds=replace(plain.folds, status=status))).marks
    (vertical,) = (group for group in marks if group.kind == "vertical point")
    assert vertical.x.tolist() == [plain.folds.alphas[0]]
    assert vertical.confirmed
    assert not vertical.look.filled
    assert sum(group.x.size for group in marks if group.kind == "fold") == status.size - 1
