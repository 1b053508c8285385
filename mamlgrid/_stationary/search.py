"""Searches inside brackets, for all rows and slots at once: a zero of the direction, an extremum of it, an edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .cells import nearest_to_zero

if TYPE_CHECKING:
    from .._points.at import Sample
    from .evaluator import Evaluator

# Newton halves its step or bisects, so eps is reached after log2(1 / eps) = 52 rounds of either, in whatever order.
_MAX_ROUNDS = 120


class Bracket(NamedTuple):
    """An interval `[rows, slots]` at whose ends a function has opposite signs.

    Attributes:
        left: where it begins.
        right: where it ends.
        sign: the sign at the left end.
        exists: whether the slot holds one.
    """

    left: Any
    right: Any
    sign: Any
    exists: Any


def tolerance(evaluator: Evaluator, theta: Any, width: Any) -> Any:
    """A few units in the last place: `2 eps max(|theta|, width)`, width that of the bounds.

    A bracket cannot be told apart from a point below that, and numbers inside a loss are at least as large as theta.
    """
    xp = evaluator.xp
    return 2 * xp.finfo(theta.dtype).eps * xp.maximum(xp.abs(theta), width)


def safeguarded_newton(evaluator: Evaluator, bracket: Bracket, width: Any) -> Any:
    """The zero of the direction in each bracket.

    A Newton step that leaves the bracket or does not halve the step before it is replaced by a bisection. Stops when a
    step is at most `tolerance`; one more Newton step then makes the error far smaller than that.

    """
    xp = evaluator.xp

    def unfinished(state: tuple) -> Any:
        return state[4].any() & (state[5] < _MAX_ROUNDS)

    def advance(state: tuple) -> tuple:
        left, right, theta, step, open_, rounds = state
        at = evaluator.sample(theta, open_)
        before = xp.sign(at.directions) == bracket.sign
        left, right = xp.where(open_ & before, theta, left), xp.where(open_ & ~before, theta, right)
        newton = theta - at.directions / at.jacobians
        good = (newton >= left) & (newton <= right) & (xp.abs(newton - theta) <= xp.abs(step) / 2)
        following = xp.where(good, newton, left + (right - left) / 2)
        following = xp.where(open_ & (at.directions != 0), following, theta)
        step = xp.where(open_, following - theta, step)
        open_ = open_ & (xp.abs(step) > tolerance(evaluator, theta, width))
        return left, right, following, step, open_, rounds + 1

    middle = bracket.left + (bracket.right - bracket.left) / 2
    start = (bracket.left, bracket.right, middle, bracket.right - bracket.left, bracket.exists, 0)
    left, right, theta, *_ = evaluator.loop(unfinished, advance, start)
    at = evaluator.sample(theta, bracket.exists)
    polished = theta - at.directions / at.jacobians
    return xp.where((polished >= left) & (polished <= right), polished, theta)


def extremum(evaluator: Evaluator, bracket: Bracket, ends: tuple[Sample, Sample], width: Any) -> tuple[Any, Any]:
    """Where the direction comes nearest to zero between two ends at which it has the same sign.

    A zero of the Jacobian, by regula falsi (Illinois) safeguarded by bisection, from the lowest place of the cubic
    through both ends. Stops as soon as the direction has changed its sign, or when what is left of the bracket is too
    short for it to reach zero.

    Args:
        evaluator: where to evaluate.
        bracket: `sign` is that of the direction at both ends.
        ends: the samples at both ends.
        width: of the bounds.

    Returns:
        The place, and the direction there.
    """
    xp = evaluator.xp
    sign = bracket.sign

    def unfinished(state: tuple) -> Any:
        return state[6].any() & (state[7] < _MAX_ROUNDS)

    def advance(state: tuple) -> tuple:
        left, right, falls, rises, theta, direction, open_, rounds = state
        share = xp.where(rounds == 0, guess, falls / (falls - rises))
        # Every third round halves, so that a kink cannot hold up the search.
        share = xp.where((share > 0) & (share < 1) & (rounds % 3 != 2), share, 0.5)
        place = xp.where(open_, left + share * (right - left), theta)
        at = evaluator.sample(place, open_)
        slope = sign * at.jacobians
        direction = xp.where(open_, at.directions, direction)
        goes_right = slope < 0
        kept_left, kept_right = open_ & ~goes_right, open_ & goes_right
        left, falls = xp.where(kept_right, place, left), xp.where(kept_right, slope, falls)
        right, rises = xp.where(kept_left, place, right), xp.where(kept_left, slope, rises)
        # Illinois: the end that was kept counts half, so that the next step goes past the zero.
        falls, rises = xp.where(kept_left, falls / 2, falls), xp.where(kept_right, rises / 2, rises)
        # A parabola through the place cannot sink by more than its slope times what is left.
        out_of_reach = xp.abs(slope) * (right - left) < xp.abs(direction) / 4
        done = (sign * direction <= 0) | out_of_reach | (right - left <= tolerance(evaluator, place, width))
        done |= ~xp.isfinite(slope)
        return left, right, falls, rises, place, direction, open_ & ~done, rounds + 1

    guess, _ = nearest_to_zero(xp, bracket.right - bracket.left, *ends)
    falls, rises = (sign * at.jacobians for at in ends)
    state = (bracket.left, bracket.right, falls, rises, bracket.left, ends[0].directions, bracket.exists, 0)
    _, _, _, _, theta, direction, *_ = evaluator.loop(unfinished, advance, state)
    return theta, direction


def bisected(
    evaluator: Evaluator,
    bracket: Bracket,
    ends: tuple[Sample, Sample],
    right_half: Callable[[Any, tuple[Sample, Sample, Sample]], tuple[Any, Any]],
    width: Any,
) -> tuple[Any, Any, tuple[Sample, Sample], Any]:
    """An edge in each bracket, enclosed to `tolerance` by halving.

    Args:
        evaluator: where to evaluate.
        bracket: where the edges are.
        ends: the samples at both ends.
        right_half: `(length of a half, samples at left, middle, right)` -> whether the edge lies in the right half,
            and whether there is still one at all.
        width: of the bounds.

    Returns:
        Left and right of the edge, the samples there, and whether there is one.
    """
    xp = evaluator.xp

    def unfinished(state: tuple) -> Any:
        return state[4].any() & (state[6] < _MAX_ROUNDS)

    def advance(state: tuple) -> tuple:
        left, right, at_left, at_right, open_, exists, rounds = state
        middle = left + (right - left) / 2
        at = evaluator.sample(middle, open_)
        to_right, there = right_half((right - left) / 2, (at_left, at, at_right))
        moves_left, moves_right = open_ & to_right, open_ & ~to_right
        left, right = xp.where(moves_left, middle, left), xp.where(moves_right, middle, right)
        at_left = type(at)(*(xp.where(moves_left, new, old) for new, old in zip(at, at_left, strict=True)))
        at_right = type(at)(*(xp.where(moves_right, new, old) for new, old in zip(at, at_right, strict=True)))
        exists = exists & (there | ~open_)
        open_ = open_ & there & (right - left > tolerance(evaluator, middle, width))
        return left, right, at_left, at_right, open_, exists, rounds + 1

    state = (bracket.left, bracket.right, *ends, bracket.exists, bracket.exists, 0)
    left, right, at_left, at_right, _, exists, _ = evaluator.loop(unfinished, advance, state)
    return left, right, (at_left, at_right), exists
