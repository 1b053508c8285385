"""One meaning for each colour, one scale for several pictures, one view for both renderers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm, to_hex, to_rgb

import mamlgrid as mg
from mamlgrid import Status, plot
from mamlgrid.plot import _colours, _looks, _view
from mamlgrid.plot._axes import number, outwards, ticks, without_rounding
from mamlgrid.plot._levels import levels_of
from mamlgrid.plot._scene_optimum import optimum_scene

from . import stand_ins

pytestmark = pytest.mark.usefixtures("no_window")

COLOURS = {
    "optimum": _colours.OPTIMUM,
    "outer loop": _colours.RUN,
    "special point": _colours.SPECIAL,
    "section at fixed alpha": _colours.SECTIONS[0],
    "section at fixed theta": _colours.SECTIONS[1],
    "not confirmed": _colours.GREY,
    "optimum under others": _colours.OPTIMUM_FAINT,
    **{f"task {k}": colour for k, colour in enumerate(_colours.TASKS)},
    **{f"algorithm {k}": colour for k, colour in enumerate(_colours.ALGORITHMS)},
}

# The colours that meet in one picture, which must be told apart by everybody.
TOGETHER = [
    ("optimum", "outer loop", "not confirmed"),
    ("optimum", "special point", "not confirmed"),
    ("optimum under others", *(f"algorithm {k}" for k in range(4))),
    ("section at fixed alpha", "section at fixed theta", "optimum"),
    tuple(f"task {k}" for k in range(4)),
]

# Linear RGB as seen without the middle cones, and without the long ones (Machado, Oliveira, Fernandes 2009).
DEUTERANOPIA = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
PROTANOPIA = np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]])


def linear(colour: str) -> np.ndarray:
    """Linear light of an sRGB colour."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear light."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = to_xyz @ np.clip(light, 0, 1) / [0.9505, 1, 1.089]
    fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


def test_no_two_things_have_one_colour() -> None:
    for one, other in itertools.combinations(COLOURS, 2):
        assert np.linalg.norm(lab(linear(COLOURS[one])) - lab(linear(COLOURS[other]))) > 20, (one, other)


@pytest.mark.parametrize("seen", [DEUTERANOPIA, PROTANOPIA])
@pytest.mark.parametrize("group", TOGETHER)
def test_what_meets_in_a_picture_stays_apart_under_colour_blindness(group: tuple[str, ...], seen: np.ndarray) -> None:
    for one, other in itertools.combinations(group, 2):
        distance = np.linalg.norm(lab(seen @ linear(COLOURS[one])) - lab(seen @ linear(COLOURS[other])))
        assert distance > 15, (one, other)


@pytest.mark.parametrize("name", [name for name in COLOURS if name != "optimum under others"])
def test_every_colour_can_be_read_on_white_and_on_black(name: str) -> None:
    light = float(linear(COLOURS[name]) @ [0.2126, 0.7152, 0.0722])
    assert min(1.05 / (light + 0.05), (light + 0.05) / 0.05) > 2.5


def test_every_look_has_a_colour_of_the_table() -> None:
    """Nobody paints on their own."""
    tints = {_colours.OPTIMUM_PALE, _colours.OPTIMUM_FAINT, _colours.TWO_MINIMA, _colours.BLACK}
    kinds = _looks.LineLook, _looks.MarkLook, _looks.BandLook
    looks: list[Any] = [look for look in vars(_looks).values() if isinstance(look, kinds)]
    looks += [*_looks.BY_STATUS.values(), *_looks.BY_STABILITY.values(), *_looks.ENDS.values()]
    assert len(looks) > 30
    assert {look.color for look in looks} <= tints | set(COLOURS.values())


# A dark style.


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_ink_is_the_foreground_of_the_style(style: str) -> None:
    with plt.style.context(style):
        ax = plot.bifurcation_diagram(stand_ins.hysteresis())
        ax.figure.canvas.draw()
        ink, paper = to_hex(plt.rcParams["text.color"]), to_hex(plt.rcParams["axes.facecolor"])
    lines = [line for line in ax.lines if line.get_label() in ("attracting", "repelling")]
    assert {to_hex(line.get_color()) for line in lines} == {ink}
    (after,) = (line for line in ax.lines if line.get_gid() == "marks 1")
    assert to_hex(after.get_markerfacecolor()) == paper
    for note in ax.texts:
        contrast = np.abs(np.array(to_rgb(note.get_color())) - np.array(to_rgb(paper)))
        assert contrast.min() > 0.7


# Levels.

SURFACE = stand_ins.made(
    mg.Surface,
    alphas=np.linspace(0, 1, 11),
    thetas=np.linspace(-2, 2, 21),
    values=(1 + np.linspace(0, 1, 11)[:, None]) * np.linspace(-2, 2, 21) ** 2,
    grads=2 * (1 + np.linspace(0, 1, 11)[:, None]) * np.linspace(-2, 2, 21),
    curvatures=None,
)
HIGHER = replace(SURFACE, values=100 * np.asarray(SURFACE.values), grads=100 * np.asarray(SURFACE.grads))


def drawn_levels(ax: Any) -> list[float]:
    """Where the colours of a contour change."""
    (filled,) = (c for c in ax.collections if hasattr(c, "levels"))
    return np.asarray(filled.levels).tolist()


def test_the_levels_that_are_asked_for_are_drawn() -> None:
    assert drawn_levels(plot.contour(SURFACE, levels=[0, 1, 4, 9])) == [0, 1, 4, 9]
    few, many = (len(drawn_levels(plot.contour(SURFACE, levels=n, norm="linear"))) for n in (5, 20))
    assert 3 <= few <= 7 < many <= 22


def test_a_range_has_its_ends_among_the_levels() -> None:
    levels = drawn_levels(plot.contour(SURFACE, norm="linear", vmin=0.3, vmax=2.7))
    assert (levels[0], levels[-1]) == (0.3, 2.7)
    ratios = np.array(drawn_levels(plot.contour(SURFACE, norm="log", vmin=0.01, vmax=10)))
    assert (ratios[0], ratios[-1]) == pytest.approx((0.01, 10))
    assert np.ptp(np.diff(np.log(ratios))) < 0.7


def test_a_norm_and_a_map_of_matplotlib_give_the_colours() -> None:
    norm = LogNorm(0.01, 10)
    levels = levels_of(np.asarray(SURFACE.values), False, plot._door.scale(None, "magma", norm, None, None))
    assert levels.cmap.name == "magma"
    assert levels.norm(1.0) == pytest.approx(2 / 3)
    assert levels.norm is not norm  # the caller's is left as it was
    assert (norm.vmin, norm.vmax) == (0.01, 10)


@pytest.mark.parametrize("field", ["values", "grads"])
def test_with_shared_levels_one_colour_is_one_value(field: Any) -> None:
    shared = plot.shared_levels([SURFACE, HIGHER], field)
    assert (np.diff(shared) > 0).all()
    pictures = [plot.contour(surface, field=field, levels=shared) for surface in (SURFACE, HIGHER)]
    assert drawn_levels(pictures[0]) == drawn_levels(pictures[1]) == shared.tolist()
    colours = [ax.collections[0].cmap(ax.collections[0].norm(3.0)) for ax in pictures]
    assert colours[0] == colours[1]
    apart = [drawn_levels(plot.contour(surface, field=field)) for surface in (SURFACE, HIGHER)]
    assert apart[0] != apart[1]


def test_places_on_the_colour_map_increase_with_the_value() -> None:
    levels = levels_of(np.asarray(SURFACE.values), False)
    values = np.linspace(0, 12, 400)
    places = levels.places(values)
    assert (np.diff(places) >= 0).all()
    assert (places[0], places[-1]) == (0, 1)
    # Steps of the contour, and the same colours without steps, are less than a step apart.
    steps = levels.norm(values) / (levels.cmap.N - 1)
    assert np.abs(steps - places).max() < 1.01 / levels.levels.size


# One view for both renderers.


@pytest.mark.parametrize("name", ["surface", "gradient_surface"])
def test_both_versions_of_a_surface_are_cut_and_coloured_and_seen_alike(name: str) -> None:
    interactive = pytest.importorskip("mamlgrid.plot.interactive")
    values = np.array(HIGHER.values)
    values[-1, -1] = 1e9
    high = replace(HIGHER, values=values, grads=np.where(values > 1e8, 1e9, HIGHER.grads))
    ax, figure = getattr(plot, name)(high), getattr(interactive, name)(high)
    assert ax.get_zlim()[1] == pytest.approx(figure.layout.scene.zaxis.range[1])
    eye = figure.layout.scene.camera.eye
    up, around = np.degrees([np.arctan2(eye.z, np.hypot(eye.x, eye.y)), np.arctan2(eye.y, eye.x)])
    assert (up, around) == pytest.approx((ax.elev, ax.azim))
    field = "values" if name == "surface" else "grads"
    view = _view.surface_view(np.asarray(getattr(high, field)), signed=field == "grads")
    bar = figure.data[0].colorbar
    np.testing.assert_allclose(np.array(bar.tickvals) / 255, view.levels.places(list(view.levels.ticks)))
    drawn = ax.figure.axes[-1].get_yticks()
    assert len(drawn) == len(bar.ticktext)


# A movie.


def told(movie: Any, k: int) -> dict[str, Any]:
    """What one frame says, once it is drawn."""
    movie._draw_was_started = True  # it is looked at here, which matplotlib cannot know
    movie._func(k)
    movie._fig.canvas.draw()
    ax, *bars = movie._fig.axes
    facts = {
        "title": ax.get_title(),
        "xlim": ax.get_xlim(),
        "ylim": ax.get_ylim(),
        "bar": [b.get_yticks() for b in bars],
    }
    facts["levels"] = [np.asarray(c.levels).tolist() for c in ax.collections if hasattr(c, "levels")]
    return facts | ({"zlim": ax.get_zlim(), "words": bars[0].get_ylabel()} if ax.name == "3d" else {})


def same(first: Any, second: Any) -> None:
    """Two frames differ in their titles only."""
    assert first.keys() == second.keys()
    for key in first.keys() - {"title"}:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)


def test_all_frames_share_limits_and_levels() -> None:
    movie = plot.animate([SURFACE, HIGHER], plot.contour, titles=["low", "high"])
    low, high = (told(movie, k) for k in range(2))
    assert (low["title"], high["title"]) == ("low", "high")
    assert low["levels"] == [plot.shared_levels([SURFACE, HIGHER]).tolist()]
    same(low, high)


@pytest.mark.parametrize("draw", [plot.surface, plot.gradient_surface])
def test_all_frames_of_a_surface_have_one_height_and_one_scale(draw: Any) -> None:
    movie = plot.animate([SURFACE, HIGHER], draw)
    first, second = (told(movie, k) for k in range(2))
    assert np.diff(first["zlim"]) > 0
    same(first | {"words": ""}, second | {"words": ""})


def test_a_movie_of_another_field_has_its_levels() -> None:
    movie = plot.animate([SURFACE, HIGHER], plot.contour, field="grads")
    assert told(movie, 0)["levels"] == [plot.shared_levels([SURFACE, HIGHER], "grads").tolist()]


def test_frames_of_curves_have_the_limits_of_them_all() -> None:
    results = [stand_ins.optimal(np.linspace(0, 1, 5), np.linspace(0, top, 5), bounds=(-9, 9)) for top in (2, 7)]
    movie = plot.animate(results, plot.optimal_theta)
    low, high = (told(movie, k) for k in range(2))
    same(low, high)
    assert low["ylim"][0] <= 0
    assert low["ylim"][1] >= 7


# An evaluation.


def evaluated(values: Any, status: Any = 0, tested: Any = None, thetas: Any = 0.0) -> Any:
    """An evaluation over even alphas from 0 to 1."""
    values = np.asarray(values, float)
    alphas = np.linspace(0, 1, values.shape[0])
    codes = np.broadcast_to(np.asarray(status, np.int8), values.shape)
    thetas = np.broadcast_to(np.asarray(thetas, float), alphas.shape)
    return stand_ins.made(mg.Evaluation, alphas=alphas, alphas_test=tested, thetas=thetas, values=values, status=codes)


def test_an_evaluation_is_a_curve_that_no_jump_is_joined_in() -> None:
    x = np.linspace(0, 1, 101)
    ax = plot.evaluation(evaluated(1 + x / 2, thetas=np.where(x < 0.5, 0.0, 1.0)))
    (line,) = (line for line in ax.lines if line.get_linestyle() == "-")
    points = np.asarray(line.get_xydata())
    (gap,) = np.flatnonzero(np.isnan(points[:, 1]))
    assert points[gap - 1, 0] == pytest.approx(0.49)
    assert points[gap + 1, 0] == pytest.approx(0.5)
    np.testing.assert_array_equal(np.delete(points, gap, axis=0), np.stack([x, 1 + x / 2], axis=1))


def test_what_is_wrong_with_an_evaluation_is_drawn() -> None:
    values = np.linspace(1, 1.1, 11)
    values[7] = np.nan
    status = np.zeros(11)
    status[3], status[7] = Status.NOT_CONVERGED, Status.NONFINITE
    ax = plot.evaluation(evaluated(values, status))
    marks = {line.get_label(): line for line in ax.lines}
    assert marks["not confirmed"].get_xydata().tolist() == [[pytest.approx(0.3), values[3]]]
    assert to_hex(marks["not confirmed"].get_markeredgecolor()) == "#808080"
    assert marks["not finite"].get_xdata().tolist() == [pytest.approx(0.7)]
    assert marks["not finite"].get_transform() == ax.get_xaxis_transform()


def test_the_map_of_an_evaluation_marks_the_best_of_each_row() -> None:
    tested = np.linspace(0, 2, 9)
    trained = np.linspace(0, 1, 5)
    values = 1 + (tested - (0.5 + trained[:, None])) ** 2
    status = np.zeros(values.shape)
    status[2, 4] = Status.NOT_CONVERGED  # the lowest of its row
    ax = plot.evaluation(evaluated(values, status, tested))
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in ax.lines}
    best = lines["best at test"]
    np.testing.assert_allclose(best[[0, 1, 3, 4]], [[0, 0.5], [0.25, 0.75], [0.75, 1.25], [1, 1.5]])
    assert best[2, 1] != 1.0
    assert lines["not confirmed"].tolist() == [[0.5, 1.0]]
    np.testing.assert_array_equal(lines[r"same $\alpha$"], [[0, 0], [1, 1]])
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 2))


def test_an_evaluation_of_one_training_is_a_curve_over_the_tests() -> None:
    tested = np.linspace(0, 2, 9)
    ax = plot.evaluation(evaluated(1 + tested[None] / 100, tested=tested))
    assert "test" in ax.get_xlabel()
    assert ax.get_xlim() == (0, 2)


# Numbers and ticks.


@pytest.mark.parametrize("limits", [(0, 1.25), (-1.5, 1.5), (0, 2), (-2.5, 2.5), (0.0, 0.07), (10, 40)])
def test_axes_end_at_ticks(limits: tuple[float, float]) -> None:
    low, high = limits
    at = np.asarray(ticks(low, high, 10).tick_values(low, high))
    assert np.isclose(at, low).any()
    assert np.isclose(at, high).any()
    inside = at[(at >= low - 1e-9) & (at <= high + 1e-9)]
    assert 4 <= inside.size <= 11
    assert outwards(low, high) == pytest.approx(limits)


def test_rounding_is_not_read_out() -> None:
    values = np.array([0.5, 2.4652e-32, -1e-17, np.nan, np.inf])
    assert without_rounding(values)[:3].tolist() == [0.5, 0, 0]
    assert without_rounding(np.array([1e-32, 3e-32])).tolist() == [1e-32, 3e-32]
    assert number(-0.5) == "−0.5"


def test_scenes_say_zero_where_a_value_is_rounding() -> None:
    """A tie at zero is 2.4652e-32 beside values of 0.5, at its curve and at its marks."""
    alphas, values = np.linspace(0, 1, 5), np.array([0.5, 0.4, 2.4652e-32, 0.4, 0.5])
    status = np.where(alphas == 0.5, Status.DEGENERATE, Status.OK)
    scene = optimum_scene(stand_ins.optimal(alphas, 0.0, status, values=values))
    assert scene.curves[0].values.tolist() == [0.5, 0.4, 0, 0.4, 0.5]
    assert [marks.values.tolist() for marks in scene.marks] == [[0.0]]


def test_regrets_that_are_rounding_are_not_drawn() -> None:
    both = stand_ins.parabolas()
    noisy = np.array(both.regrets)
    noisy[0, :, 0] = 1e-16
    ax = plot.regrets(replace(both, regrets=noisy))
    assert "MAML" not in [text.get_text() for text in ax.get_legend().get_texts()]  # type: ignore[union-attr]
    assert ax.get_ylim()[0] > 1e-6


@pytest.mark.parametrize(("dtype", "words"), [(np.float32, "float64 may part them"), (np.float64, "tied minima")])
def test_many_ties_in_float32_ask_for_float64(dtype, words, no_window):
    alphas = np.linspace(0, 1, 5)
    ties = np.tile(np.array([[-1.0, 1.0]], dtype), (5, 1))
    found = stand_ins.optimal(alphas, -1.0, mg.Status.TIED, ties=ties)
    found = replace(found, thetas=ties[:, 0])
    texts = [text.get_text() for text in mg.plot.optimal_theta(found).get_legend().get_texts()]
    assert any(words in text for text in texts)
    assert any(words in (trace.name or "") for trace in mg.plot.interactive.optimal_theta(found).data)


def test_frames_of_a_movie_are_all_logarithmic_or_none_is(no_window):
    def drawn(value, ax):
        ax.plot([1, 2], [value, 10])
        ax.set_yscale("log" if value > 0 else "linear")

    for values, scale in (((1, 2), "log"), ((1, -1), "linear")):
        movie = plot.animate(values, drawn)
        for k in range(2):
            movie._func(k)  # type: ignore[attr-defined]
            assert movie._fig.axes[0].get_yscale() == scale  # type: ignore[attr-defined]
        movie._draw_was_started = True  # nobody looks at it, which matplotlib would warn about
