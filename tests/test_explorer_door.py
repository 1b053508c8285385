"""The door of the explorer: what it refuses in one message, and what it takes."""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np
import pytest

import mamlgrid as mg
from benchmarks.explorer import metas_of_shots


def _loss(theta: Any, data: Any) -> Any:
    center, weight, counted = data
    return weight * (theta - center) ** 2 * (counted > 0)


def meta(num_tasks: int = 3) -> mg.MetaLoss:
    data = np.linspace(-1, 1, num_tasks), np.ones(num_tasks), np.ones(num_tasks, int)
    return mg.maml(_loss, mg.Tasks(data))


TAKEN: dict[str, Any] = {"metas": meta(), "alphas": (0.0, 1.0), "thetas": (-2.0, 2.0), "num_steps": [1]}
REFUSED = {
    "no meta-loss": ({"metas": 3}, TypeError, "metas must be a MetaLoss, got 3"),
    "a function": ({"metas": abs}, TypeError, "make one with mg.maml"),
    "one of several": ({"metas": {"a": meta(), "b": 3}}, TypeError, r"metas\['b'\] must be a MetaLoss"),
    "none": ({"metas": {}}, ValueError, "metas is empty"),
    "axes reversed": ({"alphas": (1, 0)}, ValueError, "alphas must rise"),
    "a grid": ({"thetas": np.linspace(0, 1, 5)}, ValueError, "thetas must be the two ends of an axis"),
    "not finite": ({"thetas": (0, np.inf)}, ValueError, "thetas must rise from a finite low end"),
    "labels": ({"labels": ["one"]}, ValueError, "labels must be one for each task"),
    "steps": ({"num_steps": [1, -1]}, ValueError, r"num_steps\[1\] must be 0 or more, got -1"),
    "no steps": ({"num_steps": [1.5]}, TypeError, r"num_steps\[0\] must be an int, got 1.5"),
    "too many steps": (
        {"num_steps": [1, 5000]},
        ValueError,
        r"num_steps\[1\] must be 1000 or less.*got 5000: take fewer",
    ),
    "steps of none": (
        {"metas": mg.imaml(_loss, meta().tasks), "num_steps": [3]},
        ValueError,
        r"meta-loss has 1 alone.*got \[3\]: leave num_steps out",
    ),
    "positions": ({"positions": ["tasks.support[7]"]}, ValueError, r"got 'tasks.support\[7\]', there are tasks"),
    "too many tasks": ({"metas": meta(300)}, ValueError, "200 at most; got 300: take a part of them"),
    "rates by step": (
        {"metas": mg.maml([lambda t: t**2], num_steps=2, per_step=True)},
        TypeError,
        r"explorer evaluates at numbers: with per_step=True.*got shape \(\); mg.scale_rates\(meta, rates\)",
    ),
    "a network": ({"metas": mg.maml([lambda t: t["w"] ** 2])}, TypeError, "theta must be a scalar here.*draw a line"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_page_is_one_message(name: str) -> None:
    given, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        mg.plot.explorer(**TAKEN | given)


def test_a_page_for_a_notebook_is_the_page_itself():
    page = mg.plot.explorer(**TAKEN, title="a < b & 'c' </script>")
    frame = page._repr_html_()
    inside = html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])
    assert inside == page.html
    assert inside.count("</script>") == 3
    assert "<title>a &lt; b &amp; &#x27;c&#x27; &lt;/script&gt;</title>" in inside


def test_whole_numbers_among_the_data_are_no_sliders():
    page = mg.plot.explorer(**TAKEN, positions=["tasks.support[0]"])
    live = {parameter.name: parameter for parameter in page.parameters if parameter.live}
    assert len(live) == 6
    assert live["tasks.support[0][1]"].position
    assert not live["tasks.support[1][1]"].position
    assert repr(page).startswith("Explorer(meta-loss; 6 live numbers;")


@pytest.mark.slow
def test_a_page_is_small_or_refused():
    page = mg.plot.explorer(metas_of_shots(20), (0, 1), (-2, 2))
    assert len(page.html.encode()) < 1_000_000
    with pytest.raises(ValueError, match=r"MB of programs or more, where 1\.35 fit.*algorithms there are \(4\)"):
        mg.plot.explorer(metas_of_shots(100), (0, 1), (-2, 2), num_steps=[0, 1])


def test_programs_of_many_steps_differ_in_the_lengths_of_loops():
    page = mg.plot.explorer(**TAKEN | {"num_steps": range(11)})
    variants = page.data["metas"][0]["variants"]
    assert len({source for source, _ in variants.values()}) == 3  # none, one, and more
    for k in (3, 7):  # which were not traced
        alone = mg.plot.explorer(**TAKEN | {"num_steps": [k]})
        source, lengths = alone.data["metas"][0]["variants"][str(k)]
        assert page.sources[variants[str(k)][0]] == alone.sources[source]
        assert variants[str(k)][1] == lengths


def test_a_page_is_as_long_for_many_tasks_as_for_few():
    few, many = (sum(map(len, mg.plot.explorer(**TAKEN | {"metas": meta(n)}).sources)) for n in (2, 200))
    assert many <= few + 100  # the places of the numbers have more digits
