"""What the signs on a row of nodes say: which cells hold a zero, may hold two, a plateau, or a jump of the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .._points.at import Sample
    from .evaluator import Evaluator

# How much of a value its last bits may hold when it is the sum of a few large terms.
_ULPS = 64

# A cell is looked into where the cubic through its ends comes as near to zero as this share of them.
_NEAR = 0.25

_LOOK, _ODD, _UNLIKE = 1, 2, 4


class Cells(NamedTuple):
    """Marks on the nodes of each row, `[rows, nodes]`; a cell is marked on its left node.

    Attributes:
        following: the next node at which the direction is not zero.
        crossing: the direction has opposite signs here and at the following node.
        looking: it has the same sign, but may reach zero between.
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
    zero = at.directions == 0
    no = xp.zeros((nodes.shape[0], 1), bool)
    seen = evaluator.by_cell(seen_in, nodes, at, noise)
    look, odd, unlike = (xp.concatenate([(seen & bit) != 0, no], axis=1) for bit in (_LOOK, _ODD, _UNLIKE))

    # The next node that is not an exact zero; a node that is not finite ends the search for it.
    stops = xp.where(zero & finite, number, index)
    from_here_on = xp.minimum.accumulate(stops[:, ::-1], axis=1)[:, ::-1]
    following = xp.concatenate([from_here_on[:, 1:], xp.full_like(stops[:, :1], number)], axis=1)
    there = xp.take_along_axis(sign, xp.minimum(following, number - 1), axis=1)
    near = (following - index <= 2) & (following < number)
    crossing = near & (sign * there < 0)
    touching = near & (sign * there > 0) & (following == index + 2)

    starts, ends = _plateaus(xp, zero & finite, unlike[:, :-1] & is_gradient)
    jump = odd & is_gradient
    return Cells(following, crossing, look, touching, starts, ends, jump, _surprises(xp, sign, at.jacobians))


def seen_in(xp: Any, width: Any, left: Sample, right: Sample, noise: Any) -> Any:
    """What the samples at both ends of a cell say, as bits."""
    unlike = xp.abs(right.values - left.values) > rounding(xp, left, right, noise)
    odd = (unexplained(xp, width, left, right, noise) > 1) | against(xp, left, right, noise)
    look, odd, unlike = (
        xp.where(mark, bit, 0) for mark, bit in ((_dips(xp, width, left, right), _LOOK), (odd, _ODD), (unlike, _UNLIKE))
    )
    return (look + odd + unlike).astype("int8")


def _dips(xp: Any, width: Any, left: Sample, right: Sample) -> Any:
    """Whether a direction of one sign at both ends may reach zero between them.

    It may when it goes towards zero from both, or when the cubic through both ends comes near to it.
    """
    sign = xp.sign(left.directions)
    same = (sign * xp.sign(right.directions) > 0) & xp.isfinite(left.values) & xp.isfinite(right.values)
    towards = (sign * left.jacobians < 0) & (sign * right.jacobians > 0)
    depth = nearest_to_zero(xp, width, left, right)[1]
    return same & (towards | (depth < _NEAR * xp.minimum(xp.abs(left.directions), xp.abs(right.directions))))


def nearest_to_zero(xp: Any, width: Any, left: Sample, right: Sample) -> tuple[Any, Any]:
    """Where in a cell, from 0 to 1, the cubic through both ends is nearest to zero, and how far it stays from it.

    The direction has one sign at both ends.
    """
    sign = xp.sign(left.directions)
    slopes = width * sign * left.jacobians, width * sign * right.jacobians
    return lowest_of_cubic(xp, xp.abs(left.directions), xp.abs(right.directions), *slopes)


def lowest_of_cubic(xp: Any, start: Any, stop: Any, first: Any, last: Any) -> tuple[Any, Any]:
    """Where between 0 and 1 the cubic with these values and these slopes at both is least, and how low.

    0.5 and infinity where it has no minimum there.
    """
    rise = stop - start
    square, cube = 3 * rise - 2 * first - last, first + last - 2 * rise
    # The larger root of first + 2 square s + 3 cube s^2, at which the cubic has its minimum, without cancellation.
    root = xp.sqrt(xp.maximum(square**2 - 3 * cube * first, 0))
    share = xp.where(square > 0, -first / xp.where(square > 0, square + root, 1), (root - square) / (3 * cube))
    inside = (share > 0) & (share < 1)
    share = xp.where(inside, share, 0.5)
    depth = start + share * (first + share * (square + share * cube))
    return share, xp.where(inside, depth, xp.inf)


def _plateaus(xp: Any, zero: Any, unlike: Any) -> tuple[Any, Any]:
    """The first and the last nodes of runs of zeros of one value."""
    joined = zero[:, :-1] & zero[:, 1:] & ~unlike
    no = xp.zeros_like(zero[:, :1])
    before, after = xp.concatenate([no, joined], axis=1), xp.concatenate([joined, no], axis=1)
    # A single zero is a plateau only between two jumps, or a jump and a bound.
    edge = xp.ones_like(no)
    parted_left = xp.concatenate([edge, unlike & zero[:, :-1]], axis=1)
    parted_right = xp.concatenate([unlike & zero[:, 1:], edge], axis=1)
    alone = zero & ~before & ~after & parted_left & parted_right
    return (zero & ~before & after) | alone, (zero & before & ~after) | alone


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
