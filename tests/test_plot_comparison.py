"""What the pictures of a comparison say: read from the artists, not from pixels."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid import Status, plot

from . import stand_ins

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture(scope="module")
def both():
    return stand_ins.parabolas()


def _lines(ax, color):
    return [line for line in ax.lines if line.get_color() == color and len(line.get_xdata()) > 0]


def _color(ax, name):
    return ax.lines[[line.get_label() for line in ax.lines].index(name)].get_color()


def test_attracting_is_large_and_repelling_small(both):
    ax = plot.fixed_points(both)
    small, large = sorted(_lines(ax, _color(ax, "FOMAML")), key=lambda line: line.get_markersize())
    assert large.get_markersize() > 2 * small.get_markersize()
    assert max(large.get_xdata()) < 0.4 < min(small.get_xdata())


def test_the_dots_are_the_result(both):
    ax = plot.fixed_points(both)
    (line,) = _lines(ax, _color(ax, "MAML"))
    assert (line.get_linestyle(), line.get_marker()) == ("None", "o")
    np.testing.assert_array_equal(line.get_xdata(), both.alphas)
    np.testing.assert_array_equal(line.get_ydata(), both.fixed_points[0, :, 0])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["optimum", "MAML", "FOMAML", "repelling"]


def test_limits_are_open_and_what_is_in_doubt_is_grey(both):
    status = both.status.copy()
    status[1, 2], status[1, 5] = Status.ONE_SIDED, Status.NOT_CONVERGED
    ax = plot.fixed_points(replace(both, status=status))
    for name, row in (("one-sided limit", 2), ("not confirmed", 5)):
        (marks,) = (line for line in ax.lines if line.get_label() == name)
        assert marks.get_xydata().tolist() == [[both.alphas[row], both.fixed_points[1, row, 0]]]
        assert marks.get_markerfacecolor() == "white"
    # What is in doubt is no fixed point.
    dots = np.concatenate([line.get_xdata() for line in _lines(ax, _color(ax, "FOMAML"))])
    assert both.alphas[2] in dots
    assert both.alphas[5] not in dots


def test_regrets_are_the_result(both):
    ax = plot.regrets(both)
    drawn = np.concatenate([line.get_xydata() for line in _lines(ax, _color(ax, "FOMAML"))])
    costs = both.regrets[1, :, 0]
    assert sorted(drawn.tolist()) == [[a, c] for a, c in zip(both.alphas, costs, strict=True) if c > 0]


def test_zero_regret_is_not_drawn_on_a_logarithmic_axis(both):
    ax = plot.regrets(both)
    assert "MAML" not in [line.get_label() for line in ax.lines]
    drawn = np.concatenate([line.get_ydata() for line in ax.lines if len(line.get_ydata())])
    assert (drawn[np.isfinite(drawn)] > 0).all()


def test_climbing_shades_the_cells_of_one_algorithm(both):
    ax = plot.climbing(both, "FOMAML")
    mesh = ax.collections[0]
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).astype(bool), np.asarray(both.uphill[1]).T)
    assert both.uphill[1].any()
    assert not both.uphill[0].any()
    assert "climbs" in [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("draw", [plot.fixed_points, plot.regrets, lambda c, ax: plot.climbing(c, "FOMAML", ax)])
def test_draws_on_the_axes_it_is_given(draw, both):
    ax = plt.subplots(layout="constrained")[1]
    assert draw(both, ax) is ax
    ax.figure.canvas.draw()
    assert plt.get_fignums() == [ax.figure.number]


@pytest.mark.parametrize("draw", [plot.fixed_points, plot.regrets, lambda c: plot.climbing(c, "MAML")])
def test_another_result_is_refused(draw, both):
    with pytest.raises(TypeError, match=r"a mamlgrid\.Comparison, got OptimalTheta; mg\.compare returns one"):
        draw(both.optimum)


def test_an_unknown_algorithm_is_refused():
    two = mg.compare({"MAML": mg.cases.quadratic().meta()}, np.array([0.5]), (-1.0, 2.0))
    with pytest.raises(ValueError, match="no algorithm 'ANIL'; there are 'MAML'"):
        plot.climbing(two, "ANIL")
