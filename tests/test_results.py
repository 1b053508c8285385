"""Results: saved and loaded to the bit, shown, named; and nothing but a whole result is ever written or read."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import os
import re
import sys
import types
import zipfile
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from beartype.door import is_bearable
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jaxtyping import jaxtyped

import mamlgrid as mg
from mamlgrid import Status, _results
from mamlgrid._base import types as words
from mamlgrid._results.declaration import REGISTRY

from .lanes import float64_first

ALPHAS, THETAS = np.array([0.0, 0.25, 0.5, 1.0]), np.linspace(-2, 2, 7)
QUARTIC = mg.cases.quartic().meta()
KINDS = [
    *("surface", "bare surface", "full surface", "task losses", "optimum", "comparison", "evaluation"),
    *("run", "stochastic run", "pytree run", "diagram"),
]


def _squares(theta, center):
    return jnp.sum((theta["a"][0] - center) ** 2) + jnp.sum(theta["a"][1] ** 2) + theta["b"] ** 2


def _resample(key):
    return mg.Tasks(jax.random.uniform(key, (3,)))


_ADAM, _LBFGS = optax.adam(0.1), optax.lbfgs(memory_size=2)
_CHAIN = optax.chain(optax.clip(1.0), optax.inject_hyperparams(optax.sgd)(learning_rate=0.1, momentum=0.5))


def make(kind):
    """A small result of each kind, in the precision of the moment."""
    return _made(kind, jax.config.jax_enable_x64)


@functools.cache
def _made(kind, x64):
    match kind:
        case "surface":
            return mg.surface(QUARTIC, ALPHAS, np.append(THETAS, 1e200 if jax.config.jax_enable_x64 else 1e30))
        case "bare surface":
            return mg.surface(QUARTIC, ALPHAS, THETAS, derivatives=0)
        case "full surface":
            return mg.surface(QUARTIC, ALPHAS, THETAS, derivatives=2)
        case "task losses":
            return mg.task_losses(QUARTIC, ALPHAS, THETAS)
        case "optimum":
            return mg.optimal_theta(QUARTIC, ALPHAS, (-4.0, 4.0))
        case "comparison":
            return mg.compare({"first/": QUARTIC, "again": QUARTIC}, ALPHAS, (-2.0, 2.0))  # at 1 there are ties
        case "evaluation":
            return mg.evaluate(QUARTIC, make("run"), ALPHAS[:3])
        case "diagram":
            return mg.bifurcation_diagram(QUARTIC, ALPHAS, (-2.0, 2.0))
        case "run":
            return mg.outer_loop(QUARTIC, ALPHAS, 1.0, _LBFGS, num_steps=4)
        case "stochastic run":
            meta = mg.maml(lambda t, c: (t - c) ** 2, mg.Tasks(np.zeros(3)))
            settings = {"resample": _resample, "key": jax.random.key(7, impl="rbg")}
            return mg.outer_loop(meta, ALPHAS, 1.0, _ADAM, num_steps=4, record_every=3, **settings)
        case "pytree run":
            meta = mg.maml(_squares, mg.Tasks(np.array([0.0, 1.0])))
            start = {"a": [np.ones(2), np.ones((3, 1))], "b": np.array(2.0)}
            return mg.outer_loop(meta, ALPHAS, start, _CHAIN, num_steps=2)
    raise AssertionError(kind)


def same_bits(tree, other):
    """The same structure, dtypes and bytes: NaN payloads and the sign of zero included."""
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        if isinstance(a, jax.Array) and jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            assert str(jax.random.key_impl(a)) == str(jax.random.key_impl(b))
            same_bits(jax.random.key_data(a), jax.random.key_data(b))
            continue
        a, b = np.asarray(a), np.asarray(b)  # noqa: PLW2901
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


@float64_first
@pytest.mark.parametrize("kind", KINDS)
def test_fields_have_the_shapes_and_kinds_of_numbers_that_their_types_say(kind, dtype):
    with jaxtyped("context"):
        _check_fields(make(kind))


def _check_fields(result):
    for field in dataclasses.fields(result):
        value, kind = getattr(result, field.name), field.metadata["declared"].kind
        if kind in ("coordinate", "variable"):
            said = (type(result).__name__, field.name, field.type, jax.tree.map(jnp.shape, value))
            assert is_bearable(value, eval(field.type, vars(words))), said
        for inner in (value if isinstance(value, tuple) else (value,)) if kind == "part" else ():
            if inner is not None:
                with jaxtyped("context"):  # lengths of other parts are other lengths
                    _check_fields(inner)


# --- there and back ---------------------------------------------------------------


@float64_first
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_is_loaded_to_the_bit(kind, dtype, tmp_path):
    result = make(kind)
    path = result.save(tmp_path / "result.npz")
    assert path == tmp_path / "result.npz"
    for again in (mg.load(path), type(result).load(path), mg.load(str(path))):
        assert type(again) is type(result)
        same_bits(again, result)
        assert again.provenance == result.provenance
    assert os.listdir(tmp_path) == ["result.npz"]


def test_unusual_numbers_survive(x64, tmp_path):
    odd = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 5e-324, 1 / 3])
    odd[1] = np.array([0x7FF8DEADBEEF0001], np.uint64).view(float)[0]  # a NaN with a payload
    result = dataclasses.replace(make("bare surface"), thetas=odd)
    same_bits(mg.load(result.save(tmp_path / "odd.npz")), result)


def test_double_precision_is_not_lost_where_single_is_the_default(tmp_path):
    with jax.enable_x64(True):
        path = make("surface").save(tmp_path / "double.npz")
    again = mg.load(path)
    assert np.asarray(again.values).dtype == np.float64
    with jax.enable_x64(True):
        same_bits(again, make("surface"))


def test_the_file_is_an_ordinary_npz_without_pickles(x64, tmp_path):
    result = make("optimum")
    with np.load(result.save(tmp_path / "a.npz"), allow_pickle=False) as file:
        header = json.loads(str(file["header"]))
        arrays = [file[name] for name in file.files if name != "header"]
    assert header["result"] == "OptimalTheta"
    assert any(a.tobytes() == np.asarray(result.thetas).tobytes() for a in arrays)


def test_saving_again_replaces_the_file(x64, tmp_path):
    path = tmp_path / "a.npz"
    make("surface").save(path)
    make("optimum").save(path)
    assert isinstance(mg.load(path), mg.OptimalTheta)
    assert os.listdir(tmp_path) == ["a.npz"]


def test_provenance_says_how_it_was_made(x64, tmp_path):
    for kind, function, arguments in (
        ("surface", "surface", ["derivatives=1", "num_steps=1"]),
        ("optimum", "optimal_theta", ["num_thetas="]),
        ("run", "outer_loop", ["num_steps=4", "record_every=1"]),
        ("task losses", "task_losses", ["num_tasks=2"]),
    ):
        provenance = mg.load(make(kind).save(tmp_path / "a.npz")).provenance
        assert provenance.call.startswith(function + "(")
        assert all(text in provenance.call for text in arguments)
        versions = dict(provenance.versions)
        assert versions["mamlgrid"] == mg.__version__
        assert versions["jax"] == jax.__version__
        assert {"numpy", "python"} <= set(versions)


def test_provenance_says_the_precision(dtype):
    assert str(dtype) in str(make("bare surface").provenance)


# --- classes that move and grow ---------------------------------------------------


def _defined(monkeypatch, name, fields):
    """The result class `Curve` that a module of this name defines; all forgotten after the test."""
    module = types.ModuleType(name)
    vars(module).update({**vars(_results), "__name__": name})
    monkeypatch.setitem(sys.modules, name, module)
    REGISTRY.pop("Curve", None)
    exec(f"from __future__ import annotations\n@result\nclass Curve(Result):\n    'A curve.'\n{fields}", vars(module))
    return module.Curve


@pytest.fixture(autouse=True)
def _registry():
    """The names of classes after each test as they were before."""
    known = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(known)


_CURVE = """
    alphas: Array = coordinate("alpha", "inner step size")
    jumps: Jumps = part("where it jumps")
    pieces: tuple[Jumps, ...] = part("several")
    state: PyTree = opaque("of an optimiser")
    name: str = static("what it is called")
"""
_JUMPS = mg.Jumps(*np.arange(8.0).reshape(4, 2), np.zeros(2, np.int8), np.full((2, 2), np.nan))


def test_a_class_that_has_moved_is_loaded_from_where_it_is_now(tmp_path, monkeypatch):
    old = _defined(monkeypatch, "mamlgrid._old", _CURVE)
    path = old(np.ones(2), _JUMPS, (_JUMPS, _JUMPS), {"a": [np.zeros(1), None]}, "short").save(tmp_path / "a.npz")
    assert b"_old" not in path.read_bytes()
    new = _defined(monkeypatch, "mamlgrid._rooms._new", _CURVE)
    again = mg.load(path)
    assert type(again) is new is not old
    assert new.__module__ == "mamlgrid._rooms._new"
    assert type(again.jumps) is mg.Jumps
    expected = new(np.ones(2), _JUMPS, (_JUMPS, _JUMPS), {"a": [np.zeros(1), None]}, "short")
    same_bits(again, expected)


def test_no_file_names_a_module_of_ours_or_a_private_one_of_optax(x64, tmp_path):
    for kind in KINDS:
        with np.load(make(kind).save(tmp_path / "a.npz")) as file:
            tree = json.loads(str(file["header"]))["tree"]
        assert "mamlgrid." not in json.dumps(tree)
        assert "._" not in json.dumps(tree)


def test_a_field_that_came_later_has_its_default(tmp_path, monkeypatch):
    old = _defined(monkeypatch, "mamlgrid._old", _CURVE)
    path = old(np.ones(2), _JUMPS, (), None, "short").save(tmp_path / "a.npz")
    later = """
    slopes: Array | None = variable("alpha", "slope", default=None)
    colour: str = static("for pictures", default="black")
"""
    new = _defined(monkeypatch, "mamlgrid._old", _CURVE + later)
    again = mg.load(path)
    assert type(again) is new
    assert (again.slopes, again.colour, again.name) == (None, "black", "short")
    # and back: what has the field says so to a version that has not
    path = again.save(path)
    _defined(monkeypatch, "mamlgrid._old", _CURVE)
    with pytest.raises(ValueError, match=r"it holds a field Curve\.slopes, which this version .* does not know$"):
        mg.load(path)
    del REGISTRY["Curve"]
    with pytest.raises(ValueError, match=r"it holds a Curve, which this version of mamlgrid does not know$"):
        mg.load(path)


def test_a_field_without_default_cannot_be_left_out(tmp_path, monkeypatch):
    path = _defined(monkeypatch, "mamlgrid._old", "    name: str = static('')")("short").save(tmp_path / "a.npz")
    _defined(monkeypatch, "mamlgrid._old", _CURVE)
    with pytest.raises(ValueError, match=r"it lacks the field Curve\.alphas$"):
        mg.load(path)


def test_one_name_is_one_class(monkeypatch):
    _defined(monkeypatch, "mamlgrid._old", _CURVE)

    def curve(module):
        return type("Curve", (_results.Result,), {"__module__": module, "__doc__": "Another."})

    with pytest.raises(TypeError, match=r"there is a result class Curve already, mamlgrid\._old\.Curve"):
        _results.result(curve("mamlgrid._new"))
    again = _results.result(curve("mamlgrid._old"))  # the module was read again
    assert REGISTRY["Curve"] is again


def test_a_field_must_be_declared(monkeypatch):
    for field in ("values: Array", "values: Array = None", "values: Array = dataclasses.field()"):
        with pytest.raises(TypeError, match=r"Curve\.values is not declared"):
            _defined(monkeypatch, "mamlgrid._old", f"    import dataclasses\n    {field}")


def test_only_what_can_be_read_back_is_static(tmp_path, monkeypatch):
    curve = _defined(monkeypatch, "mamlgrid._old", "    name: object = static('')")
    for value in (None, True, 3, 0.1, float("inf"), "α", (("a", 1), ())):
        assert mg.load(curve(value).save(tmp_path / "a.npz")).name == value
    for value in (["a"], np.ones(1), np.float64(1.0), Status.OK):
        with pytest.raises(TypeError, match="cannot save a static"):
            curve(value).save(tmp_path / "a.npz")


# --- what is refused --------------------------------------------------------------


def test_another_kind_of_result_is_refused_by_the_class(x64, tmp_path):
    path = make("surface").save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"holds Surface, not OptimalTheta; use mg\.load"):
        mg.OptimalTheta.load(path)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        mg.load(tmp_path / "none.npz")


class Stranger(NamedTuple):
    number: np.ndarray


# What a `TaskLosses` of 3 alphas, 2 thetas and 1 task holds.
ARRAYS = {
    "alphas": np.array([0.0, 0.5, 1.0]),
    "thetas": np.array([-1.0, 1.0]),
    "values": np.arange(6.0).reshape(3, 2, 1),
    "status": np.zeros((3, 2, 1), np.int8),
}


def _entry(name, array):
    return [name, str(array.dtype), list(array.shape)]


def _spec(**fields):
    """The description of a `TaskLosses`."""
    origin = {"call": {"static": "task_losses()"}, "dtype": {"static": "float64"}, "versions": {"tuple": []}}
    arrays = {name: {"array": _entry(name, array)} for name, array in ARRAYS.items()}
    provenance = {"result": "Provenance", "fields": origin}
    return {"result": "TaskLosses", "fields": {**arrays, "provenance": provenance, **fields}}


def _header(**changes):
    header = {"format": "mamlgrid result", "version": 3, "result": "TaskLosses", "tree": _spec()}
    return np.array(json.dumps({**header, **changes}))


class Pickled:
    """What would be called if a file were unpickled."""

    def __reduce__(self):
        return (print, ("unpickled!",))


def _with(**changed):
    """Contents with other arrays, of which the header knows."""
    fields = {name: {"array": _entry(name, array)} for name, array in changed.items()}
    return {"header": _header(tree=_spec(**fields)), **changed}


_NOT_OURS = "it was not written by mamlgrid; open it with numpy.load"

FOREIGN = {
    "empty": (b"", "it is no npz file"),
    "text": (b"alpha,theta\n0,1\n", "it is no npz file"),
    "a plain npy": (np.ones(3), "it is no npz file"),
    "no header": ({"header": None}, _NOT_OURS),
    "another header": ({"header": np.array("hello")}, ""),
    "a header that is a list": ({"header": np.array("[1, 2]")}, _NOT_OURS),
    "another format": ({"header": _header(format="something else")}, _NOT_OURS),
    "a later version": ({"header": _header(version=99)}, "its format is version 99, this is version 3"),
    "a missing array": ({"values": None}, "values"),
    "an array of another shape": (
        {"values": np.ones((3, 2))},
        r"float64\[3, 2, 1\], but there is float64\[3, 2\]",
    ),
    "an array of another dtype": ({"values": np.ones((3, 2, 1), np.float32)}, r"but there is float32\[3, 2, 1\]"),
    "axes of several lengths": (_with(thetas=np.ones(5)), r"values is 2 long in theta, but thetas is 5 long there"),
    "an axis too many": (_with(alphas=np.ones((1, 3))), r"TaskLosses\.thetas has axes 0, theta, got \[2\]"),
    "a text in place of an array": (
        {"header": _header(tree=_spec(values={"static": "a"}))},
        r"values must be Float.* got 'a'",
    ),
    "null in place of an array": ({"header": _header(tree=_spec(values=None))}, r"values must be Float.* got None"),
    "floats in place of codes": (_with(status=np.zeros((3, 2, 1))), r"status must be Int.* got array"),
    "codes that there are not": (_with(status=np.full((3, 2, 1), 99, np.int8)), r"status has codes .* know: \[99\]"),
    "a text in place of a part": (
        {"header": _header(tree=_spec(provenance={"static": "a"}))},
        r"TaskLosses\.provenance must be Provenance, got 'a'",
    ),
    "a header like a bomb": ({"header": np.array("1" * 2**25)}, "its header is larger than"),
    "a missing tree": ({"header": np.array(json.dumps({"format": "mamlgrid result", "version": 3}))}, "tree"),
    "an unknown node": ({"header": _header(tree={"what": 1})}, r"unknown entry {'what': 1}"),
    "a number for a node": ({"header": _header(tree=3)}, "unknown entry 3"),
    "an unknown result": ({"header": _header(tree={"result": "Chart", "fields": {}})}, "it holds a Chart, which this"),
    "an unknown field": ({"header": _header(tree=_spec(hue=None))}, r"it holds a field TaskLosses\.hue, which this"),
    "a field too few": (
        {"header": _header(tree={"result": "Trace", "fields": {}})},
        r"it lacks the field Trace\.steps",
    ),
    "a class of another package": (
        {"header": _header(tree={"state": ["subprocess", "Popen"], "fields": {}})},
        "it names a class of subprocess, which is not trusted",
    ),
    "a function for a class": ({"header": _header(tree={"state": ["optax", "adam"], "fields": {}})}, "is not a state"),
    "a module that is not there": ({"header": _header(tree={"state": ["optax.nothing", "X"], "fields": {}})}, "optax"),
    "a package inside a trusted name": (
        {"header": _header(tree={"state": ["optax_evil", "X"], "fields": {}})},
        "trust",
    ),
    "an unknown key": (
        {"header": _header(tree=_spec(values={"key": ["values", "float64", [3, 2, 1]], "impl": "none"}))},
        "none",
    ),
    "pickled objects": ({"values": np.array([Pickled()], dtype=object)}, r"but there is object\[1\]"),
    "a pickled header": ({"header": np.array([Pickled()], dtype=object)}, "allow_pickle=False"),
    "no result but a tuple": ({"header": _header(tree={"tuple": []})}, "it holds a tuple, not a result"),
    "no result but a part": ({"header": _header(tree=_spec()["fields"]["provenance"])}, "it holds a Provenance"),
}


def _by_hand(path, **changes):
    """An npz file, written without the package."""
    contents = {"header": _header(), **ARRAYS, **changes}
    np.savez(path, **{name: array for name, array in contents.items() if array is not None}, allow_pickle=True)
    return path


def test_a_file_made_by_hand_is_read(tmp_path):
    found = mg.load(_by_hand(tmp_path / "a.npz"))
    assert isinstance(found, mg.TaskLosses)
    np.testing.assert_array_equal(found.values, ARRAYS["values"])
    assert found.provenance.call == "task_losses()"


def test_what_the_header_does_not_name_is_not_read(tmp_path):
    path = _by_hand(tmp_path / "a.npz")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("unused.npy", b"this is no array")
    np.testing.assert_array_equal(mg.load(path).values, ARRAYS["values"])


def test_what_a_killed_process_left_is_swept_up_when_it_is_old(tmp_path):
    old, new, other = (tmp_path / f".{name}.tmp" for name in ("a.npz.1", "a.npz.2", "b.npz.1"))
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (0, 0))
    mg.load(_by_hand(tmp_path / "in.npz")).save(tmp_path / "a.npz")
    assert [path.exists() for path in (old, new, other)] == [False, True, True]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_halves_are_saved(dtype, tmp_path):
    """In files as they are, in datasets as float32, which holds them exactly: netCDF knows no halves."""
    halves = jnp.arange(6, dtype=dtype).reshape(3, 2, 1) / 3
    plain = mg.load(_by_hand(tmp_path / "a.npz"))
    found = mg.load(dataclasses.replace(plain, values=halves).save(tmp_path / "b.npz"))
    assert found.values.dtype == jnp.dtype(dtype)
    np.testing.assert_array_equal(np.asarray(found.values), np.asarray(halves))
    shown = dataclasses.replace(found, alphas=found.alphas.astype(dtype)).to_xarray()
    assert shown["values"].dtype == shown.alpha.dtype == np.float32
    np.testing.assert_array_equal(shown["values"], np.asarray(halves, np.float32))


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused(name, tmp_path, capsys):
    path = tmp_path / "foreign.npz"
    contents, message = FOREIGN[name]
    if isinstance(contents, bytes):
        path.write_bytes(contents)
    elif isinstance(contents, np.ndarray):
        with path.open("wb") as file:
            np.save(file, contents)
    else:
        _by_hand(path, **contents)
    with pytest.raises(ValueError, match=rf"cannot read .*foreign\.npz as a mamlgrid result: .*{message}") as error:
        mg.load(path)
    assert "\n" not in str(error.value)
    assert "unpickled" not in capsys.readouterr().out


def test_a_folder_is_refused(tmp_path):
    with pytest.raises((ValueError, IsADirectoryError)):
        mg.load(tmp_path)


def test_a_file_cut_short_anywhere_is_refused(x64, tmp_path):
    whole = make("optimum").save(tmp_path / "a.npz").read_bytes()
    cut = tmp_path / "cut.npz"
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cannot read"):
            mg.load(cut)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    with jax.enable_x64(True):
        result = make("bare surface")
    path = result.save(tmp_path_factory.mktemp("saved") / "a.npz")
    return result, path.read_bytes(), path.with_name("damaged.npz")


@hypothesis_settings(max_examples=400)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_damaged_file_is_refused_or_undamaged_where_it_counts(saved, position, change):
    result, whole, path = saved
    damaged = bytearray(whole)
    damaged[position % len(whole)] ^= change
    path.write_bytes(damaged)
    try:
        again = mg.load(path)
    except ValueError:
        return
    with jax.enable_x64(True):  # a date in the zip directory, say
        same_bits(again, result)


def test_a_damaged_compressed_file_is_refused(x64, tmp_path):
    # Ours are not compressed, but a file that was packed again is still readable, and damage is still found.
    path = make("bare surface").save(tmp_path / "a.npz")
    with np.load(path) as file:
        np.savez_compressed(tmp_path / "b.npz", **file)
    same_bits(mg.load(tmp_path / "b.npz"), mg.load(path))
    damaged = bytearray((tmp_path / "b.npz").read_bytes())
    with zipfile.ZipFile(io.BytesIO(damaged)) as archive:
        first = archive.infolist()[0].header_offset
    damaged[first + 80] ^= 0xFF
    (tmp_path / "c.npz").write_bytes(damaged)
    with pytest.raises(ValueError, match="cannot read"):
        mg.load(tmp_path / "c.npz")


@pytest.mark.parametrize("where", ["missing/a.npz", "file/a.npz"])
def test_a_place_that_cannot_be_written_is_an_error(where, x64, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match=rf"cannot write .*{where}.*give a folder that exists"):
        make("surface").save(tmp_path / where)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_an_error(x64, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(OSError, match=r"cannot write .*Permission denied"):
        make("surface").save(folder / "a.npz")
    assert os.listdir(folder) == []


@pytest.mark.parametrize("error", [OSError("no space left on device"), KeyboardInterrupt("enough")])
def test_a_write_that_fails_or_is_interrupted_leaves_the_old_file_and_nothing_else(error, x64, tmp_path, monkeypatch):
    path = make("surface").save(tmp_path / "a.npz")
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(type(error), match=str(error)):
        make("optimum").save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.npz"]


def test_what_could_not_be_read_back_is_not_written(x64, tmp_path):
    run = dataclasses.replace(make("run"), thetas=Stranger(np.ones(3)))
    with pytest.raises(TypeError, match=r"cannot save a .*Stranger"):
        run.save(tmp_path / "a.npz")
    with pytest.raises(TypeError, match="keys are not all strings"):
        dataclasses.replace(make("run"), thetas={1: np.ones(3)}).save(tmp_path / "a.npz")
    with pytest.raises(TypeError, match="dtype"):
        dataclasses.replace(make("run"), thetas=np.array(["text"])).save(tmp_path / "a.npz")
    assert os.listdir(tmp_path) == []


# --- names ------------------------------------------------------------------------


def _leaves(part):
    """Declaration, array and field of all that a result holds, and its static fields, but for what is opaque."""
    for field in dataclasses.fields(part):
        value, kind = getattr(part, field.name), field.metadata["declared"].kind
        if kind in ("coordinate", "variable"):
            yield from ((kind, np.asarray(leaf)) for leaf in jax.tree.leaves(value))
        elif kind == "static":
            yield kind, value
        elif kind == "part":
            for inner in value if isinstance(value, tuple) else (value,):
                yield from () if inner is None else _leaves(inner)


def test_all_results_are_looked_at():
    results = {name for name, cls in REGISTRY.items() if issubclass(cls, _results.Result) and name in vars(mg)}
    assert {type(make(kind)).__name__ for kind in KINDS} == results


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_holds_all_that_the_result_holds_and_nothing_twice(kind, x64):
    pytest.importorskip("xarray")
    dataset = make(kind).to_xarray()
    left = {name: np.asarray(v) for name, v in dataset.variables.items() if name != "algorithm"}
    texts = [f"{name}: {text}" for name, text in dataset.attrs.items()]
    for what, value in _leaves(make(kind)):
        if what == "static":
            for text in jax.tree.leaves(dataclasses.astuple(value) if dataclasses.is_dataclass(value) else value):
                assert any(str(text) in said for said in texts), text
            continue
        names = [n for n, v in left.items() if v.dtype == value.dtype and np.array_equal(v, value, equal_nan=True)]
        shared = what == "coordinate" and any(np.array_equal(c, value) for c in dataset.coords.values())
        assert names or shared
        if names:
            left.pop(names[0])
    assert not left
    assert dataset.attrs.get("left_out", "") == ("state" if isinstance(make(kind), mg.OuterRun) else "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_is_written_as_netcdf_and_read_back(kind, x64, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("scipy")
    dataset = make(kind).to_xarray()
    dataset = dataset.drop_dims(
        [name for name, size in dataset.sizes.items() if not size]
    )  # there are none in netCDF 3
    dataset.to_netcdf(tmp_path / "a.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "a.nc", engine="scipy") as again:
        xarray.testing.assert_identical(again.load(), dataset)


@hypothesis_settings(max_examples=10)
@given(st.dictionaries(st.text(st.characters(max_codepoint=255), max_size=5), st.just(0.0), min_size=1, max_size=6))
def test_whatever_parameters_are_called_netcdf_takes_their_names(theta):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("scipy")
    plain = make("run")
    named = jax.tree.map(lambda _: plain.thetas, theta)
    run = dataclasses.replace(plain, thetas=named, trace=dataclasses.replace(plain.trace, thetas=None))
    dataset = run.to_xarray()
    assert len([name for name in dataset.data_vars if name.startswith("thetas")]) == len(theta)
    again = xarray.open_dataset(io.BytesIO(bytes(dataset.to_netcdf(engine="scipy"))), engine="scipy")
    assert set(again.data_vars) == set(dataset.data_vars)


def test_a_surface_as_a_dataset(x64):
    pytest.importorskip("xarray")
    surface = make("full surface")
    dataset = surface.to_xarray()
    assert dict(dataset.sizes) == {"alpha": 4, "theta": 7}
    assert set(dataset.data_vars) == {"values", "grads", "curvatures", "status"}
    assert dataset["values"].dims == ("alpha", "theta")
    np.testing.assert_array_equal(dataset["alpha"], ALPHAS)
    np.testing.assert_array_equal(dataset["values"], surface.values)
    assert float(dataset["values"].sel(alpha=0.5, theta=0.1, method="nearest")) == float(surface.values[2, 3])
    assert all(v.attrs["long_name"] for v in [*dataset.data_vars.values(), *dataset.coords.values()])
    assert dataset.attrs["result"] == "Surface"
    assert dataset.attrs["mamlgrid_version"] == mg.__version__


def test_what_was_not_computed_is_not_in_the_dataset(x64):
    pytest.importorskip("xarray")
    assert set(make("bare surface").to_xarray().data_vars) == {"values", "status"}


def test_an_optimum_as_a_dataset(x64):
    pytest.importorskip("xarray")
    best = make("optimum")
    dataset = best.to_xarray()
    assert dict(dataset.sizes) == {"alpha": 4, "jump": 1, "end": 2, "tie": best.ties.shape[1]}
    fields = ("thetas", "values", "curvatures", "rates", "accuracies", "status")
    for field in fields:
        assert dataset[field].dims == ("alpha",)
        np.testing.assert_array_equal(dataset[field], getattr(best, field))
    for field in (f.name for f in dataclasses.fields(best.jumps)):
        assert dataset[f"jumps_{field}"].dims == (("jump", "end") if field == "windows" else ("jump",))
        np.testing.assert_array_equal(dataset[f"jumps_{field}"], getattr(best.jumps, field))


def test_a_run_as_a_dataset(x64):
    pytest.importorskip("xarray")
    run = make("stochastic run")
    dataset = run.to_xarray()
    np.testing.assert_array_equal(dataset["step"], [0, 3, 4])
    assert dataset["trace_thetas"].dims == dataset["trace_values"].dims == ("alpha", "step")
    np.testing.assert_array_equal(dataset["trace_thetas"], run.trace.thetas)
    assert dataset["thetas"].dims == dataset["status"].dims == ("alpha",)


def test_a_pytree_as_a_dataset_has_a_variable_for_each_leaf(x64):
    pytest.importorskip("xarray")
    run = make("pytree run")
    dataset = run.to_xarray()
    found = {n: v.sizes for n, v in dataset.data_vars.items() if n.startswith("thetas")}
    assert [list(sizes.values()) for sizes in found.values()] == [[4, 2], [4, 3, 1], [4]]
    assert all(next(iter(sizes)) == "alpha" for sizes in found.values())
    along = [n for n in dataset.data_vars if n.startswith("trace_thetas")]
    assert all(dataset[n].dims[:2] == ("alpha", "step") for n in along)


def test_the_state_of_an_optimiser_is_not_in_the_dataset(x64):
    pytest.importorskip("xarray")
    assert not [name for name in make("stochastic run").to_xarray().variables if name.startswith("state")]


def test_an_axis_that_is_not_there_is_not_in_the_dataset(x64):
    pytest.importorskip("xarray")
    run = make("run")
    assert mg.evaluate(QUARTIC, run).to_xarray()["values"].dims == ("alpha",)
    assert make("evaluation").to_xarray()["values"].dims == ("alpha", "alpha_test")


def test_a_comparison_as_a_dataset_shares_alpha_with_its_optimum(x64):
    pytest.importorskip("xarray")
    found = make("comparison")
    dataset = found.to_xarray()
    assert dataset["fixed_points"].dims == ("algorithm", "alpha", "point")
    assert list(dataset["algorithm"].values) == ["first/", "again"]
    assert dataset["optimum_thetas"].dims == ("alpha",)
    assert dataset["optimum_jumps_alphas"].dims == ("jump",)
    assert "optimum_alphas" not in dataset
    assert dataset.attrs["optimum_call"].startswith("optimal_theta(")


def test_parts_of_other_lengths_have_axes_of_their_own(monkeypatch):
    pytest.importorskip("xarray")
    fields = _CURVE + "    provenance: Provenance = origin()"
    short = jax.tree.map(lambda x: x[:1], _JUMPS)
    origin = make("bare surface").provenance
    curve = _defined(monkeypatch, "mamlgrid._old", fields)(np.ones(3), _JUMPS, (short, _JUMPS), None, "two", origin)
    dataset = curve.to_xarray()
    sizes = {"alpha": 3, "jump": 2, "pieces_0_jump": 1, "pieces_1_jump": 2}
    assert dict(dataset.sizes) == sizes | {"end": 2, "pieces_0_end": 2, "pieces_1_end": 2}
    np.testing.assert_array_equal(dataset["pieces_1_values"], _JUMPS.values)
    assert dataset.attrs["name"] == "two"


def test_a_mapped_result_as_a_dataset(x64):
    pytest.importorskip("xarray")
    meta = mg.maml(_squares, mg.Tasks(np.array([0.0, 1.0])))
    start = {"a": [np.ones(2), np.ones((3, 1))], "b": np.array(2.0)}
    run = jax.vmap(lambda alphas: mg.outer_loop(meta, alphas, start, _ADAM, num_steps=2))(np.stack([ALPHAS] * 5))
    dataset = run.to_xarray()
    assert dataset["values"].dims == ("batch_0", "alpha")
    assert dataset["thetas_a_1"].dims == ("batch_0", "alpha", "theta_a_1_0", "theta_a_1_1")
    assert dict(dataset.sizes)["batch_0"] == 5


def test_task_losses_as_a_dataset(x64):
    pytest.importorskip("xarray")
    assert make("task losses").to_xarray()["values"].dims == ("alpha", "theta", "task")


def test_no_parameter_is_lost_by_its_flat_name(x64, tmp_path):
    start = {"a_b": np.zeros(2), "a": {"b": np.ones(3)}, "c/d": np.full(4, 2.0), " e": np.array(3.0)}
    meta = mg.maml([lambda t: sum(jnp.sum((leaf - 1) ** 2) for leaf in jax.tree.leaves(t))])
    run = mg.outer_loop(meta, np.array([0.1, 0.2]), start, optax.sgd(0.1), num_steps=2)
    data = run.to_xarray()
    for prefix, value in (("thetas", run.thetas), ("trace_thetas", run.trace.thetas)):
        kept = [np.asarray(v) for name, v in data.data_vars.items() if name.startswith(prefix)]
        for leaf in jax.tree.leaves(value):
            assert sum(k.shape == leaf.shape and np.array_equal(k, leaf) for k in kept) == 1
        assert len(kept) == 4
    assert not [name for name in data.variables if "/" in name or name != name.strip()]


def test_without_xarray_it_is_said_how_to_get_it(x64, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install 'mamlgrid\[xarray\]'"):
        make("surface").to_xarray()


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_shows_itself_in_a_notebook(kind, x64):
    result = make(kind)
    html = result._repr_html_()
    assert type(result).__name__ in html
    assert html.count("<tr>") == html.count("</tr>") > 3
    names = {field.name for field in dataclasses.fields(result)}
    assert all(name in html for name in {"alphas", "values", "status"} & names | {"float64"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_has_a_short_text(kind, x64):
    result = make(kind)
    name, *lines = repr(result).splitlines()
    assert name == type(result).__name__
    assert [line.split()[0] for line in lines] == [field.name for field in dataclasses.fields(result)]
    assert all(len(line) <= 110 for line in lines)


def test_the_text_says_shape_range_and_status(x64):
    text = repr(make("surface"))
    assert re.search(r"alphas +float64\[alpha 4\] +0 to 1\n", text)
    assert re.search(r"values +float64\[alpha 4, theta 8\] +\S+ to \S+, \d not finite\n", text)
    assert re.search(r"status +int8\[alpha 4, theta 8\] +28 OK, 4 NONFINITE\n", text)
    assert re.search(r"curvatures +None\n", text)
    assert re.search(r"thetas +3 arrays +", repr(make("pytree run")))


def test_a_result_shows_itself_under_jit_and_after_its_memory_is_given_away(x64):
    seen = []
    jax.jit(lambda alphas: seen.append(repr(mg.surface(QUARTIC, alphas, THETAS))))(ALPHAS)
    assert re.search(r"alphas +float64\[alpha 4\]\n", seen[0])
    old = make("bare surface")
    mg.surface(QUARTIC, ALPHAS, THETAS, derivatives=0, out=old)
    assert re.search(r"values +float64\[alpha 4, theta 7\]\n", repr(old))


def test_the_notebook_table_counts_and_escapes(x64):
    meta = mg.maml([lambda t: t**4])
    html = mg.surface(meta, np.array([0.0]), np.array([1.0, 2.0, 1e100]))._repr_html_()
    assert "2 OK" in html
    assert "1 NONFINITE" in html
    assert "not finite" in html
    assert "&lt;lambda&gt;" in html
    assert "<lambda>" not in html


def test_results_are_pytrees(x64):
    surface = make("full surface")
    doubled = jax.tree.map(lambda x: 2 * x, surface)
    assert isinstance(doubled, mg.Surface)
    np.testing.assert_array_equal(doubled.values, 2 * surface.values)
    assert doubled.provenance == surface.provenance
    through = jax.jit(lambda result: result)(make("run"))
    same_bits(through, make("run"))


def test_results_go_through_vmap_and_grad(x64):
    def mean(surface):
        return jnp.mean(surface.values) + jnp.mean(surface.grads)

    surface = make("surface")
    slopes = jax.grad(mean, allow_int=True)(surface)
    assert isinstance(slopes, mg.Surface)
    np.testing.assert_array_equal(slopes.values, np.full((4, 8), 1 / 32))
    jumps = make("optimum").jumps
    shifted = jax.vmap(lambda jump: dataclasses.replace(jump, alphas=jump.alphas + jump.values))(jumps)
    np.testing.assert_array_equal(shifted.alphas, jumps.alphas + jumps.values)


def test_a_result_does_not_change(x64):
    surface = make("bare surface")
    with pytest.raises(dataclasses.FrozenInstanceError):
        surface.values = None
    assert dataclasses.replace(surface, values=None).values is None
    assert surface.values is not None


def test_a_status_can_be_raised(x64):
    best = mg.optimal_theta(mg.cases.quadratic().meta(), np.array([0.5, 0.75, 1.0]), (-1.0, 2.0))
    with pytest.raises(ArithmeticError, match=r"1 of 3 elements.*1 x FLAT"):
        mg.raise_for_status(best)
    mg.raise_for_status(best, allow=(Status.OK, Status.FLAT))
    assert [Status(int(s)).message for s in best.status[2:]] == [Status.FLAT.message]
    assert len({s.message for s in Status}) == len(Status)
