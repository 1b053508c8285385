"""The public names are those documented, and importing them costs nothing but jax."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import mamlgrid as mg
from mamlgrid._points.at import value_at

from .conftest import SIGNATURES as SIGNATURES_READ

ROOT = Path(mg.__file__).parent.parent

PUBLIC = {
    *("MetaLoss", "maml", "fomaml", "reptile", "imaml", "moreau", "meta_loss", "Tasks"),
    *("inner", "outer", "rule", "static", "learn_alpha", "scale_rates"),
    *("Surface", "surface", "TaskLosses", "task_losses"),
    *("OptimalTheta", "optimal_theta", "Jumps"),
    *("BifurcationDiagram", "bifurcation_diagram", "Points", "Kind", "Branch", "Folds"),
    *("BranchPoints", "BranchPointKind", "Unresolved"),
    *("StationaryPoint", "stationary_point", "Fold", "fold", "Jump", "jump"),
    *("OuterRun", "OuterState", "Trace", "outer_loop"),
    *("Comparison", "compare", "Evaluation", "evaluate"),
    *("Status", "raise_for_status", "load"),
    *("cases", "measure", "plot"),
}
MODULES = {"cases", "measure", "plot", "inner", "outer"}

_STEPS = "num_steps=1, reduce='sum', inner=None, per_step=False, checkpoint=False"

SIGNATURES = {
    "maml": f"(loss, tasks=None, *, {_STEPS}, step_weights=None)",
    "fomaml": f"(loss, tasks=None, *, {_STEPS}, step_weights=None)",
    "reptile": f"(loss, tasks=None, *, {_STEPS})",
    "imaml": "(loss, tasks=None, *, strength=None, reduce='sum', max_steps=",
    "moreau": "(loss, tasks=None, *, strength=None, reduce='sum', max_steps=",
    "meta_loss": "(loss, tasks=None, *, inner, outer, reduce='sum', step_weights=None)",
    "learn_alpha": "(meta)",
    "scale_rates": "(meta, rates)",
    "compare": "(metas, alphas, bounds, *, reference=None, max_points=None, memory_budget=",
    "evaluate": "(meta_test, result, alphas_test=None, *, memory_budget=",
    "surface": "(meta, alphas, thetas, *, derivatives=1, out=None, memory_budget=",
    "task_losses": "(meta, alphas, thetas",
    "optimal_theta": "(meta, alphas, bounds, *, num_thetas=",
    "bifurcation_diagram": "(meta, alphas, bounds, *, num_thetas=513, max_points=None, memory_budget=",
    "stationary_point": "(meta, alpha, *, near)",
    "fold": "(meta, *, near)",
    "jump": "(meta, *, near)",
    "outer_loop": "(meta, alphas, theta0, optimizer, *, num_steps, record='thetas', record_every=1, resample=",
    "load": "(path)",
}

FIELDS = {
    "Tasks": ("support", "query"),
    "Surface": ("alphas", "thetas", "values", "grads", "curvatures", "status"),
    "TaskLosses": ("alphas", "thetas", "values", "status"),
    "OptimalTheta": (
        *("alphas", "thetas", "values", "curvatures", "rates", "accuracies", "ties", "status"),
        *("jumps", "bounds"),
    ),
    "Jumps": ("alphas", "thetas_before", "thetas_after", "values", "status", "windows"),
    "BifurcationDiagram": (
        *("alphas", "bounds", "points", "num_points", "branches", "folds", "branch_points", "jumps", "unresolved"),
        "optimum",
    ),
    "Points": ("thetas", "values", "jacobians", "rates", "accuracies", "kinds", "stabilities", "status"),
    "Branch": ("alphas", "thetas", "values", "jacobians", "stabilities", "ends"),
    "Folds": ("alphas", "thetas", "values", "curvatures", "transversalities", "residuals", "births", "status"),
    "BranchPoints": ("alphas", "thetas", "values", "kinds", "residuals", "status"),
    "Unresolved": ("starts", "stops", "reasons"),
    "StationaryPoint": ("theta", "value", "jacobian", "rate", "status"),
    "Fold": ("alpha", "theta", "value", "curvature", "transversality", "births", "status"),
    "Jump": ("alpha", "theta_before", "theta_after", "value", "status"),
    "OuterRun": ("alphas", "thetas", "values", "trace", "state", "status", "event_steps"),
    "Trace": ("steps", "thetas", "values"),
    "Comparison": (
        *("alphas", "thetas", "labels", "fixed_points", "jacobians", "attracting", "values", "regrets", "status"),
        *("uphill", "optimum"),
    ),
    "Evaluation": ("alphas", "alphas_test", "thetas", "values", "status"),
}

RULES = {
    "inner": {"InnerRule", "GradientDescent", "Proximal", "optax", "clip_by_global_norm", "move"},
    "outer": {"OuterRule", "ThroughAdaptation", "Truncated", "Displacement"},
}

MEASUREMENTS = {
    *("gradient_inner_products", "gradient_cosines", "coherence", "adaptation_distances", "losses_before"),
    *("losses_after", "curvatures_before", "curvatures_after", "angle", "diverged_share"),
}


def test_the_public_names_are_these():
    assert set(dir(mg)) == PUBLIC
    assert all(getattr(mg, name) is not None for name in PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mg.nothing


@pytest.mark.parametrize("name", ["", *sorted(MODULES), "plot.interactive"])
def test_a_module_lists_its_public_names_alone(name):
    module = importlib.import_module(f"mamlgrid.{name}".rstrip("."))
    listed = dir(module)
    assert listed
    for public in listed:
        value = getattr(module, public)
        assert not public.startswith("_")
        assert (inspect.getmodule(value) or module).__name__.startswith("mamlgrid"), public
        assert value.__doc__, public


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signatures_are_the_documented_ones(name):
    signature = inspect.signature(getattr(mg, name))
    bare = signature.replace(
        parameters=[p.replace(annotation=p.empty) for p in signature.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    assert str(bare).startswith(SIGNATURES[name])


@pytest.mark.parametrize("name", FIELDS)
def test_the_fields_are_the_documented_ones(name):
    fields = inspect.get_annotations(getattr(mg, name))
    assert tuple(f for f in fields if f != "provenance") == FIELDS[name]
    assert ("provenance" in fields) == hasattr(getattr(mg, name), "save")


def test_the_statuses_are_the_documented_ones():
    names = ["OK", "AT_BOUND", "FLAT", "TIED", "DEGENERATE", "NOT_CONVERGED", "DIVERGED", "NONFINITE", "ABSENT"]
    names += ["TRUNCATED", "UNRESOLVED", "ONE_SIDED", "PLATEAU"]
    assert [s.name for s in mg.Status] == names
    assert mg.Status.OK == 0


@pytest.mark.parametrize("name", sorted(PUBLIC - MODULES))
def test_everything_public_is_documented(name):
    text = inspect.getdoc(getattr(mg, name))
    assert text
    assert re.match(r"[A-Z`]", text)
    signature = SIGNATURES.get(name)
    if signature:
        assert "Raises:" in text or "Returns:" in text
        assert ">>>" in text or name == "load"


@pytest.mark.parametrize("module", RULES)
def test_the_rules_are_there_and_documented(module):
    for name in RULES[module]:
        text = inspect.getdoc(getattr(getattr(mg, module), name))
        assert text
        assert re.match(r"[A-Z`]|theta' ", text)


def test_the_measurements_are_these_and_take_the_same_arguments():
    found = {n for n, f in vars(mg.measure).items() if inspect.isfunction(f) and f.__module__ == mg.measure.__name__}
    assert {n for n in found if not n.startswith("_")} == MEASUREMENTS
    for name in MEASUREMENTS:
        function = getattr(mg.measure, name)
        assert list(inspect.signature(function).parameters) == ["meta", "theta", "alpha"]
        assert ">>>" in inspect.getdoc(function)


def test_the_readme_names_only_what_exists():
    readme = (ROOT / "README.md").read_text()
    names = set(re.findall(r"\bmg\.([A-Za-z_]+)", readme))
    assert names
    assert all(hasattr(mg, name) for name in names), names
    assert {"maml", "surface", "optimal_theta", "outer_loop"} <= names


def test_no_file_of_the_core_is_too_long_or_names_a_machine():
    for path in sorted((ROOT / "mamlgrid").glob("_*.py")):
        text = path.read_text()
        assert text.count("\n") <= 500, path
        assert not re.search(r"/(home|root|work|tmp|Users)/", text), path


# --- what an import costs ---------------------------------------------------------


def _fresh(code):
    """The last line that a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_brings_in_nothing_heavy_and_touches_no_device():
    heavy = ("optax", "matplotlib", "plotly", "xarray", "jaxtyping", "tqdm", "scipy", "pandas", "IPython")
    code = f"""
import sys, warnings
warnings.simplefilter("error")
import jax
before = set(sys.modules)
import mamlgrid
brought = {{name.split(".")[0] for name in set(sys.modules) - before}}
from jax._src import xla_bridge
print(sorted(brought & set({heavy!r})), xla_bridge.backends_are_initialized())
"""
    assert _fresh(code) == "[] False"


def test_a_surface_and_an_optimum_need_no_optax_or_matplotlib():
    code = """
import sys
import numpy as np, mamlgrid as mg
mg.surface(mg.cases.quadratic().meta(), np.array([0.0, 0.5]), np.array([0.0, 1.0]))
print(sorted({"optax", "matplotlib", "plotly", "xarray"} & set(sys.modules)))
"""
    assert _fresh(code) == "[]"


def test_the_version_is_one():
    import importlib.metadata

    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", mg.__version__)
    assert importlib.metadata.version("mamlgrid") == mg.__version__


def test_the_package_is_typed():
    assert (Path(mg.__file__).parent / "py.typed").exists()


def test_the_shapes_of_signatures_are_checked_while_tests_run():
    assert len(SIGNATURES_READ) == 2
    assert SIGNATURES_READ["read"] > 1000
    # Words that only a type checker knows.
    assert SIGNATURES_READ["unread"] <= 2
    with pytest.raises(TypeCheckError, match="theta"):
        value_at(mg.cases.quadratic().meta(), np.zeros((2, 3)), "alpha")
