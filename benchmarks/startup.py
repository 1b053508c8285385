"""What does a new process wait for: the import, the first surface, the figures?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ._question import Call, Entry, OwnClock, Question, Target

_ROOT = Path(__file__).parents[1]
_SIZE = 200  # alphas and thetas of the first surface
_TOLERANCE = 1e-5  # of float32 against the closed form
_FIGURES_TOLERANCE = 1e-12  # what each figure asks of itself

# What a plain `import mamlgrid` must not bring in.
_LAZY = ("matplotlib", "optax", "plotly", "xarray")

_AXES = f"alphas, thetas = np.linspace(0, 1.2, {_SIZE}).astype('f'), np.linspace(-2, 2, {_SIZE}).astype('f')"

_FIRST_SURFACE = f"""
import numpy as np
import mamlgrid as mg
{_AXES}
surface = mg.surface(mg.cases.quartic().meta(), alphas, thetas)
values = surface.values.block_until_ready()
"""

# The least that any package on top of jax must wait for.
_FIRST_SURFACE_BY_HAND = f"""
import numpy as np
import jax
losses = (lambda t: t**4 / 4, lambda t: (t - 1) ** 2 / 2)
meta = lambda t, a: sum(loss(t - a * jax.grad(loss)(t)) for loss in losses)
row = jax.vmap(jax.value_and_grad(meta), (0, None))
surface = jax.jit(jax.vmap(row, (None, 0)))
{_AXES}
values = surface(thetas, alphas)[0].block_until_ready()
"""

_SURFACE_ERROR = """
from benchmarks import peers
alphas, thetas = alphas.astype(float), thetas.astype(float)
error = peers.largest_error(np.asarray(values), peers.meta_loss(thetas, alphas[:, None]))
"""

_FIGURES = """
import tempfile
from mamlgrid._figures.command_line import main
folder = tempfile.TemporaryDirectory()
main(["figures", "--case", "{case}", "--out", folder.name])
"""

_FIGURES_ERROR = """
with open(folder.name + "/numbers.json") as file:
    figures = json.load(file)["figures"].values()
error = max(check["deviation"] for figure in figures for check in figure["checks"])
folder.cleanup()
"""


def question(quick: bool) -> Question:
    """Fresh interpreters."""
    case = "quadratic" if quick else "all"
    figures = f"mamlgrid figures --case {case}"
    imported, jax_imported = "import mamlgrid", "import jax"
    first, first_by_hand = "import to first surface, mamlgrid", "import to first surface, jax by hand"
    early = f"import sys\nerror = len(set({_LAZY}) & set(sys.modules))"
    entries = (
        Entry(jax_imported, lambda: _interpreter("import jax", "error = 0"), float, 0.0),
        Entry(imported, lambda: _interpreter("import mamlgrid", early), float, 0.0),
        Entry(first_by_hand, lambda: _interpreter(_FIRST_SURFACE_BY_HAND, _SURFACE_ERROR), float, _TOLERANCE),
        Entry(first, lambda: _interpreter(_FIRST_SURFACE, _SURFACE_ERROR), float, _TOLERANCE),
        Entry(
            figures,
            lambda: _interpreter(_FIGURES.format(case=case), _FIGURES_ERROR),
            float,
            _FIGURES_TOLERANCE,
        ),
    )
    targets = (
        Target("import mamlgrid, time beside import jax", imported, jax_imported, at_most=1.05),
        Target(
            "from import to first surface",
            first,
            None,
            at_most=0.6,
            reason=lambda rows: (
                f"jax by hand takes {rows[first_by_hand]['seconds']['median']:.3g} s, "
                f"of which its import is {rows[jax_imported]['seconds']['median']:.3g} s"
            ),
        ),
        Target(figures, figures, None, at_most=30.0),
    )
    title = f"Fresh processes; the first surface is {_SIZE} x {_SIZE}, value and gradient of case 2"
    return Question("startup", title, entries, targets, spawns=True)


def _interpreter(timed: str, then: str) -> Call:
    """A call that runs `timed` in a fresh interpreter, timed there, and then `then`, which sets `error`."""
    script = f"""
from time import perf_counter
start = perf_counter()
{timed}
seconds = perf_counter() - start
import json
from benchmarks import _machine
counters = _machine.page_faults(), _machine.peak_bytes()
{then}
print(json.dumps([seconds, *counters, float(error)]))
"""

    # An installed package has its bytecode; where this variable is set, ours would be compiled each time.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", script]

    def call() -> OwnClock:
        done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"a fresh interpreter ended with exit code {done.returncode}:\n{done.stderr}")
        return OwnClock(*json.loads(done.stdout.splitlines()[-1]))

    return call
