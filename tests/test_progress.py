"""A bar changes no number, says when it waits for the compiler, and stays out of the way where nothing is done yet."""

from __future__ import annotations

import sys

import jax
import numpy as np
import optax
import pytest

import mamlgrid as mg

from .lanes import brief
from .test_outer_loop import equal

ALPHAS, THETAS, BOUNDS = np.linspace(0, 0.9, 45), np.linspace(-2, 2, 9), (-4.0, 4.0)
QUARTIC = mg.cases.quartic().meta()
ADAM = optax.adam(0.1)


def _run(meta, **settings):
    return mg.outer_loop(meta, ALPHAS, 1.1, ADAM, num_steps=250, record_every=3, **settings)


# The call, what it counts, and how many of these there are where that is known.
CALLS = {
    "surface": (lambda meta, **s: mg.surface(meta, ALPHAS, THETAS, derivatives=2, **s), "45/45", "alphas"),
    "outer loop": (_run, "250/250", "steps"),
    "evaluation": (lambda meta, **s: mg.evaluate(meta, _run(meta), THETAS, **s), "45/45", "alphas"),
    "optimum": (lambda meta, **s: mg.optimal_theta(meta, ALPHAS, BOUNDS, **s), "k", "points"),
    "task losses": (lambda meta, **s: mg.task_losses(meta, ALPHAS, THETAS, **s), "45/45", "alphas"),
    "comparison": (lambda meta, **s: mg.compare({"MAML": meta}, ALPHAS, BOUNDS, **s), "k", "points"),
    "diagram": (lambda meta, **s: mg.bifurcation_diagram(meta, ALPHAS, BOUNDS, **s), "k", "points"),
}


@pytest.mark.parametrize("name", brief(CALLS, "surface", "outer loop", "evaluation", "optimum"))
def test_a_bar_counts_the_work_and_changes_no_number(name, x64, capsys):
    pytest.importorskip("tqdm")
    call, number, unit = CALLS[name]
    plain = call(QUARTIC)
    assert capsys.readouterr().err == ""
    equal(jax.tree.leaves(call(QUARTIC, progress=True)), jax.tree.leaves(plain))
    last = capsys.readouterr().err.split("\r")[-1]
    assert number in last
    assert unit in last


def test_the_bar_says_that_a_first_call_compiles(x64, capsys):
    pytest.importorskip("tqdm")
    meta = mg.maml([lambda t: (t - 3) ** 6])
    for said in (True, False):
        mg.surface(meta, ALPHAS, THETAS, progress=True)
        shown = capsys.readouterr().err
        assert ("compiling (first call for these shapes)" in shown) == ("s of it compiling" in shown) == said


def test_there_is_no_bar_inside_a_program(x64, capsys):
    def end(start):
        return mg.outer_loop(QUARTIC, ALPHAS[:2], start, ADAM, num_steps=3, progress=True).thetas.sum()

    assert np.isfinite(jax.jit(jax.grad(end))(0.8))
    assert capsys.readouterr().err == ""


def test_a_surface_that_is_written_over_is_one_piece(x64, capsys):
    pytest.importorskip("tqdm")
    old, new = (mg.surface(QUARTIC, ALPHAS, THETAS) for _ in range(2))
    equal(jax.tree.leaves(mg.surface(QUARTIC, ALPHAS, THETAS, out=old, progress=True)), jax.tree.leaves(new))
    assert "45/45" in capsys.readouterr().err


def test_what_is_no_yes_or_no_and_what_is_not_installed_is_told(monkeypatch):
    with pytest.raises(TypeError, match="progress must be True or False, got 'yes'"):
        mg.surface(QUARTIC, ALPHAS, THETAS, progress="yes")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"^progress=True needs tqdm: pip install 'mamlgrid\[progress\]'$"):
        mg.surface(QUARTIC, ALPHAS, THETAS, progress=True)
