"""What a question is made of: entries that answer it, targets that judge the answers."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

QUESTIONS = (
    "surface",
    "optimal_theta",
    "bifurcation_diagram",
    "outer_loop",
    "algorithms",
    "sinusoid",
    "memory",
    "startup",
    "explorer",
)

Call = Callable[[], Any]
Row = dict[str, Any]
What = Literal["seconds", "first_seconds", "first_more", "error", "found", "missed", "peak_bytes"]


@dataclass(frozen=True)
class Entry:
    """One competitor, ours or a peer.

    Attributes:
        name: its row in the table.
        build: imports what it needs, prepares the input, returns the call to time, blocked on its result.
        error: of what the call returned, the largest error against the exact answer.
        tolerance: a larger error means that the entry computes something else, and nothing is timed.
        work: units of work in one call, so that entries of different size can be compared.
        requires: modules without which the entry is left out.
        found: of what the call returned, how many of how many that there are or may be; None where nothing is counted.
    """

    name: str
    build: Callable[[], Call]
    error: Callable[[Any], float]
    tolerance: float
    work: int = 1
    requires: tuple[str, ...] = ()
    found: Callable[[Any], tuple[int, int]] | None = None

    @property
    def missing(self) -> str | None:
        """Why the entry cannot run here, or None."""
        absent = [name for name in self.requires if importlib.util.find_spec(name) is None]
        return f"{' and '.join(absent)} not installed" if absent else None


@dataclass(frozen=True)
class Target:
    """A ratio to reach, entry to peer (`at_most`) or peer to entry (`at_least`, "times faster").

    Attributes:
        claim: what is asked, in words.
        entry: the name of our entry.
        peer: the name of the entry beside it; None compares with `scale` alone.
        what: the number compared; seconds are per unit of work, `first_more` is what the first call took above them,
            `found` is how many were found, `missed` how many were not.
        at_most, at_least: the bound, one of the two.
        scale: without a peer, what the number is divided by (1 leaves it absolute).
        reason: from the rows, the measured cause of a miss; the plain numbers when None.
    """

    claim: str
    entry: str
    peer: str | None
    what: What = "seconds"
    at_most: float | None = None
    at_least: float | None = None
    scale: float = 1.0
    reason: Callable[[dict[str, Row]], str] | None = None


@dataclass(frozen=True)
class Question:
    """A question with all that answers it.

    Attributes:
        name: the module, the argument on the command line and the stem of the JSON file.
        title: one sentence with the sizes.
        entries: in the order of the table.
        targets: what ours should reach.
        unit: what `Entry.work` counts; None where a rate means nothing.
        counted: what `Entry.found` counts, the head of its column; None where no entry counts.
        spawns: its calls are fresh processes themselves, so one process that makes them is enough.
    """

    name: str
    title: str
    entries: tuple[Entry, ...]
    targets: tuple[Target, ...]
    unit: str | None = None
    counted: str | None = None
    spawns: bool = False

    def entry(self, name: str) -> Entry:
        """The entry of that name."""
        return next(e for e in self.entries if e.name == name)


class OwnClock(NamedTuple):
    """Returned by a call that ran in a process of its own and timed itself there."""

    seconds: float
    page_faults: int
    peak_bytes: int
    result: Any


def load(name: str, quick: bool) -> Question:
    """The question in `benchmarks/<name>.py`."""
    return importlib.import_module(f"{__package__}.{name}").question(quick)
