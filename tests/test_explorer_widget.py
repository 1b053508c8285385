"""The explorer as a widget: the numbers of a page as those of Python, and what Python computes laid over."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import mamlgrid as mg

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
    assert shown.parameters[CENTER] == 2.0


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
    assert len(overlay["jumps"]) == diagram.jumps.alphas.size


HOST = """<!doctype html><body><div id="cell"></div><script type="module">
const values = VALUES;
const listeners = {};
window.model = {
  get: (name) => values[name],
  set(name, value) { values[name] = value; },
  save_changes() { window.saved = structuredClone(values); },
  on: (event, f) => (listeners[event] = f),
  off: (event) => delete listeners[event],
  change(name, value) { values[name] = value; listeners[`change:${name}`](); },
};
MODULE
widget.render({ model: window.model, el: document.getElementById("cell") });
</script></body>"""


def test_a_page_and_its_widget_tell_each_other(shown: Any, tmp_path: Any) -> None:
    import json
    import shutil

    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("page", "title", "height", "point", "parameters", "meta_loss", "num_steps", "overlay")
    values = json.dumps({name: getattr(shown, name) for name in names}).replace("<", "\\u003c")
    module = shown._esm.replace("export default", "const widget =")
    (tmp_path / "host.html").write_text(HOST.replace("VALUES", values).replace("MODULE", module))
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        host = browser.new_page()
        errors: list[str] = []
        host.on("pageerror", lambda error: errors.append(str(error)))
        host.goto((tmp_path / "host.html").as_uri())
        page = host.frame_locator("iframe")
        page.locator("body[data-drawn] #numbers dd").first.wait_for()
        # From Python to the page ...
        host.evaluate("model.change('point', [0.25, 0.5])")
        page.locator("#numbers dd", has_text="0.25").first.wait_for()
        host.evaluate("name => model.change('parameters', { [name]: 1.75 })", CENTER)
        host.evaluate("model.change('num_steps', 2)")
        page.locator("output", has_text="2").first.wait_for()
        host.evaluate(
            "model.change('overlay', { pieces: [{ points: [[0.1, 0], [0.2, 1]], attracting: true }], jumps: [] })"
        )
        # ... and back.
        page.locator("#maps canvas").first.focus()
        host.keyboard.press("ArrowRight")
        host.wait_for_function("window.saved && window.saved.point[0] > 0.25")
        saved = host.evaluate("window.saved")
        np.testing.assert_allclose(saved["point"], [0.25 + 0.005 * 0.6, 0.5], rtol=1e-12)
        assert saved["parameters"][CENTER] == 1.75
        assert saved["num_steps"] == 2
        browser.close()
    assert errors == []
