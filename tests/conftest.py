"""What every test file may use: both precisions, a counter of compilations, a quiet matplotlib."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

os.environ["MPLBACKEND"] = "Agg"  # before anything imports pyplot: there is no screen

import hypothesis
import jax
import jax.monitoring
import numpy as np
import pytest
from hypothesis import HealthCheck

import mamlgrid

from .browser import chromium
from .signatures import check_signatures

SIGNATURES = check_signatures(mamlgrid)

# No deadline: the first example of a test compiles. Derandomised, so that a run is the same for all;
# HYPOTHESIS_PROFILE=search looks for new counterexamples. The one fixture shared by the examples of a test is
# the precision, which no example changes.
_common = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}
hypothesis.settings.register_profile("same", derandomize=True, max_examples=40, **_common)
hypothesis.settings.register_profile("search", max_examples=1000, **_common)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

_COMPILE_EVENT = "/jax/core/compile/backend_compile_duration"
_compiled = 0


def _count(event: str, duration: float, **_: object) -> None:
    global _compiled  # noqa: PLW0603
    _compiled += event == _COMPILE_EVENT


jax.monitoring.register_event_duration_secs_listener(_count)


class Compilations:
    """Counts programs handed to the compiler since `reset`, the one-operation ones of eager code included."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count from here."""
        self._before = _compiled

    @property
    def count(self) -> int:
        """Programs compiled since `reset`."""
        return _compiled - self._before


@pytest.fixture
def compilations() -> Compilations:
    """A counter of compilations; `reset()` it after the first call, expect `count == 0` after the next."""
    return Compilations()


@pytest.fixture
def x64() -> Iterator[None]:
    """The test runs in float64."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Iterator[np.dtype]:
    """The test runs twice, in float32 and in float64, and is given the dtype."""
    with jax.enable_x64(request.param == "float64"):
        yield np.dtype(request.param)


@pytest.fixture
def no_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing calls show, and no figure outlives its test."""
    import matplotlib.pyplot as plt

    def show(*_: object, **__: object) -> None:
        raise AssertionError("a plotting function called show")

    monkeypatch.setattr(plt, "show", show)
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium for the tests of a file."""
    with chromium() as found:
        yield found
