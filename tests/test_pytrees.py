"""Parameters may be any pytree: whatever its shape, it is kept, shown, named, adapted and descended."""

from __future__ import annotations

import dataclasses
import tempfile
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mamlgrid as mg

from .test_results import same_bits

ALPHAS = np.array([0.0, 0.1])
SGD = optax.sgd(0.1)
RUN = mg.outer_loop(mg.cases.quadratic().meta(), ALPHAS, 1.0, SGD, num_steps=1)


class Pair(NamedTuple):
    """A node that no file of ours can name."""

    first: object
    second: object


def _leaf(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, 0.5, jnp.dtype(dtype))


LEAVES = st.builds(_leaf, st.sampled_from(["float32", "float16", "bfloat16"]), st.sampled_from([(), (2,), (1, 3)]))
NAMES = st.sampled_from(["a", "b", "a_b", "a/b", "0", " a", ""])


def _trees(inner):
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(several, several.map(tuple), st.dictionaries(NAMES, inner, min_size=1, max_size=3))


TREES = st.recursive(st.one_of(LEAVES, st.none()), _trees, max_leaves=5).filter(jax.tree.leaves)


def _with_thetas(theta):
    """A run with these parameters at its end, along its way and in its state."""
    ends = jax.tree.map(lambda x: np.stack([x] * 2), theta)
    ways = jax.tree.map(lambda x: np.stack([np.stack([x] * 2)] * 2), theta)
    trace = dataclasses.replace(RUN.trace, thetas=ways)
    return dataclasses.replace(RUN, thetas=ends, trace=trace, state=dataclasses.replace(RUN.state, thetas=ends))


@given(TREES)
def test_a_run_of_any_pytree_is_kept_shown_and_named(theta):
    pytest.importorskip("xarray")
    run = _with_thetas(theta)
    with tempfile.TemporaryDirectory() as folder:
        same_bits(mg.load(run.save(f"{folder}/run.npz")), run)
    assert len(repr(run).splitlines()) == 1 + len(dataclasses.fields(run))
    assert "OuterRun" in run._repr_html_()
    named = run.to_xarray().data_vars
    for prefix in ("thetas", "trace_thetas"):
        assert len([name for name in named if name.startswith(prefix)]) == len(jax.tree.leaves(theta))


@given(TREES)
def test_a_node_of_no_known_class_is_refused_by_a_file_and_by_nothing_else(theta):
    run = _with_thetas(Pair(theta, None))
    assert "thetas" in repr(run)
    with tempfile.TemporaryDirectory() as folder, pytest.raises(TypeError, match=r"cannot save a .*\.Pair: only"):
        run.save(f"{folder}/run.npz")


def _sum_of_squares(theta):
    return sum(jnp.sum(leaf.astype(jnp.float32) ** 2) for leaf in jax.tree.leaves(theta))


@pytest.mark.slow
@settings(max_examples=8)
@given(TREES)
def test_any_pytree_is_adapted_and_descended(theta):
    meta = mg.maml([_sum_of_squares])
    for start in (theta, Pair(theta, None)):
        # theta' = (1 - 2 alpha) theta
        adapted = meta.adapt(start, 0.1)
        assert jax.tree.structure(adapted) == jax.tree.structure(start)
        for leaf in jax.tree.leaves(adapted):
            np.testing.assert_allclose(np.asarray(leaf, float), 0.4, rtol=1e-2)
        run = mg.outer_loop(meta, ALPHAS, start, SGD, num_steps=2, per_alpha=False)
        assert jax.tree.structure(run.thetas) == jax.tree.structure(start)
        for leaf, given_leaf in zip(jax.tree.leaves(run.thetas), jax.tree.leaves(start), strict=True):
            assert (leaf.dtype, leaf.shape) == (given_leaf.dtype, (2, *given_leaf.shape))
            np.testing.assert_allclose(np.asarray(leaf, float)[0], 0.5 * 0.8**2, rtol=2e-2)
