"""What the signs on a row of nodes say: which cells hold a zero, may hold two, a plateau, or a jump of the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .._points._at import Sample
    from ._evaluator import Evaluator

# How much of a value its last bits may hold when it is the sum of a few large terms.
_ULPS = 64


class Cells(NamedTuple):
    """Marks on the nodes of each row, `[rows, nodes]`; a cell is marked on its left node.

    Attributes:
        following: the next node at which the direction is not zero.
        crossing: the direction has opposite signs here and at the following node.
        looking: it has the same sign, but goes towards zero from both.
        touching: it has the same sign, and is zero at the one node between.
        plateau_starts: first node of a run of zeros of one value.
        plateau_stops: last node of one; as many as there are starts.
        jump: the value changes by more than the direction can explain up to the next node.
        surprising: the direction has zeros here that every other node alone would not have led to.
    """

    following: Any
    crossing: Any
    looking: Any
    touching: Any
    plateau_starts: Any
    plateau_stops: Any
    jump: Any
    surprising: Any


def marked(evaluator: Evaluator, nodes: Any, at: Sample, noise: Any, is_gradient: bool) -> Cells:
    """The marks of all nodes.

    Args:
        evaluator: the array module.
        nodes: `[rows, nodes]`, increasing.
        at: the samples there.
        noise: `[rows, 1]`, what rounding does to the value.
        is_gradient: whether the direction is the gradient of the value, so that a jump of the value can be told.
    """
    xp = evaluator.xp
    number = nodes.shape[1]
    index = xp.arange(number)
    finite = xp.isfinite(at.values) & xp.isfinite(at.directions)
    sign = xp.where(finite, xp.sign(at.directions), xp.nan)
    zero = finite & (at.directions == 0)

    # The next node that is not an exact zero; a node that is not finite ends the search for it.
    stops = xp.where(zero, number, index)
    from_here_on = xp.minimum.accumulate(stops[:, ::-1], axis=1)[:, ::-1]
    following = xp.concatenate([from_here_on[:, 1:], xp.full_like(stops[:, :1], number)], axis=1)
    last = xp.minimum(following, number - 1)
    there = xp.take_along_axis(sign, last, axis=1)
    towards = xp.take_along_axis(at.jacobians, last, axis=1)
    cell = finite & ~zero & (following < number) & xp.isfinite(there)
    near = following - index <= 2
    crossing = cell & near & (sign * there < 0)
    same = cell & near & (sign * there > 0)
    looking = same & (following == index + 1) & (sign * at.jacobians < 0) & (sign * towards > 0)
    touching = same & (following == index + 2)

    unlike = (xp.abs(xp.diff(at.values, axis=1)) > rounding(xp, left_of(at), right_of(at), noise)) & is_gradient
    joined = zero[:, :-1] & zero[:, 1:] & ~unlike
    no = xp.zeros_like(zero[:, :1])
    before, after = xp.concatenate([no, joined], axis=1), xp.concatenate([joined, no], axis=1)
    # A single zero is a plateau only between two jumps, or a jump and a bound.
    edge = xp.ones_like(no)
    parted_left = xp.concatenate([edge, unlike & zero[:, :-1]], axis=1)
    parted_right = xp.concatenate([unlike & zero[:, 1:], edge], axis=1)
    alone = zero & ~before & ~after & parted_left & parted_right
    starts, ends = (zero & ~before & after) | alone, (zero & before & ~after) | alone

    left, right = left_of(at), right_of(at)
    odd = unexplained(xp, xp.diff(nodes, axis=1), left, right, noise) > 1
    jump = xp.concatenate([odd | against(xp, left, right, noise), no], axis=1) & is_gradient
    return Cells(following, crossing, looking, touching, starts, ends, jump, _surprises(xp, sign, at.jacobians))


def left_of(at: Sample) -> Sample:
    """The samples at the left end of each cell."""
    return type(at)(*(x[:, :-1] for x in at))


def right_of(at: Sample) -> Sample:
    """The samples at the right end of each cell."""
    return type(at)(*(x[:, 1:] for x in at))


def unexplained(xp: Any, width: Any, left: Sample, right: Sample, noise: Any) -> Any:
    """The change of the value that the direction does not explain, over what it may be without a jump.

    The corrected trapezoidal rule integrates the direction over a cell. A kink makes it wrong by at most half the
    change of the direction times the width, a bend by at most the change of the Jacobian; the rest is rounding.
    """
    integral = width * (left.directions + right.directions) / 2
    integral = integral - width**2 / 12 * (right.jacobians - left.jacobians)
    missing = xp.abs(right.values - left.values - integral)
    kink = width / 2 * xp.abs(right.directions - left.directions)
    bend = width**2 / 4 * (xp.abs(left.jacobians) + xp.abs(right.jacobians))
    return xp.where(missing > 0, missing / (kink + bend + rounding(xp, left, right, noise)), 0)


def against(xp: Any, left: Sample, right: Sample, noise: Any) -> Any:
    """Whether the value rises (falls) over a cell from both of whose ends the direction says that it falls (rises)."""
    sign = xp.sign(left.directions)
    opposed = -sign * (right.values - left.values) > rounding(xp, left, right, noise)
    return (sign == xp.sign(right.directions)) & (sign != 0) & opposed


def rounding(xp: Any, left: Sample, right: Sample, noise: Any) -> Any:
    """How far two values may differ by rounding alone."""
    eps = xp.finfo(left.values.dtype).eps
    return _ULPS * eps * xp.maximum(xp.abs(left.values), xp.abs(right.values)) + 8 * noise


def _surprises(xp: Any, sign: Any, jacobians: Any) -> Any:
    """Pairs of cells, on their left node, whose middle node has another sign than both ends without notice.

    Notice is given when the direction goes towards zero from both ends: then the cell is looked into.
    """
    first, middle, last = sign[:, :-2:2], sign[:, 1:-1:2], sign[:, 2::2]
    noticed = (first * jacobians[:, :-2:2] < 0) & (last * jacobians[:, 2::2] > 0)
    return (first * last > 0) & (first * middle < 0) & ~noticed
