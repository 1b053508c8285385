"""The explorer as a widget: the numbers of a page as those of Python, and what Python computes laid over."""

from __future__ import annotations

import json
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg

from .browser import watched

CENTER = "tasks.support['center'][1]"


@pytest.fixture(scope="module")
def explorer():
    case, loss = mg.cases.quartic(), mg.cases.polynomial_loss
    metas = {"MAML": mg.maml(loss, case.tasks()), "Reptile": mg.reptile(loss, case.tasks())}
    return mg.plot.explorer(metas, (0.0, 0.6), (-2.0, 2.0), num_steps=[1, 2])


def test_the_meta_loss_of_a_page_has_its_numbers(explorer, x64):
    moved = explorer.meta("MAML", {CENTER: 1.5})
    # L = (t - a t^3)^4 / 4 + (1 - a)^2 (t - c)^2 / 2.
    t, a, c = 0.3, 0.2, 1.5
    expected = (t - a * t**3) ** 4 / 4 + (1 - a) ** 2 * (t - c) ** 2 / 2
    np.testing.assert_allclose(moved(t, a), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="no number is called 'nothing'"):
        explorer.meta("MAML", {"nothing": 1.0})
    with pytest.raises(ValueError, match="Nobody"):
        explorer.meta("Nobody")


def test_without_anywidget_the_extra_is_named(explorer, monkeypatch):
    from mamlgrid._explorer import widget

    widget._widget_class.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r"pip install 'mamlgrid\[widget\]'"):
        explorer.widget()
    widget._widget_class.cache_clear()


@pytest.fixture
def shown(explorer):
    pytest.importorskip("anywidget")
    return explorer.widget()


def test_what_is_set_is_checked_and_what_is_left_out_stays(shown):
    shown.parameters = {CENTER: 2.0}
    assert shown.parameters[CENTER] == 2.0
    assert len(shown.parameters) == 6
    with pytest.raises(Exception, match="no number is called 'nothing'"):
        shown.parameters = {"nothing": 1.0}
    with pytest.raises(Exception, match="no meta-loss is called 'Nobody'"):
        shown.meta_loss = "Nobody"
    with pytest.raises(Exception, match="must be finite; got nan"):
        shown.parameters = {CENTER: float("nan")}
    with pytest.raises(Exception, match=r"compiled for \[1, 2\] inner steps; got 7"):
        shown.num_steps = 7
    with pytest.raises(Exception, match=r"alpha from 0.0 to 0.6; got 0.7"):
        shown.point = [0.7, 0.0]
    assert shown.parameters[CENTER] == 2.0
    assert (shown.num_steps, shown.point[0]) == (1, 0.35 * 0.6)


def test_a_meta_loss_without_that_many_steps_has_its_own(x64):
    pytest.importorskip("anywidget")
    case, loss = mg.cases.quartic(), mg.cases.polynomial_loss
    metas = {"MAML": mg.maml(loss, case.tasks()), "Moreau": mg.moreau(loss, case.tasks(), strength=2.0)}
    shown = mg.plot.explorer(metas, (0.1, 0.6), (-2.0, 2.0), num_steps=[1, 2]).widget()
    shown.num_steps = 2
    shown.meta_loss = "Moreau"
    assert shown.num_steps == metas["Moreau"].inner.num_steps
    with pytest.raises(Exception, match="Moreau was compiled for"):
        shown.num_steps = 2
    assert shown.current_meta().inner == metas["Moreau"].inner


@pytest.mark.slow
def test_refine_is_the_diagram_of_what_is_shown(shown, x64):
    shown.parameters, shown.num_steps = {CENTER: 1.5}, 2
    diagram = shown.refine()
    case = mg.cases.quartic()
    tasks = mg.Tasks({**case.tasks().support, "center": np.array([0.0, 1.5])})
    expected = mg.optimal_theta(
        mg.maml(mg.cases.polynomial_loss, tasks, num_steps=2), np.array([0.1, 0.5]), (-2.0, 2.0)
    )
    overlay = shown.overlay
    attracting = np.concatenate([piece["points"] for piece in overlay["pieces"] if piece["attracting"]])
    for alpha, theta in zip((0.1, 0.5), np.asarray(expected.thetas), strict=True):
        order = np.argsort(np.abs(attracting[:, 0] - alpha))[:40]
        near = attracting[order]
        assert np.min(np.hypot(near[:, 0] - alpha, near[:, 1] - theta)) < 0.05
    found = diagram.jumps
    assert [jump["alpha"] for jump in overlay["jumps"]] == found.alphas.tolist()
    assert [jump["confirmed"] for jump in overlay["jumps"]] == (found.status == mg.Status.OK).tolist()
    assert overlay["of"] == {"meta_loss": "MAML", "num_steps": 2, "parameters": shown.parameters}


# A model as a notebook has it: what is set is told to all that listen, whoever sets it.
HOST = """<!doctype html><body><div id="cell"></div><script type="module">
const values = VALUES;
const listeners = {};
window.model = {
  get: (name) => values[name],
  set(name, value) {
    if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
    values[name] = value;
    for (const listener of listeners[`change:${name}`] ?? []) listener();
  },
  save_changes() { window.saved = structuredClone(values); },
  on: (event, f) => (listeners[event] ??= []).push(f),
  off: (event, f) => (listeners[event] = listeners[event].filter((g) => g !== f)),
};
MODULE
window.leave = widget.render({ model: window.model, el: document.getElementById("cell") });
</script></body>"""

SYNCED = ("page", "title", "height", "point", "parameters", "meta_loss", "num_steps", "overlay")


@pytest.fixture
def notebook(browser, tmp_path):
    """Shows a widget as it is in Python; gives the page around it, which has the model."""
    with watched(browser) as new_page:

        def show(widget: Any) -> Any:
            values = json.dumps({name: getattr(widget, name) for name in SYNCED}).replace("<", "\\u003c")
            module = widget._esm.replace("export default", "const widget =")
            path = tmp_path / "host.html"
            path.write_text(HOST.replace("VALUES", values).replace("MODULE", module), encoding="utf-8")
            host = new_page(viewport={"width": 1280, "height": 1000})
            host.goto(path.as_uri())
            host.frame_locator("iframe").locator("body[data-drawn] #numbers dd").first.wait_for()
            host.wait_for_timeout(200)
            return host

        yield show


def model(host: Any, name: str) -> Any:
    return host.evaluate("name => model.get(name)", name)


def hover(host: Any, x: float, y: float) -> None:
    """Move to a place of the surface, as shares of the picture."""
    box = host.frame_locator("iframe").locator("#maps canvas").bounding_box()
    host.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    host.wait_for_timeout(250)


def test_what_was_set_before_it_is_shown_stays(shown: Any, notebook: Any) -> None:
    shown.point, shown.parameters, shown.meta_loss, shown.num_steps = [0.25, 0.5], {CENTER: 1.75}, "Reptile", 2
    host = notebook(shown)
    assert model(host, "point") == [0.25, 0.5]
    assert model(host, "parameters")[CENTER] == 1.75
    assert (model(host, "meta_loss"), model(host, "num_steps")) == ("Reptile", 2)
    page = host.frame_locator("iframe")
    assert "0.25" in page.locator("#numbers").inner_text()
    assert page.locator("#maps canvas").get_attribute("aria-label").startswith("Reptile")


def test_a_pointer_goes_on_moving_the_point(shown: Any, notebook: Any) -> None:
    host = notebook(shown)
    np.testing.assert_allclose(model(host, "point"), shown.point, rtol=1e-15)  # a page that was left alone
    inside = host.frames[1]
    inside.evaluate("window.heard = []; window.addEventListener('message', ({ data }) => heard.push(data)); undefined")
    points = []
    for x in (0.3, 0.4, 0.5, 0.6):
        hover(host, x, 0.5)
        points.append(model(host, "point")[0])
    assert points == sorted(set(points))
    # What a page has said it does not hear again: it would be set back to where it was.
    assert inside.evaluate("window.heard") == []


def test_what_python_sets_in_a_row_is_not_undone_by_what_the_page_says(shown: Any, notebook: Any) -> None:
    """A page speaks 50 ms after it was spoken to: of what Python has said it says nothing, since more may have come."""
    host = notebook(shown)
    for pause in (20, 45, 55, 80):
        host.evaluate(
            """async (pause) => {
              for (let k = 1; k <= 10; k++) {
                model.set("point", [k / 40, 0.5]);
                await new Promise((resolve) => setTimeout(resolve, pause));
              }
            }""",
            pause,
        )
        host.wait_for_timeout(150)
        assert model(host, "point") == [0.25, 0.5]
        assert "0.25" in host.frame_locator("iframe").locator("#numbers").inner_text()


def test_numbers_of_numpy_and_jax_are_numbers(shown: Any) -> None:
    shown.point = np.array([0.5, 0.25])
    assert shown.point == [0.5, 0.25]
    shown.point = jnp.asarray(0.125), np.float32(0.5)
    assert shown.point == [0.125, 0.5]
    shown.parameters = {CENTER: np.float32(1.25)}
    assert shown.parameters[CENTER] == 1.25


def test_an_exported_notebook_has_the_page(shown: Any) -> None:
    bundle, _ = shown._repr_mimebundle_()
    assert bundle["text/html"] == shown.explorer._repr_html_()
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_page_and_its_widget_tell_each_other(shown: Any, notebook: Any) -> None:
    host = notebook(shown)
    page = host.frame_locator("iframe")
    # From Python to the page, where a point that is set stays ...
    host.evaluate("model.set('point', [0.25, 0.5])")
    host.evaluate("name => model.set('parameters', { ...model.get('parameters'), [name]: 1.75 })", CENTER)
    host.evaluate("model.set('num_steps', 2)")
    hover(host, 0.6, 0.6)
    assert "0.25" in page.locator("#numbers").inner_text()
    # ... and back.
    page.locator("#maps canvas").first.focus()
    host.keyboard.press("ArrowRight")
    host.wait_for_function("window.saved && window.saved.point[0] > 0.25")
    saved = host.evaluate("window.saved")
    np.testing.assert_allclose(saved["point"], [0.25 + 0.005 * 0.6, 0.5], rtol=1e-12)
    assert saved["parameters"][CENTER] == 1.75
    assert saved["num_steps"] == 2
    # What is taken away listens no more.
    host.evaluate("leave()")
    host.keyboard.press("ArrowRight")
    host.wait_for_timeout(200)
    assert model(host, "point") == saved["point"]


def test_what_python_computed_is_shown_while_it_is_of_these_numbers(shown: Any, notebook: Any) -> None:
    shown.refine()
    host = notebook(shown)
    key = host.frame_locator("iframe").locator("#key")
    key.get_by_text("computed by Python").wait_for()
    host.evaluate("name => model.set('parameters', { ...model.get('parameters'), [name]: 1.75 })", CENTER)
    key.get_by_text("computed by Python").wait_for(state="detached")
    host.evaluate("name => model.set('parameters', { ...model.get('parameters'), [name]: 1 })", CENTER)
    key.get_by_text("computed by Python").wait_for()
    host.evaluate("model.set('num_steps', 2)")
    key.get_by_text("computed by Python").wait_for(state="detached")
