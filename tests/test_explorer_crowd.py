"""The page of many meta-losses and many tasks: what is chosen of them, and how their pictures line up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid._explorer.page import _module

from . import javascript
from .reader import Reader, number, readers

NUM_TASKS = 50
CENTERS = np.linspace(-1, 1, NUM_TASKS)


def _loss(theta: Any, data: Any) -> Any:
    return (theta - data["center"]) ** 2 / 2


@pytest.fixture(scope="module", autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Reader]]:
    tasks = mg.Tasks({"center": CENTERS})
    metas = {
        "MAML": mg.maml(_loss, tasks),
        "FOMAML": mg.fomaml(_loss, tasks),
        "Reptile": mg.reptile(_loss, tasks),
        "iMAML": mg.imaml(_loss, tasks, strength=2.0),
        "Moreau": mg.moreau(_loss, tasks, strength=2.0),
    }
    path = tmp_path_factory.mktemp("crowd") / "crowd.html"
    mg.plot.explorer(metas, (0.0, 0.8), (-2.0, 2.0), num_steps=[1, 3]).write(path)
    with readers(browser) as open_page:
        yield lambda **device: open_page(path, **device)


@pytest.fixture(scope="module")
def shared(opened: Callable[..., Reader]) -> Reader:
    return opened()


@pytest.fixture
def reader(shared: Reader) -> Reader:
    shared.page.mouse.move(2, 2)
    shared.show()
    return shared


def boxes(reader: Reader) -> Any:
    """Where the axes of each picture are on the screen: {left, top, width, height}, and what they say above."""
    return reader.page.evaluate(
        """() => {
          const placed = (canvas, { left, top, w, h, x0 = 0, y0 = 0 }) => {
            const box = canvas.getBoundingClientRect();
            return { left: box.left + x0 + left, top: box.top + y0 + top, width: w, height: h };
          };
          const maps = [...document.querySelectorAll("#maps canvas")].map((canvas) => placed(canvas, canvas.frame));
          const [below, beside] = ["below", "beside"].map((name) => {
            const canvas = document.getElementById(name);
            return canvas.frames.map((frame) => placed(canvas, frame));
          });
          return { maps, below, beside };
        }"""
    )


def test_sections_line_up_with_each_column_and_each_row(reader: Reader) -> None:
    for beside, columns, rows in ((None, 1, 1), ([0, 3], 2, 1), ([0, 1, 3], 2, 2), ([0, 1, 2, 3], 2, 2)):
        reader.show(**({} if beside is None else {"sideBySide": True, "beside": beside}))
        found = boxes(reader)
        assert (len(found["below"]), len(found["beside"])) == (columns, rows)
        for k, surface in enumerate(found["maps"]):
            below, aside = found["below"][k % columns], found["beside"][k // columns]
            for name in ("left", "width"):
                assert below[name] == pytest.approx(surface[name], abs=1), (beside, k)
            for name in ("top", "height"):
                assert aside[name] == pytest.approx(surface[name], abs=1), (beside, k)


def test_sections_are_of_all_algorithms_that_are_shown(reader: Reader) -> None:
    reader.show(sideBySide=True, beside=[0, 3], point=[0.4, 1.5], pinned=True)
    words = reader.taken("SVG").read_text(encoding="utf-8")
    # Named below and beside; iMAML, which has no steps to tell of, above its surface too.
    assert [words.count(f">{name}<") for name in ("MAML", "iMAML", "FOMAML")] == [2, 3, 0]
    rows = [line.split(",") for line in reader.taken("CSV").read_text(encoding="utf-8").splitlines()]
    values = {
        name: [float(row[4]) for row in rows if row[0] == "section at theta" and row[1] == name]
        for name in ("MAML", "iMAML")
    }
    alphas = np.linspace(0, 0.8, 301)
    total = np.sum((1.5 - CENTERS) ** 2) / 2
    np.testing.assert_allclose(values["MAML"], (1 - alphas) ** 2 * total, rtol=1e-9)
    np.testing.assert_allclose(values["iMAML"], np.full(301, (2 / 3) ** 2 * total), rtol=1e-9)


def test_which_meta_losses_are_side_by_side_is_chosen(reader: Reader) -> None:
    page = reader.page
    page.get_by_label("side by side", exact=True).check()
    reader.settled()
    group = page.get_by_role("group", name="Side by side, two to four")
    assert group.get_by_label("Moreau").is_disabled()  # four are there already
    group.get_by_label("MAML", exact=True).uncheck()
    group.get_by_label("Moreau").check()
    reader.settled()
    shown = [name.split(":")[0] for name in canvases(reader)]
    assert shown == ["FOMAML", "Reptile", "iMAML", "Moreau"]
    assert page.get_by_role("combobox", name="Algorithm").input_value() == "1"  # one of them
    for name in ("Reptile", "iMAML"):
        group.get_by_label(name).uncheck()
    assert group.get_by_label("FOMAML").is_disabled()  # two are the least
    assert reader.state()["beside"] == [1, 4]
    page.get_by_role("combobox", name="Algorithm").select_option(label="MAML")
    reader.settled()
    assert reader.state()["beside"] == [0, 1, 4]
    link = reader.copied("copy link")
    page.goto(link)
    reader.settled()
    assert len(canvases(reader)) == 3


def canvases(reader: Reader) -> list[str]:
    return reader.page.locator("#maps canvas").evaluate_all("all => all.map((one) => one.ariaLabel)")


# What an address may ask for in vain, and what the page says it can be.
NONSENSE = {
    '{"sideBySide": true, "beside": [0]}': "beside = [0] (two to 4 different ones from 0 to 4)",
    '{"beside": [0, 0]}': "beside = [0,0] (two",
    '{"beside": [0, 9]}': "beside = [0,9] (two",
    '{"beside": [0, 1, 2, 3, 4]}': "beside = [0,1,2,3,4] (two",
    '{"beside": "all"}': 'beside = "all" (two',
    '{"beside": [null, 0.5]}': "beside = [null,0.5] (two",
    '{"firstTask": 3}': "firstTask = 3 (0, 8, ... below 50)",
    '{"firstTask": 56}': "firstTask = 56",
    '{"k": "2"}': 'k = "2" (one of 1, 3)',
    '{"k": "toString"}': 'k = "toString" (one of',
    '{"numSteps": 20000}': "numSteps = 20000 (from 1 to 10000)",
    '{"contours": 1}': "contours = 1 (true or false)",
    '{"toString": 1}': "toString = 1 (unknown here)",
    '{"p": {"99": 1}}': "number 99 = 1",
    '{"sideBySide": true, "beside": [1, 4], "k": "3", "firstTask": 48}': None,
}


@pytest.fixture(scope="module")
def read() -> Any:
    """What the page makes of each address."""
    metas = [{"variants": {"1": 0, "3": 0} if k < 3 else {"1": 0}, "default": "1"} for k in range(5)]
    data = {"metas": metas, "tasks": ["task"] * 50, "parameters": [{"value": 0.5}], "point": [0, 0]}
    data["axes"] = {"alpha": [0, 1], "theta": [-1, 1]}
    asked = ", ".join(f"fromFragment('#' + encodeURIComponent({json.dumps(text)}), data)" for text in NONSENSE)
    found = javascript.run(f"{_module('state.js')}\nconst data = {json.dumps(data)};\nconst answer = [{asked}];")
    return dict(zip(NONSENSE, found, strict=True))


@pytest.mark.parametrize("text", NONSENSE)
def test_what_an_address_asks_for_in_vain_is_said(read: Any, text: str) -> None:
    said, first = NONSENSE[text], read['{"contours": 1}']["state"]
    found = read[text]
    if said is None:
        assert found["ignored"] == []
        assert [found["state"][name] for name in ("beside", "meta", "k", "firstTask")] == [[0, 1, 4], 0, "3", 48]
    else:
        assert len(found["ignored"]) == 1
        assert said in found["ignored"][0]
        assert found["state"] == first | {"sideBySide": "sideBySide" in text}


def test_many_tasks_have_pages(reader: Reader) -> None:
    page = reader.page
    reader.show(point=[0.4, 1.5], pinned=True)
    pages = page.get_by_role("group", name="Which tasks")
    seen = set()
    for first in (0, 8, 16):
        assert f"tasks {first + 1}–{first + 8} of 50" in pages.text_content()
        numbers = reader.numbers()
        wanted = {f"task {i + 1}: θ′": 0.6 * 1.5 + 0.4 * CENTERS[i] for i in range(first, first + 8)}
        assert {name for name in numbers if name.endswith(": θ′")} == set(wanted)
        np.testing.assert_allclose([numbers[name] for name in wanted], list(wanted.values()), rtol=1e-5)
        seen.add((reader.pixels("#tasks")[0], reader.pixels()[0]))  # other curves, other handles
        pages.get_by_role("button", name="next tasks").click()
        page.wait_for_timeout(100)
    assert len({curves for curves, _ in seen}) == len({handles for _, handles in seen}) == 3
    assert reader.state()["firstTask"] == 24
    for _ in range(4):
        pages.get_by_role("button", name="previous tasks").click()
    assert "tasks 49–50 of 50" in pages.text_content()
    page.wait_for_timeout(100)
    assert [name for name in reader.numbers() if "L(θ′)" in name] == ["task 49: L(θ′)", "task 50: L(θ′)"]
    words = reader.taken("SVG").read_text(encoding="utf-8")
    assert ">task 50<" in words
    assert ">task 1<" not in words
    reader.show(firstTask=3, numSteps=-1)
    assert "firstTask = 3 (0, 8, ... below 50); numSteps = -1" in page.locator("#note").text_content()


def test_a_handle_out_of_sight_is_not_dragged(reader: Reader) -> None:
    reader.show(firstTask=48)
    for theta, is_moved in ((CENTERS[0], False), (CENTERS[49], True)):
        x, y = reader.place(0, theta)
        reader.page.mouse.move(x + 5, y)
        reader.page.mouse.down()
        reader.page.mouse.move(x + 5, y + 20)
        reader.page.mouse.up()
        reader.settled()
        assert ("p" in reader.state()) == is_moved


def test_k_outlives_a_meta_loss_that_has_no_steps(reader: Reader) -> None:
    page = reader.page
    algorithm, told = page.get_by_role("combobox", name="Algorithm"), page.locator("output[for=set-k]")
    page.get_by_label("Inner steps K").press("ArrowRight")
    for name, steps in (("MAML", "3"), ("iMAML", "1"), ("FOMAML", "3")):
        algorithm.select_option(label=name)
        reader.settled()
        assert told.text_content() == steps
    assert number(reader.told()["meta-loss"]) > 0


def test_all_four_are_presented_on_one_screen(reader: Reader) -> None:
    reader.show(sideBySide=True, presenting=True)
    assert len(canvases(reader)) == 4
    assert reader.page.evaluate("document.documentElement.scrollHeight") <= reader.page.evaluate("innerHeight") + 60


def test_a_scale_within_a_decade_has_ticks_between_its_ends() -> None:
    ends = [[0.29, 2.5], [1.0, 1.001], [3e-7, 9e-7], [0.2, 40.0]]
    asked = ", ".join(f'scaleOf("log", [Float64Array.from({json.dumps(both)})])' for both in ends)
    found = javascript.run(
        f"{_module('colours.js')}\nconst answer = [{asked}].map(({{ ticks, ends }}) => [ticks, ends]);"
    )
    for ticks, (low, high) in found:
        assert len(ticks) >= 2
        assert low * (1 - 1e-9) <= min(ticks) < max(ticks) <= high * (1 + 1e-9)


def test_a_curve_can_be_told_from_light_and_dark_paper() -> None:
    colours = ["#5148c8", "#c79a00", "#009e73", "#cc79a7", "#4c5f7a", "#a3a380", "#000000", "#ffffff"]
    asked = ", ".join(f'readableOn("{paper}", "{one}")' for paper in PAPERS for one in colours)
    found = javascript.run(f"{_module('colours.js')}\nconst answer = [{asked}];")
    for k, made in enumerate(found):
        paper, given = PAPERS[k // len(colours)], colours[k % len(colours)]
        assert contrast(paper, made) >= 2.95  # to rounding of a colour
        assert made == given or contrast(paper, given) < 3


PAPERS = ("#ffffff", "#16181b")


def contrast(*colours: str) -> float:
    """Of two colours, as WCAG 2.1 defines it."""
    parts = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in colours])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    low, high = np.sort(linear @ [0.2126, 0.7152, 0.0722])
    return float((high + 0.05) / (low + 0.05))
