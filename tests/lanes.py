"""Which parameters of a test run in `make test`; the others are left to the slow lane."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def brief(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Parameters, all of which but the `quick` ones are slow; a tuple holds the values of several names."""
    slow = {True: (), False: pytest.mark.slow}
    listed = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*value, marks=slow[value in quick or value[0] in quick]) for value in listed]


# For tests of the fixture `dtype` that take seconds: float32 is left to the slow lane.
float64_first = pytest.mark.parametrize("dtype", brief(["float64", "float32"], "float64"), indirect=True)
