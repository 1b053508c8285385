"""The diagram between the ends of the axis: sections, special points, and the pieces of curves that join them.

Neighbouring sections are explained, or a section is put between them, until each interval is explained or is no wider
than rounding.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._points.jet import Jet, jet
from .._points.many import on_points
from .._points.rounding import probe
from .._stationary.cells import lowest_of_cubic
from .arms import Arms, are_pieces
from .explaining import Arm, Event, Explanation, as_arrays, explained
from .plane_newton import critical_equations, fold_equations, newton_step
from .sections import Columns, Section, Vertices, extrema, sections, with_secants
from .special_points import Box, Form, Special, critical_points, folds, is_same

if TYPE_CHECKING:
    from .._meta.meta_loss import MetaLoss
    from .._stationary.row import Stationary

# Sections that may be added, for each of those there were and at all: where G is noise there is no end to it.
_MOST_ADDED = 4, 2048

# A Newton step from a section may lead this much beyond the neighbouring one.
_BEYOND = 1.5

# Sections are put beside a special point at these shares of its distance from the next one: zeros that meet in a fold
# are then half and a quarter as far apart.
_TOWARDS = (1 / 4, 1 / 16)

# How far the Jacobian must dip along a curve, of its smaller end, for a zero of it to be looked for.
_DIP = 0.25


class Unexplained(NamedTuple):
    """An interval of alpha in which the curves could not be told."""

    start: float
    stop: float
    reason: str


class Graph(NamedTuple):
    """All curves: vertices, the pieces between them, and what is special.

    Attributes:
        columns: the vertices.
        edges: `[pieces, 2]`, pairs of vertices.
        stabilities: `[pieces]`.
        events: the special points with their vertices.
        edge_folds: folds on a bound of theta, where a curve ends.
        dead_ends: vertices at special points at which curves end.
        unexplained: what is left.
    """

    columns: Columns
    edges: np.ndarray
    stabilities: np.ndarray
    events: list[Event]
    edge_folds: list[Special]
    dead_ends: list[int]
    unexplained: list[Unexplained]


Solve = Callable[[np.ndarray], "Stationary"]
"""`alphas -> rows`."""


class _Interval(NamedTuple):
    a: Section
    b: Section


class Linking:
    """The state of the search for all curves."""

    def __init__(self, meta: MetaLoss, solve: Solve, box: Box, dtype: Any, memory_budget: int) -> None:
        self.meta, self.solve, self.box, self.dtype, self.memory_budget = meta, solve, box, dtype, memory_budget
        self.vertices = Vertices()
        self.events: list[Event] = []
        self.extrema: list[Special] = []
        self.edge_folds: list[Special] = []
        self.unexplained: list[Unexplained] = []
        self.done: dict[tuple[float, float], tuple[_Interval, Explanation]] = {}
        self.added = 0

    def linked(self, alphas: np.ndarray, found: Stationary) -> Graph:
        """The graph that grows from rows on an axis."""
        cuts = self._cut(alphas, found, alphas)
        most = max(_MOST_ADDED[0] * alphas.size, _MOST_ADDED[1])
        open_ = self._opened(cuts)
        while open_:
            self._look_for_bounds(open_)
            explanations = [self._explained(i) for i in open_]
            fine = self._judged(explanations)
            failed = [(i, e) for i, e, good in zip(open_, explanations, fine, strict=True) if not good]
            for interval, explanation, good in zip(open_, explanations, fine, strict=True):
                if good:
                    self.done[interval.a.alpha, interval.b.alpha] = interval, explanation
            passed = [e for e, good in zip(explanations, fine, strict=True) if good]
            groups = ([e for _, e in failed], passed)
            new = self._look_between(*(as_arrays([arm for e in group for arm in e.arms]) for group in groups))
            retried = [i for i, _ in failed if self._holds(i, new)] + self._reopened(new)
            open_ = retried + self._refined([(i, e) for i, e in failed if not self._holds(i, new)], most)
        return self._graph()

    def jets(self, thetas: np.ndarray, alphas: np.ndarray) -> Jet:
        """All derivatives at points."""
        return on_points(jet, self.meta, *self._cast(thetas, alphas), self.memory_budget)

    def noise(self, thetas: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """How far G can be wrong at points."""
        return on_points(probe, self.meta, *self._cast(thetas, alphas), self.memory_budget).direction_noise

    def _cast(self, thetas: np.ndarray, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(thetas, self.dtype), np.asarray(alphas, self.dtype)

    # Sections and what is seen from them.

    def _cut(self, alphas: np.ndarray, found: Stationary, axis: np.ndarray) -> list[Section]:
        """Sections, after their extrema have been followed to special points; `axis` are all alphas there are."""
        row, thetas = extrema(found)
        here = alphas[row]
        exists = found.events.exists
        zeros = found.events.thetas[exists], np.repeat(alphas, exists.sum(axis=1))
        both = self.jets(*(np.concatenate(pair) for pair in zip((thetas, here), zeros, strict=True)))
        at, at_zeros = (Jet(*(x[part] for x in both)) for part in (slice(thetas.size), slice(thetas.size, None)))
        jacobian_rates = at_zeros.g_ta + at_zeros.g_tt * found.rates[exists]
        cuts = sections(alphas, found, jacobian_rates, self.vertices)
        place = np.searchsorted(axis, here)
        below = axis[np.maximum(place - 1, 0)]
        above = axis[np.minimum(place + 1, axis.size - 1)]

        def leads(equations: Any) -> np.ndarray:
            step = newton_step(equations, at, self.box.scales)[0][:, 1] * self.box.scales[1]
            return (step <= _BEYOND * (above - here)) & (step >= _BEYOND * (below - here))

        to_critical, to_fold = leads(critical_equations), leads(fold_equations)
        self._add(critical_points(self.jets, self.noise, thetas[to_critical], here[to_critical], self.box))
        self._add(folds(self.jets, thetas[to_fold], here[to_fold], self.box))
        return cuts

    def _add(self, found: list[Special]) -> list[Special]:
        """Those that were not known, with vertices for their curves."""
        new = []
        for special in found:
            if special.form == Form.EXTREMUM:
                # Others hide no closed curve, and where rounding hides G there is no end of them.
                if special.is_isolated and not any(is_same(special, other, self.box) for other in self.extrema):
                    self.extrema.append(special)
                continue
            same = [event.special for event in self.events if is_same(special, event.special, self.box)]
            if same:
                continue
            at = special.at
            first = None
            for _ in special.slopes:
                vertex = self.vertices.add(special.alpha, special.theta, at.value, at.g_t, 0)
                first = vertex if first is None else first
            assert first is not None
            self.events.append(Event(special, tuple(range(first, first + len(special.slopes)))))
            new.append(special)
        return new

    def _opened(self, cuts: list[Section]) -> list[_Interval]:
        """The intervals between sections, with more of them where a closed curve is hidden between two."""
        hidden = self._hidden(cuts)
        if hidden.size:
            cuts = sorted([*cuts, *self._solved(hidden, np.array([c.alpha for c in cuts]))], key=lambda c: c.alpha)
        return self._between(cuts)

    def _hidden(self, cuts: list[Section]) -> np.ndarray:
        """Alphas of the extrema at which G has the other sign than beside them on the neighbouring sections."""
        axis = np.array([c.alpha for c in cuts])
        inner = [e for e in self.extrema if axis[0] < e.alpha < axis[-1]]
        if not inner:
            return np.zeros(0)
        thetas, alphas = np.array([e.theta for e in inner]), np.array([e.alpha for e in inner])
        place = np.clip(np.searchsorted(axis, alphas), 1, axis.size - 1)
        sign = np.sign([e.at.g for e in inner])
        beside = [np.sign(self.jets(thetas, axis[p]).g) for p in (place - 1, place)]
        return np.unique(alphas[(sign * beside[0] < 0) & (sign * beside[1] < 0)])

    def _solved(self, alphas: np.ndarray, axis: np.ndarray) -> list[Section]:
        self.added += alphas.size
        alphas = alphas.astype(self.dtype)
        return self._cut(alphas, self.solve(alphas), np.unique(np.concatenate([axis, alphas])))

    def _between(self, cuts: list[Section]) -> list[_Interval]:
        """Neighbouring sections. A single one on which every theta is stationary is passed over."""
        cuts = with_secants(cuts)
        kept = []
        for k, cut in enumerate(cuts):
            if not cut.flat:
                kept.append(k)
            elif not any(0 <= j < len(cuts) and cuts[j].flat for j in (k - 1, k + 1)):
                self.unexplained.append(Unexplained(cut.alpha, cut.alpha, _FLAT))
        intervals = []
        for k, m in itertools.pairwise(kept):
            if m - k > 2:
                self.unexplained.append(Unexplained(cuts[k].alpha, cuts[m].alpha, _FLAT))
            else:
                intervals.append(_Interval(cuts[k], cuts[m]))
        for k in {0, len(cuts) - 1} - set(kept):
            near = kept[0 if k == 0 else -1] if kept else k
            if abs(near - k) > 1:
                start, stop = sorted((cuts[k].alpha, cuts[near].alpha))
                self.unexplained.append(Unexplained(start, stop, _FLAT))
        return intervals

    # Intervals.

    def _within(self, a: float, b: float) -> list[Event]:
        slack = self.box.tolerance
        return [e for e in self.events if a - slack(e.special) <= e.special.alpha <= b + slack(e.special)]

    def _explained(self, interval: _Interval) -> Explanation:
        a, b = interval
        return explained(a, b, self._within(a.alpha, b.alpha), self.box, self._new_end)

    def _new_end(self, event: Event) -> int:
        special = event.special
        return self.vertices.add(special.alpha, special.theta, special.at.value, special.at.g_t, 0)

    def _judged(self, explanations: list[Explanation]) -> list[bool]:
        """Which intervals are explained by pieces of curves."""
        arms = as_arrays([arm for e in explanations for arm in e.arms])
        good = are_pieces(self.jets, arms, self.box.high - self.box.low, self.box.eps)
        stops = np.cumsum([len(e.arms) for e in explanations])
        return [
            not e.reason and bool(good[stop - len(e.arms) : stop].all())
            for e, stop in zip(explanations, stops, strict=True)
        ]

    def _look_for_bounds(self, intervals: list[_Interval]) -> None:
        """Where G changes its sign at a bound, the folds there, and the rows on which it does so everywhere."""
        found: list[Special] = []
        for which, bound in enumerate((self.box.low, self.box.high)):
            ends = np.array([[i.a.ends[which], i.b.ends[which]] for i in intervals])
            turns = np.flatnonzero((ends[:, 0] * ends[:, 1] <= 0) & (ends != 0).any(axis=1))
            if turns.size:
                edges = np.array([[intervals[k].a.alpha, intervals[k].b.alpha] for k in turns])
                alphas = self._bound_roots(bound, edges, ends[turns])
                at = self.jets(np.full(alphas.size, bound), alphas)
                found += [
                    Special(Form.BOUND, float(alpha), bound, Jet(*(float(x[k]) for x in at)), 0.0, False)
                    for k, alpha in enumerate(alphas)
                ]
        slack = self.box.alpha_tolerance
        both = [a.alpha for a in found for b in found if a.theta < b.theta and abs(a.alpha - b.alpha) <= slack]
        flat = [alpha for alpha in both if self._is_flat(alpha)]
        known = [u.start for u in self.unexplained if u.reason == _FLAT]
        new = [alpha for alpha in flat if not any(abs(alpha - x) <= slack for x in known)]
        self.unexplained += [Unexplained(alpha, alpha, _FLAT) for alpha in new]
        wanted = [s for s in found if not any(abs(s.alpha - alpha) <= slack for alpha in flat)]
        self._add(wanted)
        thetas, alphas = np.array([[s.theta, s.alpha] for s in wanted]).reshape(-1, 2).T
        edge = folds(self.jets, thetas, alphas, self.box)
        self.edge_folds += [
            fold for fold in edge
            if any(is_same(fold, s, self.box) for s in wanted)
            and not any(is_same(fold, other, self.box) for other in self.edge_folds)
        ]  # fmt: skip

    def _is_flat(self, alpha: float) -> bool:
        """Whether G is zero to rounding all over a row."""
        thetas = np.linspace(self.box.low, self.box.high, _PLACES)
        alphas = np.full(_PLACES, alpha)
        return bool((np.abs(self.jets(thetas, alphas).g) <= 8 * self.noise(thetas, alphas)).all())

    def _bound_roots(self, bound: float, edges: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """G(bound, alpha) = 0 between `edges`, by Newton's method, halving where it leaves them."""
        left, right = edges.T.copy()
        alphas = np.where(ends[:, 0] == 0, left, np.where(ends[:, 1] == 0, right, (left + right) / 2))
        for _ in range(_BOUND_ROUNDS):
            at = self.jets(np.full(alphas.size, bound), alphas)
            before = np.sign(at.g) == np.sign(ends[:, 0])
            left, right = np.where(before, alphas, left), np.where(before, right, alphas)
            following = alphas - at.g / at.g_a
            inside = (following >= left) & (following <= right)
            following = np.where(at.g == 0, alphas, np.where(inside, following, (left + right) / 2))
            if (np.abs(following - alphas) <= 2 * self.box.eps * np.abs(alphas)).all():
                break
            alphas = following
        return alphas.astype(self.dtype).astype(float)

    def _look_between(self, tried: Arms, passed: Arms) -> list[Special]:
        """Special points from the middles of pieces that were none, and from where the Jacobian dips along others."""
        wanted = tried.smooth & ~tried.special
        thetas, alphas = tried.thetas.mean(axis=1)[wanted], tried.alphas.mean(axis=1)[wanted]
        dips = self._dips(passed)
        starts = np.concatenate([thetas, dips[0]]), np.concatenate([alphas, dips[1]])
        new = self._add(critical_points(self.jets, self.noise, starts[0], starts[1], self.box))
        return new + self._add(folds(self.jets, thetas, alphas, self.box))

    def _holds(self, interval: _Interval, specials: list[Special]) -> bool:
        """Whether one of them lies in the interval."""
        a, b, slack = interval.a.alpha, interval.b.alpha, self.box.tolerance
        return any(a - slack(s) <= s.alpha <= b + slack(s) for s in specials)

    def _reopened(self, specials: list[Special]) -> list[_Interval]:
        """The intervals that had been explained without one of them."""
        keys = [key for key, (interval, _) in self.done.items() if self._holds(interval, specials)]
        return [self.done.pop(key)[0] for key in keys]

    def _dips(self, arms: Arms) -> tuple[np.ndarray, np.ndarray]:
        """Thetas and alphas at which the Jacobian, as a cubic along a piece, comes near to zero."""
        columns = self.vertices.columns()
        ends = np.abs(columns.jacobians[arms.vertices])
        rates = columns.jacobian_rates[arms.vertices] * np.sign(columns.jacobians[arms.vertices])
        step = np.diff(arms.alphas, axis=1)
        share, depth = lowest_of_cubic(np, *ends.T, *(rates * step).T)
        dips = np.flatnonzero(~arms.special & (depth < _DIP * ends.min(axis=1)))
        share = share[dips, None]
        places = (x[dips, :1] + share * np.diff(x[dips], axis=1) for x in (arms.thetas, arms.alphas))
        thetas, alphas = (x[:, 0] for x in places)
        return thetas, alphas

    def _refined(self, failed: list[tuple[_Interval, Explanation]], most: int) -> list[_Interval]:
        """The intervals with sections put into them; those that are too narrow are given up."""
        wanted: list[tuple[_Interval, list[float]]] = []
        for interval, explanation in failed:
            alphas = self._new_alphas(interval)
            if not alphas or self.added > most:
                self.unexplained.append(self._given_up(interval, explanation, self.added > most))
            else:
                wanted.append((interval, alphas))
        if not wanted:
            return []
        flat = np.unique(np.array([x for _, alphas in wanted for x in alphas], self.dtype))
        axis = np.unique(np.array([s.alpha for i, _ in wanted for s in i], self.dtype))
        cuts = {c.alpha: c for c in self._solved(flat, axis)}
        intervals = []
        for interval, alphas in wanted:
            inner = [cuts[float(np.asarray(x, self.dtype))] for x in alphas]
            intervals += self._opened([interval.a, *inner, interval.b])
        return intervals

    def _new_alphas(self, interval: _Interval) -> list[float]:
        """Where to cut an interval: beside the special points in it, or in the middle."""
        a, b = interval.a.alpha, interval.b.alpha
        slack = self.box.alpha_tolerance
        around = [(e.special.alpha, 2 * self.box.tolerance(e.special)) for e in self._within(a, b)]
        inside = sorted(x for x, near in around if a + near < x < b - near)
        if not inside:
            wanted = [a + share * (b - a) for share in (0.25, 0.5, 0.75)]
        else:
            wanted = [inside[0] - share * (inside[0] - a) for share in _TOWARDS]
            wanted += [inside[-1] + share * (b - inside[-1]) for share in _TOWARDS]
            wanted += [(x + y) / 2 for x, y in itertools.pairwise(inside)]
        cuts = np.unique(np.array(wanted, self.dtype)).astype(float)
        return [x for x in cuts if a + slack < x < b - slack and all(abs(x - y) > near for y, near in around)]

    def _given_up(self, interval: _Interval, explanation: Explanation, too_many: bool) -> Unexplained:
        a, b = interval
        doubt = a.doubt or b.doubt
        if too_many:
            doubt = doubt or "more sections are needed than are looked at"
        if not (a.smooth.all() and b.smooth.all()):
            doubt = doubt or "zeros meet at a kink, a jump or a plateau"
        return Unexplained(a.alpha, b.alpha, doubt or explanation.reason or "the zeros do not move as their rates say")

    def _graph(self) -> Graph:
        arms: list[Arm] = [arm for _, e in self.done.values() for arm in e.arms]
        pieces = as_arrays(arms)
        dead = [v for _, e in self.done.values() for v in e.dead_ends]
        edges, crowded = self._split(pieces.vertices)
        return Graph(
            self.vertices.columns(), edges, pieces.stabilities.astype(np.int8), self.events, self.edge_folds,
            dead + crowded, _joined(sorted(self.unexplained)),
        )  # fmt: skip

    def _split(self, edges: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Edges that end at a vertex with more than two of them, with a vertex of its own for each of their ends.

        At a degenerate point on a section the two sides are explained without each other.
        """
        crowded = np.flatnonzero(np.bincount(edges.ravel(), minlength=1) > 2)
        of_vertex = {v: event for event in self.events for v in event.vertices}
        edges, new = edges.copy(), []
        for row, end in np.argwhere(np.isin(edges, crowded)):
            new.append(self._new_end(of_vertex[int(edges[row, end])]))
            edges[row, end] = new[-1]
        return edges, new


def _joined(intervals: list[Unexplained]) -> list[Unexplained]:
    """In order, those that touch and have one reason as one."""
    kept: list[Unexplained] = []
    for one in intervals:
        last = kept[-1] if kept else None
        if last is not None and last.reason == one.reason and one.start <= last.stop:
            kept[-1] = last._replace(stop=max(last.stop, one.stop))
        else:
            kept.append(one)
    return kept


# Where a row is looked at to tell that G is zero all over it.
_PLACES = 9

_FLAT = "every theta is stationary"

# Halvings and Newton steps until a root at a bound is known to rounding.
_BOUND_ROUNDS = 80
