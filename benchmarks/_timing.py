"""One entry, in this process: its error, its first call, its further calls."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import _machine
from ._question import Call, Entry, OwnClock

Clock = Callable[[], float]

# A turn of an entry: one call that is not counted, to bring its data back into the caches, then calls for
# about this long, at most so many. A longer call needs no such preparation and is its turn by itself.
_TURN_SECONDS = 0.05
_CALLS_PER_TURN = 10


class IncorrectError(Exception):
    """An entry does not compute what the question asks for."""


class Sample(NamedTuple):
    """One call."""

    seconds: float
    page_faults: int
    own_peak_bytes: int | None = None


class Part(NamedTuple):
    """What one process measured."""

    samples: list[Sample]
    first_seconds: float
    peak_bytes: int


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    lower: float
    upper: float


def spread(numbers: Sequence[float]) -> Spread:
    """Median and quartiles (inclusive method) of at least one number.

    >>> spread([4.0, 1.0, 2.0, 3.0, 5.0])
    Spread(median=3.0, lower=2.0, upper=4.0)
    """
    if len(numbers) == 1:
        return Spread(numbers[0], numbers[0], numbers[0])
    lower, median, upper = statistics.quantiles(numbers, n=4, method="inclusive")
    return Spread(median, lower, upper)


def sample(call: Call, clock: Clock = time.perf_counter) -> Sample:
    """Time one call. Its result is dropped after the clock has stopped, before any further call."""
    faults, start = _machine.page_faults(), clock()
    result = call()
    seconds, faults = clock() - start, _machine.page_faults() - faults
    if isinstance(result, OwnClock):
        return Sample(result.seconds, result.page_faults, result.peak_bytes)
    return Sample(seconds, faults)


class Bench:
    """One entry being measured: `verify`, `found` in one process; `start`, `turn` after `turn`, `finish` in another.

    Checking an answer allocates and frees large arrays, and what the C library does with the next fresh array
    depends on what was freed before; so a process that is timed never checks.
    """

    def __init__(self, entry: Entry, clock: Clock = time.perf_counter) -> None:
        self._entry = entry
        self._clock = clock
        self._samples: list[Sample] = []

    def verify(self) -> float:
        """The error of one call; raises `IncorrectError` above the tolerance."""
        result = self._entry.build()()
        answer = result.result if isinstance(result, OwnClock) else result
        error = float(self._entry.error(answer))
        if not error <= self._entry.tolerance:  # a NaN is no pass either
            raise IncorrectError(f"{self._entry.name}: error {error:.3g}, allowed {self._entry.tolerance:.3g}")
        self._found = self._entry.found(answer) if self._entry.found else None
        return error

    def found(self) -> tuple[int, int] | None:
        """How many of how many the call that was verified found."""
        return self._found

    def start(self) -> None:
        """Build the entry and make its first call, which compiles."""
        self._call = self._entry.build()
        self._resident = _machine.resident_bytes()
        self._first = sample(self._call, self._clock)

    def turn(self) -> None:
        """Add at least one sample."""
        warm = sample(self._call, self._clock)
        if warm.seconds >= _TURN_SECONDS:
            self._samples.append(warm)
            return
        calls = max(1, min(_CALLS_PER_TURN, int(_TURN_SECONDS / max(warm.seconds, 1e-9))))
        self._samples += [sample(self._call, self._clock) for _ in range(calls)]

    def finish(self) -> Part:
        """What was measured; the peak is what was added to the memory resident before the first call."""
        own = [s.own_peak_bytes for s in self._samples if s.own_peak_bytes is not None]
        peak = max(own) if own else max(0, _machine.peak_bytes() - self._resident)
        return Part(self._samples, self._first.seconds, peak)


def summary(parts: Sequence[Part]) -> dict[str, Any]:
    """The numbers of one row, as JSON: all samples of all processes together."""
    samples = [s for part in parts for s in part.samples]
    return {
        "seconds": spread([s.seconds for s in samples])._asdict(),
        "page_faults": spread([s.page_faults for s in samples])._asdict(),
        "first_seconds": statistics.median(part.first_seconds for part in parts),
        "peak_bytes": statistics.median(part.peak_bytes for part in parts),
        "runs": len(samples),
        "processes": len(parts),
        "samples": [[[s.seconds, s.page_faults] for s in part.samples] for part in parts],
    }
