"""What every result can do: be saved and loaded exactly, become an `xarray.Dataset`, show itself in a notebook."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import zipfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import jax
import jaxlib.version
import numpy as np

from ._grid import is_traced
from ._status import counts
from ._tree_file import pack, unpack

if TYPE_CHECKING:
    import xarray

_FORMAT = "mamlgrid result"
_FORMAT_VERSION = 1


@jax.tree_util.register_static
class Provenance(NamedTuple):
    """Where a result comes from: static, so it travels through jit beside the arrays.

    Attributes:
        call: the function and its static arguments, as text.
        dtype: the precision of the axes.
        versions: pairs (package, version) at the time of the call.
    """

    call: str
    dtype: str
    versions: tuple[tuple[str, str], ...]


def described(value: Any) -> Any:
    """A number or a tuple of numbers as it should read in a call: traced ones by their type."""
    if isinstance(value, tuple | list):
        return tuple(described(v) for v in value)
    return value if is_traced(value) or not hasattr(value, "item") else np.asarray(value).tolist()


def provenance(function: str, dtype: object, **arguments: object) -> Provenance:
    """The provenance of a call made now."""
    from . import __version__

    call = f"{function}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
    versions = {
        "mamlgrid": __version__,
        "jax": jax.__version__,
        "jaxlib": jaxlib.version.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    if "optax" in sys.modules:  # what is not loaded had no part in it
        versions["optax"] = sys.modules["optax"].__version__
    return Provenance(call, str(dtype), tuple(versions.items()))


class Variable(NamedTuple):
    """How one field of a result is laid out.

    Attributes:
        dims: the names of its axes; axes beyond these belong to the parameters.
        long_name: what it is, for labels.
    """

    dims: tuple[str, ...]
    long_name: str


class Result:
    """Mixin of the result tuples.

    A result class lists its `_variables` (dotted field path -> `Variable`); a field named in `_coordinates` is the
    coordinate of that dimension.
    """

    __slots__ = ()
    provenance: Provenance
    _variables: ClassVar[dict[str, Variable]]
    _coordinates: ClassVar[dict[str, str]]

    def to_xarray(self) -> xarray.Dataset:
        """An `xarray.Dataset` with named dimensions, coordinates and long names (extra `xarray`)."""
        xr = _xarray()
        coords, data = {}, {}
        for path, variable in self._variables.items():
            for name, leaf, values in _leaves(path, _get(self, path)):
                # Axes of a parameter have the same names at the end of a run and along its trace.
                dims = variable.dims[: values.ndim] + tuple(
                    f"theta{leaf}_{i}" for i in range(values.ndim - len(variable.dims))
                )
                attrs = {"long_name": variable.long_name, "units": "1"}
                coordinate = self._coordinates.get(path)
                (coords if coordinate else data)[coordinate or name] = (dims, values, attrs)
        origin = self.provenance
        attrs = {"call": origin.call, "dtype": origin.dtype, **{f"{name}_version": v for name, v in origin.versions}}
        return xr.Dataset(data, coords, attrs={"result": type(self).__name__, **attrs})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result to an npz file, whole or not at all; `load` gives back the same bits.

        Raises:
            ValueError: the folder does not exist or cannot be written.
            TypeError: the result holds something that is not an array in a tuple, list, dict or optax state.
        """
        arrays, spec = pack(self)
        header = {"format": _FORMAT, "version": _FORMAT_VERSION, "result": type(self).__name__, "tree": spec}
        target = Path(path)
        try:
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        except OSError as error:
            raise ValueError(
                f"cannot write {target}: {error.strerror or error}; give a folder that exists and may be written to"
            ) from error
        try:
            with os.fdopen(handle, "wb") as file:
                contents: dict[str, Any] = {"header": np.array(json.dumps(header)), **arrays}
                np.savez(file, **contents)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, not ours, or holds another kind of result.
        """
        result = load(path)
        if not isinstance(result, cls):
            raise ValueError(f"{path} holds {type(result).__name__}, not {cls.__name__}; use mg.load")
        return result

    def _repr_html_(self) -> str:
        """A table of the fields for notebooks: shape, dtype, range; the status counted by name."""
        rows = []
        for path, variable in self._variables.items():
            for name, _, values in _leaves(path, _get(self, path)):
                what = _status_text(values) if path == "status" else _range_text(values)
                axes = " × ".join(f"{d} {n}" for d, n in zip(variable.dims, values.shape, strict=False))
                cells = (name, axes, str(values.dtype), what, variable.long_name)
                rows.append("".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in cells))
        head = "".join(f"<th style='text-align:left'>{h}</th>" for h in ("field", "axes", "dtype", "range", ""))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        call = escape(self.provenance.call)
        return f"<b>{type(self).__name__}</b> <small><code>{call}</code></small><table><tr>{head}</tr>{body}</table>"


def load(path: str | os.PathLike[str]) -> Any:
    """Read any result that `save` wrote, as the class it had.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or not one of ours.
    """
    try:
        with open(path, "rb") as opened:  # a missing file is told apart from a damaged one
            if not zipfile.is_zipfile(opened):
                raise ValueError("it is no npz file, or not all of one; write results with result.save(path)")
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as file:
                header = json.loads(str(file["header"])) if "header" in file.files else None
                arrays = {name: file[name] for name in file.files} if header else {}
            if not isinstance(header, dict) or header.get("format") != _FORMAT:
                raise ValueError("it was not written by mamlgrid; open it with numpy.load")
            if header["version"] != _FORMAT_VERSION:
                raise ValueError(f"its format is version {header['version']}, this is version {_FORMAT_VERSION}")
            result = unpack(arrays, header["tree"])
        if not isinstance(result, Result):
            raise ValueError(f"it holds a {type(result).__name__}, not a result")
        return result
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as zip, zlib, struct, json and NumPy know
        raise ValueError(f"cannot read {os.fspath(path)} as a mamlgrid result: {error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _get(result: Any, path: str) -> Any:
    for name in path.split("."):
        result = getattr(result, name)
    return result


def _leaves(path: str, value: Any) -> list[tuple[str, str, np.ndarray]]:
    """The arrays at `path`, each with a flat name and its place in the pytree of parameters, as a suffix."""
    found = []
    for keys, array in jax.tree_util.tree_flatten_with_path(value)[0]:
        suffix = "".join(f"_{_key(k)}" for k in keys)
        found.append((path.replace(".", "_") + suffix, suffix, np.asarray(array)))
    return found


def _key(entry: Any) -> str:
    return str(next(getattr(entry, a) for a in ("key", "idx", "name") if hasattr(entry, a)))


def _status_text(codes: np.ndarray) -> str:
    return ", ".join(f"{n} {status.name}" for status, n in counts(codes).items())


def _range_text(values: np.ndarray) -> str:
    if not values.size:
        return "none"
    if not np.issubdtype(values.dtype, np.floating):
        return f"{values.min()} to {values.max()}"
    finite = values[np.isfinite(values)]
    lost = values.size - finite.size
    shown = f"{finite.min():.6g} to {finite.max():.6g}" if finite.size else "no finite value"
    return shown + (f", {lost} not finite" if lost else "")


def _xarray() -> Any:
    try:
        import xarray
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install 'mamlgrid[xarray]'") from error
    return xarray
