"""What the pictures of a comparison say: read from the artists, not from pixels."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import mamlgrid as mg
from mamlgrid import plot

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture(scope="module")
def both():
    """MAML and FOMAML on parabolas of curvature 1 and 3: FOMAML's fixed point repels past alpha = 0.4."""
    with jax.enable_x64(True):
        tasks = mg.Tasks((np.array([1.0, 3.0]), np.array([0.0, 1.0])))
        metas = {"MAML": mg.maml(mg.cases.quadratic_loss, tasks), "FOMAML": mg.fomaml(mg.cases.quadratic_loss, tasks)}
        return mg.compare(metas, np.linspace(0, 0.9, 10), (-4.0, 4.0))


def _lines(ax, color):
    return [line for line in ax.lines if line.get_color() == color and len(line.get_xdata()) > 0]


def test_attracting_is_solid_and_thick_repelling_thin_and_dashed(both):
    ax = plot.fixed_points(both)
    color = ax.lines[[line.get_label() for line in ax.lines].index("FOMAML")].get_color()
    (solid,), (dashed,) = (
        [line for line in _lines(ax, color) if line.get_linestyle() == style] for style in ("-", "--")
    )
    assert solid.get_linewidth() > dashed.get_linewidth()
    assert max(solid.get_xdata()) < 0.4 < min(dashed.get_xdata())


def test_the_curves_are_the_result(both):
    ax = plot.fixed_points(both)
    color = ax.lines[[line.get_label() for line in ax.lines].index("MAML")].get_color()
    (line,) = _lines(ax, color)
    np.testing.assert_array_equal(line.get_xdata(), both.alphas)
    np.testing.assert_array_equal(line.get_ydata(), both.fixed_points[0, :, 0])


def test_zero_regret_is_not_drawn_on_a_logarithmic_axis(both):
    ax = plot.regrets(both)
    assert "MAML" not in [line.get_label() for line in ax.lines]
    drawn = np.concatenate([line.get_ydata() for line in ax.lines if len(line.get_ydata())])
    assert (drawn[np.isfinite(drawn)] > 0).all()


def test_climbing_shades_the_cells_of_one_algorithm(both):
    ax = plot.climbing(both, "FOMAML")
    (mesh,) = ax.collections
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).astype(bool), np.asarray(both.uphill[1]).T)
    assert both.uphill[1].any()
    assert not both.uphill[0].any()
    assert "climbs" in [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("draw", [plot.fixed_points, plot.regrets, lambda c: plot.climbing(c, "MAML")])
def test_another_result_is_refused(draw, both):
    with pytest.raises(TypeError, match=r"shows a mamlgrid\.Comparison, got OptimalTheta"):
        draw(both.optimum)


def test_an_unknown_algorithm_is_refused(both):
    with pytest.raises(ValueError, match="no algorithm 'ANIL'; there are 'MAML', 'FOMAML'"):
        plot.climbing(both, "ANIL")
