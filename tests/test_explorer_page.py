"""The page of the explorer in a browser without network: what each gesture does, in numbers of the package."""

from __future__ import annotations

import csv
import json
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import pytest

import mamlgrid as mg
from mamlgrid._explorer import page as pages

from .lanes import brief
from .reader import Reader, matched, number, readers

ALPHAS, THETAS = (0.0, 1.2), (-2.0, 2.0)
TITLE = "Two tasks </script><b>bold</b>"
PAGE = files("mamlgrid._explorer").joinpath("_page")
MODULES = [*(f"engine/{name}" for name in pages.ENGINE), *pages.PAGE]


@pytest.fixture(scope="module", autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def metas() -> dict[str, mg.MetaLoss]:
    loss, tasks = mg.cases.polynomial_loss, mg.cases.quartic().tasks()
    return {"MAML": mg.maml(loss, tasks), "FOMAML": mg.fomaml(loss, tasks)}


@pytest.fixture(scope="module")
def written(metas: dict[str, mg.MetaLoss], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = mg.plot.explorer(metas, ALPHAS, THETAS, num_steps=[0, 1, 10], title=TITLE)
    return found.write(tmp_path_factory.mktemp("explorer") / "explorer.html")


# --- the parts -------------------------------------------------------------------------------------


def text_of(module: str) -> str:
    return PAGE.joinpath(f"{module}.js").read_text(encoding="utf-8")


def test_the_parts_are_javascript(written: Path) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("node is missing: it reads the scripts of the page")
    scripts = re.findall(r"(?s)<script(?: id=\"engine\")?>(.*?)</script>", written.read_text(encoding="utf-8"))
    assert len(scripts) == 2
    done = subprocess.run([node, "--check", "-"], input="".join(scripts), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_modules_make_one_script() -> None:
    """Their names differ, what is exported is used elsewhere, and what is imported is exported there."""
    names: dict[str, str] = {}
    for module in MODULES:
        for name in re.findall(r"(?m)^(?:export )?(?:const|let|function|async function|class) (\w+)", text_of(module)):
            assert name not in names, f"{name} is in {names[name]} and in {module}"
            names[name] = module
    entries = {"start", "serve", "programsOf", "answering", "linspace"}
    everything = {module: text_of(module) for module in MODULES}
    for module, text in everything.items():
        for name in re.findall(r"(?m)^export (?:async )?(?:function|const) (\w+)", text):
            used = any(re.search(rf"\b{name}\b", other) for key, other in everything.items() if key != module)
            assert used or name in entries or module == "engine/special", f"{module} exports {name} for nobody"
        for imported, source in re.findall(r'(?m)^import \{ ([^}]*) \} from "\./([\w/]+)\.js";$', text):
            folder = module.rpartition("/")[0]
            other = everything[f"{folder}/{source}" if folder else source]
            for name in imported.split(", "):
                assert re.search(rf"(?m)^export (?:async )?(?:function|const) {name}\b", other), f"{source}: {name}"
                assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{module} imports {name} in vain"


def test_texts_of_the_reader_are_never_markup() -> None:
    for module in MODULES:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text_of(module))


def test_the_page_is_small_and_forbids_the_net(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert len(text.encode()) < 1_500_000
    assert "default-src 'none'" in text
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


# --- in a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(browser: Any, written: Path) -> Iterator[Callable[..., Reader]]:
    """Opens the page for a reader."""
    with readers(browser) as open_page:
        yield lambda path=written, **device: open_page(path, **device)


@pytest.fixture(scope="module")
def shared(opened: Callable[..., Reader]) -> Reader:
    reader = opened()
    reader.settled()
    return reader


@pytest.fixture
def reader(shared: Reader) -> Reader:
    """The one page, as it was at first."""
    shared.page.mouse.move(2, 2)
    shared.show()
    return shared


class At(NamedTuple):
    """A meta-loss at a point."""

    value: Any
    direction: Any
    slope: Any
    tasks: Any


@jax.jit
def at(meta: mg.MetaLoss, theta: Any, alpha: Any) -> At:
    direction = jax.grad(meta)
    tasks = (*meta.adapt(theta, alpha), *meta.per_task(theta, alpha))
    return At(meta(theta, alpha), direction(theta, alpha), jax.grad(direction)(theta, alpha), tasks)


def check_point(numbers: dict[str, Any], meta: mg.MetaLoss) -> None:
    """The numbers at the point are those of JAX there."""
    names = ["meta-loss", "direction G", "dG/dθ", "task 1: θ′", "task 2: θ′", "task 1: L(θ′)", "task 2: L(θ′)"]
    # Told to six digits, at a place that is told to six digits.
    wanted = at(meta, numbers["θ"], numbers["α"])
    np.testing.assert_allclose([numbers[name] for name in names], [*wanted[:3], *wanted.tasks], rtol=2e-4, atol=1e-6)


def test_the_page_says_what_it_shows(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    assert page.title() == page.locator("h1").text_content() == TITLE
    assert page.locator("h1 b").count() == 0
    assert "polynomial_loss" in page.locator("#losses").text_content()
    check_point(reader.numbers(), metas["MAML"])
    words = page.locator("#summary").text_content()
    assert "jumps at alpha 0.3266 from 0.7843 to 1.282" in words
    assert "MAML, 1 inner step" in page.locator("table caption").text_content()
    rows = [
        row.split("\t")
        for row in page.locator("#table").evaluate(
            "table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent).join('\\t'))"
        )
    ]
    case = mg.cases.quartic()
    for alpha, theta, value, _ in rows:
        np.testing.assert_allclose(number(value), case.meta_loss(number(theta), number(alpha)), rtol=0.01, atol=1e-7)


def test_every_control_has_a_name(reader: Reader) -> None:
    unnamed = reader.page.evaluate(
        "() => [...document.querySelectorAll('input, select, button, canvas:not([aria-hidden]), textarea')]"
        ".filter(one => !(one.labels?.[0]?.textContent || one.ariaLabel || one.textContent)).map(one => one.outerHTML)"
    )
    assert unnamed == []
    assert reader.page.get_by_role("button", name=re.compile("share|upload", re.IGNORECASE)).count() == 0


def test_the_point_follows_the_pointer_and_stays_where_clicked(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    before = [reader.pixels("#beside"), reader.pixels("#below"), reader.pixels("#tasks")]
    page.mouse.move(*reader.place(0.3, 1.4))
    page.mouse.move(*reader.place(0.9, -0.7))
    page.wait_for_timeout(150)
    there = reader.numbers()
    np.testing.assert_allclose([there["α"], there["θ"]], (0.9, -0.7), atol=0.01)
    check_point(there, metas["MAML"])
    assert all(
        x != y
        for x, y in zip(before, [reader.pixels(f"#{name}") for name in ("beside", "below", "tasks")], strict=True)
    )
    page.mouse.click(*reader.place(0.5, 0.9))
    page.mouse.move(*reader.place(1.0, -1.0))
    page.wait_for_timeout(150)
    there = reader.numbers()
    np.testing.assert_allclose([there["α"], there["θ"]], (0.5, 0.9), atol=0.01)
    check_point(there, metas["MAML"])
    page.get_by_label("hold the point").uncheck()
    page.mouse.move(*reader.place(0.2, 0.2))
    page.wait_for_timeout(150)
    np.testing.assert_allclose(reader.numbers()["α"], 0.2, atol=0.01)


def test_arrow_keys_move_the_point_and_words_say_where(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page, start = reader.page, reader.numbers()
    page.locator("#maps canvas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    there = reader.wait_for(α=start["α"] + 0.005 * 1.2, θ=start["θ"] + 0.05 * 4)
    check_point(there, metas["MAML"])
    page.wait_for_timeout(500)
    assert "alpha 0.426, theta 0.6, meta-loss" in page.locator("#spoken").text_content()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    reader.page.wait_for_timeout(200)
    assert "on MAML at α = 0.426 from θ = 0.6" in page.locator("#told").text_content()
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)
    assert page.locator("#told").text_content().startswith("Click on the surface")


@pytest.mark.parametrize(
    ("choice", "optimizer"),
    brief(
        [("plain", optax.sgd(0.05)), ("momentum", optax.sgd(0.05, momentum=0.9)), ("adam", optax.adam(0.05))],
        "momentum",
    ),
)
def test_a_click_starts_the_outer_loop_there(
    reader: Reader, metas: dict[str, mg.MetaLoss], choice: str, optimizer: Any
) -> None:
    page = reader.page
    page.get_by_role("combobox", name="Outer loop").select_option(choice)
    for label, value in (("rate", "0.05"), ("steps", "40")):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
    before = reader.pixels()
    page.mouse.click(*reader.place(0.45, 1.6))
    page.wait_for_timeout(200)
    assert reader.pixels() != before
    alpha, theta = reader.state()["start"]
    run = mg.outer_loop(metas["MAML"], np.array([alpha]), theta, optimizer, num_steps=40)
    said = matched(r"after 40 steps θ = (\S+), meta-loss = (\S+); (.*)\.$", page.locator("#told").text_content())
    np.testing.assert_allclose(number(said[1]), float(run.thetas[0]), rtol=1e-5)
    np.testing.assert_allclose(number(said[2]), float(run.values[0]), rtol=1e-5)
    page.get_by_role("button", name="clear").click()
    assert page.get_by_role("button", name="start at the point").is_visible()


@pytest.mark.slow
def test_the_run_is_drawn_on_the_way_or_at_once(opened: Callable[..., Reader]) -> None:
    reader = opened(reduced_motion="no-preference")
    reader.settled()
    frames = {animated: set() for animated in (True, False)}
    for animated, seen in frames.items():
        reader.page.get_by_label("animated").set_checked(animated)
        reader.page.mouse.click(*reader.place(0.45, 1.8 if animated else -1.5))
        reader.page.wait_for_timeout(150)
        for _ in range(4):
            seen.add(reader.pixels()[0])
            reader.page.wait_for_timeout(120)
    assert len(frames[True]) > 2
    assert len(frames[False]) == 1


def test_what_is_shown_can_be_switched(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page, seen = reader.page, {reader.pixels()[0]}
    for label in ("level lines", "zeros of G", "optimum"):
        page.get_by_label(label).uncheck()
        reader.settled()
        seen.add(reader.pixels()[0])
    page.get_by_role("combobox", name="Scale").select_option("linear")
    reader.settled()
    seen.add(reader.pixels()[0])
    for show in ("direction", "slope"):
        page.get_by_role("combobox", name="Show").select_option(show)
        reader.settled()
        seen.add(reader.pixels()[0])
        # Colours at a place: red where G or its slope is positive, blue where it is negative.
        for alpha, theta in ((0.1, 1.9), (0.1, -1.5), (0.9, 0.8)):
            red, blue = colour_at(reader, alpha, theta)
            wanted = getattr(at(metas["MAML"], theta, alpha), show)
            assert (red > blue) == bool(wanted > 0), (show, alpha, theta)
        assert page.get_by_role("combobox", name="Scale").is_disabled()
    assert len(seen) == 7


def colour_at(reader: Reader, alpha: float, theta: float) -> tuple[int, int]:
    """Red and blue of the surface at a place, beside of lines."""
    found = reader.page.locator("#maps canvas").evaluate(
        "(canvas, [a, t]) => { const ratio = canvas.width / canvas.clientWidth;"
        " return [...canvas.getContext('2d')"
        ".getImageData(canvas.frame.px(a) * ratio, canvas.frame.py(t) * ratio, 1, 1).data]; }",
        [alpha, theta],
    )
    return found[0], found[2]


def test_k_moves_the_picture_under_one_scale(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    bar = (
        "canvas => { const { left, w, top, h, size } = canvas.frame, r = canvas.width / canvas.clientWidth;"
        " return [...canvas.getContext('2d')"
        ".getImageData((left + w + 4) * r, (top - size) * r, 5 * size * r, (h + size) * r).data]"
        ".reduce((a, b) => (31 * a + b) % 1000003, 7); }"
    )
    scale, slider = page.locator("#maps canvas").evaluate(bar), page.get_by_label("Inner steps K")
    for key, k in (("ArrowRight", 10), ("Home", 0)):
        before = reader.pixels()
        slider.press(key)
        reader.settled()
        assert reader.pixels() != before
        assert slider.get_attribute("aria-valuetext") == f"{k} inner steps"
        assert page.locator("#maps canvas").evaluate(bar) == scale
        meta = mg.maml(mg.cases.polynomial_loss, metas["MAML"].tasks, num_steps=k)
        check_point(reader.numbers(), meta)
    page.get_by_role("button", name="play").click()
    page.wait_for_timeout(1100)
    page.get_by_role("button", name="pause").click()
    assert slider.get_attribute("aria-valuetext") == "1 inner steps"


def test_a_handle_drags_its_task(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    x, y = reader.place(0, 1.0)
    page.mouse.move(x + 5, y)
    page.mouse.down()
    for theta in (0.8, 0.5, 0.25):
        page.mouse.move(x + 5, reader.place(0, theta)[1])
        page.wait_for_timeout(40)
    page.mouse.up()
    reader.settled()
    center = reader.state()["p"]["1"]
    np.testing.assert_allclose(center, 0.25, atol=0.01)
    moved = moved_tasks(metas["MAML"], center)
    check_point(reader.numbers(), moved)
    assert "start" not in reader.state()  # letting go is no click
    np.testing.assert_allclose(
        float(page.get_by_label("tasks.support['center'][1], exactly").input_value()), center, atol=1e-6
    )
    words = page.locator("#summary").text_content()
    told = [number(text) for text in matched(r"theta (\S+) at alpha 0 to (\S+) at", words).groups()]
    assert all(abs(at(moved, theta, alpha).direction) < 2e-3 for theta, alpha in zip(told, ALPHAS, strict=True))


def moved_tasks(meta: mg.MetaLoss, center: float) -> mg.MetaLoss:
    """The meta-loss with the second task elsewhere."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf.at[1].set(center) if "center" in jax.tree_util.keystr(path) else leaf, meta
    )


def test_sliders_and_fields_move_numbers_by_keyboard(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    field = page.get_by_label("tasks.support['center'][1], exactly")
    field.fill("-0.5")
    field.press("Enter")
    reader.settled()
    check_point(reader.numbers(), moved_tasks(metas["MAML"], -0.5))
    page.get_by_label("center, task 2", exact=True).press("ArrowRight")
    reader.settled()
    center = reader.state()["p"]["1"]
    assert center > -0.5
    check_point(reader.numbers(), moved_tasks(metas["MAML"], center))
    page.get_by_role("button", name="reset").click()
    reader.settled()
    assert reader.state() == {}
    check_point(reader.numbers(), metas["MAML"])


def test_all_that_is_shown_follows_while_a_number_moves(reader: Reader) -> None:
    """What is asked for in every turn of the display is answered too, not only what is asked first."""
    seen = reader.page.evaluate(
        """() => new Promise((resolve) => {
          const slider = document.querySelector("#parameters input[type=range]");
          const seen = { numbers: new Set(), beside: new Set(), tasks: new Set() };
          const began = performance.now();
          const turn = () => {
            const past = performance.now() - began;
            slider.value = 0.5 * Math.sin(past / 160);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            seen.numbers.add(document.getElementById("numbers").textContent);
            for (const name of ["beside", "tasks"]) seen[name].add(document.getElementById(name).toDataURL());
            if (past < 1500) return requestAnimationFrame(turn);
            slider.dispatchEvent(new Event("change", { bubbles: true }));
            resolve(Object.values(seen).map((one) => one.size));
          };
          turn();
        })"""
    )
    # One picture at first, and ten of the moving number, on a machine that is busy too.
    assert min(seen) > 10


NEEDED_BY_ROUNDS = (
    "engine/program", "colours", "drawing", "state", "frames", "key", "surface", "sections", "tasks", "rounds"
)  # fmt: skip


def test_a_slow_round_does_not_bring_an_old_point_back(browser: Any) -> None:
    """With an engine whose answers come when this test says so."""
    data = {
        "axes": {"alpha": ALPHAS, "theta": THETAS},
        "point": [0.4, 0.4],
        "metas": [{"variants": {"1": []}, "default": "1", "isGradient": True}],
        "parameters": [],
        "tasks": [],
        "colours": {"value": ["#000000", "#ffffff"], "signed": ["#000000", "#ffffff"]},
    }
    modules = "\n".join(pages._module(f"{name}.js") for name in NEEDED_BY_ROUNDS)
    found = browser.new_page().evaluate(
        f"""async () => {{
          document.body.innerHTML = '<div id="views"></div>';
          {modules}
          const data = {json.dumps(data)};
          const [state, results] = [initialState(data), {{ maps: {{}} }}];
          const view = {{ data, state, results, taskThetas: [0, 1], dragging: 0 }};
          const asked = [];
          const request = (channel, kind, what) => new Promise((answer) => asked.push({{ channel, what, answer }}));
          const display = {{ invalidate() {{}}, tell() {{}} }};
          const rounds = createRounds(document, view, {{ request, spent: () => 0 }}, display);
          const turn = () => new Promise((resolve) => setTimeout(resolve));
          const reply = async (jobs) => {{
            const values = new Float64Array([0, 1]);
            for (const {{ what, answer }} of jobs) answer({{ values, contours: [], ...what }});
            await turn();
          }};
          rounds.refresh();
          await reply(asked.splice(0)); // the scale
          const round = asked.splice(0);
          view.state.point = [0.9, 1.5];
          rounds.follow();
          await reply(asked.splice(0));
          const before = view.results.point.alpha;
          await reply(round);
          return [before, view.results.point.alpha, Boolean(view.results.maps[0].optimum)];
        }}"""
    )
    assert found == [0.9, 0.9, True]


def test_another_algorithm_over_it_and_where_it_climbs(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page, plain = reader.page, reader.pixels()
    assert page.get_by_label("shade where that climbs").is_disabled()
    page.get_by_role("combobox", name="Over it, zeros of").select_option(label="FOMAML")
    reader.settled()
    over = reader.pixels()
    assert over != plain
    assert "G = 0 of FOMAML" in page.locator("#key").text_content()
    places = ((1.1, 0.1), (0.2, 0.2), (0.75, 1.9), (0.3, -1.7))
    unshaded = [sum(colour_at(reader, *place)) for place in places]
    page.get_by_label("shade where that climbs").check()
    reader.settled()
    for before, (alpha, theta) in zip(unshaded, places, strict=True):
        shaded = sum(colour_at(reader, alpha, theta)) < 0.9 * before
        ours, theirs = (at(meta, theta, alpha).direction for meta in metas.values())
        assert shaded == bool(ours * theirs < 0), (alpha, theta)
    assert page.get_by_role("button", name=re.compile("largest regret")).is_visible()


def test_side_by_side_has_one_crosshair_and_a_click_chooses(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    page.get_by_label("side by side").check()
    reader.settled()
    first, second = reader.pixels()
    page.mouse.move(*reader.place(0.9, -0.7, surface=1))
    page.wait_for_timeout(150)
    moved = reader.pixels()
    assert moved[0] != first
    assert moved[1] != second
    page.mouse.click(*reader.place(0.5, 1.5, surface=1))
    reader.settled()
    assert page.get_by_role("combobox", name="Algorithm").input_value() == "1"
    check_point(reader.numbers(), metas["FOMAML"])
    assert "on FOMAML at α" in page.locator("#told").text_content()


def test_go_to_a_jump_and_a_fold(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    page.get_by_role("button", name="jump at").click()
    reader.wait_for(α=0.3266070477, θ=1.28182)
    folds = page.get_by_role("button", name="fold at")
    assert folds.count() == 6
    for fold in folds.all()[::3]:
        fold.click()
        alpha = number(fold.text_content().split("= ")[1])
        there = reader.wait_for(within=1e-3, α=alpha)
        assert abs(there["direction G"]) < 1e-9
        assert abs(there["dG/dθ"]) < 1e-9
        assert abs(at(metas["MAML"], there["θ"], there["α"]).slope) < 1e-3
    assert page.get_by_role("button", name="unconfirmed").count() == 0
    page.get_by_role("combobox", name="Algorithm").select_option(label="FOMAML")
    reader.settled()
    unsure = page.get_by_role("button", name="unconfirmed")
    assert unsure.count() == page.locator("#features .unsure").count()
    for text in unsure.all_text_contents():
        assert len(text.split("unconfirmed: ")[1].split()) > 3


def test_what_is_taken_away_is_what_is_shown(reader: Reader, metas: dict[str, mg.MetaLoss]) -> None:
    page = reader.page
    reader.show(start=[0.3, 1.7], point=[0.6, 0.4], pinned=True, p={"1": 0.5}, numSteps=30)
    moved, rows = moved_tasks(metas["MAML"], 0.5), defaultdict(list)
    with reader.taken("CSV").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["what"]].append(row)
    for what in ("optimum", "section at alpha", "section at theta", "outer loop", "surface: value"):
        for row in rows[what][:: max(1, len(rows[what]) // 8)]:
            found = at(moved, float(row["theta"]), float(row["alpha"])).value
            np.testing.assert_allclose(float(row["value"]), found, rtol=1e-12, atol=1e-25)
    for row in [*rows["zero that attracts"][::40], *rows["zero that repels"][::40]]:
        assert abs(at(moved, float(row["theta"]), float(row["alpha"])).direction) < 1e-9
    assert len(rows["surface: value"]) == 256**2
    assert {row["meta-loss"] for row in rows["surface: value"]} == {"MAML"}
    for row in rows["loss of task 1"][::40]:
        np.testing.assert_allclose(float(row["value"]), float(row["theta"]) ** 4 / 4, rtol=1e-12)
    (adapted,) = rows["task 2 after 1 inner steps"]
    np.testing.assert_allclose(float(adapted["theta"]), moved.adapt(0.4, 0.6)[1], rtol=1e-12)
    (center,) = rows["tasks.support['center'][1]"]
    assert float(center["value"]) == 0.5
    png = reader.taken("PNG").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (2240, 1520)
    svg = ET.fromstring(reader.taken("SVG").read_text(encoding="utf-8"))
    words = " ".join(svg.itertext())
    for word in ("MAML, 1 inner step", "α = 0.6", "θ = 0.4", "inner step size α", "task 2"):
        assert word in words
    assert "NaN" not in ET.tostring(svg, encoding="unicode")
    shown = reader.numbers()
    assert reader.told()["meta-loss"] in reader.copied("copy numbers").split()
    link = reader.copied("copy link")
    assert json.loads(unquote(link.split("#")[1]))["p"] == {"1": 0.5}
    page.goto(link)
    reader.settled()
    assert reader.numbers() == shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "view",
    [
        {"show": "value", "k": "10"},
        {"show": "direction", "over": 1, "climbing": True},
        {"show": "slope", "scale": "linear"},
        {"show": "value", "scale": "linear", "contours": False, "sideBySide": True, "meta": 1},
    ],
)
def test_the_copied_python_gives_the_view(
    reader: Reader, metas: dict[str, mg.MetaLoss], capsys: pytest.CaptureFixture[str], view: dict[str, Any]
) -> None:
    reader.show(start=[0.3, 1.7], point=[0.25, 0.4], pinned=True, p={"1": 0.5}, numSteps=30, **view)
    code = reader.copied("copy Python")
    precision = 'jax.config.update("jax_enable_x64", True)\n'
    assert precision in code  # here for this test alone
    names: dict[str, Any] = {}
    exec(compile(code.replace(precision, ""), "copied", "exec"), names)
    pictures, said = plt.get_fignums(), capsys.readouterr().out.split()
    plt.close("all")
    numbers = reader.numbers()
    np.testing.assert_allclose(float(said[1]), numbers["meta-loss"], rtol=1e-5)
    np.testing.assert_allclose(float(said[3]), numbers["direction G"], rtol=1e-5)
    told = matched(r"steps θ = (\S+),", reader.page.locator("#told").text_content())
    np.testing.assert_allclose(float(said[-1].strip("[]")), number(told[1]), rtol=1e-5)
    name = list(metas)[view.get("meta", 0)]
    moved = moved_tasks(metas[name], 0.5)
    made = names["metas"][name]
    assert made.outer == moved.outer
    assert made.inner.num_steps == int(view.get("k", "1"))
    assert jax.tree.map(float, jax.tree.leaves(made.tasks.support["center"][1])) == [0.5]
    assert len(pictures) == 1 + (2 if view.get("sideBySide") else 1) + bool(view.get("climbing"))
    assert set(names["metas"]) == ({"MAML", "FOMAML"} if {"sideBySide", "over"} & view.keys() else {name})


def test_the_presentation_key_and_the_ways_back(reader: Reader) -> None:
    page = reader.page
    assert page.locator("#leave").is_hidden()
    for leave in (
        lambda: page.keyboard.press("p"),
        lambda: page.keyboard.press("Escape"),
        page.locator("#leave").click,
    ):
        small = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        page.locator("#maps canvas").focus()
        page.keyboard.press("p")
        assert page.locator("#toolbar").is_hidden()
        assert page.locator(".side").is_hidden()
        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") > small
        assert page.evaluate("document.documentElement.scrollHeight") <= page.evaluate("innerHeight") + 60
        leave()
        assert page.locator("#toolbar").is_visible()


def test_presenting_keeps_the_focus_in_sight_and_gives_it_back(reader: Reader) -> None:
    page = reader.page
    button = page.get_by_role("button", name="present (p)")
    button.focus()
    button.press("Enter")
    assert page.evaluate("document.activeElement.id") == "leave"
    page.keyboard.press("Enter")
    assert page.locator("#toolbar").is_visible()
    assert page.evaluate("document.activeElement.textContent") == "present (p)"


def test_reset_ends_the_play(reader: Reader) -> None:
    page = reader.page
    page.get_by_role("button", name="play").click()
    page.get_by_role("button", name="reset").click()
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    page.wait_for_timeout(1100)
    assert reader.state() == {}


def test_the_white_curves_can_be_seen_in_the_key(reader: Reader) -> None:
    """Their signs stand on a colour, on white paper too."""
    signs = reader.page.locator("#key span", has_text="G = 0,").locator("canvas")
    assert signs.count() == 2
    for k in range(2):
        pixels = signs.nth(k).evaluate(
            "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
        )
        rgba = np.reshape(pixels, (-1, 4))
        coloured = (rgba[:, 3] > 200) & (np.ptp(rgba[:, :3].astype(int), axis=1) > 60)
        assert coloured.mean() > 0.25
        assert (rgba[:, :3].min(axis=1) > 240).any()


def test_an_address_that_makes_no_sense_is_the_page_at_first(reader: Reader) -> None:
    first = reader.numbers()
    reader.show(meta=7, k="99", show="nothing", point=["x", 1], p={"1": None, "88": 3}, numSteps=-1, unknown=True)
    assert reader.numbers() == first
    note = reader.page.locator("#note")
    assert 'k = "99" (one of 0, 1, 10)' in note.text_content()
    reader.page.evaluate("() => { location.hash = '#%'; }")
    reader.settled()
    assert reader.numbers() == first
    reader.page.mouse.move(*reader.place(0.5, 0.5))  # while it is read, the pointer may move
    reader.page.wait_for_timeout(100)
    assert "cannot be read" in note.text_content()
    reader.page.get_by_label("level lines").uncheck()
    assert note.text_content() == ""


@pytest.mark.parametrize(
    "state", ['{"k":"toString"}', '{"p":{"length":3}}', '{"__proto__":{"a":1}}', '{"point":[1e9,-1e9]}']
)
def test_an_address_from_anybody_is_the_page_at_first(reader: Reader, state: str) -> None:
    first = reader.told()
    reader.page.evaluate("hash => { location.hash = hash; }", f"#{quote(state)}")
    reader.settled()
    assert reader.told() == first


def test_an_address_shows_the_same_wherever_one_comes_from(reader: Reader, opened: Callable[..., Reader]) -> None:
    reader.show(show="direction", pinned=True)
    fresh = opened()
    fresh.show(show="direction", pinned=True)
    fresh.page.reload()
    fresh.settled()
    assert reader.pixels() == fresh.pixels()


def test_a_slider_that_is_brought_back_ends_its_gesture(reader: Reader) -> None:
    slider = reader.page.locator("#parameters input[type=range]").first
    slider.evaluate(
        """(slider) => {
          const before = slider.value;
          for (const value of ["0.4", before]) {
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
          slider.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
        }"""
    )
    reader.settled()
    assert "p" not in reader.state()


def test_where_a_direction_is_no_gradient_nothing_climbs(reader: Reader) -> None:
    """Beside FOMAML there is no telling: its direction is not that of its value."""
    reader.show(meta=1, over=0, climbing=True)
    assert reader.page.get_by_label("shade where that climbs").is_disabled()
    assert "climbs" not in reader.page.locator("#key").text_content()
    assert "regret" not in reader.page.locator("#features").text_content()


def test_a_loss_that_is_constant_but_for_rounding_is_drawn(opened: Callable[..., Reader], tmp_path: Path) -> None:
    def loss(theta: Any, height: Any) -> Any:
        return height * (jnp.sin(theta) ** 2 + jnp.cos(theta) ** 2)

    meta = mg.maml(loss, mg.Tasks(np.array([-1e6, -3e6])))
    reader = opened(mg.plot.explorer(meta, (0, 1), THETAS, num_steps=[1]).write(tmp_path / "constant.html"))
    reader.settled()
    np.testing.assert_allclose(reader.numbers()["meta-loss"], -4e6, rtol=1e-5)


def test_a_constant_loss_is_called_one(opened: Callable[..., Reader], tmp_path: Path) -> None:
    meta = mg.maml(lambda theta, height: 0 * theta + height, mg.Tasks(np.array([1.0, 3.0])))
    reader = opened(mg.plot.explorer(meta, (0, 1), THETAS, num_steps=[1]).write(tmp_path / "constant.html"))
    reader.settled()
    words = reader.page.locator("#summary").text_content()
    assert words == (
        "meta-loss is constant in theta at every alpha from alpha 0 to 1: every theta is as good, and no optimum is "
        "single."
    )
    assert "no number" not in reader.page.locator("#table").text_content()


def test_all_places_to_go_to_can_be_reached(opened: Callable[..., Reader], tmp_path: Path) -> None:
    """With more of them than are shown at once."""
    tasks = mg.Tasks(np.array([-1.0, 0.7]))
    meta = mg.maml(lambda theta, shift: jnp.sin(3 * theta - shift) ** 2 + 0.05 * theta**2, tasks, num_steps=2)
    reader = opened(mg.plot.explorer(meta, (0.0, 0.6), THETAS, num_steps=[2]).write(tmp_path / "many.html"))
    reader.settled()
    places, more = (
        reader.page.locator("#features button", has_text=" at α = "),
        reader.page.get_by_role("button", name=re.compile("are shown: more")),
    )
    assert places.count() == 24
    count = int(matched(r"^24 of (\d+) are shown", more.text_content())[1])
    while more.count():
        before = places.count()
        more.press("Enter")
        focused = reader.page.evaluate("document.activeElement.textContent")
        assert focused == places.nth(before).text_content()
    assert places.count() == count > 24


# What is written to the left of each picture while it is drawn: [text, left end, room that the name of the axis takes].
TICKS = """canvas => new Promise((resolve) => {
  const seen = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    if (this.canvas.id !== "" || this.canvas.closest("#maps")) {
      const { a, b, e } = this.getTransform();
      const [wide, left] = [this.measureText(text).width, e / Math.hypot(a, b)];
      const before = { right: wide, center: wide / 2, left: 0 }[this.textAlign];
      if (b === 0) seen.push([text, left - before, this.canvas.clientWidth, wide]);
    }
    write.call(this, text, x, y);
  };
  dispatchEvent(new Event("resize"));
  document.body.style.width = "99.5%";
  setTimeout(() => resolve(seen), 400);
})"""


@pytest.mark.parametrize("ends", [(-1e6, 1e6), (-5e5, 5e5), (1e6, 1e6 + 1)])
def test_no_label_of_an_axis_is_cut(opened: Callable[..., Reader], tmp_path: Path, ends: tuple[float, float]) -> None:
    meta = mg.maml(mg.cases.polynomial_loss, mg.cases.quadratic().tasks())
    reader = opened(mg.plot.explorer(meta, (0, 1), ends, num_steps=[1]).write(tmp_path / "far.html"))
    reader.settled()
    size = reader.page.evaluate("0.82 * parseFloat(getComputedStyle(document.body).fontSize)")
    drawn = reader.page.locator("body").evaluate(TICKS)
    ticks = [
        (text, left, width, wide) for text, left, width, wide in drawn if re.fullmatch(r"[−\d.·⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", text)
    ]
    assert len(ticks) > 12
    for text, left, width, wide in ticks:
        assert left >= 1.2 * size, text  # the name of the axis is there
        assert left + wide <= width, text
    labels = {text for text, *_ in ticks}
    assert len([text for text in labels if number(text) >= ends[0]]) >= 3


def test_the_wheel_scrolls_the_page(reader: Reader) -> None:
    reader.page.mouse.move(*reader.place(0.6, 0.5))
    reader.page.mouse.wheel(0, 200)
    reader.page.wait_for_timeout(150)
    assert reader.page.evaluate("scrollY") > 20
    reader.page.evaluate("scrollTo(0, 0)")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1280, 800), (1920, 1080)])
def test_nothing_sticks_out_at_any_width(opened: Callable[..., Reader], width: int, height: int) -> None:
    reader = opened(viewport={"width": width, "height": height})
    for state in ({}, {"sideBySide": True}, {"over": 1, "climbing": True, "start": [0.3, 1.7]}):
        reader.show(**state)
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        for canvas in reader.page.locator("canvas:not([aria-hidden])").all():
            box = canvas.bounding_box()
            assert box["width"] >= 150, (state, box)
            assert box["height"] >= 110, (state, box)
    order = [reader.page.locator(name).bounding_box() for name in ("#maps", "#below", "#beside")]
    if width == 360:
        assert order[0]["y"] < order[1]["y"] < order[2]["y"]
    else:
        assert order[0]["y"] == pytest.approx(order[2]["y"], abs=8)
        assert order[2]["x"] > order[0]["x"] + 0.9 * order[0]["width"]


@pytest.mark.slow
def test_a_finger_scrolls_taps_and_drags_handles(opened: Callable[..., Reader], metas: dict[str, mg.MetaLoss]) -> None:
    reader = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = reader.page
    reader.settled()
    page.locator("#maps").scroll_into_view_if_needed()
    page.touchscreen.tap(*reader.place(0.8, -1.2))
    page.wait_for_timeout(300)
    check_point(reader.numbers(), metas["MAML"])
    np.testing.assert_allclose(reader.numbers()["α"], 0.8, atol=0.02)
    session = page.context.new_cdp_session(page)

    def swipe(x: float, y: float, by: float) -> None:
        def touch(kind: str, *points: float) -> None:
            at = [{"x": x, "y": height} for height in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        touch("touchStart", y)
        for share in np.linspace(0.1, 1, 10):
            touch("touchMove", y + share * by)
            page.wait_for_timeout(20)
        touch("touchEnd")
        page.wait_for_timeout(300)

    at, before = page.evaluate("scrollY"), reader.state().get("p")
    swipe(*reader.place(0.6, 0.5), -120)
    assert page.evaluate("scrollY") > at + 40
    assert before is None
    page.evaluate("scrollTo(0, 0)")
    page.locator("#maps").scroll_into_view_if_needed()
    at = page.evaluate("scrollY")
    x, y = reader.place(0, 1.0)
    swipe(x + 6, y, reader.place(0, 0.5)[1] - y)
    reader.settled()
    assert page.evaluate("scrollY") == at
    np.testing.assert_allclose(reader.state()["p"]["1"], 0.5, atol=0.05)


@pytest.mark.slow
def test_an_overflow_is_hatched_and_said(browser: Any, opened: Callable[..., Reader], tmp_path: Path) -> None:
    meta = mg.maml(mg.cases.polynomial_loss, mg.cases.quartic().tasks(), num_steps=8)
    path = mg.plot.explorer(meta, (0.0, 40.0), (-40.0, 40.0), num_steps=[8]).write(tmp_path / "far.html")
    reader = opened(path)
    reader.show(point=[39.0, 39.0], pinned=True)
    assert reader.told()["status"] == "overflows: no number here"
    assert reader.told()["meta-loss"] in ("∞", "no number")
    alpha = reader.page.locator("#maps canvas").evaluate(
        "canvas => { const f = canvas.frame, r = canvas.width / canvas.clientWidth;"
        " const data = canvas.getContext('2d').getImageData(f.px(30) * r, f.py(38) * r, 30, 20).data;"
        " return [...data].filter((_, k) => k % 4 === 3); }"
    )
    assert min(alpha) == 0  # no colour between the lines
    assert max(alpha) > 100


@pytest.mark.slow
def test_the_frame_in_a_notebook_works(
    opened: Callable[..., Reader], metas: dict[str, mg.MetaLoss], tmp_path: Path
) -> None:
    shown = mg.plot.explorer(metas, ALPHAS, THETAS, num_steps=[1], title=TITLE)
    path = tmp_path / "notebook.html"
    path.write_text(
        f"<!doctype html><body>{shown._repr_html_()}<p data-drawn></p><script>document.body.dataset.drawn=1</script>"
    )
    reader = opened(path)
    frame = reader.page.frame_locator("iframe")
    frame.locator("#views[aria-busy=false]").wait_for(timeout=20000)
    frame.locator("#maps canvas").click(position={"x": 200, "y": 150})
    frame.locator("#told", has_text="MAML at α").wait_for()
    assert frame.get_by_role("button", name="copy link").count() == 0
    assert reader.page.title() != TITLE


@pytest.mark.slow
@pytest.mark.usefixtures("reader")
def test_the_picture_of_the_readme_is_made_by_its_script(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "notebooks" / "explorer_picture.py"
    subprocess.run([sys.executable, str(script), str(tmp_path / "made.png")], check=True)
    made, kept = (
        (path / name).read_bytes() for path, name in ((tmp_path, "made.png"), (script.parent, "explorer.png"))
    )
    width_and_height = struct.Struct(">II")
    assert width_and_height.unpack(made[16:24]) == width_and_height.unpack(kept[16:24]) == (1280, 940)
