"""A reader's data in the explorer: which numbers reach the page, which can be moved, and what cannot be held."""

from __future__ import annotations

import json
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid._explorer import page

from . import javascript

CASE = mg.cases.quartic()
BOX: Any = ((0.0, 1.0), (-2.0, 2.0))


def explored(meta: Any, **settings: Any) -> Any:
    return mg.plot.explorer(meta, *BOX, **({"num_steps": [1]} | settings))


def meta_of_case() -> mg.MetaLoss:
    return mg.maml(mg.cases.polynomial_loss, CASE.tasks())


def values(explorer: Any, alpha: float, theta: float) -> list[float]:
    """Value, direction and Jacobian as the page has them, from the numbers as the page reads them."""
    parameters = json.dumps([parameter["value"] for parameter in explorer.data["parameters"]])
    return javascript.run(
        f"""{page.engine_script(explorer.data, explorer.sources)}
    const out = [];
    programOf(0, "1").jet({alpha}, {theta}, Float64Array.from({parameters}, Number), out);
    const answer = out;"""
    )


SETTINGS = {
    "steps in a row": ({"num_steps": 3}, r"num_steps must be several numbers.*range\(11\)"),
    "one text of positions": ({"positions": "tasks.support"}, "positions must be a sequence of names"),
    "one text of labels": ({"labels": "ab"}, "labels must be a sequence"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_one_in_the_place_of_several_is_refused(name: str) -> None:
    settings, message = SETTINGS[name]
    with pytest.raises(ValueError, match=message):
        explored(meta_of_case(), **settings)


def test_meta_losses_have_names():
    with pytest.raises(TypeError, match="names that are texts; got 1"):
        explored({1: meta_of_case()})


def test_a_position_may_be_one_number_or_an_array_of_them():
    def positions(*given: str) -> list[str]:
        parameters = explored(meta_of_case(), positions=given).data["parameters"]
        return [parameter["name"] for parameter in parameters if parameter["position"]]

    assert positions("tasks.support['quartic'][1]") == ["tasks.support['quartic'][1]"]
    assert positions("tasks.support['center']") == [f"tasks.support['center'][{i}]" for i in (0, 1)]
    assert len(positions("tasks.support")) == 6
    assert positions() == []


DATA = {
    "keys": (
        lambda: jax.random.split(jax.random.key(0), 2),
        r"tasks.support holds key<fry>: draw random numbers outside",
    ),
    "complex": (lambda: jnp.array([1j, 2.0]), "tasks.support holds complex64"),
}


@pytest.mark.parametrize("name", DATA)
def test_data_that_a_page_cannot_hold_is_refused(name: str) -> None:
    data, message = DATA[name]
    with pytest.raises(ValueError, match=message):
        explored(mg.maml(lambda theta, d: theta**2, mg.Tasks(data())))


def test_integers_and_booleans_are_data_that_no_slider_moves():
    data = {
        "pixel": jnp.array([3, 250], jnp.uint8),
        "label": jnp.array([1, 0]),
        "use": jnp.array([True, False]),
        "scale": jnp.array([0.5, 2.0]),
    }

    def loss(theta: Any, d: Any) -> Any:
        wrapped = (d["pixel"] + jnp.uint8(10)).astype(float)  # 250 + 10 is 4
        return (
            jnp.where(d["use"], d["scale"], 1.0) * (theta - jnp.array([0.3, -0.4])[d["label"]]) ** 2 + wrapped * theta
        )

    meta = mg.maml(loss, mg.Tasks(data))
    explorer = explored(meta)
    live = {parameter["leaf"] for parameter in explorer.data["parameters"] if parameter["live"]}
    assert live == {"tasks.support['scale']"}
    with jax.enable_x64(True):
        expected = [meta(0.7, 0.1), jax.grad(meta)(0.7, 0.1)]
    np.testing.assert_allclose(values(explorer, 0.1, 0.7)[:2], expected, rtol=1e-6)


def test_what_is_not_finite_reaches_the_page():
    # A bound that is off in one task; NaN in the place of what was not observed.
    data = {"bound": np.array([1.0, np.inf]), "y": np.array([[0.3, np.nan], [0.1, 0.2]])}

    def loss(theta: Any, d: Any) -> Any:
        seen = jnp.isfinite(d["y"])
        errors = jnp.where(seen, theta - jnp.where(seen, d["y"], 0.0), 0.0) ** 2
        return jnp.minimum(errors.sum(), d["bound"])

    with jax.enable_x64(True):
        meta = mg.maml(loss, mg.Tasks(data))
        explorer = explored(meta)
        expected = [float(meta(0.9, 0.1)), float(jax.grad(meta)(0.9, 0.1))]
    found = re.search(r'id="data"[^>]*>(.*?)</script>', explorer.html, re.DOTALL)
    assert found is not None
    parameters = json.loads(found[1], parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))["parameters"]
    assert [(p["value"], p["live"]) for p in parameters if p["value"] in ("NaN", "Infinity")] == [
        ("Infinity", False),
        ("NaN", False),
    ]
    np.testing.assert_allclose(values(explorer, 0.1, 0.9)[:2], expected, rtol=1e-12)


def test_names_cannot_end_a_script():
    evil = "</script><script>alert(1)</script><!--"
    html = explored({evil: meta_of_case()}, title=evil, labels=[evil, "b"]).html
    plain = explored({"a": meta_of_case()}, title="a", labels=["a", "b"]).html
    assert html.lower().count("</script") == plain.lower().count("</script")
    assert html.count("<!--") == plain.count("<!--")


def test_rates_by_step_have_their_own_number_of_steps():
    rule = mg.inner.GradientDescent(3, per_step=True)
    scaled = mg.scale_rates(mg.maml(mg.cases.polynomial_loss, CASE.tasks(), inner=rule), jnp.array([1.0, 0.5, 0.2]))
    explorer = explored(scaled, num_steps=[3])
    assert set(explorer.data["metas"][0]["variants"]) == {"3"}
    names = [parameter["name"] for parameter in explorer.data["parameters"] if parameter["task"] is None]
    assert names == [f"coordinates.rates[{k}]" for k in range(3)]
