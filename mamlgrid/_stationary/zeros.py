"""All zeros of the direction in a row, and all places where the value jumps: found on nodes, finished in brackets."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from .cells import Cells, against, marked, rounding, unexplained
from .evaluator import pick
from .ladder import noise_beside, roughness
from .search import Bracket, bisected, extremum, safeguarded_newton, tolerance

if TYPE_CHECKING:
    from .._points.at import Sample
    from .evaluator import Evaluator

ZERO, KINK, JUMP, PLATEAU = range(4)

# Distances, in eps of the width, at which rounding is measured beside a node.
_BESIDE = (0, 64, 150, 400, 1000)


class Events(NamedTuple):
    """What was found in each row in order of theta, `[rows, slots]`.

    Attributes:
        thetas: where.
        lefts: where it begins: theta itself, the left edge of a plateau, the last number before a jump.
        rights: where it ends.
        before: the sign of the direction just before; what it would be on a way up or down, next to a jump or plateau.
        after: the sign just after.
        kinds: ZERO, JUMP or PLATEAU.
        tentative: whether the direction was only seen near zero, without a change of sign.
        exists: whether the slot holds anything.
    """

    thetas: Any
    lefts: Any
    rights: Any
    before: Any
    after: Any
    kinds: Any
    tentative: Any
    exists: Any


class Row(NamedTuple):
    """What was looked at, and found, in each row.

    Attributes:
        nodes: `[rows, nodes]`.
        at: the samples there.
        events: `[rows, slots]`.
        number: `[rows]`, how many events there are, also where there is no room for them.
        settled: `[rows]`, whether half of the nodes would have led to the same zeros.
    """

    nodes: Any
    at: Sample
    events: Events
    number: Any
    settled: Any


def zeros(
    evaluator: Evaluator,
    nodes: Any,
    at: Sample,
    noise: Any,
    end_noise: Any,
    width: Any,
    is_gradient: bool,
    max_points: int | None = None,
) -> Row:
    """The events of each row.

    Args:
        evaluator: where to evaluate.
        nodes: `[rows, nodes]`, increasing.
        at: the samples there.
        noise: `[rows, 1]`, what rounding does to the value.
        end_noise: `[rows, 2]`, what it does to the direction at the bounds.
        width: of the bounds.
        is_gradient: whether the direction is the gradient of the value.
        max_points: room for so many of each kind; None for as many as there are.
    """
    xp = evaluator.xp
    cells = marked(evaluator, nodes, at, noise, is_gradient)
    found = [_at_bounds(evaluator, nodes, at, end_noise, cells), _touching(evaluator, nodes, at, cells, max_points)]
    crossings, near = _looked_into(evaluator, nodes, at, cells, width, max_points)
    found.append(near)
    suspects = [_marked_jumps(evaluator, nodes, at, cells, max_points)]
    for _ in range(evaluator.rounds):
        events, more = _finished(evaluator, crossings, width)
        found.append(events)
        if is_gradient:
            suspects.append(_jumps_beside(evaluator, crossings, events.thetas, noise, width, max_points))
        if not evaluator.any(more.exists):
            break
        order, exists = evaluator.first(more.exists, max_points)
        crossings = Bracket(*(pick(evaluator, x, order) for x in more))._replace(exists=exists)
    if is_gradient:
        box = nodes[:, :1], nodes[:, -1:]
        found += [_jumps(evaluator, *suspect, noise, *box) for suspect in suspects if evaluator.any(suspect[0].exists)]
    found.append(_plateaus(evaluator, nodes, at, noise, cells, width, is_gradient, max_points))
    events = _without_repeats(evaluator, _joined(xp, found), width)
    number = events.exists.sum(axis=1)
    if max_points is not None:
        # What there was no room to look at may be as many more.
        for marks in (cells.crossing, cells.touching, cells.looking, cells.jump):
            number = number + xp.maximum(marks.sum(axis=1) - max_points, 0)
    settled = _settled(evaluator, nodes, at, cells, width, max_points)
    return Row(nodes, at, in_order(evaluator, events, max_points), number, settled)


def _settled(evaluator: Evaluator, nodes: Any, at: Sample, cells: Cells, width: Any, most: int | None) -> Any:
    """Whether no surprising sign of a direction is more than rounding."""
    xp = evaluator.xp
    place, exists = evaluator.first(cells.surprising, most)
    if not evaluator.any(exists):
        return ~exists.any(axis=1)
    middle = 2 * place + 1
    distances = xp.asarray(_BESIDE, nodes.dtype) * xp.finfo(nodes.dtype).eps * width
    places = pick(evaluator, nodes, middle)[..., None, None] + distances
    beside = evaluator.sample(places, exists[..., None, None])
    length = places[..., :-1] - places[..., 1:]
    rough = roughness(xp, beside.directions, beside.jacobians, length, exists[..., None, None])
    real = exists & (xp.abs(pick(evaluator, at.directions, middle)) > rough)
    return ~real.any(axis=1) & (cells.surprising.sum(axis=1) <= exists.shape[1])


def _event(xp: Any, thetas: Any, before: Any, after: Any, exists: Any, **other: Any) -> Events:
    """Events at single thetas unless said otherwise."""
    kinds = xp.full(thetas.shape, other.pop("kind", ZERO), dtype="int8")
    no = xp.zeros(thetas.shape, bool)
    plain = Events(thetas, thetas, thetas, before, after, kinds, no, exists)
    return plain._replace(**other)


def _touching(evaluator: Evaluator, nodes: Any, at: Sample, cells: Cells, most: int | None) -> Events:
    """Single nodes at which the direction is zero but does not change its sign."""
    place, exists = evaluator.first(cells.touching, most)
    sign = evaluator.xp.sign(pick(evaluator, at.directions, place))
    return _event(evaluator.xp, pick(evaluator, nodes, place + 1), sign, sign, exists)


def _looked_into(
    evaluator: Evaluator, nodes: Any, at: Sample, cells: Cells, width: Any, most: int | None
) -> tuple[Bracket, Events]:
    """A bracket for each change of sign, two for each pair that was hidden in a cell; and near misses."""
    xp = evaluator.xp
    place, exists = evaluator.first(cells.crossing, most)
    stop = pick(evaluator, cells.following, place) * exists
    sign = xp.sign(pick(evaluator, at.directions, place))
    crossing = Bracket(pick(evaluator, nodes, place), pick(evaluator, nodes, stop), sign, exists)

    place, exists = evaluator.first(cells.looking, most)
    ends = _gathered(evaluator, at, place), _gathered(evaluator, at, place + 1)
    sign = xp.sign(ends[0].directions)
    cell = Bracket(pick(evaluator, nodes, place), pick(evaluator, nodes, place + 1), sign, exists)
    if not evaluator.any(exists):
        return crossing, _event(xp, cell.left, sign, sign, exists)
    middle, direction = extremum(evaluator, cell, ends, width)
    hidden = exists & (sign * direction < 0)
    brackets = [crossing, cell._replace(right=middle, exists=hidden)]
    brackets.append(cell._replace(left=middle, sign=-sign, exists=hidden))
    # So near to zero that rounding may decide, which is judged later.
    steep = xp.maximum(xp.abs(ends[0].directions), xp.abs(ends[1].directions))
    close = exists & ~hidden & (xp.abs(direction) <= xp.sqrt(xp.finfo(middle.dtype).eps) * steep)
    near = _event(xp, middle, sign, sign, close, tentative=close)
    return Bracket(*(xp.concatenate(parts, axis=1) for parts in zip(*brackets, strict=True))), near


def _finished(evaluator: Evaluator, bracket: Bracket, width: Any) -> tuple[Events, Bracket]:
    """The zeros in the brackets, and brackets for those that share one with them."""
    xp = evaluator.xp
    if not evaluator.any(bracket.exists):
        return _event(xp, bracket.left, bracket.sign, -bracket.sign, bracket.exists), bracket
    theta = safeguarded_newton(evaluator, bracket, width)
    events = _event(xp, theta, bracket.sign, -bracket.sign, bracket.exists)

    # The cubic through an end of the bracket and the zero tells where the direction may change its sign between them.
    ends = xp.stack([bracket.left, bracket.right], axis=-1)
    places = xp.concatenate([ends, theta[..., None]], axis=-1)
    at = evaluator.sample(places, bracket.exists[..., None])
    length = theta[..., None] - ends
    start = at.directions[..., :2]
    bend = length * at.jacobians[..., :2] + start
    rest = -length * at.jacobians[..., 2:] - start - bend
    share = -bend / (2 * rest)
    # G = (1 - t) (start + bend t + rest t^2) from the end (t = 0) to the zero (t = 1): extreme where its second factor
    # is, which has the sign of the end at both unless the zero was passed on the wrong way.
    sign = xp.stack([bracket.sign, -bracket.sign], axis=-1)
    wrong_way = (sign * (start + bend + rest) < 0) & (xp.abs(length) > 0)
    lowest = sign * (start + bend * share / 2)
    dips = wrong_way | ((share > 0) & (share < 1) & (lowest < 0))
    dips &= bracket.exists[..., None] & xp.isfinite(share) & (xp.abs(length) > 8 * tolerance(evaluator, ends, width))
    if not evaluator.any(dips):
        nothing = xp.zeros_like(bracket.exists)
        return events, bracket._replace(exists=nothing)
    share = xp.where((share > 0) & (share < 1), share, 0.5)
    middle = ends + share * length
    # Next to the zero the sign is that of the slope.
    beside = theta[..., None] - xp.sign(length) * 4 * tolerance(evaluator, ends, width)
    at_middle = evaluator.sample(middle, dips)
    other = dips & (sign * at_middle.directions < 0)
    at_beside = evaluator.sample(beside, dips)
    turned = (dips & (sign * at_beside.directions < 0)).all(axis=-1)
    before, after = (xp.where(turned, -x, x) for x in (events.before, events.after))
    events = events._replace(before=before, after=after)
    single = dips & ~other & (sign * at_beside.directions < 0)
    one = _between(xp, ends, xp.where(other, middle, beside), sign, other | single)
    back = other & (sign * at_beside.directions > 0)
    two = _between(xp, middle, beside, -sign, back)
    return events, Bracket(*(xp.concatenate([x, y], axis=1) for x, y in zip(one, two, strict=True)))


def _between(xp: Any, one: Any, other: Any, sign: Any, exists: Any) -> Bracket:
    """Brackets `[rows, slots]` between two places `[rows, slots, 2]`; `sign` is that of the direction at the first."""
    turned = one > other
    parts = xp.where(turned, other, one), xp.where(turned, one, other), xp.where(turned, -sign, sign), exists
    return Bracket(*(x.reshape(x.shape[0], -1) for x in parts))


def _marked_jumps(
    evaluator: Evaluator, nodes: Any, at: Sample, cells: Cells, most: int | None
) -> tuple[Bracket, tuple[Sample, Sample]]:
    """Brackets for the jumps of the value between nodes, and the samples at their ends."""
    place, exists = evaluator.first(cells.jump, most)
    ends = _gathered(evaluator, at, place), _gathered(evaluator, at, place + 1)
    return Bracket(pick(evaluator, nodes, place), pick(evaluator, nodes, place + 1), exists * 0, exists), ends


def _jumps_beside(
    evaluator: Evaluator, bracket: Bracket, thetas: Any, noise: Any, width: Any, most: int | None
) -> tuple[Bracket, tuple[Sample, Sample]]:
    """The same inside the brackets of zeros, left of, at and right of each zero.

    Over the whole bracket a change of sign would explain any change of the value that a kink could make.
    """
    xp = evaluator.xp
    aside = 4 * tolerance(evaluator, thetas, width)
    places = xp.stack([bracket.left, thetas - aside, thetas + aside, bracket.right], axis=-1)
    at = evaluator.sample(places, bracket.exists[..., None])
    left, right = (type(at)(*(x[..., side] for x in at)) for side in (slice(-1), slice(1, None)))
    length = xp.diff(places, axis=-1)
    odd = unexplained(xp, length, left, right, noise[..., None]) > 1
    odd = (odd | against(xp, left, right, noise[..., None])) & (length > 0) & bracket.exists[..., None]

    def flat(x: Any) -> Any:
        return x.reshape(x.shape[0], -1)

    place, exists = evaluator.first(flat(odd), most)
    starts, stops = (pick(evaluator, flat(places[..., side]), place) for side in (slice(-1), slice(1, None)))
    ends = [type(at)(*(pick(evaluator, flat(x), place) for x in end)) for end in (left, right)]
    return Bracket(starts, stops, exists * 0, exists), (ends[0], ends[1])


def _jumps(
    evaluator: Evaluator, bracket: Bracket, ends: tuple[Sample, Sample], noise: Any, low: Any, high: Any
) -> Events:
    """Jumps of the value, each as the extreme values it makes on its two sides."""
    xp = evaluator.xp

    def right_half(length: Any, three: tuple[Sample, Sample, Sample]) -> tuple[Any, Any]:
        halves = [
            xp.where(against(xp, one, two, noise), xp.inf, unexplained(xp, length, one, two, noise))
            for one, two in pairwise(three)
        ]
        return halves[1] > halves[0], xp.maximum(*halves) > 1

    left, right, ends, exists = bisected(evaluator, bracket, ends, right_half, high - low)
    height = xp.abs(ends[1].values - ends[0].values)
    exists = exists & (height > rounding(xp, *ends, noise))
    exists &= height > 4 * noise_beside(evaluator, left, right, exists, low, high)
    up = ends[1].values > ends[0].values
    signs = [xp.sign(end.directions) for end in ends]
    sides = []
    for theta, sign, lower in ((left, signs[0], up), (right, signs[1], ~up)):
        # The lower side is an infimum where the value falls towards the jump, the upper one a supremum where it rises.
        outward = sign if theta is left else -sign
        wanted = exists & xp.where(lower, outward < 0, outward > 0)
        before = xp.where(lower, -1, 1) * xp.ones_like(sign)
        sides.append(_event(xp, theta, before, -before, wanted, kind=JUMP, lefts=left, rights=right))
    return _joined(xp, sides)


def _plateaus(
    evaluator: Evaluator, nodes: Any, at: Sample, noise: Any, cells: Cells, width: Any, is_gradient: bool,
    most: int | None,
) -> Events:  # fmt: skip
    """Runs of nodes on which the direction is zero and the value the same, with their edges."""
    xp = evaluator.xp
    start, exists = evaluator.first(cells.plateau_starts, most)
    stop, _ = evaluator.first(cells.plateau_stops, most)
    inside = _gathered(evaluator, at, start)
    left, beside_left = _edge(evaluator, nodes, at, inside, noise, start, exists, width, is_gradient, step=-1)
    right, beside_right = _edge(evaluator, nodes, at, inside, noise, stop, exists, width, is_gradient, step=1)
    middle = left + (right - left) / 2
    return _event(xp, middle, -beside_left, beside_right, exists, kind=PLATEAU, lefts=left, rights=right)


def _edge(
    evaluator: Evaluator, nodes: Any, at: Sample, inside: Sample, noise: Any, edge: Any, exists: Any, width: Any,
    is_gradient: bool, *, step: int,
) -> tuple[Any, Any]:  # fmt: skip
    """Where a plateau ends beyond its node `edge`, and whether the value rises (1) or falls (-1) from there on."""
    xp = evaluator.xp
    beyond = xp.clip(edge + step, 0, nodes.shape[1] - 1)
    at_bound = beyond == edge
    first, last = xp.minimum(edge, beyond), xp.maximum(edge, beyond)
    bracket = Bracket(pick(evaluator, nodes, first), pick(evaluator, nodes, last), exists * 0, exists & ~at_bound)
    ends = _gathered(evaluator, at, first), _gathered(evaluator, at, last)
    tiny = rounding(xp, inside, inside, noise)

    def right_half(_: Any, three: tuple[Sample, Sample, Sample]) -> tuple[Any, Any]:
        middle = three[1]
        inner = (middle.directions == 0) & ((xp.abs(middle.values - inside.values) <= tiny) | (not is_gradient))
        return (inner if step > 0 else ~inner), xp.ones_like(inner)

    left, right = bracket.left, bracket.right
    if evaluator.any(bracket.exists):
        left, right, ends, _ = bisected(evaluator, bracket, ends, right_half, width)
    place, beside = (left, ends[1]) if step > 0 else (right, ends[0])
    rises = beside.values - inside.values
    away = xp.where(xp.abs(rises) > tiny, xp.sign(rises), step * xp.sign(beside.directions))
    return xp.where(at_bound, pick(evaluator, nodes, edge), place), xp.where(at_bound, 1, away)


def _at_bounds(evaluator: Evaluator, nodes: Any, at: Sample, noise: Any, cells: Cells) -> Events:
    """Zeros at the ends of the row, to rounding, taken for crossings."""
    xp = evaluator.xp
    ends, inner = xp.asarray([0, nodes.shape[1] - 1]), xp.asarray([1, nodes.shape[1] - 2])
    alone = ~(cells.plateau_starts | cells.plateau_stops)[:, ends]
    hidden = (xp.abs(at.directions[:, ends]) <= noise) & (xp.abs(at.directions[:, inner]) > noise)
    exists = ((at.directions[:, ends] == 0) & (at.directions[:, inner] != 0) | hidden) & alone
    side = xp.sign(at.directions[:, inner]) * xp.asarray([1, -1], dtype=nodes.dtype)
    return _event(xp, nodes[:, ends], -side, side, exists & xp.isfinite(side))


def _gathered(evaluator: Evaluator, at: Sample, place: Any) -> Sample:
    return type(at)(*(pick(evaluator, x, place) for x in at))


def _joined(xp: Any, parts: list[Events]) -> Events:
    return Events(*(xp.concatenate(leaves, axis=1) for leaves in zip(*parts, strict=True)))


def _without_repeats(evaluator: Evaluator, events: Events, width: Any) -> Events:
    """No zero where a jump was found, and none twice."""
    xp = evaluator.xp
    events = _sorted(evaluator, events)
    thetas, kinds = events.thetas, events.kinds
    close = 4 * tolerance(evaluator, thetas, width)
    first = xp.zeros_like(events.exists)
    repeated = first
    for shift in (1, 2, 3):
        if thetas.shape[1] <= shift:
            break
        near = xp.abs(thetas[:, shift:] - thetas[:, :-shift]) <= close[:, shift:]
        near &= events.exists[:, shift:] & events.exists[:, :-shift]
        one, other = kinds[:, :-shift], kinds[:, shift:]
        pad = xp.zeros_like(first[:, :shift])
        later = near & (((one == JUMP) & (other != JUMP)) | ((one == other) & (one == ZERO) & _same(events, shift)))
        earlier = near & (other == JUMP) & (one != JUMP)
        repeated = repeated | xp.concatenate([pad, later], axis=1) | xp.concatenate([earlier, pad], axis=1)
    return events._replace(exists=events.exists & ~repeated)


def _same(events: Events, shift: int) -> Any:
    """Whether two events say the same of the signs beside them."""
    before = events.before[:, shift:] == events.before[:, :-shift]
    return before & (events.after[:, shift:] == events.after[:, :-shift])


def _sorted(evaluator: Evaluator, events: Events) -> Events:
    """In order of theta, what does not exist last."""
    xp = evaluator.xp
    order = xp.argsort(xp.where(events.exists, events.thetas, xp.inf), axis=1, stable=True)
    return Events(*(pick(evaluator, x, order) for x in events))


def in_order(evaluator: Evaluator, events: Events, most: int | None) -> Events:
    """In order of theta, with as many slots as are needed or allowed."""
    place, exists = evaluator.first(events.exists, most)
    return Events(*(pick(evaluator, x, place) for x in events))._replace(exists=exists)
