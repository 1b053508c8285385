"""Where a result comes from."""

from __future__ import annotations

import platform
import sys
from typing import Any

import jax
import jaxlib.version
import numpy as np

from .._base.arguments import is_traced
from .base import Part
from .declaration import result, static


@result
class Provenance(Part):
    """Where a result comes from: static, so it travels through jit beside the arrays."""

    call: str = static("the function and its static arguments, as text")
    dtype: str = static("the precision of the axes")
    versions: tuple[tuple[str, str], ...] = static("pairs (package, version) at the time of the call")


def described(value: Any) -> Any:
    """A number or a tuple of numbers as it should read in a call: traced ones by their type."""
    if isinstance(value, tuple | list):
        return tuple(described(v) for v in value)
    return value if is_traced(value) or not hasattr(value, "item") else np.asarray(value).tolist()


def provenance(function: str, dtype: object, **arguments: object) -> Provenance:
    """The provenance of a call made now."""
    from .. import __version__

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
