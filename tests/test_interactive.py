"""The interactive figures: what they say, and what their pages do in a browser that has no network."""

from __future__ import annotations

import dataclasses
import html
import json
import os
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import optax
import pytest

import mamlgrid as mg

pytest.importorskip("plotly", reason="plotly is missing: pip install 'mamlgrid[interactive]'")

from mamlgrid.plot import interactive
from mamlgrid.plot._interactive_page import page as page_of
from mamlgrid.plot._view import shown

from . import stand_ins
from .browser import watched
from .lanes import brief

ALPHAS, THETAS = np.linspace(0, 1.5, 31), np.linspace(-2, 2, 41)


@pytest.fixture(scope="module", autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def surface() -> mg.Surface:
    return mg.surface(mg.cases.quartic().meta(), ALPHAS, THETAS)


@pytest.fixture(scope="module")
def optimum() -> mg.OptimalTheta:
    return mg.optimal_theta(mg.cases.quartic().meta(), np.linspace(0, 0.9, 19), (-4.0, 4.0))


def marked(optimum: mg.OptimalTheta, at: int, status: mg.Status, theta: float) -> mg.OptimalTheta:
    """`optimum` with another finding at one of its alphas."""
    return dataclasses.replace(
        optimum, status=optimum.status.at[at].set(int(status)), thetas=optimum.thetas.at[at].set(theta)
    )


def traces(figure: Any, name: str) -> list[Any]:
    return [trace for trace in figure.data if trace.name == name]


# --- what the figures say --------------------------------------------------------------------------


def test_task_losses_draws_each_task() -> None:
    case = mg.cases.quartic()
    losses = mg.task_losses(case.meta(), np.array([0.0]), THETAS)
    figure = interactive.task_losses(losses, labels=case.labels)
    assert [trace.name for trace in figure.data] == list(case.labels)
    np.testing.assert_allclose(figure.data[0].y, THETAS**4 / 4, rtol=1e-14)
    assert len({trace.line.color for trace in figure.data}) == 2
    assert not figure.layout.sliders
    assert {"α", "θ"} <= set(figure.data[0].hovertemplate)


def test_task_losses_of_several_alphas_has_a_slider() -> None:
    losses = mg.task_losses(mg.cases.quartic().meta(), ALPHAS[::-1], THETAS)
    figure = interactive.task_losses(losses)
    steps = figure.layout.sliders[0].steps
    assert len(steps) == ALPHAS.size
    y, last = steps[-1].args[0]["y"], np.asarray(losses.values)[0]
    np.testing.assert_array_equal(np.stack(y, axis=-1), last)  # sorted: the last step is the largest alpha
    np.testing.assert_array_equal(figure.data[1].y, np.asarray(losses.values)[0, :, 1])


def test_task_losses_wants_one_label_a_task() -> None:
    losses = mg.task_losses(mg.cases.quartic().meta(), np.array([0.0]), THETAS)
    with pytest.raises(ValueError, match="2 tasks"):
        interactive.task_losses(losses, labels=["only one"])


@pytest.mark.parametrize("alpha", [0.52, 1.5, 0.0])
def test_section_starts_at_the_nearest_alpha(surface: mg.Surface, alpha: float) -> None:
    figure = interactive.section(surface, alpha=alpha)
    row = int(np.argmin(np.abs(ALPHAS - alpha)))
    np.testing.assert_array_equal(figure.data[0].y, np.asarray(surface.values)[row])
    slider = figure.layout.sliders[0]
    assert float(slider.steps[slider.active].value) == ALPHAS[row]
    assert slider.steps[slider.active].args[0]["name"] == [figure.data[0].name]


def test_section_of_one_alpha_has_no_slider(surface: mg.Surface) -> None:
    one = mg.surface(mg.cases.quartic().meta(), np.array([0.3]), THETAS)
    assert not interactive.section(one, alpha=0.3).layout.sliders
    with pytest.raises(ValueError, match="finite"):
        interactive.section(surface, alpha=float("nan"))


def test_sliders_of_long_axes_have_few_steps_but_the_data_are_whole() -> None:
    found = mg.surface(mg.cases.quartic().meta(), np.linspace(0, 1, 1000), np.linspace(-2, 2, 300))
    figure = interactive.surface(found)
    assert figure.data[0].z.shape == (300, 1000)
    for slider, points in zip(figure.layout.sliders, (found.alphas, found.thetas), strict=True):
        values = [float(step.value) for step in slider.steps]
        assert len(values) <= 65
        assert (values[0], values[-1]) == (float(points[0]), float(points[-1]))


def test_surface_holds_all_values_and_shows_the_low_ones(surface: mg.Surface) -> None:
    figure = interactive.surface(surface)
    drawn = figure.data[0]
    np.testing.assert_array_equal(drawn.x, ALPHAS)
    np.testing.assert_array_equal(drawn.y, THETAS)
    np.testing.assert_array_equal(drawn.z, np.asarray(surface.values).T)
    assert figure.layout.scene.zaxis.range[1] < 5 < drawn.z.max()
    assert "highest 2501" in figure.layout.title.subtitle.text
    assert "cut off" in drawn.colorbar.title.text
    for word in ("α", "θ", "meta-loss", "%{x", "%{y", "%{z"):
        assert word in drawn.hovertemplate
    assert (figure.layout.scene.xaxis.title.text, figure.layout.scene.yaxis.title.text) == ("α", "θ")
    assert (figure.layout.xaxis.title.text, figure.layout.xaxis2.title.text) == ("θ", "α")


def test_cross_sections_are_the_surface(surface: mg.Surface) -> None:
    figure = interactive.surface(surface)
    values = np.asarray(surface.values)
    for slider, panel, rows in zip(figure.layout.sliders, figure.data[3:5], (values, values.T), strict=True):
        np.testing.assert_array_equal(panel.y, rows[slider.active])
        assert len(slider.steps) == len(rows)
        for k, step in enumerate(slider.steps):
            moved, heading, drawn = step.args
            np.testing.assert_array_equal(moved["y"][1], rows[k])
            np.testing.assert_array_equal(moved["z"][0], rows[k])
            assert next(iter(heading.values())).endswith(moved["name"][1])
            assert figure.data[drawn[1]] is panel


def test_unordered_axes_are_put_in_order(surface: mg.Surface) -> None:
    shuffled = mg.surface(mg.cases.quartic().meta(), ALPHAS[::-1], THETAS[::-1])
    np.testing.assert_allclose(interactive.surface(shuffled).data[0].z, np.asarray(surface.values).T, rtol=1e-12)


def test_cells_that_overflow_are_holes() -> None:
    found = mg.surface(mg.cases.quartic().meta(), np.array([0.0, 0.5, 1.0]), np.array([-1.0, 0.0, 1.0, 1e20, 1e200]))
    figure = interactive.surface(found)
    assert np.isfinite(figure.data[0].z[:-1]).all()
    assert np.isnan(figure.data[0].z[-1]).all()
    assert np.isfinite(figure.layout.scene.zaxis.range).all()


def test_optimum_on_the_surface_has_a_gap_at_its_jump(surface: mg.Surface, optimum: mg.OptimalTheta) -> None:
    figure = interactive.surface(surface, optimum=optimum)
    (curve,) = traces(figure, "optimal θ*")
    check_gap(curve, optimum)
    assert "optimal θ*" in [t.name for t in figure.data if t.showlegend]
    finite = ~np.isnan(curve.y)
    above = curve.z[finite] - curve.customdata[finite, 0].astype(float)
    assert (above > 0).all()  # floats above the surface; the hover text has the true value
    assert (above < 0.05).all()
    assert "customdata[0]" in curve.hovertemplate


def test_flat_alphas_cross_the_surface(surface: mg.Surface, optimum: mg.OptimalTheta) -> None:
    flat = marked(optimum, 12, mg.Status.FLAT, np.nan)
    (line,) = traces(interactive.surface(surface, optimum=flat), "every θ is optimal")
    np.testing.assert_array_equal(line.x, np.repeat(float(optimum.alphas[12]), 3))
    np.testing.assert_array_equal(line.y, [-4.0, 4.0, np.nan])


def test_gradient_surface_has_the_plane(surface: mg.Surface) -> None:
    figure = interactive.gradient_surface(surface)
    np.testing.assert_array_equal(figure.data[0].z, np.asarray(surface.grads).T)
    # Zero is the middle of the colours: below it they are in the first half.
    signs, places = np.sign(figure.data[0].z), figure.data[0].surfacecolor.astype(float) - 127.5
    assert (signs * places >= -0.5).all()
    (plane,) = traces(figure, "plane z = 0")
    assert not plane.z.any()
    assert 0 < plane.opacity < 1
    assert figure.layout.yaxis.zeroline
    assert figure.layout.yaxis2.zeroline
    assert "gradient" in figure.data[0].hovertemplate


@pytest.mark.parametrize("draw", [interactive.surface, interactive.gradient_surface])
def test_a_surface_shows_the_branches_of_a_diagram(surface: mg.Surface, draw: Callable[..., Any]) -> None:
    diagram = stand_ins.hysteresis()
    (branch,) = diagram.branches
    figure = draw(surface, diagram=diagram)
    on_plane = draw is interactive.gradient_surface
    for name, sign, dash in (("attracting", 1, "solid"), ("repelling", -1, "dash")):
        drawn = traces(figure, name)
        assert {curve.line.dash for curve in drawn} == {dash}
        x, y, z, heights = (
            np.concatenate(parts)
            for parts in zip(*((c.x, c.y, c.z, c.customdata[:, 0].astype(float)) for c in drawn), strict=True)
        )
        seen = np.isfinite(y)
        # As far as the surface reaches.
        assert seen.any()
        assert (x[seen] >= 0).all()
        slope = y[seen] ** 2 - 1
        assert (sign * slope > -1e-9).all()
        np.testing.assert_array_equal(z, 0 * z) if on_plane else np.testing.assert_array_less(heights, z)
    folds = traces(figure, "fold")
    assert sum(np.isfinite(f.y).sum() for f in folds) == 1  # the other one lies at a negative alpha
    assert branch.alphas.min() < 0


def test_a_surface_that_cannot_be_drawn_is_refused() -> None:
    meta = mg.cases.quadratic().meta()
    with pytest.raises(ValueError, match="derivatives=1"):
        interactive.gradient_surface(mg.surface(meta, ALPHAS, THETAS, derivatives=0))
    with pytest.raises(ValueError, match="two or more alphas"):
        interactive.surface(mg.surface(meta, np.array([0.5]), THETAS))
    with pytest.raises(TypeError, match="Surface"):
        interactive.surface(mg.task_losses(meta, ALPHAS, THETAS))  # type: ignore[arg-type]


def check_gap(curve: Any, optimum: mg.OptimalTheta) -> None:
    """Both ends of the jump are on the curve with nothing but a NaN between them."""
    (at,) = np.flatnonzero(np.isnan(curve.y))
    jumps = optimum.jumps
    np.testing.assert_array_equal(curve.x[at - 1 : at + 2], np.repeat(np.asarray(jumps.alphas), 3))
    assert (curve.y[at - 1], curve.y[at + 1]) == (float(jumps.thetas_before[0]), float(jumps.thetas_after[0]))
    assert curve.customdata[at + 1, 1] == "jump"
    assert curve.customdata[0, 1] == "global minimum"


def test_optimal_theta_has_a_gap_at_its_jump(optimum: mg.OptimalTheta) -> None:
    figure = interactive.optimal_theta(optimum)
    (curve,) = traces(figure, "optimal θ*")
    check_gap(curve, optimum)
    before, after = sorted(traces(figure, "jump"), key=lambda trace: trace.uid)
    assert (before.y[0], after.y[0]) == (float(optimum.jumps.thetas_before[0]), float(optimum.jumps.thetas_after[0]))
    assert before.marker.color != after.marker.color == "white"
    assert "0.3266" in figure.layout.title.subtitle.text
    for word in ("α", "θ", "meta-loss", "customdata[1]"):
        assert word in curve.hovertemplate


def test_optimal_theta_shows_a_flat_alpha_as_a_band(optimum: mg.OptimalTheta) -> None:
    figure = interactive.optimal_theta(marked(optimum, 12, mg.Status.FLAT, np.nan))
    (band,) = traces(figure, "every θ is optimal")
    assert band.fill == "toself"
    np.testing.assert_allclose((min(band.x), max(band.x)), (0.575, 0.625))  # halfway to the neighbours
    assert "α = 0.6" in band.text
    (curve,) = traces(figure, "optimal θ*")
    assert np.isnan(curve.y[list(curve.x).index(float(optimum.alphas[12]))])


def test_optimal_theta_marks_what_is_not_ok(optimum: mg.OptimalTheta) -> None:
    names = {
        mg.Status.AT_BOUND: "at the bound",
        mg.Status.NOT_CONVERGED: "not converged",
        mg.Status.ONE_SIDED: "one-sided limit",
        mg.Status.PLATEAU: "optimal on an interval",
        mg.Status.UNRESOLVED: "not settled",
        mg.Status.TRUNCATED: "not confirmed",
        mg.Status.DEGENERATE: "flatter than quadratic",
    }
    for status, name in names.items():
        figure = interactive.optimal_theta(marked(optimum, 12, status, -1.0))
        (mark,) = traces(figure, name)
        assert (mark.x[0], mark.y[0]) == (float(optimum.alphas[12]), -1.0)
        assert mark.customdata[0][1] == status.message
    assert mark.error_y.array[0] == float(optimum.accuracies[12])


def test_all_tied_minima_are_marked(optimum: mg.OptimalTheta) -> None:
    ties = np.full((optimum.alphas.size, 3), np.nan)
    ties[12] = -1, 0.5, 1
    tied = dataclasses.replace(marked(optimum, 12, mg.Status.TIED, -1.0), ties=ties)
    (mark,) = traces(interactive.optimal_theta(tied), "tied minima")
    assert mark.x.tolist() == [float(optimum.alphas[12])] * 3
    assert mark.y.tolist() == [-1, 0.5, 1]


def test_optimal_theta_without_jumps_is_dots(optimum: mg.OptimalTheta) -> None:
    """Nobody looked for them: a line might go through one."""
    (curve,) = interactive.optimal_theta(dataclasses.replace(optimum, jumps=None)).data
    assert curve.line.width == 0
    assert (curve.marker.size > 0).all()


def test_optimal_theta_draws_lonely_points(optimum: mg.OptimalTheta) -> None:
    lonely = marked(marked(optimum, 11, mg.Status.NONFINITE, np.nan), 13, mg.Status.NONFINITE, np.nan)
    (curve,) = traces(interactive.optimal_theta(lonely), "optimal θ*")
    assert curve.x[curve.marker.size > 0].tolist() == [float(optimum.alphas[12])]


def test_optimal_theta_with_the_ends_of_an_outer_loop(optimum: mg.OptimalTheta) -> None:
    run = mg.outer_loop(mg.cases.quartic().meta(), np.linspace(0, 0.9, 4), 2.0, optax.sgd(3.0), num_steps=20)
    status = np.asarray(run.status)
    assert (status == mg.Status.NONFINITE).any()
    figure = interactive.optimal_theta(optimum, run=run)
    (gone,) = traces(figure, "outer loop: not finite")
    assert min(figure.layout.yaxis.range) < gone.y[0] < max(figure.layout.yaxis.range)
    for step, (_, words) in zip(run.event_steps[status == mg.Status.NONFINITE], gone.customdata, strict=True):
        assert f"at step {step}:" in words


def test_range_shown() -> None:
    values = np.linspace(0, 1, 101)
    assert shown(values) == (0.0, 1.0, "", "")
    low, high, note, short = shown(np.append(values, 1e9))
    assert short == f"cut above {high:.4g}"
    assert (low, "1e+09" in note) == (0.0, True)
    assert 1 < high < 10
    low, high, *_ = shown(np.array([-1e9, -1.0, 0.5, 1.0, 2.0]), signed=True)
    assert -10 < low < -1
    assert high == 2.0
    assert shown(np.array([3.0, 3.0])).low < 3 < shown(np.array([3.0, 3.0])).high
    assert np.isfinite(shown(np.array([np.nan, np.inf]))[:2]).all()
    rows = np.array([[0.0, 0.0, 1e-9], [0.0, 4.0, 5.0]])
    assert shown(rows, by_row=True).high == 5.0


def test_without_plotly_one_line_says_what_to_install(surface: mg.Surface, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r"^interactive figures need plotly: pip install 'mamlgrid\[interactive\]'$"):
        interactive.section(surface, alpha=0.5)


# --- the page --------------------------------------------------------------------------------------


def held(path: Path) -> Any:
    """What a page holds for its script."""
    (text,) = re.findall(r'<script id="page" type="application/json">(.*?)</script>', path.read_text(encoding="utf-8"))
    return json.loads(text)


def test_page_is_self_contained(surface: mg.Surface, tmp_path: Path) -> None:
    path = interactive.write_html(interactive.surface(surface, title="A < B"), tmp_path / "figure.html")
    assert path == tmp_path / "figure.html"
    page = path.read_text(encoding="utf-8")
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=|<link\b", page)
    assert "plotly.js v" in page
    assert "Licensed under the MIT license" in page
    assert "<title>A &lt; B</title>" in page
    assert '<h1 id="title">A &lt; B</h1>' in page
    assert os.listdir(tmp_path) == ["figure.html"]


@pytest.mark.parametrize("script", ["inline", "beside"])
def test_page_names_no_address_and_has_no_button_that_uploads(
    surface: mg.Surface, tmp_path: Path, script: Literal["inline", "beside"]
) -> None:
    path = interactive.write_html(interactive.section(surface, alpha=0.5), tmp_path / "figure.html", script=script)
    assert "://" not in path.read_text(encoding="utf-8")
    config = held(path)["figure"]["config"]
    assert config["showSendToCloud"] is False
    assert config["plotlyServerURL"] == config["topojsonURL"] == ""


def test_pages_share_the_script_beside_them(surface: mg.Surface, tmp_path: Path) -> None:
    from plotly.offline import get_plotlyjs

    figure = interactive.section(surface, alpha=0.5)
    for name in ("one", "other"):
        path = interactive.write_html(figure, tmp_path / f"{name}.html", script="beside")
        (source,) = re.findall(r'<script src="([^"]+)"', path.read_text(encoding="utf-8"))
        assert path.stat().st_size < 100_000
        assert (tmp_path / source).read_text(encoding="utf-8") == get_plotlyjs()
    assert len(os.listdir(tmp_path)) == 3
    with pytest.raises(ValueError, match='script must be "inline" or "beside", got \'cdn\''):
        interactive.write_html(figure, tmp_path / "figure.html", script="cdn")  # type: ignore[arg-type]


def test_sections_of_a_page_are_read_from_its_surface(surface: mg.Surface, tmp_path: Path) -> None:
    """Not held once more for every step of a slider."""
    whole = held(interactive.write_html(interactive.surface(surface), tmp_path / "figure.html"))
    assert [control["last"] for control in whole["controls"]] == [ALPHAS.size - 1, THETAS.size - 1]
    assert "steps" not in whole["controls"][0]
    assert "sliders" not in whole["figure"]["layout"]
    one = held(interactive.write_html(interactive.section(surface, alpha=0.5), tmp_path / "figure.html"))
    assert one["linked"] is None
    assert len(one["controls"][0]["steps"]) == ALPHAS.size


def test_a_page_says_what_is_to_be_seen(surface: mg.Surface, optimum: mg.OptimalTheta, tmp_path: Path) -> None:
    page = interactive.write_html(interactive.optimal_theta(optimum), tmp_path / "figure.html").read_text("utf-8")
    (told,) = re.findall(r'<p id="described" class="unseen">(.*?)</p>', page)
    assert told.startswith("Across: inner step size α, from 0 to 0.9. Up: optimal θ*, from ")
    assert told.endswith("Shown: optimal θ*, jump (2 marks).")
    page = interactive.write_html(interactive.surface(surface), tmp_path / "figure.html").read_text("utf-8")
    assert "the height is the meta-loss L_M" in page
    assert page.count("<input id=") == page.count("<label for=") == 2


@pytest.mark.parametrize("name", ["surface", "gradient_surface", "section"])
def test_a_notebook_shows_the_page(surface: mg.Surface, name: str) -> None:
    figure = getattr(interactive, name)(surface, **({"alpha": 0.5} if name == "section" else {}))
    bundle = figure._repr_mimebundle_()
    assert list(bundle) == ["text/html"]
    (inner,) = re.findall(r'srcdoc="([^"]*)"', bundle["text/html"])
    assert html.unescape(inner) == page_of(figure)
    copied = pickle.loads(pickle.dumps(figure))
    assert type(copied) is type(figure)


def test_page_is_written_whole_or_not_at_all(
    surface: mg.Surface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "figure.html"
    target.write_text("old")
    figure = interactive.section(surface, alpha=0.5)

    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no room"):
        interactive.write_html(figure, target)
    assert os.listdir(tmp_path) == ["figure.html"]
    assert target.read_text() == "old"
    with pytest.raises(FileNotFoundError):
        interactive.write_html(figure, tmp_path / "missing" / "figure.html")
    with pytest.raises(TypeError, match="plotly figure"):
        interactive.write_html("figure", target)  # type: ignore[arg-type]


# --- in a browser ----------------------------------------------------------------------------------

# The curves of both panels, the headings, and where each slider stands.
STATE = """() => {
  const gd = document.getElementById("figure");
  const panels = gd._fullData.filter((trace) => trace.type === "scatter");
  return {
    names: panels.map((trace) => trace.name),
    curves: panels.map((trace) => Array.from(trace.y)),
    headings: (gd.layout.annotations || []).map((a) => a.text),
    at: [...document.querySelectorAll("input")].map((input) => Number(input.value)),
    told: [...document.querySelectorAll("input")].map((input) => input.getAttribute("aria-valuetext")),
  };
}"""
DRAWN = "document.getElementById('figure').dataset.drawn"


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a figure, or the page at a path."""
    with watched(browser) as new_page:

        def open_page(figure: Any, *, script: Literal["inline", "beside"] = "inline", **device: Any) -> Any:
            path = figure if isinstance(figure, Path) else tmp_path / "figure.html"
            if path is not figure:
                interactive.write_html(figure, path, script=script)
            page = new_page(**({"viewport": WIDE} | device))
            page.goto(path.as_uri())
            page.wait_for_function(DRAWN)
            return page

        yield open_page


WIDE = {"width": 1000, "height": 700}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def changed(page: Any, before: Any, panel: int) -> Any:
    """The state once a panel shows another curve than before and nothing moves any more."""
    page.wait_for_function(f"(name) => ({STATE})().names[{panel}] !== name", arg=before["names"][panel])
    state, last = page.evaluate(STATE), None
    while state != last:
        page.wait_for_timeout(200)
        state, last = page.evaluate(STATE), state
    return state


def shown_index(name: str, points: np.ndarray) -> int:
    """The index of the alpha or theta that a name like "α = 0.5" tells."""
    return int(np.argmin(np.abs(points - float(name.split("= ")[1].replace("−", "-")))))


def check_sections(state: Any, values: np.ndarray) -> tuple[int, int]:
    """Curves, headings and sliders say the same; where they stand."""
    i, j = shown_index(state["names"][0], ALPHAS), shown_index(state["names"][1], THETAS)
    np.testing.assert_array_equal(state["curves"][0], values[i])
    np.testing.assert_array_equal(state["curves"][1], values[:, j])
    assert [h.split("fixed ")[1] for h in state["headings"]] == state["names"] == state["told"]
    assert state["at"] == [i, j]
    return i, j


def over(page: Any, share: float) -> tuple[float, float]:
    """A point over the scene."""
    scene = page.locator("#scene").bounding_box()
    return scene["x"] + share * scene["width"], scene["y"] + 0.5 * scene["height"]


@pytest.mark.parametrize("draw", brief([interactive.surface, interactive.gradient_surface]))
def test_sections_follow_keys_and_mouse(
    surface: mg.Surface, opened: Callable[..., Any], draw: Callable[[mg.Surface], Any]
) -> None:
    values = np.asarray(surface.values if draw is interactive.surface else surface.grads)
    page = opened(draw(surface))
    start = page.evaluate(STATE)
    row, column = check_sections(start, values)
    page.get_by_role("slider", name="α").focus()
    page.keyboard.press("ArrowRight")
    moved = changed(page, start, 0)
    assert check_sections(moved, values) == (row + 1, column)
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    moved = changed(page, moved, 1)
    assert check_sections(moved, values) == (row + 1, 0)
    for share in (0.45, 0.5, 0.55):
        page.mouse.move(*over(page, share))
        page.wait_for_timeout(100)
    check_sections(changed(page, moved, 1), values)
    assert "θ" in page.locator("#scene .hovertext").text_content()


@pytest.mark.slow
def test_on_a_phone_a_tap_moves_the_sections_and_one_finger_scrolls(
    surface: mg.Surface, opened: Callable[..., Any]
) -> None:
    page = opened(interactive.surface(surface), script="beside", **PHONE)
    start = page.evaluate(STATE)
    for share in (0.35, 0.6):
        page.touchscreen.tap(*over(page, share))
        page.wait_for_timeout(500)
    moved = changed(page, start, 0)
    check_sections(moved, np.asarray(surface.values))
    x, y = over(page, 0.5)
    camera = page.evaluate("JSON.stringify(document.getElementById('figure')._fullLayout.scene.camera)")
    devtools = page.context.new_cdp_session(page)
    for step in range(10):
        kind = "touchMove" if step else "touchStart"
        finger = {"x": x, "y": y + 100 - 20 * step}
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [finger]})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("scrollY > 100")
    assert page.evaluate("JSON.stringify(document.getElementById('figure')._fullLayout.scene.camera)") == camera


@pytest.mark.slow
def test_the_wheel_scrolls_the_page(surface: mg.Surface, opened: Callable[..., Any]) -> None:
    page = opened(interactive.surface(surface), viewport={"width": 1000, "height": 400})
    page.mouse.move(500, 300)
    page.mouse.wheel(0, 150)
    page.wait_for_function("scrollY > 100")


# The boxes of texts and buttons: none of them may cover another, and none may leave the page.
BOXES = """() => {
  const texts = ["h1", "p", "form div", ".modebar-btn", ".xtitle", ".ytitle", ".x2title", ".y2title", ".cbtitle",
    ".annotation-text", ".legendtext", ".xtick text"];
  return texts.flatMap((kind) => [...document.querySelectorAll(kind)].filter((one) => !one.matches(".unseen")).map(
    (one) => { const box = one.getBoundingClientRect(); return [kind, box.left, box.top, box.right, box.bottom]; }
  )).filter(([, left, top, right, bottom]) => right > left && bottom > top);
}"""


def check_room(page: Any, width: float) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = page.evaluate(BOXES)
    assert len(boxes) > 8
    for k, (kind, left, top, right, bottom) in enumerate(boxes):
        assert -1 <= left < right <= width + 1, kind
        for other, x, y, far, deep in boxes[:k]:
            assert not (left < far - 1 and x < right - 1 and top < deep - 1 and y < bottom - 1), (kind, other)


@pytest.mark.slow
def test_nothing_overlaps_on_a_phone(surface: mg.Surface, opened: Callable[..., Any]) -> None:
    long = "A title that is much too long for a single line of a phone that is held upright"
    for figure in (
        interactive.surface(surface, diagram=stand_ins.hysteresis(), title=long),
        interactive.bifurcation_diagram(stand_ins.doubtful()),
    ):
        check_room(opened(figure, **PHONE), 390)


@pytest.mark.slow
def test_a_page_follows_those_who_prefer_dark_colours(opened: Callable[..., Any]) -> None:
    page = opened(interactive.bifurcation_diagram(stand_ins.hysteresis()), color_scheme="dark")
    colours = """() => {
      const gd = document.getElementById("figure");
      const line = gd._fullData.find((trace) => trace.name === "attracting").line.color;
      return [gd._fullLayout.paper_bgcolor, line, getComputedStyle(document.body).backgroundColor];
    }"""
    assert page.evaluate(colours) == ["#16181b", "#ffffff", "rgb(22, 24, 27)"]
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{DRAWN}.startsWith('light')")
    assert page.evaluate(colours) == ["white", "#000000", "rgb(255, 255, 255)"]


@pytest.mark.slow
def test_slider_of_a_section_moves_the_curve(surface: mg.Surface, opened: Callable[..., Any]) -> None:
    page = opened(interactive.section(surface, alpha=0.5))
    start = page.evaluate(STATE)
    page.get_by_role("slider", name="α").focus()
    page.keyboard.press("End")
    slid = changed(page, start, 0)
    assert slid["told"] == ["α = 1.5"]
    np.testing.assert_array_equal(slid["curves"][0], np.asarray(surface.values)[-1])


@pytest.mark.slow
def test_an_exported_notebook_shows_figures_with_linked_sections(
    surface: mg.Surface, browser: Any, tmp_path: Path
) -> None:
    """Two of them on one page, as nbconvert writes it: the bundle of each output as it is."""
    outputs = [interactive.surface(surface)._repr_html_(), interactive.section(surface, alpha=0.5)._repr_html_()]
    exported = tmp_path / "notebook.html"
    exported.write_text(f"<!doctype html><html><body>{'<hr>'.join(outputs)}</body></html>", encoding="utf-8")
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 1500})
    page = context.new_page()
    page.goto(exported.as_uri())
    for frame in page.frames[1:]:
        frame.wait_for_function(DRAWN)
    first = page.frames[1]
    start = first.evaluate(STATE)
    scene, frame = first.locator("#scene").bounding_box(), page.locator("iframe").first.bounding_box()
    assert frame["height"] > 600
    for share in (0.4, 0.45, 0.5):
        page.mouse.move(scene["x"] + share * scene["width"], scene["y"] + 0.5 * scene["height"])
        page.wait_for_timeout(100)
    check_sections(changed(first, start, 0), np.asarray(surface.values))
    context.close()


@pytest.mark.slow
def test_the_index_loads_a_page_when_its_element_is_opened(surface: mg.Surface, browser: Any, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from mamlgrid._figures import gallery, picture

    def made(name: str) -> Any:
        draw = interactive.section(surface, alpha=0.5)
        return picture.Picture(name, "A case", name, "Caption.", lambda: Figure(figsize=(1, 1)), lambda: draw, (), {})

    list(gallery.write([made("one"), made("two")], tmp_path, gallery.Static()))
    context = browser.new_context(offline=True, viewport=WIDE)
    page = context.new_page()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url.rsplit("/")[-1]))
    page.goto((tmp_path / "index.html").as_uri())
    assert {name for name in fetched if not name.endswith(".png")} == {"index.html"}
    page.locator("#two details[data-page] summary").click()
    page.wait_for_function("document.querySelector('#two iframe').clientHeight !== 700")
    # A frame that nobody sees is not drawn.
    page.locator("#two iframe").scroll_into_view_if_needed()
    (frame,) = (frame for frame in page.frames if frame.url.endswith("two.html"))
    frame.wait_for_function(DRAWN)
    assert {name for name in fetched if name.endswith(".html")} == {"index.html", "two.html"}
    # The page says how high it is, and then nothing in it scrolls.
    frame.wait_for_function("Math.abs(document.documentElement.scrollHeight - innerHeight) <= 1")
    context.close()
