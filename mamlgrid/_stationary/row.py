"""One row of stationary points, judged: nodes -> events -> what is known of each -> status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .._points.rounding import Probe
from .._results.status import Status
from .cells import left_of, right_of, rounding
from .evaluator import pick
from .ladder import Ladder, ladder
from .search import tolerance
from .zeros import JUMP, KINK, PLATEAU, ZERO, Events, Row, in_order, zeros

if TYPE_CHECKING:
    from .._points.at import Sample
    from .evaluator import Evaluator

# A direction that grows like this power of the distance or faster is flatter than that of a simple zero; one that
# grows slower than this is that of a kink; one that grows towards the point like 1 / distance is that of a pole.
_BLUNT, _SHARP, _POLE = 1.5, 0.5, -0.95

# A derivative in alpha is given when rounding leaves it three digits; below that it says nothing.
RATE_DIGITS = 1e-3

# Places across the bounds at which rounding is measured, to tell a flat row.
_PLACES = 9

# Rounds in which zeros are merged between which nothing is seen: each leaves fewer, and more is seen from them.
_MERGES = 8


class Stationary(NamedTuple):
    """The stationary points of each row, `[rows, slots]` in order of theta, and what the row as a whole is.

    Attributes:
        events: where they are and what they are.
        at: value, direction, Jacobian there.
        probe: derivatives in alpha, and noise.
        rates: dtheta/dalpha; NaN where rounding leaves it less than three digits.
        accuracies: the distance within which rounding hides the sign of the direction.
        status: int8.
        flat: `[rows]`, whether every theta is stationary, to rounding.
        settled: `[rows]`, whether half of the nodes would have led to the same points; else accuracies are NaN.
        number: `[rows]`, how many points there are, also where there is no room for them.
        nodes: `[rows, nodes]`, where the row was looked at.
        looked: the samples there.
        ends: `[rows, 2]`, derivatives in alpha and noise at the bounds.
    """

    events: Events
    at: Sample
    probe: Probe
    rates: Any
    accuracies: Any
    status: Any
    flat: Any
    settled: Any
    number: Any
    nodes: Any
    looked: Sample
    ends: Probe

    @property
    def attracting(self) -> Any:
        """Whether the direction goes from minus to plus; a plateau that rises on both sides counts."""
        rises = (self.events.before < 0) & (self.events.after > 0)
        return rises & self.events.exists


def even(evaluator: Evaluator, low: Any, high: Any, num_thetas: int) -> Any:
    """An even row of `2 num_thetas - 1` nodes for each alpha, both bounds exactly among them."""
    xp = evaluator.xp
    share = xp.linspace(0, 1, 2 * num_thetas - 1, dtype=low.dtype)
    row = xp.where(share == 1, high, low + (high - low) * share)
    return xp.broadcast_to(row, (evaluator.alphas.shape[0], row.size))


def with_middles(evaluator: Evaluator, nodes: Any) -> Any:
    """The nodes and the middles between them."""
    xp = evaluator.xp
    middles = nodes[:, :-1] + xp.diff(nodes, axis=1) / 2
    woven = xp.stack([nodes[:, :-1], middles], axis=2).reshape(nodes.shape[0], -1)
    return xp.concatenate([woven, nodes[:, -1:]], axis=1)


def looked_at(evaluator: Evaluator, nodes: Any) -> tuple[Any, Sample]:
    """The samples on the nodes. A node exactly on a kink, where no derivative exists, is moved into its cell.

    There the inner update may be NaN and the value with it, at that node alone; close beside it nothing is NaN.
    """
    xp = evaluator.xp
    at = evaluator.sample(nodes, xp.ones(nodes.shape, bool))
    cell = xp.diff(nodes, axis=1)
    known = xp.isfinite(at.values)
    kinked = known & ~(xp.isfinite(at.directions) & xp.isfinite(at.jacobians))
    no = xp.zeros_like(known[:, :1])
    alone = xp.concatenate([no, ~known[:, 1:-1] & known[:, :-2] & known[:, 2:], no], axis=1)
    if evaluator.any(alone):
        aside = xp.concatenate([cell, cell[:, -1:]], axis=1) / 1024
        beside = evaluator.sample(xp.stack([nodes - aside, nodes + aside], axis=-1), alone[..., None])
        kinked |= alone & xp.isfinite(beside.values).all(axis=-1)
    if not evaluator.any(kinked):
        return nodes, at
    # No round number, so that a kink on a grid point is not met again on another one.
    moved = xp.concatenate([nodes[:, :-1] + 0.3819 * cell, nodes[:, -1:] - 0.3819 * cell[:, -1:]], axis=1)
    again = evaluator.sample(moved, kinked)
    nodes = xp.where(kinked, moved, nodes)
    return nodes, type(at)(*(xp.where(kinked, new, old) for new, old in zip(again, at, strict=True)))


def stationary(
    evaluator: Evaluator, nodes: Any, at: Sample, low: Any, high: Any, is_gradient: bool, max_points: int | None = None
) -> Stationary:
    """All stationary points on the nodes of each row."""
    xp = evaluator.xp
    across = _across(evaluator, nodes)
    # The second largest: a move may have crossed a jump at one of the places.
    blur = xp.sort(across.value_noise[:, 1:-1], axis=1)[:, -2:-1]
    ends = type(across)(*(x[:, xp.asarray([0, -1])] for x in across))
    row = zeros(evaluator, nodes, at, blur, ends.direction_noise, high - low, is_gradient, max_points)
    events = _without_near_misses(evaluator, row.events, max_points)
    events, probe, rungs = _seen(evaluator, events, row.settled, low, high, max_points)
    probe = probe._replace(value_noise=rungs.value_noise, direction_noise=rungs.direction_noise)
    found = evaluator.sample(events.thetas, events.exists)
    return _judged(evaluator, row, events, found, probe, rungs, _flat(evaluator, at, across, blur), ends, low, high)


def _seen(
    evaluator: Evaluator, events: Events, settled: Any, low: Any, high: Any, max_points: int | None
) -> tuple[Events, Probe, Ladder]:
    """What is seen from each event, when those between which nothing is seen have been merged.

    Nothing in rows that are not settled: there may be thousands, and none can be trusted.
    """
    xp = evaluator.xp
    shape = events.thetas.shape
    blank = xp.zeros(shape, events.thetas.dtype)
    pair = xp.zeros((*shape, 2), blank.dtype)
    nothing = Ladder(blank, pair, xp.zeros(pair.shape, bool), pair, blank, blank, blank)

    def unfinished(state: tuple) -> Any:
        return state[3] & (state[4] < _MERGES)

    def advance(state: tuple) -> tuple:
        events, *_, rounds = state
        wanted = events.exists & settled[:, None]
        probe = _probed(evaluator, events, wanted, high - low)
        rungs = ladder(evaluator, events, wanted, probe, low, high)
        merged = _merged(evaluator, events, rungs)
        changed = (merged.exists != events.exists) | (merged.before != events.before) | (merged.after != events.after)
        # In the last round what was seen must be of the events that are returned.
        ends = not evaluator.any(changed) or (isinstance(rounds, int) and rounds + 1 == _MERGES)
        following = events if ends else in_order(evaluator, merged, max_points)
        return following, probe, rungs, changed.any(), rounds + 1

    start = (events, Probe(*[blank] * 5), nothing, True, 0)
    return evaluator.loop(unfinished, advance, start)[:3]


def _probed(evaluator: Evaluator, events: Events, wanted: Any, width: Any) -> Probe:
    """The derivatives in alpha at each event, and the noise on both sides of it.

    Noise is what small moves do; they must not cross the event, which may be a kink or a jump.
    """
    xp = evaluator.xp
    aside = 64 * tolerance(evaluator, events.thetas, width)
    places = xp.stack([events.thetas, events.lefts - aside, events.rights + aside], axis=-1)
    probe = evaluator.probe(places, wanted[..., None])
    noise = (xp.fmax(x[..., 1], x[..., 2]) for x in probe[2:])
    return type(probe)(probe.values_alpha[..., 0], probe.directions_alpha[..., 0], *noise)


def _across(evaluator: Evaluator, nodes: Any) -> Probe:
    """The noise at both bounds, `[..., 0]` and `[..., -1]`, and at nine places between them.

    At no round shares of the width, so that a move does not cross a kink or a jump on a round number.
    """
    xp = evaluator.xp
    low, high = nodes[:, :1], nodes[:, -1:]
    shares = (xp.arange(_PLACES, dtype=nodes.dtype) + 0.3819) / _PLACES
    places = xp.concatenate([low, low + shares * (high - low), high], axis=1)
    return evaluator.probe(places, xp.ones(places.shape, bool))


def _judged(
    evaluator: Evaluator, row: Row, events: Events, at: Sample, probe: Probe, rungs: Ladder, flat: Any,
    ends: Probe, low: Any, high: Any,
) -> Stationary:  # fmt: skip
    xp = evaluator.xp
    turns = events.before != events.after
    zero = events.kinds == ZERO
    known = xp.where(xp.isfinite(rungs.orders), rungs.orders, 1)
    interior = (events.thetas > low) & (events.thetas < high)
    kink = zero & turns & (known < _SHARP).any(axis=-1) & interior
    kinds = xp.where(kink, KINK, events.kinds).astype("int8")
    blunt = zero & ~kink & ((known > _BLUNT).any(axis=-1) | rungs.blind.all(axis=-1) | ~turns)
    # At a jump only the side on which the extreme value lies can lead to a pole.
    pole = interior & (known <= _POLE).any(axis=-1) & (zero | (kinds == JUMP))

    rate = -probe.directions_alpha / at.jacobians
    sharp = rungs.bends <= RATE_DIGITS * xp.abs(at.jacobians)
    # A rate near zero is known when its error is small beside the width of the bounds.
    scale = xp.maximum(xp.abs(probe.directions_alpha), xp.abs(at.jacobians) * (high - low))
    sharp &= probe.directions_alpha_noise <= RATE_DIGITS * scale
    rates = xp.where((kinds == ZERO) & ~blunt & sharp, rate, xp.nan)

    status = xp.where(blunt, int(Status.DEGENERATE), int(Status.OK))
    status = xp.where(kinds == JUMP, int(Status.ONE_SIDED), status)
    status = xp.where(kinds == PLATEAU, int(Status.PLATEAU), status)
    status = xp.where(pole | ~xp.isfinite(at.values), int(Status.NONFINITE), status)
    status = xp.where(row.settled[:, None], status, int(Status.UNRESOLVED))
    events = events._replace(kinds=kinds, exists=events.exists & ~flat[:, None])
    status = xp.where(events.exists, status, int(Status.ABSENT)).astype("int8")
    return Stationary(
        events, at, probe, rates, rungs.accuracies, status, flat, row.settled, row.number, row.nodes, row.at,
        ends,
    )  # fmt: skip


def _without_near_misses(evaluator: Evaluator, events: Events, max_points: int | None) -> Events:
    """No place where the direction comes near to zero without being hidden by rounding."""
    if not evaluator.any(events.tentative & events.exists):
        return events
    at = evaluator.sample(events.thetas, events.tentative & events.exists)
    noise = evaluator.probe(events.thetas, events.tentative & events.exists).direction_noise
    missed = events.tentative & ~(evaluator.xp.abs(at.directions) <= noise)
    return in_order(evaluator, events._replace(exists=events.exists & ~missed), max_points)


def _merged(evaluator: Evaluator, events: Events, rungs: Ladder) -> Events:
    """Zeros and plateaus of one value between which nothing is seen, as one: from the first to the last of them.

    Next to them the direction may have any sign within rounding: theirs are those that are seen farther away.
    """
    xp = evaluator.xp
    level = ((events.kinds == ZERO) | (events.kinds == PLATEAU)) & events.exists
    values = evaluator.sample(events.thetas, level).values
    error = 4 * rungs.value_noise + 64 * xp.finfo(values.dtype).eps * xp.abs(values)
    # Plateaus of two values are parted by a jump; between zeros the value may change with a slope that is hidden.
    flat = events.kinds == PLATEAU
    same = ~(xp.abs(xp.diff(values, axis=1)) > error[:, :-1] + error[:, 1:]) | ~(flat[:, :-1] | flat[:, 1:])
    blind = (rungs.blind[:, :-1, 1] | rungs.blind[:, 1:, 0]) & level[:, :-1] & level[:, 1:] & same
    no = xp.zeros_like(level[:, :1])
    goes_on = xp.concatenate([blind, no], axis=1)
    continues = xp.concatenate([no, blind], axis=1)
    index = xp.broadcast_to(xp.arange(level.shape[1]), level.shape)
    # The last of the run that begins here: the next place from which nothing goes on.
    stops = xp.where(goes_on, level.shape[1], index)
    last = xp.minimum(xp.minimum.accumulate(stops[:, ::-1], axis=1)[:, ::-1], level.shape[1] - 1)
    several = last > index
    plateaus = xp.cumsum(events.kinds == PLATEAU, axis=1)
    inside = pick(evaluator, plateaus, last) - plateaus + (events.kinds == PLATEAU) > 0
    kinds = xp.where(several & inside, PLATEAU, events.kinds).astype("int8")
    rights, after = pick(evaluator, events.rights, last), pick(evaluator, events.after, last)
    far_before, far_after = rungs.signs[..., 0], pick(evaluator, rungs.signs[..., 1], last)
    level &= kinds == PLATEAU
    before = xp.where(level & (far_before != 0), far_before, events.before)
    after = xp.where(level & (far_after != 0), far_after, after)
    thetas = xp.where(several, events.lefts + (rights - events.lefts) / 2, events.thetas)
    return events._replace(
        thetas=thetas, rights=rights, before=before, after=after, kinds=kinds, exists=events.exists & ~continues
    )


def _flat(evaluator: Evaluator, at: Sample, across: Probe, blur: Any) -> Any:
    """Rows in which neither direction nor value rise above rounding.

    The value has no steps either: where a bound lies on one, a small move there changes it by more than rounding does.
    """
    xp = evaluator.xp
    steepest = xp.abs(at.directions).max(axis=1)  # NaN where one is: then nothing is flat
    spread = at.values.max(axis=1) - at.values.min(axis=1)
    steps = xp.abs(xp.diff(at.values, axis=1)) > rounding(xp, left_of(at), right_of(at), blur)
    level = (spread <= 2 * across.value_noise.max(axis=1)) & ~steps.any(axis=1)
    return (steepest <= across.direction_noise.max(axis=1)) & level
