"""What a run of the outer loop returns, and what it needs to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._results import Part, Provenance, Result, coordinate, opaque, origin, part, result, variable

if TYPE_CHECKING:
    from .._base.types import Array, Float, Int, PyTree


@result
class Watch(Part):
    """What is remembered of the way to tell how a run went."""

    escape_radius: Float[Array, "*alphas"] = variable(
        "alpha", "radius of divergence", "the run counts as diverged while a parameter exceeds this"
    )
    first_slope: Float[Array, "*alphas"] = variable(
        "alpha", "largest entry of the first outer direction", "the largest entry of the outer direction at the start"
    )
    diverged_at: Int[Array, "*alphas"] = variable(
        "alpha", "first step outside the radius", "the first step after which the parameters were outside, or -1"
    )
    nonfinite_at: Int[Array, "*alphas"] = variable(
        "alpha", "first step that was not finite", "the first step that met or made an inf or NaN, or -1"
    )


@result
class OuterState(Part):
    """All that a run needs to go on: give it to `outer_loop` in place of `theta0`."""

    thetas: PyTree = variable("alpha ...", "parameter to go on from", "the parameters")
    optimizer: PyTree = opaque("the optax state, `[alphas, ...]` where it depends on alpha, shared where it does not")
    step: Int[Array, ""] = variable("", "outer steps made", "the number of steps made")
    key: Array | None = opaque("the PRNG key of `resample`, or None")
    watch: Watch = part("what the status is judged by")


@result
class Trace(Part):
    """The way of the parameters: what was recorded of it."""

    steps: Int[Array, "steps"] = coordinate(
        "step",
        "outer step",
        'the number of outer steps made at each record, the first and the last included; empty with `record="nothing"`',
    )
    thetas: PyTree = variable(
        "alpha step ...", "parameter along the way", 'the parameters there; None unless `record="thetas"`'
    )
    values: Float[Array, "alphas steps"] = variable(
        "alpha step",
        "meta-loss along the way",
        "the meta-loss there (of the tasks of that step, with `resample`)",
    )


@result
class OuterRun(Result):
    """Where the outer loop went, for every alpha."""

    alphas: Float[Array, "alphas"] = coordinate("alpha", "inner step size")
    thetas: PyTree = variable("alpha ...", "final parameter", "the final parameters")
    values: Float[Array, "alphas"] = variable("alpha", "final meta-loss", "the meta-loss there")
    trace: Trace = part("the way, a `Trace`")
    state: OuterState = opaque("continues the run exactly: give it as `theta0`")
    status: Int[Array, "alphas"] = variable(
        "alpha",
        "status",
        "int8: OK; NOT_CONVERGED where an entry of the final outer direction exceeds `tolerance * max(1, first "
        "direction)` (not judged with `resample`); DIVERGED where the parameters are finite, but one exceeds "
        "`1e6 * (1 + max |theta0|)`; NONFINITE",
    )
    event_steps: Int[Array, "alphas"] = variable(
        "alpha",
        "first step of divergence or overflow",
        "the first step of DIVERGED or NONFINITE, -1 elsewhere",
    )
    provenance: Provenance = origin()
