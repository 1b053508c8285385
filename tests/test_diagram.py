"""The bifurcation diagram: every stationary point, fold and branch point, and no curve that is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mamlgrid as mg

from . import oracles_folds, oracles_stationary
from .lanes import brief
from .plane import Terms, meta_with_direction
from .problems import polynomials

pytestmark = pytest.mark.usefixtures("x64")

# Where normal forms are put: on no point of an axis and of a grid.
AT = (0.13, 0.0712)
AXIS = np.linspace(-1.0, 1.0, 41)
BOUNDS = (-2.0, 2.0)

QUARTIC = ([0, 0, 0, 0, 0.25], [0.5, -1, 0.5])


def diagram(
    terms: Terms, at: tuple[float, float] = AT, axis: Any = AXIS, bounds: tuple[float, float] = BOUNDS
) -> mg.BifurcationDiagram:
    return mg.bifurcation_diagram(meta_with_direction(terms, at), axis, bounds)


def folds_of(found: mg.BifurcationDiagram) -> list[tuple[float, float, bool]]:
    assert (np.asarray(found.folds.status) == mg.Status.OK).all()
    columns = (found.folds.alphas, found.folds.thetas, found.folds.births)
    return [(float(a), float(t), bool(b)) for a, t, b in zip(*columns, strict=True)]


def crossings_of(found: mg.BifurcationDiagram) -> list[tuple[float, float, mg.BranchPointKind]]:
    columns = (found.branch_points.alphas, found.branch_points.thetas, found.branch_points.kinds)
    return [(float(a), float(t), mg.BranchPointKind(int(k))) for a, t, k in zip(*columns, strict=True)]


def ends_of(found: mg.BifurcationDiagram) -> list[tuple[str, str]]:
    return [branch.ends for branch in found.branches]


def turns(branch: mg.Branch) -> list[int]:
    """The stabilities along a branch, each run of them once."""
    signs = np.asarray(branch.stabilities)
    return [int(s) for s in signs[np.concatenate([[True], np.diff(signs) != 0])]]


def check_lies_on_zeros(found: mg.BifurcationDiagram, meta: mg.MetaLoss, tolerance: float = 1e-9) -> None:
    """Every vertex of every branch is a zero of the direction, and its stability is that of the Jacobian."""
    g = jax.jit(jax.vmap(jax.grad(meta)))
    for branch in found.branches:
        slopes, signs = np.asarray(branch.jacobians), np.asarray(branch.stabilities)
        assert np.abs(g(branch.thetas, branch.alphas)).max() <= tolerance * max(1, np.abs(slopes).max())
        assert (slopes * signs >= -tolerance).all()


@pytest.fixture(scope="module")
def quartic() -> mg.BifurcationDiagram:
    with jax.enable_x64(True):
        return mg.bifurcation_diagram(mg.cases.quartic().meta(), np.linspace(0, 1.5, 257), (-5.0, 5.0))


# Case 2 of the post.


def test_case_2_has_eight_folds_at_roots_of_the_discriminant(quartic: mg.BifurcationDiagram) -> None:
    exact = [f for f in oracles_folds.folds(oracles_folds.direction(QUARTIC), (0, 1.5), (-5, 5)) if not f.degenerate]
    assert len(exact) == quartic.folds.alphas.size == 8
    for k, fold in enumerate(exact):
        assert abs(float(fold.alpha) - float(quartic.folds.alphas[k])) < 1e-12
        assert abs(float(fold.theta) - float(quartic.folds.thetas[k])) < 1e-9
        assert fold.births == bool(quartic.folds.births[k])
        assert float(quartic.folds.curvatures[k]) == pytest.approx(float(fold.curvature), rel=1e-8)
        assert float(quartic.folds.transversalities[k]) == pytest.approx(float(fold.transversality), rel=1e-8)
    assert np.max(quartic.folds.residuals) < 1e-12


def test_case_2_has_two_closed_loops_around_alpha_one_and_an_optimum_that_goes_on(
    quartic: mg.BifurcationDiagram,
) -> None:
    assert ends_of(quartic) == [
        ("axis", "axis"), ("high", "high"), ("low", "low"), ("closed", "closed"), ("closed", "closed"),
    ]  # fmt: skip
    assert [turns(branch) for branch in quartic.branches[:3]] == [[1, 0, -1, 0, 1], [-1, 0, 1], [-1, 0, 1]]
    for loop in quartic.branches[3:]:
        assert loop.closed
        assert float(jnp.min(loop.alphas)) < 1 < float(jnp.max(loop.alphas))
    check_lies_on_zeros(quartic, mg.cases.quartic().meta())
    assert quartic.unresolved.reasons == ()


def test_case_2_is_degenerate_at_alpha_one(quartic: mg.BifurcationDiagram) -> None:
    """There G = (theta - theta^3)^3 (1 - 3 theta^2): triple zeros at -1, 0 and 1."""
    assert np.allclose(quartic.branch_points.alphas, 1, atol=1e-9)
    assert np.allclose(np.sort(quartic.branch_points.thetas), [-1, 0, 1], atol=1e-5)
    assert (np.asarray(quartic.branch_points.kinds) == mg.BranchPointKind.DEGENERATE).all()


def test_case_2_jumps_inside_the_window_between_two_folds(quartic: mg.BifurcationDiagram) -> None:
    (window,) = np.asarray(quartic.jumps.windows)
    born = [float(a) for a, b in zip(quartic.folds.alphas, quartic.folds.births, strict=True) if b]
    dies = [float(a) for a, b in zip(quartic.folds.alphas, quartic.folds.births, strict=True) if not b]
    assert window[0] in born
    assert window[1] in dies
    assert window[0] < float(quartic.jumps.alphas[0]) < window[1]
    assert np.array_equal(quartic.optimum.jumps.alphas, quartic.jumps.alphas)


@pytest.mark.parametrize(("losses", "bounds"), [(QUARTIC, (-5.0, 5.0)), (([0, 0, 0.5], [0.5, -1, 0.5]), (-5.0, 5.0))])
def test_points_are_all_real_roots_of_the_meta_gradient(losses: Any, bounds: tuple[float, float]) -> None:
    axis = np.linspace(0.0031, 1.4969, 60)
    found = mg.bifurcation_diagram(polynomials(_padded(losses)), axis, bounds)
    for row, alpha in enumerate(axis):
        exact = oracles_stationary.stationary_points(losses, float(alpha), bounds)
        number = int(found.num_points[row])
        assert number == len(exact)
        assert np.allclose(found.points.thetas[row, :number], [float(p.theta) for p in exact], atol=1e-12, rtol=1e-12)
        assert [int(s) > 0 for s in found.points.stabilities[row, :number]] == [p.attracting for p in exact]


def _padded(losses: Sequence[Sequence[float]]) -> list[list[float]]:
    degree = max(map(len, losses))
    return [[*loss, *[0.0] * (degree - len(loss))] for loss in losses]


@pytest.mark.parametrize("num_steps", brief([1, 2], 1))
def test_folds_of_random_polynomial_tasks_are_roots_of_the_discriminant(num_steps: int) -> None:
    bounds, axis = (-2.0, 2.0), np.linspace(0.0, 1.0, 65)
    rng = np.random.default_rng(num_steps)
    for _ in range(3):
        losses = rng.integers(-16, 17, (2, 4)) / 16
        losses = np.column_stack([losses, rng.integers(1, 17, 2) / 16]) if num_steps == 1 else losses
        found = mg.bifurcation_diagram(polynomials(losses, num_steps=num_steps), axis, bounds)
        g = oracles_folds.direction(losses.tolist(), num_steps)
        exact = [f for f in oracles_folds.folds(g, (0.0, 1.0), bounds) if not f.degenerate]
        assert len(exact) == found.folds.alphas.size
        assert np.allclose(found.folds.alphas, [float(f.alpha) for f in exact], atol=1e-11, rtol=0)
        assert found.unresolved.reasons == ()


# Normal forms.


@pytest.mark.parametrize("sign", [1, -1])
def test_fold(sign: int) -> None:
    """`G = (theta - t)^2 - (alpha - a)`."""
    found = diagram({(2, 0): 1, (0, 1): -sign})
    ((alpha, theta, births),) = folds_of(found)
    assert (alpha, theta, births) == (pytest.approx(AT[1], abs=1e-14), pytest.approx(AT[0], abs=1e-14), sign > 0)
    (branch,) = found.branches
    assert branch.ends == ("axis", "axis")
    assert turns(branch) == [-1, 0, 1]


def test_fold_at_a_point_of_the_axis_and_on_its_ends() -> None:
    """A circle whose two folds are the first and the last alpha."""
    found = diagram({(2, 0): 1, (0, 2): 1, (0, 0): -1}, (0.0, 0.0), np.linspace(-1, 1, 21))
    assert [(a, b) for a, _, b in folds_of(found)] == [(-1.0, True), (1.0, False)]
    (branch,) = found.branches
    assert branch.closed
    assert turns(branch) == [0, -1, 0, 1]


@pytest.mark.parametrize("radius", [0.5, 1e-3, 1e-5])
def test_circle_also_when_it_is_much_smaller_than_a_cell(radius: float) -> None:
    found = diagram({(2, 0): 1, (0, 2): 1, (0, 0): -(radius**2)})
    assert [a for a, *_ in folds_of(found)] == pytest.approx([AT[1] - radius, AT[1] + radius], abs=1e-11)
    (loop,) = found.branches
    assert loop.closed
    distance = np.hypot(np.asarray(loop.alphas) - AT[1], np.asarray(loop.thetas) - AT[0])
    assert np.allclose(distance, radius, rtol=1e-4)


def test_a_circle_of_radius_zero_is_a_degenerate_point() -> None:
    found = diagram({(2, 0): 1, (0, 2): 1})
    ((alpha, theta, kind),) = crossings_of(found)
    assert (alpha, theta) == (pytest.approx(AT[1]), pytest.approx(AT[0]))
    assert kind == mg.BranchPointKind.DEGENERATE
    assert found.branches == ()


@pytest.mark.parametrize("at", [AT, (0.13, 0.0)])
@pytest.mark.parametrize("terms", [{(2, 0): 1, (1, 1): -1}, {(2, 0): 1, (1, 1): -1, (0, 2): -2}])
def test_transcritical_point_also_at_a_point_of_the_axis(terms: Terms, at: tuple[float, float]) -> None:
    """Two lines cross and exchange their stability."""
    found = diagram(terms, at)
    assert crossings_of(found) == [
        (pytest.approx(at[1], abs=1e-14), pytest.approx(at[0], abs=1e-14), mg.BranchPointKind.TRANSCRITICAL)
    ]
    assert folds_of(found) == []
    assert sorted(map(turns, found.branches)) == [[-1, 0, 1], [1, 0, -1]]
    for branch in found.branches:  # straight through
        slopes = np.diff(branch.thetas) / np.diff(branch.alphas)
        assert np.ptp(slopes) < 1e-6


@pytest.mark.parametrize("sign", [1, -1])
def test_subcritical_pitchfork(sign: int) -> None:
    """`G = -t^3 - s a t`: the side branch is repelling, on the side on which the trunk attracts."""
    found = diagram({(3, 0): -1, (1, 1): -sign})
    ((alpha, theta, kind),) = crossings_of(found)
    assert (alpha, theta) == (pytest.approx(AT[1], abs=1e-12), pytest.approx(AT[0], abs=1e-12))
    assert kind == mg.BranchPointKind.PITCHFORK
    side, trunk = sorted(found.branches, key=lambda b: np.ptp(b.thetas), reverse=True)
    assert turns(side) == [-1]
    assert turns(trunk) == ([1, 0, -1] if sign > 0 else [-1, 0, 1])
    assert np.allclose(trunk.thetas, AT[0], atol=1e-9)


def test_pitchfork_approached_along_its_side_branch() -> None:
    """The axis begins at the pitchfork: the side branch turns on the first alpha."""
    found = diagram({(3, 0): -1, (1, 1): 1}, (0.13, 0.0), np.linspace(0, 1, 21))
    ((alpha, _, kind),) = crossings_of(found)
    assert alpha == pytest.approx(0, abs=1e-14)
    assert kind == mg.BranchPointKind.PITCHFORK
    assert ends_of(found) == [("axis", "axis")] * 2
    assert [turns(b) for b in sorted(found.branches, key=lambda b: np.ptp(b.thetas))] == [[1], [-1]]


@pytest.mark.parametrize("gap", [1e-3, 1e-9])
def test_a_pitchfork_that_is_pulled_apart_is_a_fold_beside_a_curve(gap: float) -> None:
    """`G = t^3 - a t + gap`: the fold is at `a = 3 (gap / 2)^(2/3)`."""
    found = diagram({(3, 0): 1, (1, 1): -1, (0, 0): gap})
    ((alpha, *_),) = folds_of(found)
    assert alpha - AT[1] == pytest.approx(3 * (gap / 2) ** (2 / 3), rel=1e-6)
    assert crossings_of(found) == []
    assert sorted(map(turns, found.branches)) == [[-1, 0, 1], [1]]


@pytest.mark.parametrize("bend", [0.3, 1e-4])
def test_hysteresis_loop_with_its_window(bend: float) -> None:
    """`G = t^3 - bend t - a` folds at `t = -+ sqrt(bend / 3)` and jumps in the middle."""
    found = diagram({(3, 0): 1, (1, 0): -bend, (0, 1): -1})
    half = 2 * (bend / 3) ** 1.5
    assert [a for a, *_ in folds_of(found)] == pytest.approx([AT[1] - half, AT[1] + half], abs=1e-12)
    (branch,) = found.branches
    assert turns(branch) == [1, 0, -1, 0, 1]
    assert np.asarray(found.jumps.alphas) == pytest.approx([AT[1]], abs=1e-10)
    assert np.asarray(found.jumps.windows) == pytest.approx(np.array([[AT[1] - half, AT[1] + half]]), abs=1e-12)


def test_hysteresis_point_is_vertical_but_goes_on() -> None:
    """`G = t^3 - a`."""
    found = diagram({(3, 0): 1, (0, 1): -1})
    assert np.asarray(found.folds.alphas) == pytest.approx([AT[1]], abs=1e-13)
    assert abs(float(found.folds.curvatures[0])) < 1e-6
    (branch,) = found.branches
    assert turns(branch) == [1]
    assert found.unresolved.reasons == ()


@pytest.mark.parametrize("terms", [{(3, 0): 1, (0, 2): -1}, {(2, 0): 1, (0, 3): -1}])
def test_cusp_is_a_degenerate_point_that_its_curve_goes_through(terms: Terms) -> None:
    """`t^3 = a^2` and `t^2 = a^3`."""
    found = diagram(terms)
    ((alpha, theta, kind),) = crossings_of(found)
    assert (alpha, theta) == (pytest.approx(AT[1], abs=1e-6), pytest.approx(AT[0], abs=1e-6))
    assert kind == mg.BranchPointKind.DEGENERATE
    assert ends_of(found) == [("axis", "axis")]


@pytest.mark.parametrize("bound", BOUNDS)
def test_fold_on_the_edge_of_the_box(bound: float) -> None:
    found = diagram({(2, 0): 1, (0, 1): -1}, (bound, AT[1]))
    ((alpha, theta, _),) = folds_of(found)
    assert (alpha, theta) == (pytest.approx(AT[1], abs=1e-13), pytest.approx(bound, abs=1e-13))
    assert ends_of(found) == [("low" if bound < 0 else "high", "axis")]


def test_bounds_that_cut_a_branch_say_where() -> None:
    """`theta = alpha` on bounds that it leaves at both ends."""
    found = diagram({(1, 0): 1, (0, 1): -1}, (0.0, 0.0), bounds=(-0.55, 0.33))
    (branch,) = found.branches
    assert branch.ends == ("low", "high")
    assert np.asarray(branch.alphas)[[0, -1]] == pytest.approx([-0.55, 0.33], abs=1e-14)


# What cannot be told.


@pytest.mark.parametrize("alpha", brief([AT[1], 0.0], 0.0))
def test_a_row_on_which_every_theta_is_stationary_is_unresolved_whether_it_is_on_the_axis_or_not(alpha: float) -> None:
    """`G = (theta - t) (alpha - a)`."""
    found = diagram({(1, 1): 1}, (0.13, alpha))
    assert found.unresolved.reasons == ("every theta is stationary",)
    assert float(found.unresolved.starts[0]) == pytest.approx(alpha, abs=1e-14)
    assert [turns(b) for b in found.branches] == [[-1, 0, 1]]


def test_an_alpha_axis_on_which_nothing_is_stationary() -> None:
    found = diagram({(0, 0): 1})
    assert found.branches == ()
    assert found.points.thetas.shape == (AXIS.size, 0)
    assert (np.asarray(found.num_points) == 0).all()


def _with_a_strip(theta: Any) -> Any:
    return jnp.where(jnp.abs(theta - 0.5) < 0.2, jnp.nan, (theta + 1) ** 2 * (theta - 0.6) ** 2)


@pytest.mark.slow
def test_a_curve_that_runs_into_nan_is_not_drawn_through_it() -> None:
    """Two minima and a maximum, one of the minima inside a strip of NaN, at alpha = 0; nothing is linked across."""
    found = mg.bifurcation_diagram(mg.maml([_with_a_strip]), np.linspace(0, 0.05, 5), BOUNDS)
    for branch in found.branches:
        assert np.isfinite(branch.values).all()
        assert (np.abs(np.asarray(branch.thetas) - 0.5) > 0.19).all()


def test_max_points_too_small_says_which_rows_are_cut_off(quartic: mg.BifurcationDiagram) -> None:
    found = mg.bifurcation_diagram(
        mg.cases.quartic().meta(), np.asarray(quartic.alphas)[180:184], (-5.0, 5.0), max_points=3
    )
    assert found.points.thetas.shape == (4, 3)
    assert (np.asarray(found.num_points) == 5).all()
    assert (np.asarray(found.points.status)[:, -1] == mg.Status.TRUNCATED).all()
    assert (np.asarray(found.points.status)[:, :-1] == mg.Status.OK).all()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"num_thetas": 2}, "num_thetas must be 3 or more"),
        ({"max_points": 0}, "max_points must be 1 or more"),
        ({"bounds": (1.0, -1.0)}, "bounds are reversed"),
        ({"alphas": np.array([0.5, 0.1])}, "increase strictly"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: str) -> None:
    given = {"alphas": AXIS, "bounds": BOUNDS} | arguments
    with pytest.raises(ValueError, match=error):
        mg.bifurcation_diagram(mg.cases.quartic().meta(), **given)


def test_under_jit_it_says_what_to_use_instead() -> None:
    meta = mg.cases.quartic().meta()
    with pytest.raises(TypeError, match=r"mg\.stationary_point"):
        jax.jit(lambda a: mg.bifurcation_diagram(meta, a, BOUNDS))(jnp.asarray(AXIS))


# Symmetries.

LOSSES = ([0.25, -0.5, -0.75, 0.125, 0.5], [0.0, 0.5, 0.25, -0.25, 0.25])


def _mirrored(losses: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[c * (-1) ** k for k, c in enumerate(loss)] for loss in losses]


def _moved(losses: Sequence[Sequence[float]], by: float) -> list[list[float]]:
    return [list(np.polynomial.Polynomial(loss)(np.polynomial.Polynomial([-by, 1])).coef) for loss in losses]


@pytest.fixture(scope="module")
def asymmetric() -> mg.BifurcationDiagram:
    with jax.enable_x64(True):
        return mg.bifurcation_diagram(polynomials(LOSSES), np.linspace(0, 1, 65), BOUNDS)


def test_mirrored_losses_have_the_mirrored_diagram(asymmetric: mg.BifurcationDiagram) -> None:
    found = mg.bifurcation_diagram(polynomials(_mirrored(LOSSES)), np.linspace(0, 1, 65), BOUNDS)
    assert np.allclose(found.folds.alphas, asymmetric.folds.alphas, atol=1e-12)
    assert np.allclose(found.folds.thetas, -asymmetric.folds.thetas, atol=1e-8)
    assert np.array_equal(found.num_points, asymmetric.num_points)
    swap = {"low": "high", "high": "low"}
    mirrored = [tuple(sorted(swap.get(e, e) for e in ends)) for ends in ends_of(found)]
    assert sorted(mirrored) == sorted(tuple(sorted(ends)) for ends in ends_of(asymmetric))


def test_losses_moved_along_theta_have_the_moved_diagram(asymmetric: mg.BifurcationDiagram) -> None:
    found = mg.bifurcation_diagram(polynomials(_moved(LOSSES, 0.25)), np.linspace(0, 1, 65), (-1.75, 2.25))
    assert np.allclose(found.folds.alphas, asymmetric.folds.alphas, atol=1e-11)
    assert np.allclose(found.folds.thetas, asymmetric.folds.thetas + 0.25, atol=1e-7)
    assert ends_of(found) == ends_of(asymmetric)


def test_the_order_of_tasks_does_not_matter(asymmetric: mg.BifurcationDiagram) -> None:
    found = mg.bifurcation_diagram(polynomials(LOSSES[::-1]), np.linspace(0, 1, 65), BOUNDS)
    assert np.allclose(found.folds.alphas, asymmetric.folds.alphas, atol=1e-13)
    assert ends_of(found) == ends_of(asymmetric)


@pytest.mark.parametrize("number", [2, 7, 33])
def test_folds_and_branches_do_not_depend_on_the_axis(number: int, asymmetric: mg.BifurcationDiagram) -> None:
    found = mg.bifurcation_diagram(polynomials(LOSSES), np.linspace(0, 1, number), BOUNDS)
    assert np.allclose(found.folds.alphas, asymmetric.folds.alphas, atol=1e-13)
    assert ends_of(found) == ends_of(asymmetric)
    assert found.alphas.size == found.points.thetas.shape[0] == number


# Precision, compilations, one alpha.


def test_float32_has_the_same_folds_and_branches(quartic: mg.BifurcationDiagram) -> None:
    axis = np.linspace(0, 1.5, 65, dtype=np.float32)
    found = mg.bifurcation_diagram(mg.cases.quartic().meta(), axis, (-5.0, 5.0))
    assert found.folds.alphas.dtype == jnp.float32
    assert np.allclose(found.folds.alphas, quartic.folds.alphas, atol=1e-5)
    assert sorted(ends_of(found)) == sorted(ends_of(quartic))


def test_new_numbers_compile_nothing(compilations: Any) -> None:
    mg.bifurcation_diagram(polynomials(LOSSES), np.linspace(0, 1, 33), BOUNDS)
    compilations.reset()
    mg.bifurcation_diagram(polynomials(_mirrored(LOSSES)), np.linspace(0, 0.9, 33), (-1.5, 2.0))
    assert compilations.count == 0


def test_a_single_alpha_is_a_diagram_of_points() -> None:
    found = mg.bifurcation_diagram(mg.cases.quartic().meta(), np.array([0.32]), (-2.0, 2.0))
    assert int(found.num_points[0]) == len(found.branches) == 3
    assert [turns(b) for b in found.branches] == [[1], [-1], [1]]


@pytest.mark.parametrize("axis", [(0.75, 1.25, 65), (0, 1.5, 151), (0, 1.5, 257)])
def test_what_fomaml_leads_to_is_born_and_dies_at_folds(axis) -> None:
    meta = mg.fomaml(mg.cases.quartic().losses)
    found = mg.bifurcation_diagram(meta, np.linspace(*axis), (-2.0, 2.0))
    assert set(np.asarray(found.jumps.status)) == {mg.Status.OK}
    # From one curve to another that has just been born lower; and, at the end of a curve, to the bound.
    born, _, died = np.asarray(found.jumps.alphas)
    for at in (born, died):
        assert np.abs(np.asarray(found.folds.alphas) - at).min() < 1e-12
    assert float(found.jumps.thetas_after[2]) == 2.0


def test_fomaml_has_a_diagram_of_its_own_direction() -> None:
    case = mg.cases.quartic()
    found = mg.bifurcation_diagram(mg.fomaml(case.losses), np.linspace(0, 1, 65), (-2.0, 2.0))
    exact = oracles_folds.folds(oracles_folds.direction(QUARTIC, algorithm="FOMAML"), (0.0, 1.0), (-2.0, 2.0))
    simple = [f for f in exact if not f.degenerate]
    known = np.asarray(found.folds.status) == mg.Status.OK
    assert np.allclose(np.asarray(found.folds.alphas)[known], [float(f.alpha) for f in simple], atol=1e-11)
    # At alpha = 1 it is (theta - theta^3)^3: two hysteresis points, and a pitchfork at theta = 1.
    assert np.allclose(np.asarray(found.folds.thetas)[~known], [-1, 0], atol=1e-6)
    assert crossings_of(found) == [(pytest.approx(1), pytest.approx(1), mg.BranchPointKind.PITCHFORK)]
    assert ends_of(found) == [("axis", "axis"), ("high", "axis"), ("low", "axis")]
    check_lies_on_zeros(found, mg.fomaml(case.losses))
