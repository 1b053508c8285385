"""What every result can do: be saved and loaded exactly, become an `xarray.Dataset`, show itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from . import dataset, files, shown

if TYPE_CHECKING:
    import xarray

    from .provenance import Provenance


class Part:
    """A declared class that occurs inside results."""

    def __repr__(self) -> str:
        """A line for each field: its shape, dtype and range; the status counted by name."""
        return shown.text(self)

    def _repr_html_(self) -> str:
        """The same as a table for notebooks."""
        return shown.html(self)


class Result(Part):
    """What a function of this package returns: it has a provenance and can be kept."""

    provenance: Provenance

    def to_xarray(self) -> xarray.Dataset:
        """An `xarray.Dataset` with named dimensions, coordinates and long names (extra `xarray`).

        It holds the arrays of the result, those of the results in it with the name of their field in front
        (`jumps_alphas`); an array of a pytree of parameters is a variable, with its place in the name. Texts are in its
        attributes, several of them as JSON; the state that continues a run is left out. `to_netcdf` writes it; only the
        old format, which xarray chooses where SciPy is all there is, has no axes without places:
        `dataset.drop_dims([name for name, size in dataset.sizes.items() if not size])` leaves them out.
        """
        return dataset.dataset(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result to an npz file, whole or not at all; `load` gives back the same bits.

        Raises:
            OSError: the folder does not exist or cannot be written.
            TypeError: the result holds something that is not an array in a tuple, list, dict or optax state.
        """
        return files.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, not ours, or holds another kind of result.
        """
        found = load(path)
        if not isinstance(found, cls):
            raise ValueError(f"{path} holds {type(found).__name__}, not {cls.__name__}; use mg.load")
        return found


def load(path: str | os.PathLike[str]) -> Any:
    """Read any result that `save` wrote, as the class it had.

    Nothing in the file is run. A field that came after the file was written has its default.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, not one of ours, or from a later version.

    >>> import tempfile, numpy as np, mamlgrid as mg
    >>> found = mg.surface(mg.cases.quadratic().meta(), np.linspace(0, 1, 3), np.linspace(-1, 1, 5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = mg.load(found.save(f"{folder}/surface.npz"))
    >>> type(again).__name__, bool((again.values == found.values).all())
    ('Surface', True)
    """
    return files.load(path, Result)
