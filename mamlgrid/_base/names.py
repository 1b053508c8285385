"""What `dir` of a public module lists: its public names, not what it imports for itself."""

from __future__ import annotations

import sys
from collections.abc import Callable


def listed(module: str, *late: str) -> Callable[[], list[str]]:
    """The `__dir__` of a module: its `__all__`; of a package without one all that it has from its own rooms.

    Args:
        module: its name.
        late: names of modules that are imported when they are first used.

    >>> import mamlgrid
    >>> "surface" in dir(mamlgrid), "annotations" in dir(mamlgrid), "plot" in dir(mamlgrid)
    (True, False, True)
    """

    def names() -> list[str]:
        held = vars(sys.modules[module])
        if "__all__" in held:
            return sorted(held["__all__"])
        own = (name for name, value in held.items() if not name.startswith("_") and _home(value).startswith(module))
        return sorted({*own, *late})

    return names


def _home(value: object) -> str:
    """The module that something is defined in; of a module its own name."""
    return str(getattr(value, "__module__", None) or getattr(value, "__name__", ""))
