"""Where along a curve it attracts, and where it repels."""

from __future__ import annotations

from typing import Any

import numpy as np


def stretches(stabilities: Any) -> list[tuple[slice, int]]:
    """Where along a branch which stability holds; a fold, which has none, belongs to both sides.

    >>> stretches(np.array([1, 1, 0, -1, -1]))
    [(slice(0, 3, None), 1), (slice(2, 5, None), -1)]
    """
    stabilities = np.asarray(stabilities)
    before, after = stabilities[:-1], stabilities[1:]
    segments = np.where(before != 0, before, after) if stabilities.size > 1 else stabilities
    turns = np.flatnonzero(np.diff(segments)) + 1
    last = max(1, stabilities.size - 1)
    return [
        (slice(int(start), min(int(stop) + 1, stabilities.size)), int(segments[start]))
        for start, stop in zip([0, *turns], [*turns, last], strict=True)
    ]
